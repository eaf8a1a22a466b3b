/** The JSON-RPC client of the Electrum source: pairing, bounds, and what it does with a peer that keeps to none. */
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../monitor/clock.ts";
import { readElectrumAddress } from "../../../monitor/sources/electrum/address.ts";
import { ElectrumClient, MAX_PENDING, MAX_STRAYS } from "../../../monitor/sources/electrum/client.ts";
import { LineReader } from "../../../monitor/sources/electrum/lines.ts";
import { METHODS, SMALL } from "../../../monitor/sources/electrum/messages.ts";
import { Pace } from "../../../monitor/sources/pace.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type Script, ScriptedServer } from "../support/scripted-server.ts";

let stop: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

async function talk(script: Script, timeout = 20_000) {
  const server = await ScriptedServer.start(script);
  stop.push(() => server.stop());
  const notified: string[] = [];
  const ended: string[] = [];
  const client = await ElectrumClient.open({
    address: { transport: "tcp", host: "127.0.0.1", port: server.port },
    clock: systemClock,
    pace: new Pace(systemClock, { perSecond: 10_000, burst: 10_000 }),
    timeout,
    signal: new AbortController().signal,
    notified: (method) => {
      notified.push(method);
      return method === "expected";
    },
    ended: (error) => void ended.push(error.message),
  });
  stop.push(() => client.close());
  return { server, client, notified, ended };
}

const ok = (id: number, result: unknown = null) => JSON.stringify({ jsonrpc: "2.0", id, result });
const problem = (asking: Promise<unknown>): Promise<SourceError> =>
  asking.then(
    () => {
      throw new Error("believed");
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(SourceError);
      return error as SourceError;
    },
  );

describe("questions and answers", () => {
  test("are paired by id, whatever their order", async () => {
    const held: number[] = [];
    const { client } = await talk(({ id }) => {
      held.push(id);
      return held.length < 3 ? [] : held.toReversed().map((each) => ok(each, `${each}`.padStart(64, "0")));
    });
    const scripts = ["aa", "bb", "cc"].map((byte) => byte.repeat(32));
    const answers = await Promise.all(scripts.map((one) => client.call("blockchain.scripthash.subscribe", one)));
    expect(answers).toEqual(held.map((id) => `${id}`.padStart(64, "0")));
    expect(client.strays).toBe(0);
  });

  test("a line may come byte by byte, and many lines at once", async () => {
    const { client } = await talk(({ id }, socket) => {
      for (const byte of Buffer.from(`${ok(id)}\n`)) socket.write(Uint8Array.of(byte));
      return [];
    });
    expect(await Promise.all([client.call("server.ping"), client.call("server.ping")])).toEqual([null, null]);
  });

  test("an error is the server's words, made fit to be shown, and ends only its question", async () => {
    const { client, ended } = await talk(({ id, method }) => [
      method === "server.ping"
        ? ok(id)
        : JSON.stringify({ id, error: { code: 2, message: `no\u001b[31m\n\u2028${"x".repeat(5000)}` } }),
    ]);
    const { message, lost, retryAfter } = await problem(client.call("blockchain.transaction.get", "ab".repeat(32)));
    expect(message).toBe(`answers "no [31m ${"x".repeat(192)}"`);
    expect([lost, retryAfter]).toEqual([false, undefined]);
    expect(await client.call("server.ping")).toBeNull();
    expect(ended).toEqual([]);
  });

  test("an error may be bare text; a busy server is left alone for a while", async () => {
    const { client } = await talk(({ id, params }) => [
      JSON.stringify({ id, error: params.length === 0 ? "bare" : { code: -102, message: "server busy" } }),
    ]);
    expect((await problem(client.call("server.ping"))).message).toBe('answers "bare"');
    expect(await problem(client.call("server.ping", 1))).toMatchObject({ retryAfter: 30_000, lost: true });
  });

  test("no more than a bounded number waits", async () => {
    const { client, server } = await talk(() => []);
    const waiting = Array.from({ length: MAX_PENDING }, () => problem(client.call("server.ping")));
    expect((await problem(client.call("server.ping"))).message).toContain("questions to answer already");
    client.close();
    for (const each of await Promise.all(waiting)) expect(each.lost).toBe(true);
    expect(server.questions.length).toBeLessThanOrEqual(MAX_PENDING);
    expect((await problem(client.call("server.ping"))).lost).toBe(true);
  });
});

describe("what nobody asked for", () => {
  test("answers to no question, a second answer, and strange notifications are counted and dropped", async () => {
    const { client, notified, ended } = await talk(({ id }) => [
      ok(id + 1000, "ff".repeat(32)),
      ok(-1),
      JSON.stringify({ id: null, error: { code: 1, message: "x" } }),
      JSON.stringify({ id: "1", result: "ff".repeat(32) }),
      JSON.stringify({ jsonrpc: "2.0", method: "strange", params: [] }),
      JSON.stringify({ jsonrpc: "2.0", method: "expected", params: [] }),
      ok(id, "aa".repeat(32)),
      ok(id, "bb".repeat(32)),
    ]);
    expect(await client.call("blockchain.scripthash.subscribe", "00".repeat(32))).toBe("aa".repeat(32));
    expect(await client.call("blockchain.scripthash.subscribe", "00".repeat(32))).toBe("aa".repeat(32));
    expect(notified.slice(0, 2)).toEqual(["strange", "expected"]);
    expect(client.strays).toBeGreaterThanOrEqual(6 + 5);
    expect(ended).toEqual([]);
  });

  test("too much of it ends the connection", async () => {
    const flood = Array.from({ length: MAX_STRAYS + 1 }, () => ok(-1));
    const { client, ended } = await talk(() => flood);
    const error = await problem(client.call("server.ping"));
    expect(error).toMatchObject({ message: "sends messages that nobody asked for, without end", lost: true });
    expect(ended).toEqual([error.message]);
  });

  test.each([
    ["not JSON", "{", "sent something that is not JSON"],
    ["an empty line", "", "sent something that is not JSON"],
    ["HTML", "<html><body>429</body></html>", "sent something that is not JSON"],
    ["null", "null", "sent something that is not JSON-RPC"],
    ["a number", "7", "sent something that is not JSON-RPC"],
    ["a list", "[]", "sent something that is not JSON-RPC"],
    ["an object of another kind", '{"jsonrpc":"2.0"}', "sent something that is not JSON-RPC"],
    ["a notification without parameters", '{"method":"x"}', "sent something that is not JSON-RPC"],
    ["deep nesting", "[".repeat(50_000), "sent something that is not JSON"],
    ["deep nesting that closes", "[".repeat(30_000) + "]".repeat(30_000), "sent something that is not JSON"],
  ])("%s ends the connection", async (_name, text, message) => {
    const { client, ended } = await talk(() => [text]);
    const error = await problem(client.call("server.ping"));
    expect(error.message).toContain(message);
    expect(ended).toEqual([error.message]);
  });

  test("an answer with neither result nor error is no answer", async () => {
    const { client } = await talk(({ id }) => [JSON.stringify({ id, results: null }), ok(id)]);
    expect(await client.call("server.ping")).toBeNull();
    expect(client.strays).toBe(1);
  });
});

describe("bounds on what comes in", () => {
  test("a line may be as long as the longest answer that is waited for, and no longer", async () => {
    const long = "ab".repeat(SMALL);
    const { client } = await talk(({ id }) => [ok(id, long)]);
    expect(await client.call("blockchain.transaction.get", "00".repeat(32))).toBe(long);
    const error = await problem(client.call("server.ping"));
    expect(error).toMatchObject({ message: `sent a line longer than ${SMALL} bytes`, lost: true });
  });

  test("a line without end is left before it is all held", async () => {
    let sent = 0;
    const { client } = await talk((_question, socket) => {
      const more = (): void => {
        if (socket.destroyed) return;
        sent += 65_536;
        if (socket.write("f".repeat(65_536))) setImmediate(more);
        else socket.once("drain", more);
      };
      more();
      return [];
    });
    const { maxBytes } = METHODS["blockchain.transaction.get"];
    const error = await problem(client.call("blockchain.transaction.get", "00".repeat(32)));
    expect(error.message).toBe(`sent a line longer than ${maxBytes} bytes`);
    expect(sent).toBeLessThan(4 * maxBytes);
  });

  test("silence ends after the time limit, with the connection", async () => {
    const { client, ended } = await talk(() => [], 100);
    const error = await problem(client.call("server.features"));
    expect(error).toMatchObject({ message: "did not answer server.features within 100 ms", lost: true });
    expect(ended).toEqual([error.message]);
  });

  test("lines: never more than the limit is held, whatever the pieces", () => {
    const lines: string[] = [];
    const reader = new LineReader(() => 5);
    const take = (text: string) => reader.take(Buffer.from(text), (line) => lines.push(line));
    expect(take("ab")).toBe(true);
    expect(reader.inLine).toBe(true);
    expect(take("cde\n\n12345\n1")).toBe(true);
    expect(lines).toEqual(["abcde", "", "12345"]);
    expect(take("2345")).toBe(true);
    expect(take("6")).toBe(false);
    expect(new LineReader(() => 5).take(Buffer.from("ok\n123456\nok\n"), (line) => lines.push(line))).toBe(false);
    expect(lines).toEqual(["abcde", "", "12345", "ok"]);
  });

  test("questions go out at a steady rate after a burst", async () => {
    const clock = new FakeClock();
    const pace = new Pace(clock, { perSecond: 10, burst: 3 });
    let gone = 0;
    const ask = () => void pace.turn().then(() => gone++);
    for (let i = 0; i < 6; i++) ask();
    await clock.advance(0);
    expect(gone).toBe(3);
    await clock.advance(99);
    expect(gone).toBe(3);
    await clock.advance(1);
    expect(gone).toBe(4);
    await clock.advance(10_000);
    expect(gone).toBe(6);
    for (let i = 0; i < 5; i++) ask();
    await clock.advance(0);
    expect(gone).toBe(9);
  });
});

test("addresses", () => {
  const pin = "0123456789abcdef".repeat(4);
  expect(readElectrumAddress("tcp://node:50001")).toEqual({ transport: "tcp", host: "node", port: 50001 });
  expect(readElectrumAddress("tls://[::1]:50002/")).toEqual({ transport: "tls", host: "::1", port: 50002 });
  const pinned = { transport: "tls", host: "10.0.0.7", port: 1, pin };
  expect(readElectrumAddress(`tls://10.0.0.7:1#sha256:${pin}`)).toEqual(pinned);
  const colons = pin.toUpperCase().match(/../g)!.join(":");
  expect(readElectrumAddress(`tls://10.0.0.7:1#sha256:${colons}`)).toEqual(pinned);
  for (const wrong of [
    "node:50001",
    "tcp://node",
    "tls://node:0",
    "tls://node:70000",
    "ssl://node:1",
    "http://node:1",
    "tcp://me:secret@node:1",
    "tcp://node:1/path",
    "tcp://node:1?x",
    `tcp://node:1#sha256:${pin}`,
    `tls://node:1#sha256:${pin.slice(2)}`,
    `tls://node:1#sha1:${pin}`,
    "",
  ]) {
    expect([wrong, readElectrumAddress(wrong)]).toEqual([wrong, undefined]);
  }
});
