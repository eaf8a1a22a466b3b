/** The addresses of traces, and lines put together from a stream in bounded memory. */
import { describe, expect, test } from "vitest";
import { readTraceAddress } from "../../../monitor/trace/input.ts";
import { LineQueue } from "../../../monitor/trace/lines.ts";

describe("addresses", () => {
  test.each([
    ["-", { kind: "fd", fd: 0 }],
    ["fd:7", { kind: "fd", fd: 7 }],
    ["traces/a.jsonl", { kind: "path", path: "traces/a.jsonl" }],
    ["tcp://pinata.example:9000", { kind: "tcp", host: "pinata.example", port: 9000 }],
    ["tcp://[2001:db8::1]:9000", { kind: "tcp", host: "2001:db8::1", port: 9000 }],
    ["tcp-listen://:9000", { kind: "tcp-listen", host: "127.0.0.1", port: 9000 }],
    ["tcp-listen://[::]:0", { kind: "tcp-listen", host: "::", port: 0 }],
  ])("%s", (given, address) => {
    expect(readTraceAddress(given)).toEqual(address);
  });

  test.each([
    "",
    "fd:x",
    "fd:-1",
    "tcp://host",
    "tcp://:9000",
    "tcp://host:0",
    "tcp://host:70000",
    "tcp://a b:1",
    "tcp://user@host:1",
    "tcp-listen://9000",
    "http://host:80",
  ])("%j is refused", (given) => {
    expect(readTraceAddress(given)).toBeUndefined();
  });
});

describe("lines of a stream", () => {
  const all = (queue: LineQueue) => {
    const piece = queue.read();
    queue.kept();
    return piece;
  };

  test("are put together from any pieces; empty ones are none; too long ones are counted and not held", () => {
    const queue = new LineQueue("x");
    const bytes = Buffer.from(`one\n\n${"y".repeat(40_000)}\ntwo\nthr`);
    for (const byte of bytes) queue.push(Buffer.from([byte]));
    expect(all(queue)).toEqual({ lane: "x", lines: ["one", "two"], tooLong: 1, torn: 0, gaps: 0 });
    expect(queue.read()).toBeUndefined();
    queue.push(Buffer.from("ee\n"));
    expect(all(queue)?.lines).toEqual(["three"]);
  });

  test("a break tears the line that was begun", () => {
    const queue = new LineQueue("x");
    queue.push(Buffer.from("one\nhal"));
    queue.gap();
    queue.push(Buffer.from("two\n"));
    queue.gap();
    expect(all(queue)).toMatchObject({ lines: ["one", "two"], torn: 1, gaps: 2 });
  });

  test("what was read is read again until it is kept, in pieces of bounded size; the queue says when it is full", () => {
    const queue = new LineQueue("x");
    for (let at = 0; !queue.full; at++) queue.push(Buffer.from(`${at}\n`));
    const first = queue.read();
    expect(queue.read()).toBe(first);
    let sum = 0;
    for (let piece = all(queue); piece; piece = all(queue)) {
      expect(piece.lines.length).toBeLessThan(5000);
      sum += piece.lines.length;
    }
    expect(sum).toBeGreaterThan(10_000);
    expect([queue.full, queue.empty]).toEqual([false, true]);
  });
});
