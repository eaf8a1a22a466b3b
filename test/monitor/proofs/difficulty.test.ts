/** Difficulty: the compact form, and the retarget rule of each network, held against the real chain. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex } from "../../../monitor/proofs/bytes.ts";
import {
  bitsOf,
  isWithinClamp,
  PERIOD,
  requiredBits,
  retarget,
  type TimedTarget,
  targetOf,
  workOfTarget,
} from "../../../monitor/proofs/difficulty.ts";
import { type Header, NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";

const { main, test: testnet3, testnet4, signet, regtest } = NETWORKS;
const EASIEST = 0x1d00ffff;
const WEEK = 7 * 24 * 3600;

describe("compact targets", () => {
  test.each([
    [0x1d00ffff, 0xffffn << 208n],
    [0x207fffff, 0x7fffffn << 232n],
    [0x03123456, 0x123456n],
    [0x02123456, 0x1234n],
    [0x01003456, undefined],
    [0x04923456, undefined],
    [0x20800001, undefined],
    [0xff123456, undefined],
    [0, undefined],
  ])("target of %i", (bits, target) => {
    expect(targetOf(bits)).toBe(target);
  });

  test.each([
    [0n, 0],
    [1n, 0x01010000],
    [0x80n, 0x02008000],
    [0x1234n, 0x02123400],
    [0x123456n, 0x03123456],
    [0x12345600n, 0x04123456],
    [0x92340000n, 0x05009234],
    [(1n << 224n) - 1n, 0x1d00ffff],
    [(1n << 255n) - 1n, 0x207fffff],
    [(1n << 256n) - 1n, 0x2100ffff],
  ])("bits of %i", (target, bits) => {
    expect(bitsOf(target)).toBe(bits);
  });

  test("property: what compact form keeps of a target is its leading bytes, and what it keeps it gives back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: (1n << 256n) - 1n }), (target) => {
        const back = targetOf(bitsOf(target))!;
        expect(back <= target && target - back < (target >> 15n) + 1n).toBe(true);
        expect(bitsOf(back)).toBe(bitsOf(target));
      }),
    );
  });

  test("property: work is the expected number of hashes, and a harder target is never less work", () => {
    const any = fc.bigInt({ min: 1n, max: (1n << 256n) - 1n });
    fc.assert(
      fc.property(any, any, (a, b) => {
        const work = workOfTarget(a);
        expect(work * (a + 1n) <= 1n << 256n && (work + 1n) * (a + 1n) > 1n << 256n).toBe(true);
        expect(a <= b ? work >= workOfTarget(b) : work <= workOfTarget(b)).toBe(true);
      }),
    );
  });
});

describe("retargets", () => {
  /** The four cases of Bitcoin Core's pow_tests.cpp (MIT). */
  test.each([
    { first: 1_261_130_161, last: 1_262_152_739, bits: 0x1d00ffff, next: 0x1d00d86a },
    { first: 1_231_006_505, last: 1_233_061_996, bits: 0x1d00ffff, next: 0x1d00ffff },
    { first: 1_279_008_237, last: 1_279_297_671, bits: 0x1c05a3f4, next: 0x1c0168fd },
    { first: 1_263_163_443, last: 1_269_211_443, bits: 0x1c387f6f, next: 0x1d00e1fd },
  ])("blocks at $first to $last", ({ first, last, bits, next }) => {
    expect(retarget(bits, first, last, main.limit)).toBe(next);
    expect(isWithinClamp(bits, next, main.limit)).toBe(true);
  });

  test("the bits of no target cannot be the start of one", () => {
    expect(() => retarget(0x1d800000, 0, 1, main.limit)).toThrow(RangeError);
    expect(isWithinClamp(0x1d00ffff, 0, main.limit)).toBe(false);
  });

  test("property: at most four times, never past the limit, and slower blocks never make it harder", () => {
    const bits = fc.integer({ min: 0x17000001, max: 0x1cffffff }).filter((value) => targetOf(value) !== undefined);
    const seconds = fc.integer({ min: -WEEK, max: 20 * WEEK });
    fc.assert(
      fc.property(bits, seconds, seconds, (from, one, two) => {
        const base = targetOf(from)!;
        const [quick, slow] = [Math.min(one, two), Math.max(one, two)].map(
          (taken) => targetOf(retarget(from, 0, taken, main.limit))!,
        );
        expect(quick! <= slow!).toBe(true);
        expect(slow! <= base * 4n && slow! <= main.limit && quick! <= base * 4n).toBe(true);
        // The compact form cuts off below its three bytes.
        expect(quick! >= base / 4n - (base >> 15n)).toBe(true);
        expect(isWithinClamp(from, bitsOf(slow!), main.limit)).toBe(true);
      }),
    );
  });
});

describe("mainnet, as it was", () => {
  const file = JSON.parse(readFileSync(new URL("../vectors/mainnet-retargets.json", import.meta.url), "utf8")) as {
    headers: { height: number; raw: string }[];
  };
  const blocks = new Map<number, Header>(
    file.headers.map(({ height, raw }) => [height, parseHeader(fromHex(raw), main)]),
  );
  const starts = [...blocks.keys()].filter((height) => height % PERIOD === 0 && blocks.has(height - PERIOD));

  test("there are eight changes of difficulty to check, each of a period's first, last and next block", () => {
    expect(starts).toHaveLength(8);
    for (const height of starts) expect(blocks.get(height)!.previous).toBe(blocks.get(height - 1)!.hash);
  });

  test.each(starts)("block %i has the difficulty that follows from the 2,015 intervals before it", (height) => {
    const { bits, time } = blocks.get(height)!;
    expect(requiredBits(height, time, (at) => blocks.get(at), main)).toBe(bits);
  });

  test("with the 2,016th interval counted, as one would expect, most of them would be wrong", () => {
    const wrong = starts.filter((height) => {
      const [first, next] = [blocks.get(height - PERIOD)!, blocks.get(height)!];
      return retarget(first.bits, first.time, next.time, main.limit) !== next.bits;
    });
    expect(wrong).toHaveLength(8);
  });

  test("the built-in checkpoint is the last of them, and its difficulty follows from the period before", () => {
    const { checkpoint } = main;
    expect(blocks.get(checkpoint!.height)!.hash).toBe(checkpoint!.hash);
    expect(Buffer.from(blocks.get(checkpoint!.height)!.raw).toString("hex")).toBe(checkpoint!.header);
    expect(starts).toContain(checkpoint!.height);
  });
});

describe("each network's rule", () => {
  const hard = 0x1c0fffff;
  /** A branch of 4,033 blocks from height 0, ten minutes apart, all hard but where `easy` says. */
  const branch =
    (easy: (height: number) => boolean = () => false) =>
    (height: number): TimedTarget | undefined =>
      height < 0 ? undefined : { time: height * 600, bits: easy(height) ? EASIEST : hard };

  test("regtest never changes", () => {
    for (const height of [1, 2015, 2016, 2017]) expect(requiredBits(height, 0, branch(), regtest)).toBe(0x207fffff);
  });

  test.each([main, signet])("$name: only at the start of a period, however late a block is", (rules) => {
    expect(requiredBits(2015, 10 * WEEK, branch(), rules)).toBe(hard);
    expect(requiredBits(2017, 10 * WEEK, branch(), rules)).toBe(hard);
    const early = retarget(hard, 0, 2015 * 600, rules.limit);
    expect(requiredBits(2016, 10 * WEEK, branch(), rules)).toBe(early);
    // On time is 2,016 intervals, but only 2,015 are measured.
    expect(targetOf(early)! < targetOf(hard)!).toBe(true);
  });

  test("what is not known is not guessed", () => {
    const from = (lowest: number) => (height: number) => (height < lowest ? undefined : branch()(height));
    expect(requiredBits(2016, 0, from(1), main)).toBeUndefined();
    expect(requiredBits(2016, 0, from(0), main)).toBeDefined();
    expect(requiredBits(100, 0, from(100), main)).toBeUndefined();
    const allEasy = (lowest: number) => (height: number) => (height < lowest ? undefined : branch(() => true)(height));
    expect(requiredBits(100, 99 * 600, allEasy(50), testnet4)).toBeUndefined();
    expect(requiredBits(100, 99 * 600, allEasy(0), testnet4)).toBe(EASIEST);
  });

  test.each([testnet3, testnet4])("$name: the easiest target after more than 20 minutes, not after 20", (rules) => {
    const parent = 99 * 600;
    expect(requiredBits(100, parent + 1200, branch(), rules)).toBe(hard);
    expect(requiredBits(100, parent + 1201, branch(), rules)).toBe(EASIEST);
    // Never for the first block of a period.
    expect(requiredBits(2016, 2015 * 600 + 5000, branch(), rules)).toBe(retarget(hard, 0, 2015 * 600, rules.limit));
  });

  test.each([testnet3, testnet4])("$name: after easy blocks the last difficulty that was none comes back", (rules) => {
    const late = (height: number) => height >= 90 && height < 100;
    expect(requiredBits(100, 99 * 600, branch(late), rules)).toBe(hard);
    // As far back as the start of the period, and no further.
    const since = (from: number) => (height: number) => height >= from;
    expect(requiredBits(2100, 2099 * 600, branch(since(2017)), rules)).toBe(hard);
    expect(requiredBits(2100, 2099 * 600, branch(since(2016)), rules)).toBe(EASIEST);
  });

  test("an easy last block resets testnet3's difficulty; BIP-94 takes the first block's", () => {
    const easyLast = branch((height) => height === 2015);
    const taken = 2015 * 600;
    expect(requiredBits(2016, 0, easyLast, testnet3)).toBe(retarget(EASIEST, 0, taken, testnet3.limit));
    expect(requiredBits(2016, 0, easyLast, testnet4)).toBe(retarget(hard, 0, taken, testnet4.limit));
  });
});
