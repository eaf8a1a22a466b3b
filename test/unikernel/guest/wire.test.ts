/** guest/prim and guest/wire: every access inside works, every access outside traps or fails. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../support/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("wire");
});
const bytes = (...values: number[]) => Uint8Array.from(values);
const MAX = 0xffffffff;

describe("Bytes", () => {
  it("reads inside and traps at and past the end, also where an addition would overflow", () => {
    h.write(bytes(1, 2, 3, 4, 5));
    expect(h.call.get!(5, 4)).toBe(5);
    expect(h.call.getU32!(5, 1)).toBe(0x02030405);
    for (const i of [5, 6, 0x7fffffff, MAX]) expect(() => h.call.get!(5, i)).toThrow(WebAssembly.RuntimeError);
    for (const i of [2, 5, MAX - 3, MAX]) expect(() => h.call.getU32!(5, i)).toThrow(WebAssembly.RuntimeError);
    expect(() => h.call.getU32!(3, 0)).toThrow(WebAssembly.RuntimeError);
  });

  it("cuts and aims only inside", () => {
    expect(h.call.slice!(10, 4, 6)).toBe(6);
    expect(h.call.slice!(10, 10, 0)).toBe(0);
    expect(h.call.aim!(10, 4, 6)).toBe(6);
    for (const [start, n] of [
      [4, 7],
      [11, 0],
      [MAX, 1],
      [1, MAX],
      [MAX, MAX],
    ]) {
      expect(() => h.call.slice!(10, start, n)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.aim!(10, start, n)).toThrow(WebAssembly.RuntimeError);
    }
  });

  it("copies only what fits", () => {
    h.call.put!(10, 4, 6);
    for (const [start, n] of [
      [5, 6],
      [11, 0],
      [MAX, 6],
      [0, 11],
    ]) {
      expect(() => h.call.put!(10, start, n)).toThrow(WebAssembly.RuntimeError);
    }
  });

  it("keeps byte order for every width", () => {
    h.write(bytes(0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8));
    h.call.widths!();
    const all = Buffer.from(h.read(46)).toString("hex");
    expect(all).toBe(
      `${"0102030405060708090a0b0c0d0e0f101112"}f1f2f3f4${"f1f2f3f4f5f6f7f8".repeat(2)}00f1f2f3${"0000f1f2"}`,
    );
  });

  it("compares whole contents", () => {
    h.write(bytes(1, 2, 3));
    h.call.copyInToOut!(3);
    expect(h.call.equals!(3)).toBe(1);
    for (let i = 0; i < 3; i++) {
      const changed = bytes(1, 2, 3);
      changed[i]! ^= 0x80;
      h.write(changed);
      expect(h.call.equals!(3)).toBe(0);
    }
  });
});

describe("Reader", () => {
  it("accepts exactly the whole input", () => {
    h.write(bytes(2, 1, 0xaa, 3, 1, 2, 3));
    expect(h.call.parse!(7)).toBe(4);
    for (let length = 0; length < 7; length++) expect(h.call.parse!(length)).toBe(-1);
    expect(h.call.parse!(8)).toBe(-1);
  });

  it("refuses vectors shorter or longer than their bounds", () => {
    h.write(bytes(1, 0));
    expect(h.call.parse!(2)).toBe(-1);
    h.write(bytes(1, 5, 1, 2, 3, 4, 5));
    expect(h.call.parse!(7)).toBe(-1);
  });

  it("reads big-endian integers and stays failed", () => {
    h.write(bytes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    expect(h.call.parseWidths!(11)).toBe(1);
    expect(Buffer.from(h.read(16)).toString("hex")).toBe("0000000100000203000405060708090a");
    for (let length = 0; length < 10; length++) expect(h.call.parseWidths!(length)).toBe(-1);
  });
});

describe("Writer", () => {
  it("fills nested lengths in", () => {
    h.write(bytes(7, 8, 9));
    const length = h.call.writeNested!(3);
    expect(Buffer.from(h.read(length)).toString("hex")).toBe("000006000403070809");
    expect(() => h.call.writeNested!(256)).toThrow(WebAssembly.RuntimeError);
  });

  it("traps past its end", () => {
    h.call.writePast!(3, 3);
    expect(() => h.call.writePast!(2, 3)).toThrow(WebAssembly.RuntimeError);
  });
});

describe("arena", () => {
  it("gives a scope's memory back, zeroed", () => {
    const top = h.call.heapTop!();
    for (const blocks of [0, 1, 2, 500]) expect(h.call.scope!(blocks)).toBe(0);
    const after = new Uint8Array(h.memory.buffer, top, 60000);
    expect(after.includes(0xaa)).toBe(false);
  });

  it("traps when the fixed memory is used up", async () => {
    const own = await loadHarness("wire");
    expect(() => own.call.exhaust!()).toThrow(WebAssembly.RuntimeError);
    expect(own.memory.buffer.byteLength).toBe(32 * 65536);
  });
});
