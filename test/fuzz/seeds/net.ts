/**
 * Conversations for the target net: what the Linux kernel and real programs say to it over a TAP device (where there is one), recorded so
 * that it replays frame for frame, and orderly ones of the harness's own peers: connections, a dial-back, DHCP, fragments, floods.
 */
import { randomBytes } from "node:crypto";
import { hasTap, Tap } from "../../support/tap/tap.ts";
import { packet, TCP_FLAG } from "../packets.ts";
import { BOARD, FuzzNet, NET_FLAG, OP } from "../replay-net.ts";
import type { Recorded } from "./programs.ts";

const { syn, fin, ack, psh, rst } = TCP_FLAG;
/** Conversations: the number of peer and port, and which door. */
const SERVER = 0;
const DIALBACK = 0x20;
const CLIENT = 0x40;
const CALLED_BACK = 0x60;
const OURS = 0x0a00020f;
const PEER = 0x0a000202;
const MOST_OPERATIONS = 390;

const chunk = (bytes: Uint8Array) => Buffer.concat([u16(bytes.length), bytes]);
const u16 = (value: number) => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const frame = (bytes: Uint8Array) => Buffer.concat([Buffer.from([OP.frame]), chunk(bytes)]);
const orderly = (conversation: number, flags: number, data: Uint8Array = NOTHING) =>
  Buffer.concat([Buffer.from([OP.orderly, conversation, flags]), chunk(data)]);
const NOTHING = new Uint8Array(0);

interface SegmentOptions {
  sequence?: number;
  acknowledgment?: number;
  window?: number;
  options?: Uint8Array;
  data?: Uint8Array;
}
function segment(conversation: number, flags: number, given: SegmentOptions = {}): Buffer {
  const { sequence = 0, acknowledgment = 0, window = 0xffff, options = NOTHING, data = NOTHING } = given;
  return Buffer.concat([
    Buffer.from([OP.segment, conversation, flags]),
    ...[u16(sequence), u16(acknowledgment), u16(window), Buffer.from([options.length / 4])],
    chunk(Buffer.concat([options, data])),
  ]);
}
/** Milliseconds. */
const time = (millis: number) => Buffer.concat([Buffer.from([OP.time]), u16(millis)]);
const deadlines = (count: number) => Buffer.alloc(count, OP.deadline);
const board = (slot: number, action: number, amount = 0) =>
  Buffer.concat([Buffer.from([OP.board | (action << 3), slot]), u16(amount)]);
const dhcp = (type: number, host: number, options: string) =>
  Buffer.concat([Buffer.from([OP.dhcp, type, host]), chunk(Buffer.from(options, "hex"))]);
const ip = (protocol: number, payload: Uint8Array) =>
  Buffer.concat([Buffer.from([OP.packet, protocol]), chunk(payload)]);
const open = (conversation: number) => [orderly(conversation, syn), orderly(conversation, ack)];

const SYN_OPTIONS = Buffer.from("020405b40402080a00000001000000000103030e", "hex");
const LEASE = "0104ffffff0003040a0002023304000000783604 0a000202ff".replace(" ", "");

function builtInputs(): [name: string, flags: number, operations: Buffer[]][] {
  const udp = Buffer.concat([u16(1234), u16(53), u16(12), u16(0), Buffer.from("data")]);
  const fragment = packet(PEER, OURS, 17, udp, true);
  fragment.writeUInt16BE(0x2000, 20);
  return [
    [
      "echo-and-close",
      NET_FLAG.echo,
      [
        ...[...open(SERVER), orderly(SERVER, ack | psh, randomBytes(300)), orderly(SERVER, ack)],
        ...[orderly(SERVER, ack | fin), orderly(SERVER, ack), time(5000), deadlines(4)],
      ],
    ],
    [
      "with-options",
      NET_FLAG.echo,
      [
        segment(CLIENT, syn, { options: SYN_OPTIONS }),
        segment(CLIENT, ack, { options: Buffer.from("0101080a0000000200000001", "hex"), data: randomBytes(40) }),
        orderly(CLIENT, ack),
      ],
    ],
    [
      "board-writes-and-finishes",
      0,
      [
        ...[...open(SERVER), board(0, BOARD.write, 2000), board(0, BOARD.write, 2000), orderly(SERVER, ack)],
        ...[
          board(0, BOARD.authenticated),
          board(0, BOARD.finish),
          orderly(SERVER, ack),
          orderly(SERVER, ack | fin),
          deadlines(6),
        ],
      ],
    ],
    [
      "board-drops",
      0,
      [...open(CLIENT), orderly(CLIENT, ack, randomBytes(100)), board(0, BOARD.read, 50), board(0, BOARD.drop)],
    ],
    ["retransmission-until-it-gives-up", 0, [...open(SERVER), board(0, BOARD.write, 1000), deadlines(30)]],
    [
      "zero-window",
      0,
      [
        ...[...open(SERVER), segment(SERVER, ack, { window: 0 }), board(0, BOARD.write, 1000), deadlines(6)],
        ...[segment(SERVER, ack, { window: 100 }), orderly(SERVER, ack)],
      ],
    ],
    [
      "out-of-order",
      NET_FLAG.echo,
      [
        ...[...open(SERVER), segment(SERVER, ack, { sequence: 100, data: randomBytes(100) })],
        ...[segment(SERVER, ack, { sequence: 300, data: randomBytes(100) }), orderly(SERVER, ack, randomBytes(150))],
        ...[segment(SERVER, ack, { sequence: 50, data: randomBytes(100) }), orderly(SERVER, ack)],
      ],
    ],
    [
      "resets",
      0,
      [
        ...[
          ...open(SERVER),
          segment(SERVER, rst, { sequence: 5 }),
          segment(SERVER, syn, { sequence: -3 }),
          orderly(SERVER, rst),
        ],
        ...[orderly(SERVER + 1, ack), orderly(SERVER + 1, rst), orderly(SERVER + 1, syn | fin)],
      ],
    ],
    [
      "dial-back",
      NET_FLAG.echo,
      [
        ...[...open(DIALBACK), orderly(CALLED_BACK, syn | ack), orderly(CALLED_BACK, ack, randomBytes(60))],
        ...[orderly(DIALBACK, ack | fin), orderly(CALLED_BACK, ack | fin), deadlines(3)],
      ],
    ],
    ["dial-back-refused", 0, [...open(DIALBACK), orderly(CALLED_BACK, rst | ack), time(6000)]],
    ["dial-back-without-answer", 0, [...open(DIALBACK), deadlines(12)]],
    [
      "syn-flood",
      0,
      [...Array.from({ length: 200 }, (_, i) => orderly(i & 0x5f, syn)), deadlines(5), ...open(SERVER + 3)],
    ],
    [
      "many-connections",
      NET_FLAG.echo,
      [
        ...Array.from({ length: 24 }, (_, i) => open(i + (i & 1) * CLIENT)).flat(),
        ...[time(9000), time(2000), deadlines(5)],
      ],
    ],
    [
      "two-closes",
      0,
      [...open(SERVER), board(0, BOARD.finish), orderly(SERVER, ack | fin), orderly(SERVER, ack | fin), time(60000)],
    ],
    [
      "echo-request",
      NET_FLAG.checksums,
      [ip(1, Buffer.concat([Buffer.from("0800000000010001", "hex"), randomBytes(56)]))],
    ],
    ["udp-to-a-closed-port", NET_FLAG.checksums, [ip(17, udp)]],
    ["fragment", NET_FLAG.checksums, [frame(fragment)]],
    [
      "unreachable-about-a-dial-back",
      NET_FLAG.checksums,
      [
        ...open(DIALBACK),
        ip(
          1,
          Buffer.concat([
            Buffer.from("0303000000000000", "hex"),
            packet(OURS, PEER, 6, Buffer.from("c0009c41000000000000000000000000", "hex"), true).subarray(14),
          ]),
        ),
      ],
    ],
    ["nobody-answers-arp", NET_FLAG.deaf, [...open(SERVER), deadlines(6)]],
    [
      "dhcp",
      NET_FLAG.dhcp | NET_FLAG.echo,
      [
        ...[dhcp(2, 15, LEASE), dhcp(5, 15, LEASE), ...open(SERVER), orderly(SERVER, ack, randomBytes(20))],
        ...[deadlines(2), time(60000), dhcp(5, 15, LEASE), time(60000), deadlines(4), dhcp(6, 0, ""), deadlines(3)],
      ],
    ],
    ["dhcp-without-a-server", NET_FLAG.dhcp, [deadlines(8)]],
  ];
}

export async function recordNet(module: WebAssembly.Module): Promise<Recorded[]> {
  const built = builtInputs().map(([name, flags, operations]) => {
    const input = Buffer.concat([Buffer.from([flags]), ...operations]);
    return { name, input, candy: false };
  });
  if (!hasTap()) return built;
  const recorded: Recorded[] = [];
  const ask = (port: number, count: number) =>
    `head -c ${count} /dev/zero | timeout 2 socat -t1 - TCP:10.0.2.15:${port} >/dev/null`;
  const scripts: Record<string, string> = {
    "kernel-ping": "busybox ping -c 2 -s 100 10.0.2.15",
    "kernel-echo": ask(10000, 200),
    "kernel-bulk": ask(10002, 3000),
    "kernel-refused-port": ask(9, 1),
    "kernel-dial-back": `timeout 2 socat TCP-LISTEN:40001,reuseaddr - </dev/null >/dev/null & sleep 0.3; ${ask(10001, 1)}; wait`,
    "kernel-dial-back-refused": ask(10001, 1),
    "kernel-reset": `timeout 2 socat -u /dev/null TCP:10.0.2.15:10000,linger=0`,
    "kernel-two-at-once": `${ask(10000, 50)} & ${ask(10002, 50)}; wait`,
    curl: "curl -sk --max-time 1 https://10.0.2.15:10000/",
  };
  for (const [name, script] of Object.entries(scripts)) recorded.push(await recordKernel(module, name, script));
  return [...recorded, ...built];
}

/** Runs a script beside net on a link of their own. */
async function recordKernel(module: WebAssembly.Module, name: string, script: string): Promise<Recorded> {
  const flags = NET_FLAG.deaf | NET_FLAG.echo;
  const tap = await Tap.open({ addresses: ["10.0.2.2/24"] });
  const net = new FuzzNet(module, flags);
  const operations: Buffer[] = [];
  let last = Date.now();
  const play = (operation: Buffer) => {
    if (operations.length >= MOST_OPERATIONS) return;
    operations.push(operation);
    net.play(operation);
  };
  const pass = () => {
    const millis = Date.now() - last;
    last += millis;
    if (millis > 0) play(time(millis));
  };
  net.onFrame = (sent) => tap.send(sent);
  tap.onFrame((received) => {
    pass();
    play(frame(received));
  });
  const timer = setInterval(pass, 100);
  try {
    await tap.run("sh", ["-c", script]);
  } finally {
    clearInterval(timer);
    await tap.stop();
  }
  return { name, input: Buffer.concat([Buffer.from([flags]), ...operations]), candy: false };
}
