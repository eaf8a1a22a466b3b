/** What a header must be after those before it: each rule kept, each rule broken. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HeaderTree } from "../../../monitor/coins/header-tree.ts";
import { fromHex, sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { targetOf } from "../../../monitor/proofs/difficulty.ts";
import { type Header, NETWORKS, type NetworkRules, parseHeader } from "../../../monitor/proofs/header.ts";
import {
  checkHeaderRules,
  checkKnownBlock,
  checkNotAhead,
  medianTimePast,
} from "../../../monitor/proofs/header-rules.ts";
import { FakeChain } from "../support/fake-chain.ts";

const { main, testnet4, signet, regtest } = NETWORKS;
const HARD = 0x1c0fffff;
const START = 1_700_000_000;

/** A header without proof of work: these rules do not look at it. */
function made(previous: string, time: number, bits: number, salt = 0): Header {
  const raw = Buffer.alloc(80);
  raw.writeUInt32LE(salt, 0);
  raw.set(fromHex(previous).reverse(), 4);
  raw.writeUInt32LE(time, 68);
  raw.writeUInt32LE(bits, 72);
  const hash = showHash(sha256d(raw));
  return { raw: new Uint8Array(raw), hash, previous, merkleRoot: "00".repeat(32), time, bits, target: targetOf(bits)! };
}

/** A branch by height, ten minutes a block. */
function branch(from: number, length: number, bits = HARD): Map<number, Header> {
  const blocks = new Map<number, Header>();
  let previous = "11".repeat(32);
  for (let height = from; height < from + length; height++) {
    const header = made(previous, START + height * 600, bits);
    blocks.set(height, header);
    previous = header.hash;
  }
  return blocks;
}

function check(blocks: Map<number, Header>, height: number, change: Partial<Header>, rules: NetworkRules = main): void {
  const parent = blocks.get(height - 1)!;
  const plain = made(parent.hash, START + height * 600, parent.bits);
  checkHeaderRules({ ...plain, ...change }, height, (at) => blocks.get(at), rules);
}

describe("one header after another", () => {
  const blocks = branch(4032, 100);

  test("a header that follows the rules", () => {
    check(blocks, 4132, {});
    check(blocks, 4132, { time: START + 4126 * 600 + 1 });
  });

  test("another parent, or none", () => {
    expect(() => check(blocks, 4132, { previous: "22".repeat(32) })).toThrow("does not continue");
    const orphan = made("33".repeat(32), START, HARD);
    expect(() => checkHeaderRules(orphan, 4132, () => undefined, main)).toThrow("does not continue");
  });

  test("another difficulty inside a period, by a single step", () => {
    for (const bits of [HARD + 1, HARD - 1, 0x1d00ffff]) {
      expect(() => check(blocks, 4132, { bits })).toThrow(
        `difficulty bits ${bits.toString(16)} where main needs 1c0fffff`,
      );
    }
  });

  test("a time that is not later than the median of eleven", () => {
    const median = medianTimePast(4132, (at) => blocks.get(at));
    expect(median).toBe(START + 4126 * 600);
    expect(() => check(blocks, 4132, { time: median! })).toThrow("not later than the eleven before it");
    expect(() => check(blocks, 4132, { time: 0 })).toThrow("not later than the eleven before it");
  });

  test("times in disorder have the same median", () => {
    const shuffled = new Map(blocks);
    shuffled.set(4131, { ...blocks.get(4131)!, time: START });
    shuffled.set(4125, { ...blocks.get(4125)!, time: START + 9_000_000 });
    expect(medianTimePast(4132, (at) => shuffled.get(at))).toBe(START + 4126 * 600);
  });

  test("near genesis the median is of the blocks that there are; near a checkpoint it is not known", () => {
    const first = branch(0, 4);
    const at = (height: number) => first.get(height);
    expect(medianTimePast(1, at)).toBe(START);
    expect(medianTimePast(2, at)).toBe(START + 600);
    expect(medianTimePast(4, at)).toBe(START + 1200);
    expect(medianTimePast(4042, (height) => blocks.get(height))).toBeUndefined();
    expect(medianTimePast(4043, (height) => blocks.get(height))).toBe(START + 4037 * 600);
    check(blocks, 4042, {});
  });

  test("two hours ahead of our clock, and a second more", () => {
    const now = START * 1000;
    checkNotAhead({ hash: "", time: START + 7200 }, now);
    expect(() => checkNotAhead({ hash: "", time: START + 7201 }, now)).toThrow("two hours ahead");
  });
});

describe("the start of a period", () => {
  test("the difficulty that the period before asks for, nothing else", () => {
    const blocks = branch(4032, 2016);
    // 1,048,575 × 2,015 / 2,016 = 1,048,054.88.
    const required = 0x1c000000 + 1_048_054;
    check(blocks, 6048, { bits: required });
    expect(() => check(blocks, 6048, {})).toThrow(`where main needs ${required.toString(16)}`);
  });

  test("with the period's first block unknown, at most four times harder or easier", () => {
    const blocks = branch(5000, 1048);
    check(blocks, 6048, {});
    check(blocks, 6048, { bits: 0x1c3ffffc });
    check(blocks, 6048, { bits: 0x1c03ffff });
    expect(() => check(blocks, 6048, { bits: 0x1c3ffffd })).toThrow("more than a factor of four");
    expect(() => check(blocks, 6048, { bits: 0x1c03fffe })).toThrow("more than a factor of four");
    // Where late blocks may be easy, nothing can be said of it.
    check(blocks, 6048, { bits: 0x1c3ffffd }, testnet4);
  });

  test("BIP-94: at most ten minutes before its parent", () => {
    const blocks = branch(4032, 2016);
    const parent = blocks.get(6047)!.time;
    const bits = 0x1c0ffdf6;
    check(blocks, 6048, { bits, time: parent - 600 }, testnet4);
    expect(() => check(blocks, 6048, { bits, time: parent - 601 }, testnet4)).toThrow("timewarp");
    // Elsewhere, and inside a period, only the median binds.
    check(blocks, 6048, { bits, time: parent - 601 }, main);
    const inside = branch(4032, 100);
    check(inside, 4132, { time: inside.get(4131)!.time - 601 }, testnet4);
  });
});

describe("blocks that are known for certain", () => {
  test("genesis and checkpoint", () => {
    checkKnownBlock({ hash: main.genesis }, 0, main);
    checkKnownBlock({ hash: main.checkpoint!.hash }, main.checkpoint!.height, main);
    checkKnownBlock({ hash: "44".repeat(32) }, 1, main);
    expect(() => checkKnownBlock({ hash: testnet4.genesis }, 0, main)).toThrow("not the genesis block of main");
    expect(() => checkKnownBlock({ hash: main.genesis }, 570_528, main)).toThrow("not main's block 570528");
  });
});

describe("seven blocks of September 2018", () => {
  const { headers } = JSON.parse(
    readFileSync(new URL("../vectors/mainnet-consecutive.json", import.meta.url), "utf8"),
  ) as { headers: string[] };
  const chain = headers.map((raw) => parseHeader(fromHex(raw), main));

  test("follow each other by the rules, and in no other order", () => {
    const tree = new HeaderTree();
    tree.enforce(main, () => 1_600_000_000_000);
    tree.plant(chain[0]!, 541_000);
    tree.grow(chain.slice(1));
    expect(tree.tip).toEqual({ height: 541_006, hash: chain[6]!.hash });
    expect(() => checkHeaderRules(chain[2]!, 541_001, () => chain[0], main)).toThrow("does not continue");
  });

  test("were in the future in August", () => {
    const tree = new HeaderTree();
    tree.enforce(main, () => Date.parse("2018-08-30T00:00:00Z"));
    expect(() => tree.plant(chain[0]!, 541_000)).toThrow("two hours ahead");
    expect(tree.size).toBe(0);
  });
});

describe("a tree that knows the rules", () => {
  const plantAt = (height: number, blocks: Map<number, Header>, rules: NetworkRules): HeaderTree => {
    const tree = new HeaderTree();
    tree.enforce(rules);
    tree.plant(blocks.get(height)!, height);
    return tree;
  };

  test("takes what follows them; keeps what came before the first that does not", () => {
    const blocks = branch(4032, 30);
    const tree = plantAt(4032, blocks, main);
    const all = [...blocks.values()].slice(1);
    const wrong = made(all[9]!.hash, all[9]!.time + 600, HARD - 1);
    expect(() => tree.grow([...all.slice(0, 10), wrong])).toThrow("where main needs");
    expect(tree.tip).toEqual({ height: 4042, hash: all[9]!.hash });
    expect(tree.header(wrong.hash)).toBeUndefined();
    tree.grow(all);
    expect(tree.tip?.height).toBe(4061);
  });

  test("an easier branch from below the tip has to keep the rules of its own past", () => {
    const blocks = branch(4032, 40);
    const tree = plantAt(4032, blocks, main);
    tree.grow([...blocks.values()].slice(1));
    let parent = blocks.get(4050)!;
    const side: Header[] = [];
    for (let i = 0; i < 30; i++) {
      parent = made(parent.hash, parent.time + 601, HARD, 7);
      side.push(parent);
    }
    tree.grow(side.slice(0, 5));
    expect(tree.tip?.height).toBe(4071);
    const median = side.slice(0, 5).map(({ time }) => time);
    const stale = made(side[4]!.hash, blocks.get(4049)!.time, HARD, 9);
    expect(stale.time).toBeLessThan(Math.min(...median));
    expect(() => tree.grow([stale])).toThrow("not later than the eleven");
    expect(() => tree.grow([made(side[4]!.hash, side[4]!.time + 600, 0x1d00ffff)])).toThrow("where main needs");
    tree.grow(side);
    expect(tree.tip).toEqual({ height: 4080, hash: side[29]!.hash });
  });

  test("a whole period forward, and at its end only the right difficulty", () => {
    const blocks = branch(4032, 2016);
    const tree = plantAt(4032, blocks, main);
    tree.grow([...blocks.values()].slice(1));
    const last = blocks.get(6047)!;
    expect(() => tree.grow([made(last.hash, last.time + 600, HARD)])).toThrow("where main needs 1c0ffdf6");
    const median = blocks.get(6042)!.time;
    expect(() => tree.grow([made(last.hash, median, 0x1c0ffdf6)])).toThrow("not later than the eleven");
    tree.grow([made(last.hash, median + 1, 0x1c0ffdf6)]);
    expect(tree.tip?.height).toBe(6048);
  });

  test("a branch off the best one is measured by its own times, not by the best one's", () => {
    const blocks = branch(4032, 40);
    const tree = plantAt(4032, blocks, main);
    tree.grow([...blocks.values()].slice(1));
    const side: Header[] = [];
    for (let parent = blocks.get(4050)!; side.length < 12; ) {
      parent = made(parent.hash, parent.time + 6000, HARD);
      side.push(parent);
    }
    tree.grow(side);
    expect(tree.tip?.height).toBe(4071);
    const tip = side[11]!;
    const [ours, theirs] = [blocks.get(4057)!.time, side[6]!.time];
    expect(ours).toBeLessThan(theirs);
    expect(() => tree.grow([made(tip.hash, theirs, HARD)])).toThrow("not later than the eleven");
    expect(() => tree.grow([made(tip.hash, ours + 1, HARD)])).toThrow("not later than the eleven");
    tree.grow([made(tip.hash, theirs + 1, HARD)]);
    expect(tree.size).toBe(53);
  });

  test("digging down finds a difficulty that was wrong above", () => {
    const blocks = branch(4032, 2016);
    const last = blocks.get(6047)!;
    const wrong = made(last.hash, last.time + 600, 0x1c0fff00);
    const tree = plantAt(6000, blocks, main);
    tree.grow([...[...blocks.values()].slice(6001 - 4032), wrong]);
    expect(tree.tip?.height).toBe(6048);
    const below = [...blocks.values()].slice(0, 6000 - 4032).reverse();
    tree.deepen(below.slice(0, 900));
    expect(tree.root?.block.height).toBe(5100);
    expect(() => tree.deepen(below.slice(900))).toThrow("where main needs 1c0ffdf6");
    expect(tree.root?.block.height).toBe(5100);
    expect(tree.size).toBe(949);
  });

  test("digging down through an impossible difficulty, to another genesis or past a checkpoint", () => {
    const blocks = branch(4032, 50);
    const tree = plantAt(4040, blocks, main);
    const odd = made(blocks.get(4038)!.hash, blocks.get(4039)!.time, HARD - 5);
    expect(() => tree.deepen([odd])).toThrow("do not reach the root");
    const lower = { ...blocks.get(4039)!, bits: HARD - 5 };
    expect(() => tree.deepen([lower])).toThrow("where main needs");
    const young = branch(0, 3);
    expect(() => plantAt(2, young, main).deepen([young.get(1)!, young.get(0)!])).toThrow("not the genesis block");
    const wrong = branch(570_528, 3);
    expect(() => plantAt(570_530, wrong, main).deepen([wrong.get(570_529)!, wrong.get(570_528)!])).toThrow(
      "not main's block 570528",
    );
    expect(() => plantAt(570_528, wrong, main)).toThrow("not main's block");
    expect(() => plantAt(0, young, signet)).toThrow("not the genesis block of signet");
  });

  test("regtest from its genesis, with a reorganisation", () => {
    const chain = new FakeChain();
    chain.mine(30);
    const read = (block: { header: Uint8Array }) => parseHeader(block.header, regtest);
    const tree = new HeaderTree();
    tree.enforce(regtest);
    tree.plant(read(chain.best[0]!), 0);
    tree.grow(chain.best.slice(1).map(read));
    chain.reorg(12);
    tree.grow(chain.best.slice(19).map(read));
    expect(tree.tip?.hash).toBe(chain.tip.hash);
    expect(() => tree.grow([read({ header: chain.best[0]!.header })])).not.toThrow();
  });
});
