/** The tree of headers, and how a source's chain is walked into it. */
import { describe, expect, test } from "vitest";
import { HeaderTree } from "../../../monitor/coins/header-tree.ts";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { HeaderWalk, type MayPlant } from "../../../monitor/sources/header-walk.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { type FakeBlock, FakeChain, mineHeader } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";

const RULES = NETWORKS.regtest;
const read = (block: FakeBlock) => parseHeader(block.header, RULES);
const place = ({ height, hash }: FakeBlock) => ({ height, hash });

function treeOf(chain: FakeChain): HeaderTree {
  const tree = new HeaderTree();
  tree.plant(read(chain.best[0]!), 0);
  tree.grow(chain.best.slice(1).map(read));
  return tree;
}

describe("the tree", () => {
  test("only more work moves the tip: a branch as long as ours does not, a longer one does, and back", () => {
    const chain = new FakeChain();
    chain.mine(5);
    const tree = treeOf(chain);
    const tip = place(chain.tip);
    const first = chain.side(chain.best[3]!);
    const second = chain.side(first);
    tree.grow([read(first)]);
    expect(tree.tip).toEqual(tip);
    tree.grow([read(second)]);
    expect(tree.tip).toEqual(tip);
    expect(tree.contains(place(second))).toBe(false);
    const third = chain.side(second);
    tree.grow([read(third)]);
    expect(tree.tip).toEqual(place(third));
    expect(tree.contains(place(first))).toBe(true);
    expect(tree.contains(tip)).toBe(false);
    expect(tree.behind(tip.hash)).toBe(3);
    expect(tree.behind(third.hash)).toBe(0);
    expect(tree.behind("00".repeat(32))).toBeUndefined();
    const back = [chain.mine(), chain.mine()];
    tree.grow(back.map(read));
    expect(tree.tip).toEqual(place(chain.tip));
    expect(tree.contains(tip)).toBe(true);
    expect(tree.contains(place(third))).toBe(false);
  });

  test("a reorg to a branch of more work but fewer blocks cannot be on regtest; a shorter branch changes nothing", () => {
    const chain = new FakeChain();
    chain.mine(4);
    const tree = treeOf(chain);
    tree.grow([read(chain.side(chain.best[1]!))]);
    expect(tree.tip).toEqual(place(chain.tip));
  });

  test("what was not saved is told until it was, and a restored tree is the same", () => {
    const chain = new FakeChain();
    chain.mine(3);
    const tree = treeOf(chain);
    const first = tree.unsaved();
    expect(first.headers.map(({ block }) => block.height)).toEqual([0, 1, 2, 3]);
    expect(first.best).toBe(chain.tip.hash);
    tree.grow([read(chain.mine())]);
    tree.saved(first);
    const second = tree.unsaved();
    expect(second.headers.map(({ block }) => block.height)).toEqual([4]);
    tree.saved(second);
    expect(tree.unsaved()).toEqual({ headers: [], best: null });
    const stored = [...first.headers, ...second.headers].map(({ block, raw }) => ({
      height: block.height,
      header: parseHeader(raw, RULES),
    }));
    const restored = HeaderTree.restore(stored.reverse(), second.best);
    expect(restored.tip).toEqual(tree.tip);
    expect(restored.root).toEqual(tree.root);
    expect(restored.unsaved()).toEqual({ headers: [], best: null });
    for (const block of chain.best) expect(restored.contains(place(block))).toBe(true);
  });
});

describe("walking", () => {
  test("a short chain is walked back to genesis, and later only what is new", async () => {
    const chain = new FakeChain();
    chain.mine(150);
    const tree = new HeaderTree();
    const source = new FakeSource(chain);
    const walk = new HeaderWalk(source, RULES, tree);
    expect(await walk.follow()).toEqual(place(chain.tip));
    expect(tree.root?.block.height).toBe(0);
    expect(tree.size).toBe(151);
    source.asked = [];
    await walk.follow();
    expect(source.asked).toEqual(["tip"]);
    chain.mine(2);
    await walk.follow();
    expect(tree.size).toBe(153);
    chain.reorg(5);
    await walk.follow();
    expect(tree.tip).toEqual(place(chain.tip));
  });

  describe("a long chain", () => {
    const chain = new FakeChain();
    chain.mine(4500);
    const mined = chain.best.length;
    const walkOf = (rules = RULES, mayPlant?: MayPlant) => {
      const tree = new HeaderTree();
      tree.enforce(rules);
      return { tree, walk: new HeaderWalk(new FakeSource(chain), rules, tree, mayPlant) };
    };

    test("begins at its tip's difficulty period, is dug down to a block that matters, and caught up with in pieces", async () => {
      const { tree, walk } = walkOf();
      await walk.follow();
      expect(tree.root?.block).toEqual(place(chain.best[4032]!));
      expect(await walk.headerOf(place(chain.best[4000]!))).toEqual(read(chain.best[4000]!));
      expect(tree.root?.block.height).toBe(4000);
      await expect(walk.headerOf(place(chain.best[100]!))).rejects.toThrow("asked for headers down to height 100");
      expect(await walk.headerOf(place(chain.best[100]!))).toEqual(read(chain.best[100]!));
      expect(tree.contains(place(chain.best[101]!))).toBe(true);
      chain.mine(5000);
      await expect(walk.follow()).rejects.toThrow("being caught up with");
      await expect(walk.follow()).rejects.toThrow("being caught up with");
      await walk.follow();
      expect(tree.tip).toEqual(place(chain.tip));
      expect(tree.contains(place(chain.best[4200]!))).toBe(true);
      chain.best.length = mined;
    });

    test("begins at the checkpoint where that is near", async () => {
      const { height, hash } = place(chain.best[2016]!);
      const { tree, walk } = walkOf({ ...RULES, anchor: { height, hash } });
      await expect(walk.follow()).rejects.toThrow("being caught up with");
      await walk.follow();
      expect(tree.root?.block).toEqual({ height, hash });
    });

    test("is refused where it does not hold the checkpoint", async () => {
      const { tree, walk } = walkOf({ ...RULES, anchor: { height: 4032, hash: chain.best[4031]!.hash } });
      await expect(walk.follow()).rejects.toThrow("not regtest's block 4032");
      expect(tree.root).toBeNull();
    });

    test("begins nowhere until enough show it, for its heights are only told", async () => {
      let enough = false;
      const asked: number[] = [];
      const { tree, walk } = walkOf(RULES, ({ height }) => {
        asked.push(height);
        return enough;
      });
      await expect(walk.follow()).rejects.toThrow("waits for another operator");
      await expect(walk.follow()).rejects.toThrow("waits for another operator");
      expect(tree.root).toBeNull();
      enough = true;
      await walk.follow();
      expect(tree.tip).toEqual(place(chain.tip));
      expect(asked).toEqual([4032, 4032, 4032]);
    });
  });

  test("a wrong height, another genesis, headers that do not link or have no work: the source's fault, the tree stays", async () => {
    const chain = new FakeChain();
    chain.mine(10);
    const fresh = (lies: FakeSource["lies"]) => {
      const tree = new HeaderTree();
      const source = new FakeSource(chain);
      source.lies = lies;
      return { tree, walk: new HeaderWalk(source, RULES, tree) };
    };
    const tip = chain.tip;
    const high = fresh({ tip: async () => ({ height: 11, hash: tip.hash }) });
    await expect(high.walk.follow()).rejects.toThrow("says that its tip has height 11, but it has height 10");
    const low = fresh({ tip: async () => ({ height: 9, hash: tip.hash }) });
    await expect(low.walk.follow()).rejects.toThrow("not the genesis block");
    const shuffled = fresh({ headers: async (hash) => [chain.best.find((block) => block.hash !== hash)!.header] });
    await expect(shuffled.walk.follow()).rejects.toThrow("hash asked for");
    expect(shuffled.tree.size).toBe(0);
    const idle = fresh({ headers: async () => [] });
    await expect(idle.walk.follow()).rejects.toThrow("another number of headers");
    const worthless = fresh({ headers: async () => [chain.tip.header.map((byte, i) => (i === 72 ? byte ^ 1 : byte))] });
    await expect(worthless.walk.follow()).rejects.toThrow("target");
    expect(worthless.tree.tip).toBeNull();
  });

  test("another chain from the same genesis is followed when it has more work, and one that never meets ours is refused", async () => {
    const ours = new FakeChain();
    ours.mine(20);
    const tree = new HeaderTree();
    await new HeaderWalk(new FakeSource(ours), RULES, tree).follow();
    const longer = new FakeChain();
    longer.mine(30);
    await new HeaderWalk(new FakeSource(longer), RULES, tree).follow();
    expect(tree.tip).toEqual(place(longer.tip));
    expect(tree.contains(place(ours.tip))).toBe(false);

    const stranger = new FakeSource(ours);
    let previous = "11".repeat(32);
    const headers = new Map<string, Uint8Array>();
    for (let i = 0; i < 60; i++) {
      const raw = mineHeader(previous, "22".repeat(32), i);
      previous = parseHeader(raw, RULES).hash;
      headers.set(previous, raw);
    }
    stranger.lies = {
      tip: async () => ({ height: 40, hash: previous }),
      headers: async (hash) => [headers.get(hash)!],
    };
    await expect(new HeaderWalk(stranger, RULES, tree).follow()).rejects.toThrow("does not meet");
    expect(tree.tip).toEqual(place(longer.tip));
  });

  test("a walk that broke is begun anew", async () => {
    const chain = new FakeChain();
    chain.mine(100);
    const tree = new HeaderTree();
    const source = new FakeSource(chain);
    const walk = new HeaderWalk(source, RULES, tree);
    source.lies.headers = async () => {
      throw new SourceError("vanished");
    };
    await expect(walk.follow()).rejects.toThrow("vanished");
    source.lies = {};
    await walk.follow();
    expect(tree.size).toBe(101);
  });
});
