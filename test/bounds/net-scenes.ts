/**
 * The longest calls into net: its tables full (half-open connections from everywhere, neighbours, answers that wait), then one frame more of each
 * kind. Times are medians; what net holds does not grow (test/unikernel/guest/net.test.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../infra/image/compile-guest.ts";
import { arpRequest, echoRequest, type Route, type Segment, TcpFlag, tcp } from "../support/frames.ts";

export interface NetCall {
  what: string;
  micros: number;
}

interface Net {
  memory: WebAssembly.Memory;
  inbox(): number;
  boot(length: number, now: bigint): number;
  frame(length: number, now: bigint): void;
  transmit(now: bigint): number;
  tick(now: bigint): void;
  port(door: number): number;
}

const TIMES = 301;
const HALF_OPEN = 128;
const MOST_PAYLOAD = 1460;
const US = { mac: Uint8Array.from([2, 0, 0, 0, 0, 0x15]), address: "10.0.2.15" };
const PEER = { mac: Uint8Array.from([2, 0, 0, 0, 0, 2]), address: "10.0.2.2" };
const ROUTE: Route = { from: PEER, to: US };
const SECRETS = 48;

export async function netCalls(): Promise<NetCall[]> {
  await compileGuest({ ...GUEST_MODULES.net, out: guestModulePath("net") });
  const module = new WebAssembly.Module(readFileSync(join(ROOT, guestModulePath("net"))));
  const net = new WebAssembly.Instance(module, {}).exports as unknown as Net;
  const put = (bytes: Uint8Array) => {
    new Uint8Array(net.memory.buffer, net.inbox(), bytes.length).set(bytes);
    return bytes.length;
  };
  const line = Buffer.from(`ip=${US.address}/24 gateway=${PEER.address}`);
  let now = 1_000_000n;
  if (net.boot(put(Buffer.concat([Buffer.alloc(SECRETS, 5), US.mac, line])), now) !== 0) throw new Error("net refuses");
  const send = (frame: Uint8Array) => {
    const length = put(frame);
    const start = performance.now();
    net.frame(length, now);
    return 1000 * (performance.now() - start);
  };
  const drain = () => {
    while (net.transmit(now) > 0) {}
  };
  const segment = (rest: Partial<Segment>, payload?: Uint8Array) =>
    tcp(ROUTE, { fromPort: 40_000, toPort: net.port(0), sequence: 1, flags: TcpFlag.Syn, ...rest }, payload);
  send(arpRequest(PEER, US.address));
  drain();
  for (let i = 0; i < HALF_OPEN; i++) {
    send(segment({ fromPort: 1024 + i, sequence: i, mss: 1460 }));
    drain();
  }
  const kinds: [string, (i: number) => Uint8Array][] = [
    [
      "a SYN when the table of half-open connections is full (a cookie)",
      (i) => segment({ fromPort: 10_000 + i, sequence: i, mss: 1460 }),
    ],
    [
      "an ACK with a cookie that is wrong",
      (i) => segment({ fromPort: 20_000 + i, sequence: i, acknowledgment: i, flags: TcpFlag.Ack }),
    ],
    [
      "the longest segment for no connection",
      (i) => segment({ fromPort: 30_000 + i, sequence: i, flags: TcpFlag.Ack }, Buffer.alloc(MOST_PAYLOAD)),
    ],
    ["the longest echo request", (i) => echoRequest(ROUTE, 1, i, Buffer.alloc(MOST_PAYLOAD))],
    ["an ARP request", () => arpRequest(PEER, US.address)],
  ];
  const rows = kinds.map(([what, make]) => ({
    what,
    micros: median(
      times((i) => {
        now += 20n;
        const micros = send(make(i));
        drain();
        return micros;
      }),
    ),
  }));
  const tick = median(
    times(() => {
      now += 1000n;
      const start = performance.now();
      net.tick(now);
      const micros = 1000 * (performance.now() - start);
      drain();
      return micros;
    }),
  );
  return [...rows, { what: "a tick with every table full", micros: tick }];
}

function times(one: (i: number) => number): number[] {
  return Array.from({ length: TIMES }, (_, i) => one(i));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
