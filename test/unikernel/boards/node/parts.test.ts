/** The Node board's parts without a piñata: copying out of compartments, addresses, the trace log, the hello summary. */
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { addressBytes } from "../../../../unikernel/boards/node/admission.ts";
import { decodeHello } from "../../../../unikernel/boards/node/hello.ts";
import { CompartmentFault, isTrap, view } from "../../../../unikernel/boards/node/memory.ts";
import { MemoryPool } from "../../../../unikernel/boards/node/memory-pool.ts";
import { fileTraceLog } from "../../../../unikernel/boards/node/trace-log.ts";
import { parseTraceLine, type TraceEvent } from "../../../../unikernel/trace.ts";

describe("view", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  it("gives what is inside and refuses what is not, also where a sum would overflow", () => {
    expect(view(memory, 0, 65536).length).toBe(65536);
    expect(view(memory, 65536, 0).length).toBe(0);
    for (const [at, length] of [
      [1, 65536],
      [65536, 1],
      [65537, 0],
      [-1, 1],
      [0, -1],
      [0xffffffff, 0xffffffff],
    ] as const) {
      expect(() => view(memory, at, length)).toThrow(CompartmentFault);
    }
  });
  it("counts faults, traps and exhausted stacks as traps, and nothing else", () => {
    expect(isTrap(new CompartmentFault())).toBe(true);
    expect(isTrap(new WebAssembly.RuntimeError())).toBe(true);
    expect(isTrap(new RangeError())).toBe(true);
    expect(isTrap(new TypeError())).toBe(false);
  });
});

describe("memories for doors", () => {
  it("come back zeroed, and are handed on", () => {
    const pool = new MemoryPool(1);
    const first = pool.take();
    const second = pool.take();
    expect(second).not.toBe(first);
    const bytes = new Uint8Array(first.buffer);
    bytes.fill(0xaa);
    pool.giveBack(first);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(pool.take()).toBe(first);
    expect(pool.take().buffer.byteLength).toBe(65536);
  });
});

describe("addressBytes", () => {
  const hex = (address: string) => Buffer.from(addressBytes(address)).toString("hex");
  it("maps IPv4 and reads every form of IPv6", () => {
    expect(hex("192.0.2.1")).toBe("00000000000000000000ffffc0000201");
    expect(hex("::1")).toBe("00000000000000000000000000000001");
    expect(hex("::")).toBe("00000000000000000000000000000000");
    expect(hex("2001:db8::8:800:200c:417a")).toBe("20010db80000000000080800200c417a");
    expect(hex("fe80::1%eth0")).toBe("fe800000000000000000000000000001");
    expect(hex("::ffff:192.0.2.1")).toBe("00000000000000000000ffffc0000201");
    expect(hex("1:2:3:4:5:6:7:8")).toBe("00010002000300040005000600070008");
  });
  it("reads back any IPv6 address", () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(addressBytes(address).length).toBe(16);
      }),
    );
  });
  it("throws on what is no address", () => {
    for (const text of ["", "localhost", "1.2.3", "1::2::3", "g::"])
      expect(() => addressBytes(text)).toThrow(TypeError);
  });
});

describe("trace log", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-trace-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const event = (conn: number): TraceEvent => ({ v: 1, time: 1, boot: "0123456789abcdef", conn, event: "opened" });

  it("appends whole lines and goes on where an earlier run ended", () => {
    const file = join(folder, "deep/trace.jsonl");
    for (const conn of [1, 2]) {
      const log = fileTraceLog(file);
      log.write(event(conn));
      log.close();
    }
    const lines = readFileSync(file, "utf8").split("\n");
    expect(lines.map(parseTraceLine)).toEqual([event(1), event(2), undefined]);
  });

  it("rotates before a line would pass the limit, and loses none", () => {
    const file = join(folder, "small.jsonl");
    const size = JSON.stringify(event(1)).length + 1;
    const log = fileTraceLog(file, 2 * size);
    for (const conn of [1, 2, 3]) log.write(event(conn));
    log.close();
    log.write(event(4));
    expect(readFileSync(`${file}.1`, "utf8").trim().split("\n").map(parseTraceLine)).toEqual([event(1), event(2)]);
    expect(readFileSync(file, "utf8").trim().split("\n").map(parseTraceLine)).toEqual([event(3)]);
  });
});

describe("a trace that cannot be written", () => {
  it("costs lines, not the piñata, and is told once at each end", () => {
    const folder = mkdtempSync(join(tmpdir(), "pinata-trace-"));
    const file = join(folder, "trace.jsonl");
    const told: string[] = [];
    const opened: TraceEvent = { v: 1, time: 1, boot: "0123456789abcdef", conn: 1, event: "opened" };
    const log = fileTraceLog(file, 100, (line) => told.push(line));
    log.write(opened);
    // Without its folder the file cannot be rotated: rename fails, as any write does on a full disk.
    renameSync(folder, `${folder}-gone`);
    log.write(opened);
    log.write(opened);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("cannot be written");
    renameSync(`${folder}-gone`, folder);
    log.write(opened);
    log.close();
    expect(told[1]).toBe("the trace can be written again; 2 lines are lost");
    expect(parseTraceLine(readFileSync(file, "utf8").trim())).toEqual(opened);
    rmSync(folder, { recursive: true, force: true });
  });
});

describe("hello summary", () => {
  const token = Array.from({ length: 32 }, (_, i) => i * 8 + (i & 7));
  const good = [2, 0x13, 1, 0x13, 3, 1, 0, 29, 2, 0x61, 0x62, 3, 0x74, 0x31, 0x33, ...token];
  it("decodes lists, texts and the token", () => {
    expect(decodeHello(Uint8Array.from(good))).toEqual({
      suites: [0x1301, 0x1303],
      groups: [29],
      serverName: "ab",
      fingerprint: "t13",
      token: Buffer.from(token).toString("hex"),
    });
    expect(decodeHello(new Uint8Array(36))).toEqual({
      suites: [],
      groups: [],
      fingerprint: "",
      token: "0".repeat(64),
    });
  });
  it("refuses every truncation and anything after the end", () => {
    for (let length = 0; length < good.length; length++) {
      expect(() => decodeHello(Uint8Array.from(good.slice(0, length)))).toThrow(CompartmentFault);
    }
    expect(() => decodeHello(Uint8Array.from([...good, 0]))).toThrow(CompartmentFault);
  });
});
