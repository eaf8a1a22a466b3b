/** "Sealed" is said of coins that somebody was asked about, and as of when that was. */
import { afterEach, describe, expect, test } from "vitest";
import type { ChainSource } from "../../monitor/sources/source.ts";
import { breach, fundBounty } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";

const rigs: Rig[] = [];
afterEach(async () => {
  for (const each of rigs.splice(0)) {
    await each.stop();
    each.folder.remove();
  }
});

async function watching(...sources: ChainSource[]): Promise<Rig> {
  const rig = new Rig(...sources);
  rigs.push(rig);
  return rig.start();
}
const claimsSealed = ({ said }: Rig) => said.some((line) => line.startsWith("Sealed"));

describe("a monitor without a memory", () => {
  test("does not call coins sealed that were taken long ago: it asks who spends them first", async () => {
    const chain = new FakeChain();
    const coin = fundBounty(1_000_000n);
    chain.mine(3, [coin]);
    chain.mine(9, [breach({ from: [{ transaction: coin }] })]);
    const source = new FakeSource(chain);
    const rig = await watching(source);
    await rig.round();
    expect(rig.verdict).toBe("smashed");
    expect(claimsSealed(rig)).toBe(false);
  });

  test("says so of coins that hang, as soon as it has asked", async () => {
    const chain = new FakeChain();
    chain.mine(3, [fundBounty(1_000_000n)]);
    const source = new FakeSource(chain);
    const rig = await watching(source);
    expect(rig.verdict).toBe("sealed");
    expect(source.asked).toContain("spender");
  });

  test("does not come back early to a source that has a problem", async () => {
    const chain = new FakeChain();
    chain.mine(3, [fundBounty(1_000_000n), fundBounty(2_000_000n)]);
    const source = new FakeSource(chain);
    source.lies.transaction = async (txid) => (txid === chain.tip.hash ? undefined : new Uint8Array(80));
    const rig = await watching(source);
    const { length } = source.asked;
    await rig.clock.advance(200);
    expect(source.asked).toHaveLength(length);
  });
});

test("a new coin is asked about once, and one that is not watched keeps nobody from being believed", async () => {
  const chain = new FakeChain();
  chain.mine(
    1,
    Array.from({ length: 201 }, (_, i) => fundBounty(1_000_000n + BigInt(i))),
  );
  const rig = await watching(new FakeSource(chain));
  await rig.round();
  expect(rig.coins).toHaveLength(200);
  expect(rig.verdict).toBe("sealed");
  const checked = rig.watch.snapshot().checked!;
  await rig.round();
  await rig.round();
  expect(rig.watch.snapshot().checked).toBeGreaterThan(checked);
});

test("coins count as checked when they were asked about, not when the rest of the round was over", async () => {
  const chain = new FakeChain();
  chain.mine(3, [fundBounty(1_000_000n)]);
  const source = new FakeSource(chain);
  const rig = await watching(source);
  await rig.round();
  const honest = source.fundings.bind(source);
  source.lies.fundings = async (target, known) => {
    await new Promise<void>((resolve) => void rig.clock.after(20_000, resolve));
    source.lies = {};
    return honest(target, known);
  };
  await rig.round();
  const asked = rig.clock.now();
  await rig.clock.advance(20_500);
  expect(rig.problem()).toBeNull();
  expect(rig.watch.snapshot().checked).toBeLessThanOrEqual(asked + 500);
  // Thirty seconds without an answer are too many, and these began when it was asked.
  source.lies.tip = () => new Promise(() => {});
  await rig.clock.advance(1_000);
  source.lies.spender = () => new Promise(() => {});
  await rig.clock.advance(30_500);
  expect(rig.verdict).toBe("blind");
});
