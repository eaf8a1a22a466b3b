/**
 * What broken or hostile devices and odd monitors can do to the board's C, under the address and undefined-behaviour sanitizers: each
 * wrong thing ends the machine with one line, or is ignored; none is believed.
 */
import { createCipheriv } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileHosted, FATAL, HAS_HOST_TOOLS, type Hosted } from "./hosted.ts";

describe.skipIf(!HAS_HOST_TOOLS)("the board's devices and start, on the host", () => {
  let hosted: Hosted;
  beforeAll(() => {
    hosted = compileHosted();
  }, 60_000);
  afterAll(() => hosted?.remove());

  describe("a network card", () => {
    const NOT_LENT = "a virtio device returns what it was not lent";
    const TOO_MUCH = "a virtio device wrote more than there was room for";
    it.each([
      ["magic", 0, "there is no network card (-device virtio-net-device)"],
      ["kind", 2, "there is no network card (-device virtio-net-device)"],
      ["version", 1, "a virtio device is of the legacy kind (-global virtio-mmio.force-legacy=false)"],
      ["features-low", 0xffffffdf, "a virtio device lacks what is needed"],
      ["features-high", 0xfffffffe, "a virtio device is not of version 1"],
      ["refuses", 0, "a virtio device refuses its features"],
      ["queue-most", 31, "a virtio queue is too short"],
      ["id", 32, NOT_LENT],
      ["id", 0xffffffff, NOT_LENT],
      ["jump", 33, NOT_LENT],
      ["jump", 32768, NOT_LENT],
      ["jump", 65535, NOT_LENT],
      ["held", 0, NOT_LENT],
      ["back", 0, NOT_LENT],
      ["transmit-unlent", 4, NOT_LENT],
      ["transmit-full", 32, NOT_LENT],
      ["length", 0, "the network card delivered less than a header"],
      ["length", 11, "the network card delivered less than a header"],
      ["length", 2049, TOO_MUCH],
      ["length", 0xffffffff, TOO_MUCH],
      ["status", 2, "a virtio device has failed"],
    ])("that is wrong ends the machine: %s %i", (what, number, words) => {
      expect(hosted.run(["card", what, number])).toEqual({ code: FATAL, out: words });
    });

    it.each([
      ["queue-most", 32, "returned"],
      ["id", 31, "1 frames, returned"],
      ["length", 12, "1 frames, returned"],
      ["length", 1526, "1 frames, returned"],
      ["length", 1527, "0 frames, returned"],
      ["length", 2048, "0 frames, returned"],
      ["all", 60, "32 frames, returned"],
      ["all", 2048, "0 frames, returned"],
      ["transmit-full", 31, "returned"],
      ["status", 0, "returned"],
    ])("that is odd but right goes on: %s %i", (what, number, words) => {
      expect(hosted.run(["card", what, number])).toEqual({ code: 0, out: words });
    });

    it.each([1, 2])(
      "that does anything at all, 100,000 times (%i), loses no frame and reaches nothing else",
      (seed) => {
        const { out } = hosted.run(["random", seed * 0x9e3779b9, 100_000]);
        const [received, sent, fatal, survived] = out.match(/\d+/g)!.map(Number);
        expect(received).toBeGreaterThan(10_000);
        expect(sent).toBeGreaterThan(10_000);
        expect(fatal).toBeGreaterThan(100);
        expect(survived).toBeGreaterThan(10);
      },
    );
  });

  it("a net that says what cannot be traps, as often as it likes, and costs the card no place for a frame", () => {
    expect(hosted.run(["net"]).out).toBe("32 frames");
  });

  describe("randomness", () => {
    /** Fast key erasure with Node's ChaCha20. */
    class Reference {
      constructor(public key: Buffer) {}
      absorb(seed: Buffer): void {
        for (let at = 0; at < seed.length; at += 32) {
          this.key = Buffer.from(this.key.map((byte, i) => byte ^ seed[at + i]!));
          this.next();
        }
      }
      next(): Buffer {
        const block = createCipheriv("chacha20", this.key, Buffer.alloc(16)).update(Buffer.alloc(64));
        this.key = block.subarray(0, 32);
        return block.subarray(32);
      }
    }
    const seed = (first: number) => Buffer.from(Array.from({ length: 64 }, (_, i) => (first + i + 1) & 255));

    it("is ChaCha20 of all the device's bytes, new each time, and its key is replaced by each use", () => {
      const reference = new Reference(Buffer.alloc(32));
      reference.absorb(seed(0));
      const expected = [1, 2, 3].map(() => {
        const key = reference.key.toString("hex");
        return `${key} ${Buffer.concat([reference.next(), reference.next(), reference.next()]).toString("hex", 0, 69)}`;
      });
      expect(hosted.run(["entropy", 64, 0]).out.split("\n")).toEqual(expected);
      expect(new Set(expected.flatMap((line) => line.split(" "))).size).toBe(6);
    });

    it.each([1, 3, 8, 63])("is the same when the device gives %i bytes at a time: each counts", (chunk) => {
      expect(hosted.run(["entropy", chunk, 0])).toEqual(hosted.run(["entropy", 64, 0]));
    });

    it("differs with the device's bytes", () => {
      expect(hosted.run(["entropy", 64, 1]).out.slice(0, 64)).not.toBe(hosted.run(["entropy", 64, 0]).out.slice(0, 64));
    });

    it.each([
      ["is silent", 0xffffffff, "the entropy device does not answer"],
      ["answers with nothing, for ever", 0, "the entropy device does not answer"],
      ["claims more than it was asked for", 65, "a virtio device wrote more than there was room for"],
      ["is not there, nor the processor's", "none", "there is no source of randomness"],
    ])("ends the machine when the device %s", (_, chunk, words) => {
      const { code, out } = hosted.run(["entropy", chunk, 0]);
      expect(code).toBe(FATAL);
      expect(out).toContain(words);
    });
  });

  describe("start info", () => {
    const MAP = ["0x10000000", 32 << 20, 1] as const;
    const boot = (
      change: Partial<Record<"line" | "modules" | "size" | "at" | "magic" | "version", number | bigint>>,
      map: readonly (string | number | bigint)[] = MAP,
    ) => {
      const info = { line: 100, modules: 1, size: 2000, at: 0x11000000, magic: 0x336ec578, version: 1, ...change };
      const { code, out } = hosted.run([
        "boot",
        info.line,
        info.modules,
        info.size,
        info.at,
        info.magic,
        info.version,
        ...map,
      ]);
      return `${code} ${out.split("\n").at(-1)}`;
    };
    const NO_SEAL = "3 there is no seal (-initrd)";
    const NO_MEMORY = "3 there is not enough memory (-m)";
    const NO_PVH = "3 this is not a PVH boot with a memory map";

    it.each([
      ["a command line of 2,047 characters", { line: 2047 }, "0 leap"],
      ["one of 2,048", { line: 2048 }, "3 the command line is refused: 8"],
      ["a seal of 24 KiB", { size: 24 * 1024 }, "0 leap"],
      ["one of a byte more", { size: 24 * 1024 + 1 }, "3 the seal is refused: 2"],
      ["an empty seal", { size: 0 }, NO_SEAL],
      ["a seal that wraps around", { size: 0xfffffffffffffff0n }, NO_SEAL],
      ["no module", { modules: 0 }, NO_SEAL],
      ["two modules", { modules: 2 }, NO_SEAL],
      [
        "a seal where the boot page tables end",
        { at: 0x40000000 - 1999 },
        "3 the seal lies above the first GiB (-m: less than that)",
      ],
      ["another magic", { magic: 0x336ec579 }, NO_PVH],
      ["a version without a memory map", { version: 0 }, NO_PVH],
    ])("%s", (_, change, words) => {
      expect(boot(change)).toBe(words);
    });

    it.each([
      ["no usable memory", ["0x10000000", 32 << 20, 2], NO_MEMORY],
      ["all of it above the first GiB", ["0x40000000", 32 << 20, 1], NO_MEMORY],
      ["a range to the end of all addresses", ["0x10000000", 0xffffffffefffffffn, 1], "0 leap"],
      ["a range that wraps around", ["0xfffffffffffff800", 0x1000, 1, ...MAP], "0 leap"],
      ["a tiny range at the end of all addresses", ["0xfffffffffffff800", 0x7ff, 1, ...MAP], "0 leap"],
      [
        "less than a page at a time",
        Array.from({ length: 15 }, (_, i) => [0x10000800 + i * 4096, 0x17ff, 1]).flat(),
        NO_MEMORY,
      ],
    ])("a memory map with %s", (_, map, words) => {
      expect(boot({}, map)).toBe(words);
    });

    it("any memory map: frames are usable, whole, given out once, and never those of image or seal; nothing is writable code", () => {
      const [booted, short] = hosted.run(["boots", 20, 200]).out.match(/\d+/g)!.map(Number);
      expect(booted).toBeGreaterThan(50);
      expect(short).toBeGreaterThan(5);
    });

    it.each([
      ["virtio_mmio.device=512@0xfeb00000:5", "0 feb00000"],
      ["x virtio_mmio.device=1K@0xc0000000:5 virtio_mmio.device=512@4272947200:16 y", "0 c0000000 feb00000"],
      ["xvirtio_mmio.device=512@0xfeb00000:5", "0"],
      [
        Array.from({ length: 9 }, (_, i) => `virtio_mmio.device=512@0xfeb0${i}000:5`).join(" "),
        `0 ${[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `feb0${i}000`).join(" ")}`,
      ],
      ["virtio_mmio.device=", "3 # a virtio_mmio.device= word is malformed"],
      ["virtio_mmio.device=512@0xfeb00000", "3 # a virtio_mmio.device= word is malformed"],
      ["virtio_mmio.device=512@0xFEB00000:5", "3 # a virtio_mmio.device= word is malformed"],
      ["virtio_mmio.device=512@:5", "3 # a virtio_mmio.device= address is out of range"],
      ["virtio_mmio.device=512@0xbffffe00:5", "3 # a virtio_mmio.device= address is out of range"],
      ["virtio_mmio.device=512@0xfec00000:5", "3 # a virtio_mmio.device= address is out of range"],
      ["virtio_mmio.device=512@0xfeb00100:5", "3 # a virtio_mmio.device= address is out of range"],
      ["virtio_mmio.device=512@0x1feb00000:5", "3 # a virtio_mmio.device= address is out of range"],
    ])("devices of %s", (line, words) => {
      const { code, out } = hosted.run(["devices", line]);
      expect(`${code} ${out.replaceAll("\n", " ")}`.trim()).toBe(words);
    });

    it("finds a word at its start only", () => {
      const cases = [
        ["map=1|a map=1", ""],
        ["map=1|xmap=1", "-"],
        ["map=1|", "-"],
        ["map=1|map=", "-"],
        ["a=|b=1 xa=2 a=3 a=4", "3 a=4"],
        ["a=|  a=", ""],
        ["aab|aaab aab!", "!"],
      ];
      expect(
        hosted.lines(
          ["find"],
          cases.map(([line]) => line!),
        ),
      ).toEqual(cases.map(([, found]) => found));
    });
  });
});
