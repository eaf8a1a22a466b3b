/** What a Core node is asked in one exchange with its tip, and that a hint by ZMQ only ever says what to ask for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transaction } from "bitcoinjs-lib";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { XPublisher } from "zeromq";
import { CoreSource } from "../../../monitor/sources/core/core-source.ts";
import { breach, fundBounty, outpointOf, PAID, PUBLIC } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeCore, refusal, result } from "../support/fake-core.ts";
import { Rig } from "../support/rig.ts";
import { waitFor } from "../support/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "core-ahead-"));
afterAll(() => rmSync(folder, { recursive: true }));
let chain: FakeChain;
let node: FakeCore;
let publisher: XPublisher;
let source: CoreSource;
let coins: Transaction[];
let news: number;

beforeEach(async () => {
  chain = new FakeChain();
  coins = [fundBounty(1_000_000n), fundBounty(2_000_000n), fundBounty(3_000_000n)];
  chain.mine(3, coins);
  node = await new FakeCore(chain).start();
  node.login = "any:one";
  publisher = new XPublisher({ linger: 0, verbosity: "allSubs" });
  await publisher.bind("tcp://127.0.0.1:*");
  source = open(publisher.lastEndpoint!);
  news = 0;
});
afterEach(async () => {
  source.close();
  publisher.close();
  await node.stop();
});

/** The node as a source that was asked nothing yet. */
function open(...zmq: string[]): CoreSource {
  source?.close();
  return new CoreSource({ url: node.url.replace("//", `//${node.login}@`), chain: "regtest", zmq });
}

const asking = () => ({
  target: { script: PAID.script, address: PUBLIC.address },
  outpoints: coins.map((coin) => outpointOf(coin)),
});
const take = (i: number) => breach({ from: [{ transaction: coins[i]! }] });
/** What the node was asked for meanwhile. */
const asked = async (task: () => Promise<unknown>) => {
  node.calls = [];
  await task();
  return node.calls;
};

async function listen(): Promise<void> {
  for (let left = 3; left > 0; ) if ((await publisher.receive())[0]![0] === 1) left--;
  await waitFor("the connection", () => source.stats().connections === 1);
}

let sent = 0;
async function hint(transaction: Transaction): Promise<void> {
  const counter = Buffer.alloc(4);
  counter.writeUInt32LE(sent++);
  const { received } = source.stats();
  await publisher.send(["rawtx", transaction.toBuffer(), counter]);
  await waitFor("the hint", () => source.stats().received > received);
}

describe("in one exchange", () => {
  beforeEach(async () => {
    source.onNews(() => news++);
    await listen();
    await source.tip(asking());
  });

  test.each([true, false])("tip, spenders and the bytes that ZMQ told of (indexed: %s)", async (indexed) => {
    node.indexed = indexed;
    source = open(publisher.lastEndpoint!);
    source.onNews(() => news++);
    await listen();
    await source.tip(asking());
    const spend = take(1);
    chain.add(spend);
    await hint(spend);
    expect(await asked(() => source.tip(asking()))).toEqual([
      "getblockchaininfo",
      "gettxspendingprevout",
      "getrawtransaction",
    ]);
    expect(source.spent()).toEqual([outpointOf(coins[1]!)]);
    const later = await asked(async () => {
      expect(await source.spender(outpointOf(coins[1]!), 1)).toEqual({ txid: spend.getId() });
      expect(await source.transaction(spend.getId())).toEqual(Uint8Array.from(spend.toBuffer()));
    });
    expect(later).toEqual([]);
    const last = await asked(async () => {
      expect(await source.spender(outpointOf(coins[0]!), 1)).toBeUndefined();
      expect(await source.spender(outpointOf(coins[2]!), 1)).toBeUndefined();
    });
    expect(last).toEqual(indexed ? [] : ["gettxout", "gettxout"]);
  });

  test("for all coins of the first round after a start", async () => {
    const calls = await asked(async () => {
      for (const coin of coins) await source.spender(outpointOf(coin), 1);
    });
    expect(calls).toEqual(["gettxout", "gettxout", "gettxout"]);
  });

  test("bytes that are used once are asked for anew, and a hint is good for one round", async () => {
    const spend = take(0);
    chain.add(spend);
    await hint(spend);
    await source.tip(asking());
    expect(await asked(() => source.transaction(spend.getId()))).toEqual([]);
    expect(await asked(() => source.transaction(spend.getId()))).toEqual(["getrawtransaction"]);
    expect(await asked(() => source.tip(asking()))).not.toContain("getrawtransaction");
  });

  test("no more than eight hints, however many there are", async () => {
    for (let i = 0; i < 12; i++) await hint(breach({ from: [{ transaction: coins[0]! }], fee: 1_000n + BigInt(i) }));
    const calls = await asked(() => source.tip(asking()));
    expect(calls.filter((method) => method === "getrawtransaction")).toHaveLength(8);
  });

  test("a block's place is asked once at a tip, however many coins were spent there", async () => {
    node.indexed = true;
    source = open();
    chain.mine(1, [take(0), take(1)]);
    const block = { height: 4, hash: chain.tip.hash };
    const look = async () => {
      await source.tip(asking());
      for (const coin of coins.slice(0, 2)) expect((await source.spender(outpointOf(coin)))?.block).toEqual(block);
    };
    await look();
    expect((await asked(look)).filter((method) => method === "getblockheader")).toEqual([]);
    chain.reorg(1);
    await source.tip(asking());
    expect((await source.spender(outpointOf(coins[0]!)))?.block).toBeUndefined();
  });
});

describe("an answer that cannot be used is asked for by itself, and told of then", () => {
  test.each([
    ["an error", () => refusal(-32603, "Internal error"), "Internal error"],
    ["something else", () => result("spent"), "something else than an answer to gettxspendingprevout"],
    ["another coin", () => result([{ txid: "ab".repeat(32), vout: 0 }]), "about another coin"],
  ])("who spends the coins: %s", async (_what, reply, problem) => {
    node.tamper = (method) => (method === "gettxspendingprevout" ? reply() : undefined);
    expect((await source.tip(asking())).height).toBe(3);
    await expect(source.spender(outpointOf(coins[0]!), 1)).rejects.toThrow(problem);
    node.tamper = undefined;
    expect(await source.spender(outpointOf(coins[0]!), 1)).toBeUndefined();
  });

  test("whether a coin is there", async () => {
    node.tamper = (method) => (method === "gettxout" ? refusal(-32603, "Internal error") : undefined);
    await source.tip(asking());
    await expect(source.spender(outpointOf(coins[0]!), 1)).rejects.toThrow("Internal error");
    node.tamper = undefined;
    expect(await source.spender(outpointOf(coins[0]!), 1)).toBeUndefined();
  });

  test("bytes of another transaction are refused, and not taken for the next answer", async () => {
    source.onNews(() => news++);
    await listen();
    await source.tip(asking());
    const spend = take(0);
    chain.add(spend);
    await hint(spend);
    node.tamper = (method) =>
      method === "getrawtransaction" ? result(Buffer.from(take(1).toBuffer()).toString("hex")) : undefined;
    await source.tip(asking());
    node.tamper = undefined;
    await expect(source.transaction(spend.getId())).rejects.toThrow("asked for transaction");
    expect(await source.transaction(spend.getId())).toEqual(Uint8Array.from(spend.toBuffer()));
  });
});

describe("a watch believes no hint", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await new Rig(source).start();
    await listen();
    await moved(() => rig.verdict === "sealed");
  });
  afterEach(async () => {
    await rig.stop();
    rig.folder.remove();
  });
  /** Time passes by as much as news needs, far less than to the next poll. */
  const moved = (holds: () => boolean) =>
    waitFor("the round", async () => {
      await rig.clock.advance(5);
      return holds();
    });

  test("of a spend that the node does not have", async () => {
    const spend = take(0);
    node.calls = [];
    await hint(spend);
    await moved(() => node.calls.includes("getrawtransaction"));
    // The round that asked for it is over when the next one begins.
    node.calls = [];
    await rig.clock.advance(1_000);
    await moved(() => node.calls.includes("getblockchaininfo"));
    expect(rig.problem()).toBeNull();
    expect([rig.verdict, ...rig.coins]).toEqual(["sealed", "funded 3", "funded 3", "funded 3"]);
    chain.add(spend);
    await hint(spend);
    await moved(() => rig.verdict === "moving");
  });

  test("of another spend than the node's", async () => {
    const [hinted, true_] = [breach({ from: [{ transaction: coins[0]! }], fee: 9_000n }), take(0)];
    chain.add(true_);
    await hint(hinted);
    await moved(() => rig.verdict === "moving");
    expect(rig.watch.snapshot().coins.flatMap(({ candidates }) => candidates.map(({ txid }) => txid))).toEqual([
      true_.getId(),
    ]);
  });

  test("with the right txid and without the signature: the node's bytes count", async () => {
    const spend = take(0);
    chain.add(spend);
    const bare = Transaction.fromBuffer(spend.toBuffer());
    bare.ins[0]!.witness = [];
    await hint(bare);
    await moved(() => rig.verdict === "moving");
    expect(rig.problem()).toBeNull();
  });
});
