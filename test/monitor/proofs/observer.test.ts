/** The proofs in their caller: what a source shows goes through the header rules, and a thief cannot hide behind many inputs. */
import { expect, test } from "vitest";
import { HeaderTree } from "../../../monitor/coins/header-tree.ts";
import { Observer } from "../../../monitor/observe.ts";
import { sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { breach, ELSEWHERE, fundBounty, funding, outpointOf, PINATA } from "../support/bounty.ts";
import { FakeChain, mineHeader } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";

test("a breach that sweeps the coin with 600 others is proven", async () => {
  const chain = new FakeChain();
  const coin = fundBounty();
  const others = Array.from({ length: 600 }, () => funding({ script: ELSEWHERE, value: 1_000n }));
  chain.mine(1, [coin, ...others]);
  chain.add(breach({ from: [coin, ...others].map((transaction) => ({ transaction })) }));
  const observer = new Observer(new FakeSource(chain), PINATA, new HeaderTree());
  const { found, problem } = await observer.observe([{ outpoint: outpointOf(coin), value: 1_000_000, since: 1 }]);
  expect(problem).toBeNull();
  expect(found[0]?.news.spend).toMatchObject({ kind: "breach" });
});

test("a source that shows a block of the past, with work, is at fault, and the tree stays as it was", async () => {
  const chain = new FakeChain();
  chain.mine(20);
  const tree = new HeaderTree();
  const source = new FakeSource(chain);
  const observer = new Observer(source, PINATA, tree);
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
