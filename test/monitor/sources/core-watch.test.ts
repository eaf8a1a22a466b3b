/** The watch over one Core node that misbehaves in every way the development chain knows: no false word, nothing missed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { setFaults } from "../../../infra/devchain/fault-controls.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import { systemClock } from "../../../monitor/clock.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { CoreSource } from "../../../monitor/sources/core/core-source.ts";
import { Watch } from "../../../monitor/watch.ts";
import { breach, ELSEWHERE, PAID, PINATA } from "../support/bounty.ts";
import { openTestStore } from "../support/store.ts";
import { waitFor } from "../support/wait.ts";

const root = mkdtempSync(join(tmpdir(), "core-watch-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
let devchain: Devchain;
let stop: (() => Promise<void>)[] = [];

beforeEach(async () => {
  const dir = join(root, String(++made));
  const rpc = { blockfilterindex: true };
  devchain = await runDevchain({ dir, port: 0, zmqPort: 0, blockSeconds: 0, rpc, log: () => {} });
});
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
  await devchain.close();
});

/** A watch by the real clock over the node. */
async function watch(pollMillis: number, timeout = 10_000) {
  const source = new CoreSource({ url: `${devchain.url}/rpc`, chain: "regtest", timeout });
  const store = await openTestStore(join(root, `store-${++made}.sqlite`));
  const watching = new Watch({
    pinata: PINATA,
    sources: [source],
    store,
    saved: await store.load(),
    clock: systemClock,
    random: () => 0.5,
    pollMillis,
    blindMillis: 60_000,
    log: { info() {}, problem() {}, recovered() {} },
    changed: () => {},
  });
  watching.start();
  stop.push(async () => {
    await watching.stop();
    await store.close();
  });
  const shown = () => watching.snapshot();
  const until = (what: string, holds: (now: ReturnType<Watch["snapshot"]>) => boolean) =>
    waitFor(what, () => holds(shown()));
  return { source, shown, until };
}

/** A confirmed coin of the piñata. */
function fund(sats = 1_000_000n) {
  const { node } = devchain;
  const txid = node.fund(PAID.script, sats);
  node.mine(1);
  const transaction = parseTransaction(node.chain.find(txid)!.tx.raw).parsed;
  return { transaction, vout: transaction.outs.findIndex(({ value }) => value === sats) };
}

const states = ({ coins, verdict }: ReturnType<Watch["snapshot"]>) =>
  [verdict, ...coins.map(({ outpoint: { txid, vout }, position: { state } }) => `${txid}:${vout} ${state}`)].sort();

describe("ZMQ hurries, polling sees to it that nothing is missed", () => {
  test("a spend is seen at once although the next poll is an hour away", async () => {
    const coin = fund();
    const { until, source } = await watch(3_600_000);
    await until("sealed", ({ verdict }) => verdict === "sealed");
    await waitFor("ZMQ", () => source.stats().connections > 0 && devchain.zmq!.subscriptions === 3);
    devchain.node.mine(1);
    await until("the block", ({ tip }) => tip?.hash === devchain.node.chain.tip.hash);
    devchain.node.submitTransaction(breach({ from: [coin] }).toBuffer());
    await until("moving", ({ verdict }) => verdict === "moving");
  });

  test("ZMQ that dies silently, with the socket open: the spend is found by polling", async () => {
    const coin = fund();
    const { until, source } = await watch(100);
    await until("sealed", ({ verdict }) => verdict === "sealed");
    await waitFor("ZMQ", () => source.stats().connections > 0);
    devchain.zmq!.faults.publishing = "silent";
    const { received } = source.stats();
    devchain.node.submitTransaction(breach({ from: [coin] }).toBuffer());
    await until("moving", ({ verdict }) => verdict === "moving");
    expect(source.stats()).toMatchObject({ received, connections: 1 });
  });

  test.each([1, 2])("whatever subset of notifications is lost, the end is the same (%i)", async (seed) => {
    let state = seed * 2_654_435_761;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 2 ** 32;
    };
    devchain.zmq!.faults.keep = () => random() < 0.4;
    const { node } = devchain;
    const first = await watch(100);
    await first.until("awaited", ({ verdict, checked }) => verdict === "awaited" && checked !== null);
    const coins = [fund(1_000_000n), fund(2_000_000n), fund(3_000_000n)];
    await first.until("three coins", ({ coins: seen }) => seen.length === 3);
    for (const fee of [1_000n, 3_000n]) node.submitTransaction(breach({ from: [coins[0]!], fee }).toBuffer());
    const [block] = node.mine(1);
    node.submitTransaction(breach({ from: [coins[1]!] }).toBuffer());
    node.invalidate(block!.hash);
    node.fund(ELSEWHERE, 20_000n);
    node.mine(2);
    const fresh = await watch(100);
    const { tip } = node.chain;
    const done = (now: ReturnType<Watch["snapshot"]>) =>
      now.tip?.hash === tip.hash &&
      now.sources[0]!.healthy &&
      now.coins.filter(({ position }) => position.state === "spent").length === 2;
    await first.until("the end", done);
    await fresh.until("the end, for one that starts now", done);
    expect(states(first.shown())).toEqual(states(fresh.shown()));
  });
});

test("every fault of the node is said, no word of it is believed, and all is well when it ends", async () => {
  const coin = fund();
  devchain.node.mine(1);
  const { until, shown } = await watch(50, 300);
  await until("sealed", ({ verdict }) => verdict === "sealed");
  const faults: [wanted: Parameters<typeof setFaults>[2], problem: RegExp][] = [
    [core({ delivery: "stalled" }), /did not answer within 300 ms/],
    [core({ delivery: "dropped" }), /cannot be reached/],
    [core({ delivery: "half" }), /not JSON/],
    [core({ delivery: "twice" }), /not JSON/],
    [core({ delivery: "page" }), /not JSON in answer to getblockchaininfo \(HTTP 200\)/],
    [core({ delivery: "limited" }), /fewer requests \(HTTP 429\)/],
    [core({ warmingUp: "Rescanning…" }), /is starting up: Rescanning…/],
    [core({ forget: 40 }), /is 40 blocks behind/],
    [core({ lies: ["inventedTip"] }), /Block not found/],
  ];
  const faulty = { core: devchain.faults, ...(devchain.zmq ? { zmq: devchain.zmq } : {}) };
  for (const [wanted, problem] of faults) {
    setFaults(devchain.node, faulty, wanted);
    await until(String(problem), ({ sources }) => problem.test(sources[0]!.problem ?? ""));
    expect(shown().verdict).toBe("sealed");
    setFaults(devchain.node, faulty, {});
    await until("recovered", ({ sources }) => sources[0]!.healthy);
    expect(states(shown())).toEqual(["sealed", expect.stringContaining(" funded")].sort());
  }
  // A breach whose transaction, block or proof is false is not believed; the true one is, from the same node.
  setFaults(devchain.node, faulty, core({ lies: ["falseTransaction"] }));
  devchain.node.submitTransaction(breach({ from: [coin] }).toBuffer());
  await until("the false transaction", ({ sources }) => /asked for transaction/.test(sources[0]!.problem ?? ""));
  expect(shown().verdict).toBe("sealed");
  setFaults(devchain.node, faulty, core({ lies: ["badBranch"] }));
  await until("moving", ({ verdict }) => verdict === "moving");
  devchain.node.mine(1);
  await until("the bad branch", ({ sources }) => /merkle/.test(sources[0]!.problem ?? ""));
  expect(shown().verdict).toBe("moving");
  setFaults(devchain.node, faulty, {});
  await until("smashed", ({ verdict }) => verdict === "smashed");
});

function core(wanted: Partial<NonNullable<Parameters<typeof setFaults>[2]["core"]>>): Parameters<typeof setFaults>[2] {
  return { core: { delivery: "whole", only: [], delay: 0, lies: [], ...wanted } };
}
