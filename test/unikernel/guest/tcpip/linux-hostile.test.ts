/** The shipped net module against peers on Linux that are slow, greedy, rude or not there: each costs itself, and nobody else. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CANDY } from "../../../support/candy.ts";
import { DEFAULT_MAC } from "../../../support/frame-board.ts";
import { credentialsOf, type FramePractice, OURS, startFramePractice, visit } from "../../../support/frame-practice.ts";
import { TcpFlag, tcp } from "../../../support/frames.ts";
import { hasTool } from "../../../support/run.ts";
import { hasTap } from "../../../support/tap/tap.ts";

const SERVER = 10000;
const CLIENT = 10002;

/** Resolves when the connection has gone, with what became of it. */
function gone(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let how = "closed";
    socket.on("error", (error: NodeJS.ErrnoException) => {
      how = error.code ?? error.message;
    });
    socket.once("end", () => socket.end());
    socket.once("close", () => resolve(how));
    socket.resume();
  });
}

/** What becomes of a connection that the piñata refuses: the reset may be faster than the connecting peer. */
function fate(piñata: FramePractice, from: string): Promise<string> {
  return piñata.connect(SERVER, from).then(gone, (error: NodeJS.ErrnoException) => error.code ?? error.message);
}

describe.runIf(hasTap())("peers of a patient piñata", () => {
  let piñata: FramePractice;
  beforeAll(async () => {
    piñata = await startFramePractice({ settings: "limits=64,64,20000" });
  });
  afterAll(() => piñata?.stop());

  it("one that sends a byte at a time gets its candy", async () => {
    const start = piñata.events.length;
    const socket = await piñata.connect(SERVER);
    expect(await visit(new Dribble(socket), credentialsOf(piñata))).toMatch(CANDY);
    const closed = await piñata.until((e) => e.event === "closed", start);
    // More than a thousand bytes came, each in a segment of its own.
    expect(closed).toMatchObject({ by: "pinata", bytesIn: expect.toSatisfy((n: number) => n > 1000) });
  });

  it.runIf(hasTool("socat") && hasTool("openssl"))("one with the smallest receive buffer gets its candy", async () => {
    const { files, tap } = piñata;
    tap.serve("socat", ["TCP-LISTEN:7001,bind=127.0.0.1", `TCP:${OURS}:${SERVER},rcvbuf=1`]);
    await tap.listening(7001);
    const { code, stdout } = await tap.run("openssl", [
      ...["s_client", "-connect", "127.0.0.1:7001", "-tls1_3", "-CAfile", files.ca, "-ign_eof"],
      ...["-cert", files.player, "-key", files.playerKey],
    ]);
    expect(stdout).toMatch(CANDY);
    expect(code).toBe(0);
  });

  it("one that hangs up at once, before a byte, is let go", async () => {
    const start = piñata.events.length;
    const socket = await piñata.connect(SERVER);
    socket.end();
    expect(await gone(socket)).toBe("closed");
    expect(await piñata.until((e) => e.event === "closed", start)).toMatchObject({ by: "peer", bytesIn: 0 });
  });

  it("one that resets in the middle of the handshake is forgotten at once", async () => {
    const start = piñata.events.length;
    const socket = await piñata.connect(CLIENT);
    // The piñata speaks first here: its ClientHello has come.
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resetAndDestroy();
    const closed = await piñata.until((e) => e.event === "closed", start);
    expect(closed).toMatchObject({ by: "peer", bytesIn: 0 });
    expect(piñata.board.open).toBe(0);
  });

  it("what is not TLS is answered with an alert and FIN, not RST", async () => {
    const socket = await piñata.connect(SERVER);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    const bytes: Buffer[] = [];
    socket.on("data", (chunk) => bytes.push(chunk));
    expect(await gone(socket)).toBe("closed");
    expect(Buffer.concat(bytes).subarray(0, 3).toString("hex")).toBe("150303");
  });

  describe("10,000 half-open connections", () => {
    const kernelMac = async () => {
      const address = /link\/ether (\S+)/.exec(await piñata.tap.ip("link", "show", "tap0"))![1]!;
      return Uint8Array.from(address.split(":").map((byte) => Number.parseInt(byte, 16)));
    };

    it.each([
      // Behind the gateway: every one is answered, though there is room for 128, and nobody answers back.
      ["from all over the world", 9_000, (n: number) => `198.${18 + (n & 1)}.${(n >> 8) & 255}.${n & 255}`],
      // On the link: each address has to be asked for first, and is never found.
      ["from neighbours that do not exist", 1, (n: number) => `10.7.0.${10 + (n % 240)}`],
    ])("%s cost a real visitor nothing", async (_, leastAnswers, source) => {
      const { board } = piñata;
      const before = board.frames.out;
      const mac = await kernelMac();
      const to = { mac: DEFAULT_MAC, address: OURS };
      for (let n = 0; n < 10_000; n++) {
        const segment = { fromPort: 1024 + n, toPort: SERVER, sequence: n * 7919, flags: TcpFlag.Syn, mss: 1460 };
        board.receive(tcp({ from: { mac, address: source(n) }, to }, segment));
        // Others get their turn, as they would between frames that really come.
        if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(board.open).toBe(0);
      expect(board.frames.out - before).toBeGreaterThanOrEqual(leastAnswers);
      const visits = Array.from({ length: 8 }, async () => visit(await piñata.connect(SERVER), credentialsOf(piñata)));
      for (const candy of await Promise.all(visits)) expect(candy).toMatch(CANDY);
    });
  });
});

describe.runIf(hasTap())("peers of a piñata with tight limits", () => {
  let piñata: FramePractice;
  const ADDRESSES = ["10.7.0.1", "10.7.0.3", "10.7.0.4", "10.7.0.5"];
  beforeAll(async () => {
    piñata = await startFramePractice({
      settings: "limits=6,2,1500",
      addresses: ADDRESSES.map((address) => `${address}/24`),
      // The kernel's smallest receive buffers: a peer that does not read closes its window after a few hundred bytes.
      sysctl: { tcp_rmem: "2304 2304 2304" },
    });
  });
  afterAll(() => piñata?.stop());

  it("have their share each, and no more together than may be open", async () => {
    const start = piñata.events.length;
    const refusals = (reason: string) =>
      piñata.events.slice(start).filter((e) => e.event === "refused" && e.reason === reason).length;
    const sockets: Socket[] = [];
    for (const [already, address] of [0, 2, 4].map((n, i) => [n, ADDRESSES[i]!] as const)) {
      for (let n = 1; n <= 2; n++) {
        sockets.push(await piñata.connect(SERVER, address));
        await expect.poll(() => piñata.board.open).toBe(already + n);
      }
      if (already === 4) break;
      expect(await fate(piñata, address)).toBe("ECONNRESET");
      expect(refusals("too-many-from-peer")).toBe(already / 2 + 1);
    }
    expect(await fate(piñata, ADDRESSES[3]!)).toBe("ECONNRESET");
    expect(refusals("too-many-connections")).toBe(1);

    // One leaves, and another peer has its place.
    sockets[0]!.end();
    await gone(sockets[0]!);
    await expect.poll(() => piñata.board.open).toBe(5);
    sockets.push(await piñata.connect(SERVER, ADDRESSES[3]));
    await expect.poll(() => piñata.board.open).toBe(6);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => piñata.board.open).toBe(0);
  });

  it("that say nothing are reset when their time is up", async () => {
    const start = piñata.events.length;
    const socket = await piñata.connect(SERVER);
    expect(await gone(socket)).toBe("ECONNRESET");
    expect(await piñata.until((e) => e.event === "closed", start)).toMatchObject({ by: "timeout", bytesIn: 0 });
  });

  it("that say hello and never read are reset when their time is up, and the others are served meanwhile", async () => {
    const start = piñata.events.length;
    const socket = await piñata.connect(SERVER, ADDRESSES[1]);
    const hello = helloOf(credentialsOf(piñata).ca);
    socket.pause();
    socket.write(await hello);
    // The server's flight does not fit the peer's window.
    await piñata.until((e) => e.event === "accepted", start);
    expect(await visit(await piñata.connect(SERVER), credentialsOf(piñata))).toMatch(CANDY);
    const reset = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
    const closed = await piñata.until((e) => e.event === "closed" && e.peer.startsWith(`${ADDRESSES[1]}:`), start);
    expect(closed).toMatchObject({ by: "timeout" });
    socket.destroy();
    await reset;
    await expect.poll(() => piñata.board.open).toBe(0);
  });
});

/** A TLS client's first bytes. */
function helloOf(ca: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const sink = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
      },
    });
    visit(sink, { ca }).catch(() => {});
  });
}

/** A stream over a socket that writes one byte at a time. */
class Dribble extends Duplex {
  constructor(private readonly socket: Socket) {
    super();
    socket.on("data", (chunk) => this.push(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const next = (at: number) => {
      if (at === chunk.length) return done();
      this.socket.write(chunk.subarray(at, at + 1), () => setImmediate(() => next(at + 1)));
    };
    next(0);
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }
}
