/** Sources that lie: whatever one says, only what it can prove changes anything; everything else is its own problem. */
import { afterEach, describe, expect, test } from "vitest";
import { sha256d, showHash } from "../../monitor/proofs/bytes.ts";
import { SourceError } from "../../monitor/sources/source.ts";
import { breach, ELSEWHERE, fundBounty, funding, key, outpointOf, refund } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";

const rigs: Rig[] = [];

async function rig(...sources: FakeSource[]): Promise<Rig> {
  const made = new Rig(...sources);
  rigs.push(made);
  return made.start();
}

afterEach(async () => {
  for (const each of rigs.splice(0)) {
    await each.stop();
    each.folder.remove();
  }
});

function funded() {
  const chain = new FakeChain();
  const coin = fundBounty(10_000_000n);
  chain.mine(3, [coin]);
  return { chain, coin };
}

describe("a lying source changes nothing but its own health", () => {
  const cases: {
    name: string;
    problem: string;
    lie: (source: FakeSource, chain: FakeChain, coin: ReturnType<typeof fundBounty>) => void;
  }[] = [
    {
      name: "spent, by a transaction that it does not have",
      problem: "does not have it",
      lie: (source) => {
        source.lies.spender = async () => ({ txid: "ab".repeat(32) });
      },
    },
    {
      name: "spent, by a transaction that does not spend the coin",
      problem: "does not spend",
      lie: (source, chain) => {
        const stray = breach({ from: [{ transaction: fundBounty() }] });
        chain.know(stray);
        source.lies.spender = async () => ({ txid: stray.getId() });
      },
    },
    {
      name: "spent, by a signature of another key",
      problem: "a signature (SIGHASH_DEFAULT) that is not valid",
      lie: (source, chain, coin) => {
        const forged = breach({ from: [{ transaction: coin }], secret: key("liar").secret });
        chain.know(forged);
        source.lies.spender = async () => ({ txid: forged.getId() });
      },
    },
    {
      name: "spent, with the bytes of another transaction",
      problem: "another transaction",
      lie: (source, _chain, coin) => {
        source.lies.spender = async () => ({ txid: "cd".repeat(32) });
        source.lies.transaction = async () => breach({ from: [{ transaction: coin }] }).toBuffer();
      },
    },
    {
      name: "refunded, with the public leaf but a signature of its own",
      problem: "not valid",
      lie: (source, chain, coin) => {
        const forged = refund({ from: [{ transaction: coin }], secret: key("liar").secret });
        chain.know(forged);
        source.lies.spender = async () => ({ txid: forged.getId() });
      },
    },
    {
      name: "spent in a block, by a forged signature with real work and a real merkle branch",
      problem: "not valid",
      lie: (_source, chain, coin) => {
        chain.mine(1, [breach({ from: [{ transaction: coin }], secret: key("liar").secret })]);
      },
    },
    {
      name: "a tip whose header has no work",
      problem: "proof of work",
      lie: (source, chain) => {
        const raw = Uint8Array.from(chain.tip.header);
        let hash = "";
        do {
          raw[76]!++;
          hash = showHash(sha256d(raw));
        } while (hash < "8");
        source.lies.tip = async () => ({ height: chain.tip.height, hash });
        source.lies.headers = async () => [raw];
      },
    },
    {
      name: "a tip at another height",
      problem: "says that its tip has height",
      lie: (source, chain) => {
        source.lies.tip = async () => ({ height: chain.tip.height + 50, hash: chain.tip.hash });
      },
    },
    {
      name: "a funding that is none",
      problem: "which it does not",
      lie: (source, chain) => {
        const stray = funding({ script: ELSEWHERE, value: 9n });
        chain.know(stray);
        source.lies.fundings = async () => [{ txid: stray.getId(), vout: 0, value: 900_000_000 }];
      },
    },
    {
      name: "a funding in a block that does not hold it",
      problem: "root",
      lie: (source, chain) => {
        const stray = fundBounty(900_000_000n);
        chain.know(stray);
        const { height, hash } = chain.tip;
        source.lies.fundings = async () => [
          { txid: stray.getId(), vout: 0, value: 900_000_000, block: { height, hash } },
        ];
        source.lies.merkleProof = async () => ({ form: "branch", siblings: [], position: 0 });
      },
    },
  ];

  test.each(cases)("$name", async ({ problem, lie }) => {
    const { chain, coin } = funded();
    const honest = new FakeSource(chain, "honest");
    const liar = new FakeSource(chain, "liar");
    const watched = await rig(honest, liar);
    await watched.round();
    const before = watched.watch.snapshot();
    expect(before.verdict).toBe("sealed");
    lie(liar, chain, coin);
    await watched.clock.advance(5000);
    const after = watched.watch.snapshot();
    expect(after.verdict).toBe("sealed");
    expect(after.coins.map(({ keyOut, candidates, value }) => [keyOut, candidates.length, value])).toEqual([
      [false, 0, 10_000_000],
    ]);
    expect(watched.problem(1)).toContain(problem);
    liar.lies = {};
  });

  test("it can claim any value: the bytes say what it is", async () => {
    const { chain, coin } = funded();
    const liar = new FakeSource(chain);
    const { height, hash } = chain.best[1]!;
    liar.lies.fundings = async () => [
      { txid: coin.getId(), vout: 0, value: 2_100_000_000_000_000, block: { height, hash } },
    ];
    const watched = await rig(liar);
    await watched.round();
    expect(watched.sentence).toContain("0.10000000 BTC");
  });

  test("a wrong merkle proof keeps a proven spend unconfirmed, but told, until other sources prove the block", async () => {
    const { chain, coin } = funded();
    const stale = new FakeSource(chain, "stale");
    const honest = new FakeSource(chain, "honest");
    const watched = await rig(stale, honest);
    await watched.round();
    honest.lies.tip = async () => {
      throw new SourceError("is away", { lost: true });
    };
    stale.lies.merkleProof = async () => ({ form: "branch", siblings: ["00".repeat(32)], position: 0 });
    chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
    await watched.clock.advance(5000);
    expect(watched.problem(0)).toContain("merkle branch");
    expect(watched.verdict).toBe("moving");
    expect(watched.coins).toEqual(["spent-unconfirmed 0"]);
    honest.lies = {};
    stale.lies = {};
    await watched.clock.advance(20_000);
    expect(watched.verdict).toBe("smashed");
  });

  test("silence about a spend does not help it while another source tells", async () => {
    const { chain, coin } = funded();
    const quiet = new FakeSource(chain, "quiet");
    quiet.lies.spender = async () => undefined;
    const watched = await rig(quiet, new FakeSource(chain, "honest"));
    await watched.round();
    chain.add(breach({ from: [{ transaction: coin }] }));
    await watched.round();
    expect(watched.verdict).toBe("moving");
    chain.mine(2);
    await watched.round();
    await watched.round();
    expect(watched.verdict).toBe("moving");
    expect(watched.sentence).toContain("in a block that one operator alone shows so far");
    expect(watched.problem(0)).toMatch(/calls .* unspent, though block 4 of its own chain holds the spend/);
    quiet.lies = {};
    await watched.round();
    expect(watched.verdict).toBe("smashed");
  });

  test("made-up unconfirmed fundings do not count as hanging, are few, and go away", async () => {
    const { chain } = funded();
    const liar = new FakeSource(chain, "liar");
    const made = Array.from({ length: 300 }, () => fundBounty(2_000_000_000n));
    chain.know(...made);
    const watched = await rig(new FakeSource(chain, "honest"), liar);
    await watched.round();
    liar.lies.fundings = async () => made.map((each) => ({ ...outpointOf(each), value: 1 }));
    await watched.clock.advance(5000);
    expect(watched.watch.snapshot().coins.length).toBeLessThanOrEqual(21);
    expect(watched.sentence).toContain("Sealed: 0.10000000 BTC");
    liar.lies = {};
    await watched.clock.advance(40_000);
    expect(watched.coins).toEqual(["funded 3"]);
  });

  test("dust does not crowd out a real coin", async () => {
    const chain = new FakeChain();
    const dust = Array.from({ length: 250 }, () => fundBounty(330n));
    chain.mine(1, dust);
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    await watched.round();
    expect(watched.watch.snapshot().coins.length).toBe(200);
    const coin = fundBounty(10_000_000n);
    chain.mine(1, [coin]);
    await watched.round();
    expect(watched.watch.snapshot().coins.length).toBe(200);
    chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
    await watched.round();
    expect(watched.verdict).toBe("smashed");
  });

  test("a shorter chain, or a source that starts again from nothing, is behind and changes nothing", async () => {
    const { chain } = funded();
    chain.mine(10);
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    const tip = watched.watch.snapshot().tip;
    const old = chain.best[5]!;
    source.lies.tip = async () => ({ height: old.height, hash: old.hash });
    await watched.round();
    expect(watched.problem()).toContain("8 blocks behind");
    expect(watched.watch.snapshot().tip).toEqual(tip);
    const empty = new FakeChain();
    empty.mine(2);
    source.lies = {
      tip: async () => ({ height: 2, hash: empty.tip.hash }),
      headers: async (hash) => [empty.blocks.get(hash)!.header],
      fundings: async () => [],
      spender: async () => undefined,
    };
    await watched.round();
    expect(watched.problem()).toContain("behind, or on a branch with less work");
    expect(watched.coins).toEqual(["funded 13"]);
    await watched.clock.advance(31_000);
    expect(watched.verdict).toBe("blind");
  });
});
