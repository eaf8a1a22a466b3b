/** The Core source against nodes with and without indexes, and against answers that are none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../../monitor/proofs/bytes.ts";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { checkCoinbase, checkInclusion } from "../../../monitor/proofs/merkle.ts";
import { CoreSource } from "../../../monitor/sources/core/core-source.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import {
  breach,
  ELSEWHERE,
  fundBounty,
  funding,
  outpointOf,
  PAID,
  PUBLIC,
  parsed,
  prevoutsOf,
} from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeCore, refusal, result } from "../support/fake-core.ts";

const TARGET = { script: PAID.script, address: PUBLIC.address };
const coin = fundBounty();
const spend = breach({ from: [{ transaction: coin }] });
const folder = mkdtempSync(join(tmpdir(), "core-"));
const cookieFile = join(folder, ".cookie");
let chain: FakeChain;
let node: FakeCore;
let source: CoreSource;

beforeEach(async () => {
  chain = new FakeChain();
  chain.mine(3, [coin]);
  node = await new FakeCore(chain).start();
  writeFileSync(cookieFile, `${node.login}\n`);
  source = new CoreSource({ url: node.url, cookieFile, chain: "regtest" });
});
afterEach(() => node.stop());
afterAll(() => rmSync(folder, { recursive: true }));

const block = (height: number) => ({ height, hash: chain.best[height]!.hash });
const counted = (method: string) => node.calls.filter((each) => each === method).length;
const fundings = () => source.fundings(TARGET);
const keys = async () => (await fundings()).map(({ txid, block: at }) => `${txid} ${at?.height ?? "waiting"}`).sort();

const nodes = [
  { indexed: false, filtered: false },
  { indexed: true, filtered: false },
  { indexed: false, filtered: true },
  { indexed: true, filtered: true },
];

describe.each(nodes)("%j", (indexes) => {
  beforeEach(() => {
    Object.assign(node, indexes);
  });

  test("every question", async () => {
    expect(await source.tip()).toEqual({ height: 3, hash: chain.tip.hash });
    expect(await source.headers(chain.tip.hash, 3, 10)).toEqual(chain.best.toReversed().map(({ header }) => header));
    expect(await fundings()).toEqual([{ ...outpointOf(coin), value: 1_000_000, block: block(1) }]);
    expect(await source.spender(outpointOf(coin), 1)).toBeUndefined();
    chain.add(spend);
    expect(await source.spender(outpointOf(coin), 1)).toEqual({ txid: spend.getId() });
    expect(await source.transaction(spend.getId())).toEqual(Uint8Array.from(spend.toBuffer()));
    expect(await source.transaction("ab".repeat(32))).toBeUndefined();
    chain.mine(3);
    await source.tip();
    expect(await source.spender(outpointOf(coin), 1)).toEqual({ txid: spend.getId(), block: block(4) });
    expect(await source.transaction(spend.getId(), block(4))).toEqual(Uint8Array.from(spend.toBuffer()));
    const header = parseHeader(chain.best[1]!.header, NETWORKS.regtest);
    const coinbase = await source.coinbaseProof(block(1));
    checkInclusion(parsed(coin), await source.merkleProof(coin.getId(), block(1)), header, coinbase);
    expect(checkCoinbase(coinbase, header).branch.position).toBe(0);
  });

  test("a confirmed spend that is reorged away is in the mempool again", async () => {
    await fundings();
    chain.mine(1, [spend]);
    await source.tip();
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    chain.reorg(1);
    await source.tip();
    expect(await source.spender(outpointOf(coin), 1)).toEqual({ txid: spend.getId() });
    chain.mine(1);
    await source.tip();
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(6);
  });

  test("coins that were spent before the first look are found, from the birth height on", async () => {
    chain.mine(1, [spend]);
    const later = fundBounty(5_000n);
    chain.mine(2, [later]);
    chain.mine(1, [breach({ from: [{ transaction: later }] })]);
    expect(await keys()).toEqual([`${coin.getId()} 1`, `${later.getId()} 5`].sort());
    source = new CoreSource({ url: node.url, cookieFile, chain: "regtest", birth: 2 });
    expect(await keys()).toEqual([`${later.getId()} 5`]);
  });
});

describe("who spends a coin", () => {
  test("without any index, blocks are read once, and the search goes on in the next call", async () => {
    chain.mine(1, [spend]);
    chain.mine(150);
    await source.tip();
    await expect(source.spender(outpointOf(coin), 1)).rejects.toThrow("is being searched");
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    expect(counted("getblock")).toBe(151);
    node.calls = [];
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    expect([counted("getblock"), counted("getblockheader")]).toEqual([0, 1]);
  });

  test("with filters, only blocks that touch the script are read", async () => {
    node.filtered = true;
    source = new CoreSource({ url: node.url, cookieFile, chain: "regtest", birth: 400 });
    chain.mine(1, [spend]);
    chain.mine(100);
    await source.tip();
    await fundings();
    node.calls = [];
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    expect([counted("scanblocks"), counted("getblock")]).toEqual([1, 1]);
  });

  test("all coins of a round are asked about in one call, those of the round before ahead of time", async () => {
    const coins = [coin, ...Array.from({ length: 9 }, (_, i) => fundBounty(BigInt(1000 + i)))];
    chain.mine(1, coins.slice(1));
    const round = async () => {
      await source.tip();
      node.calls = [];
      return Promise.all(coins.map((each) => source.spender(outpointOf(each), 1)));
    };
    for (const each of coins) await source.spender(outpointOf(each), 1);
    chain.add(spend);
    await source.tip();
    node.calls = [];
    const spenders: unknown[] = [];
    for (const each of coins) spenders.push(await source.spender(outpointOf(each), 1));
    expect(spenders).toEqual([{ txid: spend.getId() }, ...Array(9).fill(undefined)]);
    expect(counted("gettxspendingprevout")).toBe(1);
    expect(counted("gettxout")).toBe(9);
    // An answer is used once: whoever asks twice in a round is not told what was true before.
    chain.forget(spend);
    expect(await source.spender(outpointOf(coin), 1)).toBeUndefined();
    expect((await round()).every((each) => each === undefined)).toBe(true);
  });

  test("indexes are asked for once in a connection, and again after the node was lost", async () => {
    node.indexed = true;
    for (let i = 0; i < 3; i++) await source.spender(outpointOf(coin), 1);
    expect(counted("getindexinfo")).toBe(1);
    node.tamper = () => ({ status: 503, body: "Work queue depth exceeded" });
    await expect(source.tip()).rejects.toThrow("overloaded");
    node.tamper = undefined;
    node.indexed = false;
    chain.mine(1, [spend]);
    await source.tip();
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    expect(counted("getindexinfo")).toBe(2);
  });

  test("an index that lags behind the tip is done without", async () => {
    node.indexed = true;
    chain.mine(1, [spend]);
    node.tamper = (method, params) =>
      method === "gettxspendingprevout" && !(params[1] as { mempool_only?: boolean }).mempool_only
        ? refusal(-1, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
        : undefined;
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
  });

  test("a node that does not allow to ask for its indexes has none", async () => {
    node.tamper = (method) => (method === "getindexinfo" ? { status: 403, body: "" } : undefined);
    chain.mine(1, [spend]);
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    node.tamper = (method) => (method === "getblockchaininfo" ? { status: 403, body: "" } : undefined);
    await expect(source.tip()).rejects.toThrow("does not allow getblockchaininfo to this user (HTTP 403)");
  });
});

describe("fundings", () => {
  test("the UTXO set is scanned once, and each new block is read", async () => {
    await fundings();
    await source.tip();
    await fundings();
    const more = fundBounty(123_456_789n);
    const gone = fundBounty(77_777n);
    chain.mine(1, [more]);
    // Made and spent in one block: no scan of unspent outputs ever shows it.
    chain.mine(1, [gone, breach({ from: [{ transaction: gone }] })]);
    await source.tip();
    expect(await keys()).toEqual([`${coin.getId()} 1`, `${gone.getId()} 5`, `${more.getId()} 4`].sort());
    expect(counted("scantxoutset")).toBe(1);
  });

  test("of blocks that were reorganised away are seen in the mempool, and in their new block", async () => {
    await fundings();
    const more = fundBounty(2_000n);
    chain.mine(3, [more]);
    await source.tip();
    expect(await keys()).toContain(`${more.getId()} 4`);
    chain.reorg(3, 4);
    await source.tip();
    expect(await keys()).toContain(`${more.getId()} waiting`);
    chain.mine(1);
    await source.tip();
    expect(await keys()).toContain(`${more.getId()} 8`);
    expect(counted("scantxoutset")).toBe(1);
  });

  test("a node that went back to an older block, and forward again", async () => {
    const more = fundBounty(2_000n);
    await fundings();
    chain.mine(3, [more]);
    await source.tip();
    await fundings();
    const later = chain.best.splice(4);
    await source.tip();
    expect(await keys()).toEqual([`${coin.getId()} 1`]);
    chain.best.push(...later);
    await source.tip();
    expect(await keys()).toContain(`${more.getId()} 4`);
  });

  test("after a reorganisation below the block of the scan, all is scanned anew", async () => {
    const more = fundBounty(2_000n);
    chain.mine(1, [spend]);
    await fundings();
    chain.reorg(2, 3, [more]);
    await source.tip();
    await fundings();
    await source.tip();
    expect(counted("scantxoutset")).toBe(2);
    expect(await keys()).toEqual([`${coin.getId()} 1`, `${more.getId()} 3`].sort());
  });

  test("a block that comes between tip and scan is no reason to scan anew", async () => {
    await source.tip();
    chain.mine(1);
    await fundings();
    expect(await keys()).toEqual([`${coin.getId()} 1`]);
    await source.tip();
    await fundings();
    expect(counted("scantxoutset")).toBe(1);
  });

  test("a scan that takes long is said, and its result is used when it is there", async () => {
    source = new CoreSource({ url: node.url, cookieFile, chain: "regtest", patience: 20, birth: 3 });
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    node.hold = (method) => (method === "scantxoutset" ? opened : undefined);
    await source.tip();
    await expect(fundings()).rejects.toThrow("is scanning its UTXO set");
    expect(await source.spender(outpointOf(coin), 1)).toBeUndefined();
    await expect(fundings()).rejects.toThrow("is scanning its UTXO set");
    open();
    await expect.poll(() => keys().catch(() => []), { timeout: 20_000 }).toEqual([`${coin.getId()} 1`]);
    expect(counted("scantxoutset")).toBe(1);
  });

  test("unconfirmed ones of a small mempool are seen, of a large one they are not looked for", async () => {
    await fundings();
    const waiting = fundBounty(9_999n);
    chain.add(waiting);
    expect(await keys()).toContain(`${waiting.getId()} waiting`);
    chain.forget(waiting);
    expect(await keys()).not.toContain(`${waiting.getId()} waiting`);
    node.tamper = (method) => (method === "getmempoolinfo" ? result({ size: 501 }) : undefined);
    chain.add(fundBounty(8_888n));
    expect(await keys()).toEqual([`${coin.getId()} 1`]);
    expect(counted("getrawmempool")).toBe(1);
  });
});

describe("previous outputs, without a transaction index", () => {
  const other = funding({ script: ELSEWHERE, value: 40_000n });
  const parent = funding({ script: ELSEWHERE, value: 30_000n });
  const sweep = breach({ from: [{ transaction: coin }, { transaction: other }, { transaction: parent }] });
  const needed = [outpointOf(coin), outpointOf(other), outpointOf(parent)];
  const expected = prevoutsOf(coin, other, parent);

  test("of an unconfirmed spend: from the UTXO set and from parents in the mempool", async () => {
    chain.mine(1, [other]);
    chain.add(parent, sweep);
    expect(await source.prevouts(needed, { txid: sweep.getId() })).toEqual(expected);
  });

  test("of a confirmed one: from its block's undo data", async () => {
    chain.mine(1, [other, parent]);
    chain.mine(1, [sweep]);
    expect(await source.prevouts(needed, { txid: sweep.getId(), block: block(5) })).toEqual(expected);
    expect(counted("gettxout")).toBe(0);
  });

  test("what the node does not know is left out", async () => {
    const nowhere = { txid: "ab".repeat(32), vout: 1 };
    expect(await source.prevouts([nowhere, outpointOf(coin)], { txid: sweep.getId() })).toEqual(prevoutsOf(coin));
  });
});

test("headers of a side branch, and of a node that follows another branch meanwhile", async () => {
  chain.mine(5);
  const left = chain.best.slice(4).toReversed();
  chain.reorg(4, 5);
  const asked = await source.headers(left[0]!.hash, left[0]!.height, 5);
  expect(asked.map((raw) => parseHeader(raw, NETWORKS.regtest).hash)).toEqual(left.map(({ hash }) => hash));
});

test("a node that was restarted has a new cookie: it is read again", async () => {
  await source.tip();
  node.login = "__cookie__:two";
  await expect(source.tip()).rejects.toThrow("refuses the user name and password");
  writeFileSync(cookieFile, "__cookie__:two");
  expect((await source.tip()).height).toBe(3);
  rmSync(cookieFile);
  node.login = "__cookie__:three";
  await expect(source.tip()).rejects.toThrow("cookie file cannot be read");
});

test("user and password of the URL", async () => {
  node.login = "me:secret";
  const other = new CoreSource({ url: node.url.replace("http://", "http://me:secret@"), chain: "regtest" });
  expect((await other.tip()).height).toBe(3);
  expect(other.name).not.toContain("secret");
});

test("another chain, a node that is starting, answers that are none", async () => {
  const main = new CoreSource({ url: node.url, cookieFile, chain: "main" });
  await expect(main.tip()).rejects.toThrow('is on chain "regtest", not "main"');
  const ask = async (reply: { status: number; body: string }, question: () => Promise<unknown>) => {
    node.tamper = () => reply;
    return question().then(
      () => "believed",
      (error: unknown) => (error instanceof SourceError ? error.message : `another error: ${error}`),
    );
  };
  const warming = JSON.stringify({ result: null, error: { code: -28, message: "Loading block index…" }, id: 1 });
  expect(await ask({ status: 500, body: warming }, () => source.tip())).toBe("is starting up: Loading block index…");
  const questions = [
    () => source.tip(),
    () => source.headers(chain.tip.hash, 3, 1),
    () => new CoreSource({ url: node.url, cookieFile, chain: "regtest" }).fundings(TARGET),
    () => source.spender(outpointOf(coin), 1),
    () => source.transaction(coin.getId()),
    () => source.merkleProof(coin.getId(), block(1)),
    () => source.coinbaseProof(block(1)),
    () => source.prevouts([outpointOf(coin)], { txid: spend.getId(), block: block(1) }),
  ];
  const replies = [
    { status: 200, body: "<html>" },
    { status: 200, body: "[]" },
    result(7),
    result({}),
    result("zz"),
    refusal(-1, "no"),
  ];
  for (const question of questions) {
    for (const reply of replies) {
      const said = await ask(reply, question);
      expect(said).not.toBe("believed");
      expect(said).not.toContain("another error");
    }
  }
  node.tamper = undefined;
  await source.tip();
  const only = (method: string, reply: { status: number; body: string }, question: () => Promise<unknown>) => {
    const asked = question();
    node.tamper = (called) => (called === method ? reply : undefined);
    return asked.then(
      () => "believed",
      (error: unknown) => (error instanceof SourceError ? error.message : `another error: ${error}`),
    );
  };
  const spending = result([{ txid: "ab".repeat(32), vout: 0 }]);
  expect(await only("gettxspendingprevout", spending, () => source.spender(outpointOf(coin), 1))).toContain(
    "another coin",
  );
  node.tamper = undefined;
  chain.mine(1, [spend]);
  await source.tip();
  const otherBlock = result(toHex(Buffer.concat([chain.best[1]!.header, Buffer.from([0])])));
  expect(await only("getblock", otherBlock, () => source.spender(outpointOf(coin), 1))).toContain(
    "a block that does not have the hash",
  );
  node.tamper = undefined;
  const otherHeader = result(Buffer.from(chain.best[0]!.header).toString("hex"));
  expect(await ask(otherHeader, () => source.headers(chain.tip.hash, 3, 1))).toContain("does not have the hash");
  const otherTransaction = result(Buffer.from(spend.toBuffer()).toString("hex"));
  expect(await ask(otherTransaction, () => source.transaction(coin.getId()))).toContain("asked for transaction");
});
