/** The proofs in their caller: what a source shows goes through the header rules, and a thief cannot hide behind many inputs. */
import { describe, expect, test } from "vitest";
import { HeaderTree } from "../../../monitor/coins/header-tree.ts";
import { Observer } from "../../../monitor/observe.ts";
import { sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { type Outpoint, showOutpoint } from "../../../monitor/proofs/transaction.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach, ELSEWHERE, fundBounty, funding, outpointOf, PINATA } from "../support/bounty.ts";
import { branchOf, FakeChain, mineHeader } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";

test("a breach that sweeps the coin with 600 others is proven", async () => {
  const chain = new FakeChain();
  const coin = fundBounty();
  const others = Array.from({ length: 600 }, () => funding({ script: ELSEWHERE, value: 1_000n }));
  chain.mine(1, [coin, ...others]);
  chain.add(breach({ from: [coin, ...others].map((transaction) => ({ transaction })) }));
  const observer = new Observer(new FakeSource(chain), { pinata: PINATA, tree: new HeaderTree() });
  const { found, problem } = await observer.observe([{ outpoint: outpointOf(coin), value: 1_000_000 }]);
  expect(problem).toBeNull();
  expect(found[0]?.news.spend).toMatchObject({ kind: "breach", bytes: { fee: 1000, raw: null } });
});

test("a source that shows a block of the past, with work, is at fault, and the tree stays as it was", async () => {
  const chain = new FakeChain();
  chain.mine(20);
  const tree = new HeaderTree();
  tree.enforce(PINATA.rules);
  const source = new FakeSource(chain);
  const observer = new Observer(source, { pinata: PINATA, tree });
  expect((await observer.observe([])).problem).toBeNull();
  const before = tree.tip;
  const raw = mineHeader(chain.tip.hash, "22".repeat(32), 1_700_000_000);
  const hash = showHash(sha256d(raw));
  source.lies = { tip: async () => ({ height: 21, hash }), headers: async () => [raw] };
  expect((await observer.observe([])).problem).toContain("not later than the eleven before it");
  expect(tree.tip).toEqual(before);
  source.lies = {};
  chain.mine();
  expect((await observer.observe([])).problem).toBeNull();
  expect(tree.tip?.height).toBe(21);
});

describe("a node that does not have the transactions that made the other inputs", () => {
  const others = Array.from({ length: 3 }, () => funding({ script: ELSEWHERE, value: 1_000n }));
  function swept() {
    const chain = new FakeChain();
    const coin = fundBounty();
    chain.mine(1, [coin, ...others]);
    const sweep = breach({ from: [coin, ...others].map((transaction) => ({ transaction })) });
    chain.add(sweep);
    /** As a node without a transaction index. */
    const poor = new FakeSource(chain, "poor");
    poor.lies.transaction = async (txid, block) => {
      return block || txid === sweep.getId() ? chain.transactions.get(txid)?.toBuffer() : undefined;
    };
    return { chain, coin, poor };
  }
  const truth = (value: bigint) => async (needed: readonly Outpoint[]) => {
    return new Map(needed.map((each) => [showOutpoint(each), { script: ELSEWHERE, value }]));
  };
  async function ask({ coin, poor }: ReturnType<typeof swept>, ...rest: FakeSource[]) {
    const observer = new Observer(poor, { pinata: PINATA, tree: new HeaderTree(), others: rest });
    const { found, problem } = await observer.observe([{ outpoint: outpointOf(coin), value: 1_000_000 }]);
    return { kind: found[0]?.news.spend?.kind, problem };
  }

  test("cannot prove it alone", async () => {
    const { kind, problem } = await ask(swept());
    expect(kind).toBeUndefined();
    expect(problem).toContain("is not known");
  });

  test("proves it by amounts and scripts that it only claims", async () => {
    const scene = swept();
    scene.poor.lies.prevouts = truth(1_000n);
    expect(await ask(scene)).toEqual({ kind: "breach", problem: null });
  });

  test("proves nothing by false ones, for the signature fails", async () => {
    const scene = swept();
    scene.poor.lies.prevouts = truth(1_001n);
    const { kind, problem } = await ask(scene);
    expect(kind).toBeUndefined();
    expect(problem).toContain("a signature (SIGHASH_DEFAULT) that is not valid");
  });

  test("proves it by transactions that another source has", async () => {
    const scene = swept();
    expect(await ask(scene, new FakeSource(scene.chain, "rich"))).toEqual({ kind: "breach", problem: null });
  });

  test("proves it although its own claims, and those of the first other source, are false", async () => {
    const scene = swept();
    const liar = new FakeSource(scene.chain, "liar");
    liar.lies.prevouts = truth(5n);
    scene.poor.lies.prevouts = truth(7n);
    expect(await ask(scene, liar, new FakeSource(scene.chain, "rich"))).toEqual({ kind: "breach", problem: null });
  });

  test("proves it although another source is gone", async () => {
    const scene = swept();
    const gone = new FakeSource(scene.chain, "gone");
    gone.lies.transaction = () => Promise.reject(new SourceError("does not answer", { lost: true }));
    expect(await ask(scene, gone, new FakeSource(scene.chain, "rich"))).toEqual({ kind: "breach", problem: null });
  });
});

describe("a coinbase shown with a merkle branch", () => {
  function confirmed() {
    const chain = new FakeChain();
    const coin = fundBounty();
    chain.mine(1, [coin, funding({ script: ELSEWHERE, value: 1n })]);
    return { chain, coin, source: new FakeSource(chain) };
  }
  const coinbaseOf =
    (chain: FakeChain, position: number) =>
    async ({ hash }: { hash: string }) => {
      const block = chain.blocks.get(hash)!;
      const { merkle, pos } = branchOf(chain.txids(block), position);
      const raw = block.transactions[position]!.toBuffer();
      return { raw, proof: { form: "branch" as const, siblings: merkle, position: pos } };
    };

  test("is checked for the depth of the tree", async () => {
    const { chain, coin, source } = confirmed();
    source.lies.coinbaseProof = coinbaseOf(chain, 0);
    const { found, problem } = await new Observer(source, { pinata: PINATA, tree: new HeaderTree() }).observe([]);
    expect(problem).toBeNull();
    expect(found[0]?.outpoint.txid).toBe(coin.getId());
    expect(found[0]?.news.funding?.block?.height).toBe(1);
  });

  test("makes the source's claim worthless when it is another transaction", async () => {
    const { chain, source } = confirmed();
    source.lies.coinbaseProof = coinbaseOf(chain, 1);
    const { found, problem } = await new Observer(source, { pinata: PINATA, tree: new HeaderTree() }).observe([]);
    expect(problem).toContain("a coinbase that is none");
    expect(found).toEqual([]);
  });
});

test("what nothing was paid to is no coin: a signed message has the form of a spend of it", async () => {
  const chain = new FakeChain();
  chain.mine(1, [fundBounty(0n), fundBounty(5n)]);
  const observer = new Observer(new FakeSource(chain), { pinata: PINATA, tree: new HeaderTree() });
  const { found, problem } = await observer.observe([]);
  expect(problem).toBeNull();
  expect(found.map(({ value }) => value)).toEqual([5]);
});

test("while a source looks for fundings, or shows wrong headers, spends of known coins are told all the same", async () => {
  for (const lies of [
    { fundings: () => Promise.reject(new SourceError("is being searched for fundings")) },
    { headers: async () => [new Uint8Array(80)] },
  ]) {
    const chain = new FakeChain();
    const coin = fundBounty();
    chain.mine(1, [coin]);
    chain.add(breach({ from: [{ transaction: coin }] }));
    const source = new FakeSource(chain);
    source.lies = lies;
    const observer = new Observer(source, { pinata: PINATA, tree: new HeaderTree() });
    const { found, problem } = await observer.observe([{ outpoint: outpointOf(coin), value: 1_000_000 }]);
    expect(found[0]?.news.spend?.kind).toBe("breach");
    expect(problem).not.toBeNull();
  }
});
