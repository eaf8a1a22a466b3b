/** Traces through pipes and connections: bounds, breaks, who may push, and that nothing hangs. */
import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, openSync, type WriteStream } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PipeInput } from "../../../monitor/trace/pipe-input.ts";
import { TcpInput } from "../../../monitor/trace/tcp-input.ts";
import { TcpListenInput } from "../../../monitor/trace/tcp-listen-input.ts";
import { accepted, boot, closed, line, refusedAttempt } from "../support/trace-lines.ts";
import { waitFor } from "../support/wait.ts";
import { lineClock, Reading, START } from "./support.ts";

const NEXT = "00000000000000bb";
const text = (...lines: string[]) => `${lines.join("\n")}\n`;

let reading: Reading;
beforeEach(async () => {
  reading = new Reading();
  await reading.open();
});
afterEach(() => reading.end());

const total = (count: number) => waitFor(`${count} attempts`, () => reading.count("total") === count);

describe("a named pipe", () => {
  let path: string;
  let writer: WriteStream | undefined;
  const open = (): WriteStream => createWriteStream(path).on("error", () => {});
  beforeEach(() => {
    path = reading.path("pipe");
    expect(spawnSync("mkfifo", [path]).status).toBe(0);
  });
  afterEach(() => writer?.destroy());

  test("nobody writes: the monitor starts and stops without waiting", async () => {
    await reading.start(path);
    expect(reading.follower!.totals().inputs).toMatchObject([{ name: "pipe", kind: "pipe", problem: null }]);
  });

  test("writers come and go: each is read, each break is counted, a line torn by one does not spoil the next", async () => {
    await reading.start(path);
    writer = open();
    writer.write(text(boot(), ...refusedAttempt(1)) + accepted(2).slice(0, 40));
    await total(1);
    writer.end();
    await waitFor("the break", () => reading.count("gaps") === 1);
    writer = open();
    writer.write(text(...refusedAttempt(3)));
    await total(2);
    expect(await reading.counts()).toMatchObject({ "lines:torn": 1, gaps: 1, total: 2, "reached:3": 2 });
    expect((await reading.counts())["lines:unreadable"]).toBeUndefined();
    expect(reading.follower!.totals().boots![0]!.seen.missing).toBe(1);
  });

  test("more than can be held: the writer waits, and every line counts", async () => {
    reading.sampling = { perSecond: 5, random: Math.random };
    await reading.start(path);
    writer = open();
    writer.write(text(boot()));
    const count = 4000;
    for (let conn = 1; conn <= count; conn++) writer.write(text(accepted(conn), closed(conn)));
    await total(count);
    writer.end();
    expect((await reading.counts())["lines:unreadable"]).toBeUndefined();
  });
});

describe("an open descriptor", () => {
  test("one that is not open is refused with a hint", async () => {
    await expect(reading.start("fd:987")).rejects.toThrow("descriptor 987 is not open");
  });

  test("a file as one is read to its end, and the end is said", async () => {
    const path = reading.path("old.jsonl");
    const file = createWriteStream(path);
    await new Promise<void>((resolve) => file.end(text(boot(), ...refusedAttempt(1)), resolve));
    const fd = openSync(path, "r");
    await reading.start(new PipeInput(`fd:${fd}`, { kind: "fd", fd }, lineClock));
    await total(1);
    await waitFor("the end", () => reading.said.length > 0);
    expect(reading.said[0]).toContain("has ended");
  });

  test("standard input of a real process", async () => {
    const program = `
      import { makeInput } from "./monitor/trace/open-input.ts";
      import { systemClock } from "./monitor/clock.ts";
      const input = await makeInput("-", systemClock, Math.random);
      await input.start(null, async () => {
        const piece = await input.read();
        if (!piece) return;
        input.kept();
        process.stdout.write(JSON.stringify(piece.lines));
        await input.stop();
      });`;
    const root = fileURLToPath(new URL("../../..", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.write("one\ntwo\nhal");
    let out = "";
    for await (const chunk of child.stdout) out += chunk;
    expect(JSON.parse(out)).toEqual(["one", "two"]);
  });
});

describe("a connection that the monitor makes", () => {
  let server: Server;
  let sockets: Socket[];
  let accept: (socket: Socket) => void;
  beforeEach(async () => {
    sockets = [];
    accept = () => {};
    server = createServer((socket) => {
      socket.on("error", () => {});
      sockets.push(socket);
      accept(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const port = () => (server.address() as { port: number }).port;

  test("is made again after each break; a trace that is sent again from its start counts once", async () => {
    const sent = [boot(), ...refusedAttempt(1), ...refusedAttempt(2)];
    accept = (socket) => {
      if (sockets.length === 1) socket.end(text(...sent) + accepted(3).slice(0, 50));
      else socket.write(text(...sent, ...refusedAttempt(3)));
    };
    await reading.start(`tcp://127.0.0.1:${port()}`);
    await total(3);
    expect(await reading.counts()).toMatchObject({ "lines:torn": 1, gaps: 1, "reached:3": 3, refused: 3 });
    expect(reading.follower!.totals().boots![0]!.seen.missing).toBe(0);
    expect(reading.follower!.totals().inputs![0]).toMatchObject({ kind: "tcp", problem: null });
  });

  test("refused: said, and tried again", async () => {
    const closedPort = port();
    await new Promise((resolve) => server.close(resolve));
    await reading.start(`tcp://127.0.0.1:${closedPort}`);
    await waitFor("the problem", () => reading.said.length > 0);
    expect(reading.said[0]).toContain("ECONNREFUSED");
    await new Promise<void>((resolve) => server.listen(closedPort, "127.0.0.1", resolve));
    accept = (socket) => void socket.write(text(boot(), ...refusedAttempt(1)));
    await total(1);
    expect(reading.count("gaps")).toBe(0);
    await waitFor("the recovery", () => reading.said.at(-1)!.includes("can be read again"));
  });

  test("one that is silent for too long is given up and made again", async () => {
    const options = { host: "127.0.0.1", port: port(), clock: lineClock, random: () => 0, idleMillis: 100 };
    await reading.start(new TcpInput("tcp://x", options));
    await waitFor("the second connection", () => sockets.length > 1);
    expect(reading.count("gaps")).toBeGreaterThan(0);
  });

  test("a restart of the monitor is a gap, which is counted; what was counted stays", async () => {
    const address = `tcp://127.0.0.1:${port()}`;
    accept = (socket) => void socket.write(text(boot(), ...refusedAttempt(sockets.length)));
    await reading.start(address);
    await total(1);
    await reading.restart(address);
    await total(2);
    expect(reading.count("gaps")).toBe(1);
  });

  test("a store that fails for a while loses nothing of what was received", async () => {
    let failing = 3;
    reading.commit = async (step) => {
      if (failing-- > 0) throw new Error("disk full");
      return reading.store.commit(step);
    };
    accept = (socket) => void socket.write(text(boot(), ...refusedAttempt(1), ...refusedAttempt(2)));
    await reading.start(`tcp://127.0.0.1:${port()}`);
    await total(2);
    expect(await reading.counts()).toMatchObject({ total: 2, "reached:3": 2, refused: 2 });
  });
});

describe("connections that piñatas make", () => {
  let input: TcpListenInput;
  const clients: Socket[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });

  async function listen(more: Partial<ConstructorParameters<typeof TcpListenInput>[1]> = {}): Promise<void> {
    input = new TcpListenInput("tcp-listen://:0", { host: "127.0.0.1", port: 0, ...more });
    await reading.start(input);
  }
  function push(sent: string): Socket & { over: Promise<void> } {
    const client = connect(input.port, "127.0.0.1");
    clients.push(client);
    client.on("error", () => {});
    client.write(sent);
    return Object.assign(client, { over: new Promise<void>((resolve) => client.once("close", () => resolve())) });
  }

  test("several at once: each is a piñata of its own", async () => {
    await listen();
    push(text(boot(), accepted(1)));
    push(text(boot(NEXT, START + 5), accepted(1, { boot: NEXT })));
    await total(2);
    const { boots } = reading.follower!.totals();
    expect(boots!.map(({ info }) => info?.running)).toEqual([true, true]);
  });

  test("one that comes back with a new boot was restarted", async () => {
    await listen();
    const first = push(text(boot(), accepted(1)));
    await total(1);
    first.end();
    await first.over;
    await waitFor("the break", () => reading.count("gaps") === 1);
    expect(reading.follower!.totals().inputs![0]!.problem).toContain("nobody is connected");
    push(text(boot(NEXT, START + 5), accepted(1, { boot: NEXT })));
    await total(2);
    const ended = reading.told.findLast(({ attempt }) => attempt.id.startsWith("00000000000000aa"))!;
    expect(ended.attempt.reason).toBe("the piñata was restarted");
    expect(reading.follower!.totals().inputs![0]!.problem).toBeNull();
  });

  test("who does not begin with a trace line is cut off at once, and counts nothing", async () => {
    await listen();
    await push("GET / HTTP/1.1\r\nhost: x\r\n\r\n").over;
    await push(`${"x".repeat(30_000)}`).over;
    push(text(boot(), accepted(1)));
    await total(1);
    expect(Object.keys(await reading.counts()).filter((name) => /^(lines|gaps)/.test(name))).toEqual([]);
  });

  test("who dribbles, or says nothing for too long, is cut off", async () => {
    await listen({ firstMillis: 150, idleMillis: 150 });
    const slow = push("{");
    const dribble = setInterval(() => slow.write(" "), 20);
    await slow.over;
    clearInterval(dribble);
    await push(text(boot(), accepted(1))).over;
    await total(1);
  });

  test("more connections than allowed are refused, and the others go on", async () => {
    await listen({ connections: 2 });
    const one = push(text(boot(), accepted(1)));
    push(text(boot(NEXT), accepted(1, { boot: NEXT })));
    await total(2);
    await push(text(boot())).over;
    one.write(text(accepted(2)));
    await total(3);
  });

  test("a port that is taken is one clear line at the start", async () => {
    await listen();
    const second = new TcpListenInput("tcp-listen://:1", { host: "127.0.0.1", port: input.port });
    await expect(second.start(null, () => {})).rejects.toThrow(/^trace tcp-listen:\/\/:1: cannot listen: .*EADDRINUSE/);
  });

  test("a flood from one does not silence another, and all of it counts", async () => {
    reading.sampling = { perSecond: 5, random: Math.random };
    await listen();
    const lines = Array.from({ length: 3000 }, (_, i) => [accepted(i + 1), closed(i + 1)]).flat();
    push(text(boot(), ...lines));
    push(text(boot(NEXT), ...refusedAttempt(1, { boot: NEXT }), line({ event: "stopped", boot: NEXT, reason: "x" })));
    await waitFor("the other one", () => {
      return reading.follower!.totals().boots!.some((each) => each.boot === NEXT && each.info?.running === false);
    });
    await total(3001);
  });
});
