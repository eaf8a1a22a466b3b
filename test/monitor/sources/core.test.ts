/** The Core source against a node with and without an index of spenders, and against answers that are none. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { checkInclusion } from "../../../monitor/proofs/merkle.ts";
import { CoreSource } from "../../../monitor/sources/core.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach, fundBounty, outpointOf, PAID, PUBLIC, parsed } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeCore, result } from "../support/fake-core.ts";
import { temporaryFolder } from "../support/rig.ts";

const TARGET = { script: PAID.script, address: PUBLIC.address };
const coin = fundBounty();
const spend = breach({ from: [{ transaction: coin }] });
const folder = temporaryFolder();
const cookieFile = join(folder.path, ".cookie");
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
afterAll(() => folder.remove());

describe.each([false, true])("with an index of spenders: %s", (indexed) => {
  beforeEach(() => {
    node.indexed = indexed;
  });

  test("every question", async () => {
    const block = { height: 1, hash: chain.best[1]!.hash };
    expect(await source.tip()).toEqual({ height: 3, hash: chain.tip.hash });
    expect(await source.headers(chain.tip.hash, 3, 10)).toEqual(chain.best.toReversed().map(({ header }) => header));
    expect(await source.fundings(TARGET)).toEqual([{ ...outpointOf(coin), value: 1_000_000, block }]);
    expect(await source.spender(outpointOf(coin), 1)).toBeUndefined();
    chain.add(spend);
    expect(await source.spender(outpointOf(coin), 1)).toEqual({ txid: spend.getId() });
    expect(await source.transaction(spend.getId())).toEqual(Uint8Array.from(spend.toBuffer()));
    expect(await source.transaction("ab".repeat(32))).toBeUndefined();
    chain.mine(3);
    await source.tip();
    const where = { height: 4, hash: chain.best[4]!.hash };
    expect(await source.spender(outpointOf(coin), 1)).toEqual({ txid: spend.getId(), block: where });
    expect(await source.transaction(spend.getId(), where)).toEqual(Uint8Array.from(spend.toBuffer()));
    const proof = await source.merkleProof(coin.getId(), block);
    checkInclusion(parsed(coin), proof, parseHeader(chain.best[1]!.header, NETWORKS.regtest));
  });

  test("a confirmed spend that is reorged away is in the mempool again", async () => {
    chain.mine(1, [spend]);
    await source.tip();
    expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
    chain.reorg(1);
    await source.tip();
    expect(await source.spender(outpointOf(coin), 1)).toEqual({ txid: spend.getId() });
  });
});

test("without an index, blocks are read once, and the search goes on in the next call", async () => {
  chain.mine(1, [spend]);
  chain.mine(300);
  await source.tip();
  await expect(source.spender(outpointOf(coin), 1)).rejects.toThrow("is being searched");
  await expect(source.spender(outpointOf(coin), 1)).rejects.toThrow("is being searched");
  expect((await source.spender(outpointOf(coin), 1))?.block?.height).toBe(4);
  expect(node.calls.filter((method) => method === "getblock").length).toBe(301);
  node.calls = [];
  await source.spender(outpointOf(coin), 1);
  expect(node.calls.filter((method) => method === "getblock").length).toBe(1);
});

test("the UTXO set is scanned when the tip moved, and only then", async () => {
  await source.tip();
  await source.fundings(TARGET);
  await source.fundings(TARGET);
  expect(node.calls.filter((method) => method === "scantxoutset").length).toBe(1);
  const more = fundBounty(123_456_789n);
  chain.mine(1, [more]);
  await source.tip();
  expect((await source.fundings(TARGET)).map(({ value }) => value)).toEqual([1_000_000, 123_456_789]);
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
    () => source.merkleProof(coin.getId(), { height: 1, hash: chain.best[1]!.hash }),
  ];
  const replies = [
    { status: 200, body: "<html>" },
    { status: 200, body: "[]" },
    result(7),
    result({}),
    result("zz"),
    { status: 500, body: JSON.stringify({ result: null, error: { code: -1, message: "no" }, id: 1 }) },
  ];
  for (const question of questions) {
    for (const reply of replies) {
      const said = await ask(reply, question);
      expect(said).not.toBe("believed");
      expect(said).not.toContain("another error");
    }
  }
  const spending = result([{ txid: "ab".repeat(32), vout: 0 }]);
  expect(await ask(spending, () => source.spender(outpointOf(coin), 1))).toContain("another coin");
  const otherHeader = result(Buffer.from(chain.best[0]!.header).toString("hex"));
  expect(await ask(otherHeader, () => source.headers(chain.tip.hash, 3, 1))).toContain("does not have the hash");
  const otherTransaction = result(Buffer.from(spend.toBuffer()).toString("hex"));
  expect(await ask(otherTransaction, () => source.transaction(coin.getId()))).toContain("asked for transaction");
});
