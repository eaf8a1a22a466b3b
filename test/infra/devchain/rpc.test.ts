import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { withChecksum } from "../../../infra/bitcoin/descriptor.ts";
import { buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { DevNode } from "../../../infra/devchain/node.ts";
import type { RpcOptions } from "../../../infra/devchain/rpc-params.ts";
import { coreAsm, esploraAsm, scriptType } from "../../../infra/devchain/script-text.ts";
import { createServer } from "../../../infra/devchain/server.ts";
import { candy, START, THIEF } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-rpc-"));
let made = 0;
let node: DevNode;
beforeEach(() => {
  node = new DevNode({ dir: join(root, String(++made)), blockSeconds: 0, clock: () => START, log: () => {} });
  return () => node.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bugs: string[] = [];
const send = (body: string, options: RpcOptions = {}, headers: Record<string, string> = {}) =>
  createServer(node, { rpc: options, log: (line) => bugs.push(line) }).request("/rpc", {
    method: "POST",
    headers,
    body,
  });

// biome-ignore lint/suspicious/noExplicitAny: what comes back is what is tested
async function call(method: string, params: unknown[] = [], options: RpcOptions = {}): Promise<any> {
  const response = await send(JSON.stringify({ jsonrpc: "1.0", id: 7, method, params }), options);
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const { result, error, id } = (await response.json()) as any;
  expect(id).toBe(7);
  if (error === null) {
    expect(response.status).toBe(200);
    return result;
  }
  expect(result).toBeNull();
  expect(response.status).toBe(error.code === -32601 ? 404 : 500);
  throw Object.assign(new Error(error.message), { code: error.code });
}
const failing = async (method: string, params: unknown[] = [], options: RpcOptions = {}) => {
  const error = await call(method, params, options).then(
    () => undefined,
    (problem: Error & { code: number }) => problem,
  );
  return [error?.code, error?.message];
};

function hung() {
  const txid = node.fund(candy.output.script, 100_000n);
  node.mine(1);
  const sweep = (feeRate = 2) =>
    buildSweep({ candy, utxos: [{ txid, vout: 0, value: 100_000 }], toAddress: THIEF, feeRate });
  return { txid, sweep };
}
const UNKNOWN = "ab".repeat(32);

describe("the chain", () => {
  it("getblockchaininfo, getblockcount, getbestblockhash, getblockhash", async () => {
    const { tip } = node.chain;
    expect(await call("getblockchaininfo")).toMatchObject({
      chain: "regtest",
      blocks: 101,
      headers: 101,
      bestblockhash: tip.hash,
      bits: "207fffff",
      target: `7fffff${"0".repeat(58)}`,
      mediantime: tip.medianTime,
      initialblockdownload: false,
      chainwork: (102n * 2n).toString(16).padStart(64, "0"),
      pruned: false,
    });
    expect(await call("getblockcount")).toBe(101);
    expect(await call("getbestblockhash")).toBe(tip.hash);
    expect(await call("getblockhash", [101])).toBe(tip.hash);
    expect(await failing("getblockhash", [102])).toEqual([-8, "Block height out of range"]);
    expect(await failing("getblockhash", [-1])).toEqual([-8, "Block height out of range"]);
    expect((await call("getnetworkinfo")).version).toBe(310000);
  });
  it("getblockheader, both forms", async () => {
    const { tip } = node.chain;
    expect(await call("getblockheader", [tip.hash, false])).toBe(toHex(tip.raw.subarray(0, 80)));
    expect(await call("getblockheader", [tip.hash])).toEqual({
      hash: tip.hash,
      confirmations: 1,
      height: 101,
      version: 0x20000000,
      versionHex: "20000000",
      merkleroot: tip.merkleRoot,
      time: tip.time,
      mediantime: tip.medianTime,
      nonce: tip.nonce,
      bits: "207fffff",
      target: `7fffff${"0".repeat(58)}`,
      difficulty: 4.656542373906925e-10,
      chainwork: (204).toString(16).padStart(64, "0"),
      nTx: 1,
      previousblockhash: tip.previous!.hash,
    });
    expect(await call("getblockheader", [tip.previous!.hash, true])).toMatchObject({
      confirmations: 2,
      nextblockhash: tip.hash,
    });
    expect(await failing("getblockheader", [UNKNOWN])).toEqual([-5, "Block not found"]);
    expect(await failing("getblockheader", ["abc"])).toEqual([-8, "blockhash must be of length 64 (not 3, for 'abc')"]);
    const wrong = "xy".repeat(32);
    expect(await failing("getblockheader", [wrong])).toEqual([
      -8,
      `blockhash must be hexadecimal string (not '${wrong}')`,
    ]);
    expect((await failing("getblockheader", [tip.hash, "yes"]))[0]).toBe(-3);
    expect((await failing("getblockheader"))[0]).toBe(-1);
    expect((await failing("getblockheader", [5]))[0]).toBe(-3);
  });
  it("getblock in its three forms, also off the best chain", async () => {
    const { txid } = hung();
    const { tip } = node.chain;
    expect(await call("getblock", [tip.hash, 0])).toBe(toHex(tip.raw));
    const block = await call("getblock", [tip.hash, 1]);
    expect(block.tx).toEqual(tip.txids);
    expect(block.size).toBe(tip.raw.length);
    expect(block.weight).toBe(block.strippedsize * 3 + block.size);
    const full = await call("getblock", [tip.hash, 2]);
    expect(full.tx[1]).toMatchObject({ txid, vout: [{ value: 0.001, n: 0 }, { n: 1 }] });
    expect(full.tx[0].vin[0]).toHaveProperty("coinbase");
    await call("invalidateblock", [tip.hash]);
    expect(await call("getblock", [tip.hash])).toMatchObject({ confirmations: -1, height: 102 });
    expect(await call("getblockcount")).toBe(101);
    expect(await call("getrawmempool")).toEqual([txid]);
    expect(await failing("invalidateblock", [UNKNOWN])).toEqual([-5, "Block not found"]);
  });
  it("generatetoaddress", async () => {
    const hashes = await call("generatetoaddress", [3, THIEF]);
    expect(hashes).toEqual([102, 103, 104].map((height) => node.chain.blockAt(height)!.hash));
    expect(await call("scantxoutset", ["start", [`addr(${THIEF})`]])).toMatchObject({ total_amount: 150 });
    expect(await call("generatetoaddress", [0, THIEF])).toEqual([]);
    expect(await failing("generatetoaddress", [1, "nonsense"])).toEqual([-5, "Error: Invalid address"]);
    expect((await failing("generatetoaddress", [5000, THIEF]))[0]).toBe(-8);
  });
});

describe("transactions", () => {
  it("getrawtransaction: from the mempool, by block hash, and from the index when there is one", async () => {
    const { sweep } = hung();
    const { hex, txid } = sweep();
    expect(await call("sendrawtransaction", [hex])).toBe(txid);
    expect(await call("getrawtransaction", [txid])).toBe(hex);
    const object = await call("getrawtransaction", [txid, true]);
    expect(object).toMatchObject({ txid, hex, version: 2, vsize: sweep().vsize, locktime: 0 });
    expect(object.vin[0]).toMatchObject({ vout: 0, scriptSig: { asm: "", hex: "" }, sequence: 0xfffffffd });
    expect(object.vin[0].txinwitness[0]).toHaveLength(128);
    expect(object.vout[0].scriptPubKey).toMatchObject({ address: THIEF, type: "witness_v1_taproot" });
    expect(object.vout[0].scriptPubKey.asm).toMatch(/^1 [0-9a-f]{64}$/);
    expect(object).not.toHaveProperty("blockhash");
    node.mine(1);
    const { tip } = node.chain;
    const message =
      "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.";
    expect(await failing("getrawtransaction", [txid])).toEqual([-5, message]);
    expect(await call("getrawtransaction", [txid, 0, tip.hash])).toBe(hex);
    expect(await call("getrawtransaction", [txid, 1, tip.hash])).toMatchObject({
      in_active_chain: true,
      blockhash: tip.hash,
      confirmations: 1,
      time: tip.time,
      blocktime: tip.time,
    });
    expect(await call("getrawtransaction", [txid], { txindex: true })).toBe(hex);
    const indexed = await call("getrawtransaction", [txid, 2], { txindex: true });
    expect(indexed).not.toHaveProperty("in_active_chain");
    expect(await failing("getrawtransaction", [UNKNOWN], { txindex: true })).toEqual([
      -5,
      "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.",
    ]);
    expect(await failing("getrawtransaction", [txid, 0, UNKNOWN])).toEqual([-5, "Block hash not found"]);
    expect((await failing("getrawtransaction", [txid, 0, tip.previous!.hash]))[1]).toMatch(
      /^No such transaction found in the provided block/,
    );
    node.invalidate(tip.hash);
    expect(await call("getrawtransaction", [txid, 1, tip.hash])).toMatchObject({
      in_active_chain: false,
      confirmations: 0,
    });
  });
  it("sendrawtransaction's refusals have Core's codes", async () => {
    const { sweep } = hung();
    const cheap = sweep(0.5);
    expect(await failing("sendrawtransaction", [cheap.hex])).toEqual([
      -26,
      `min relay fee not met, ${cheap.fee} < ${cheap.vsize}`,
    ]);
    expect(await failing("sendrawtransaction", ["00"])).toEqual([
      -22,
      "TX decode failed. Make sure the tx has at least one input.",
    ]);
    const unknown = buildSweep({
      candy,
      utxos: [{ txid: UNKNOWN, vout: 0, value: 9000 }],
      toAddress: THIEF,
      feeRate: 2,
    });
    expect(await failing("sendrawtransaction", [unknown.hex])).toEqual([-25, "bad-txns-inputs-missingorspent"]);
    const { hex, txid } = sweep();
    expect(await failing("sendrawtransaction", [hex, 0.00001])).toEqual([
      -25,
      "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)",
    ]);
    expect(await call("sendrawtransaction", [hex, "0"])).toBe(txid);
    expect(await call("sendrawtransaction", [hex])).toBe(txid);
    node.mine(1);
    expect(await failing("sendrawtransaction", [hex])).toEqual([-27, "Transaction outputs already in utxo set"]);
  });
  it("testmempoolaccept tells without taking", async () => {
    const { sweep } = hung();
    const { hex, txid, fee, vsize } = sweep();
    const [good] = await call("testmempoolaccept", [[hex]]);
    expect(good).toMatchObject({
      txid,
      allowed: true,
      vsize,
      fees: { base: fee / 1e8, "effective-includes": [good.wtxid] },
    });
    expect(node.chain.mempool.size).toBe(0);
    const cheap = sweep(0.5);
    expect((await call("testmempoolaccept", [[cheap.hex]]))[0]).toMatchObject({
      txid: cheap.txid,
      allowed: false,
      "reject-reason": "min relay fee not met",
      "reject-details": `min relay fee not met, ${cheap.fee} < ${cheap.vsize}`,
    });
    const unknown = buildSweep({
      candy,
      utxos: [{ txid: UNKNOWN, vout: 0, value: 9000 }],
      toAddress: THIEF,
      feeRate: 2,
    });
    expect((await call("testmempoolaccept", [[unknown.hex]]))[0]).toMatchObject({
      allowed: false,
      "reject-reason": "missing-inputs",
    });
    expect((await call("testmempoolaccept", [[hex], 0.00001]))[0]).toMatchObject({
      allowed: false,
      "reject-reason": "max-fee-exceeded",
    });
    expect((await failing("testmempoolaccept", [["zz"]]))[0]).toBe(-22);
    expect((await failing("testmempoolaccept", [[]]))[0]).toBe(-8);
    expect((await failing("testmempoolaccept", [[hex, hex]]))[0]).toBe(-8);
    expect((await failing("testmempoolaccept", [hex]))[0]).toBe(-3);
  });
  it("gettxout and gettxspendingprevout follow a coin", async () => {
    const { txid, sweep } = hung();
    const { tip } = node.chain;
    expect(await call("gettxout", [txid, 0])).toMatchObject({
      bestblock: tip.hash,
      confirmations: 1,
      value: 0.001,
      coinbase: false,
      scriptPubKey: { address: candy.address, hex: toHex(candy.output.script) },
    });
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }]])).toEqual([{ txid, vout: 0 }]);
    const spend = sweep();
    node.submitTransaction(Buffer.from(spend.hex, "hex"));
    expect(await call("gettxout", [txid, 0])).toBeNull();
    expect(await call("gettxout", [txid, 0, false])).toMatchObject({ value: 0.001 });
    expect(await call("gettxout", [spend.txid, 0])).toMatchObject({ confirmations: 0 });
    expect(await call("gettxout", [spend.txid, 0, false])).toBeNull();
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }]])).toEqual([
      { txid, vout: 0, spendingtxid: spend.txid },
    ]);
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }], { return_spending_tx: true }])).toEqual([
      { txid, vout: 0, spendingtxid: spend.txid, spendingtx: spend.hex },
    ]);
    node.mine(1);
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }]])).toEqual([{ txid, vout: 0 }]);
    const indexed = { txospenderindex: true };
    const found = { txid, vout: 0, spendingtxid: spend.txid, blockhash: node.chain.tip.hash };
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }]], indexed)).toEqual([found]);
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }], { mempool_only: true }], indexed)).toEqual([
      { txid, vout: 0 },
    ]);
    expect((await failing("gettxspendingprevout", [[{ txid, vout: -1 }]]))[0]).toBe(-8);
    expect((await failing("gettxspendingprevout", [[{ txid: "x", vout: 0 }]]))[0]).toBe(-8);
    expect((await failing("gettxspendingprevout", [[]]))[0]).toBe(-3);
  });
  it("gettxoutproof, with and without the block's hash", async () => {
    const { txid } = hung();
    const { tip } = node.chain;
    const proof = await call("gettxoutproof", [[txid]]);
    expect(proof.startsWith(toHex(tip.raw.subarray(0, 80)))).toBe(true);
    expect(await call("gettxoutproof", [[txid], tip.hash])).toBe(proof);
    expect(await failing("gettxoutproof", [[UNKNOWN]])).toEqual([-5, "Transaction not yet in block"]);
    expect(await failing("gettxoutproof", [[txid], UNKNOWN])).toEqual([-5, "Block not found"]);
    expect(await failing("gettxoutproof", [[txid], tip.previous!.hash])).toEqual([
      -5,
      "Not all transactions found in specified or retrieved block",
    ]);
    expect((await failing("gettxoutproof", [[txid, txid]]))[0]).toBe(-8);
  });
  it("scantxoutset finds confirmed unspent outputs by address and script, with checksum or without", async () => {
    const { txid, sweep } = hung();
    const { tip } = node.chain;
    const unspent = {
      txid,
      vout: 0,
      scriptPubKey: toHex(candy.output.script),
      desc: withChecksum(`rawtr(${toHex(candy.output.outputKey)})`),
      amount: 0.001,
      coinbase: false,
      height: 102,
      blockhash: tip.hash,
      confirmations: 1,
    };
    const raw = `raw(${toHex(candy.output.script)})`;
    for (const one of [
      `addr(${candy.address})`,
      withChecksum(`addr(${candy.address})`),
      raw,
      { desc: withChecksum(raw) },
      unspent.desc,
    ]) {
      const found = await call("scantxoutset", ["start", [one]]);
      expect(found).toMatchObject({ success: true, height: 102, bestblock: tip.hash, total_amount: 0.001 });
      expect(found.unspents).toEqual([unspent]);
    }
    node.submitTransaction(Buffer.from(sweep().hex, "hex"));
    expect((await call("scantxoutset", ["start", [raw]])).unspents).toHaveLength(1);
    node.mine(1);
    expect((await call("scantxoutset", ["start", [raw]])).unspents).toHaveLength(0);
    expect(await call("scantxoutset", ["status"])).toBeNull();
    expect(await call("scantxoutset", ["abort"])).toBe(false);
    expect((await failing("scantxoutset", ["begin", []]))[0]).toBe(-8);
    for (const wrong of ["addr(x)", "raw(zz)", "wpkh(02)", `${raw}#aaaaaaaa`, "rawtr(00)"]) {
      expect((await failing("scantxoutset", ["start", [wrong]]))[0]).toBe(-5);
    }
  });
});

describe("the mempool", () => {
  it("getrawmempool, getmempoolentry and getmempoolinfo", async () => {
    const { sweep } = hung();
    const { hex, txid, fee, vsize } = sweep();
    node.submitTransaction(Buffer.from(hex, "hex"));
    expect(await call("getrawmempool")).toEqual([txid]);
    expect(await call("getrawmempool", [false, true])).toEqual({
      txids: [txid],
      mempool_sequence: node.chain.mempool.sequence,
    });
    const entry = {
      vsize,
      height: 102,
      time: START,
      depends: [],
      spentby: [],
      ancestorcount: 1,
      descendantcount: 1,
      fees: { base: fee / 1e8, modified: fee / 1e8, ancestor: fee / 1e8, descendant: fee / 1e8 },
      "bip125-replaceable": true,
    };
    expect((await call("getrawmempool", [true]))[txid]).toMatchObject(entry);
    expect(await call("getmempoolentry", [txid])).toMatchObject(entry);
    expect(await failing("getmempoolentry", [UNKNOWN])).toEqual([-5, "Transaction not in mempool"]);
    expect((await failing("getrawmempool", [true, true]))[0]).toBe(-8);
    expect(await call("getmempoolinfo")).toMatchObject({
      loaded: true,
      size: 1,
      bytes: vsize,
      total_fee: fee / 1e8,
      fullrbf: true,
    });
  });
});

describe("the protocol", () => {
  it("answers 1.0 and 2.0, each in its way", async () => {
    const modern = await send('{"jsonrpc":"2.0","id":"a","method":"getblockcount"}');
    expect([modern.status, await modern.json()]).toEqual([200, { jsonrpc: "2.0", result: 101, id: "a" }]);
    const missing = await send('{"jsonrpc":"2.0","id":1,"method":"nothing","params":[]}');
    expect([missing.status, await missing.json()]).toEqual([
      200,
      { jsonrpc: "2.0", error: { code: -32601, message: "Method not found" }, id: 1 },
    ]);
    const old = await send('{"id":1,"method":"constructor"}');
    expect([old.status, await old.json()]).toEqual([
      404,
      { result: null, error: { code: -32601, message: "Method not found" }, id: 1 },
    ]);
  });
  it("answers batches, each part by itself", async () => {
    const response = await send('[{"id":1,"method":"getblockcount"},{"id":2,"method":"x"},5]');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject([
      { result: 101, id: 1 },
      { error: { code: -32601 }, id: 2 },
      { error: { code: -32600 }, id: null },
    ]);
  });
  it.each([
    ["{", 500, -32700],
    ["5", 400, -32600],
    ['{"id":1}', 400, -32600],
    ['{"id":1,"method":"getblockcount","params":{"a":1}}', 500, -8],
  ])("%s is refused", async (body, status, code) => {
    const response = await send(body);
    expect([response.status, ((await response.json()) as { error: { code: number } }).error.code]).toEqual([
      status,
      code,
    ]);
  });
  it("wants the login when there is one", async () => {
    const login = { login: { user: "u", password: "p:ß" } };
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
    const body = '{"id":1,"method":"getblockcount"}';
    const none = await send(body, login);
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="jsonrpc"']);
    expect((await send(body, login, basic("u:wrong"))).status).toBe(401);
    expect((await send(body, login, { authorization: "Bearer x" })).status).toBe(401);
    expect((await send(body, login, basic("u:p:ß"))).status).toBe(200);
  });
  it("has reported no bug on the way", () => {
    expect(bugs).toEqual([]);
  });
});

describe("scripts in words", () => {
  const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
  const K = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
  it.each([
    [`5120${K}`, `OP_PUSHNUM_1 OP_PUSHBYTES_32 ${K}`, `1 ${K}`, "v1_p2tr", "witness_v1_taproot"],
    [
      `0014${K.slice(0, 40)}`,
      `OP_0 OP_PUSHBYTES_20 ${K.slice(0, 40)}`,
      `0 ${K.slice(0, 40)}`,
      "v0_p2wpkh",
      "witness_v0_keyhash",
    ],
    [`0020${K}`, `OP_0 OP_PUSHBYTES_32 ${K}`, `0 ${K}`, "v0_p2wsh", "witness_v0_scripthash"],
    [
      `76a914${K.slice(0, 40)}88ac`,
      `OP_DUP OP_HASH160 OP_PUSHBYTES_20 ${K.slice(0, 40)} OP_EQUALVERIFY OP_CHECKSIG`,
      `OP_DUP OP_HASH160 ${K.slice(0, 40)} OP_EQUALVERIFY OP_CHECKSIG`,
      "p2pkh",
      "pubkeyhash",
    ],
    [
      `a914${K.slice(0, 40)}87`,
      `OP_HASH160 OP_PUSHBYTES_20 ${K.slice(0, 40)} OP_EQUAL`,
      `OP_HASH160 ${K.slice(0, 40)} OP_EQUAL`,
      "p2sh",
      "scripthash",
    ],
    [`2102${K}ac`, `OP_PUSHBYTES_33 02${K} OP_CHECKSIG`, `02${K} OP_CHECKSIG`, "p2pk", "pubkey"],
    ["6a0568656c6c6f", "OP_RETURN OP_PUSHBYTES_5 68656c6c6f", "OP_RETURN 68656c6c6f", "op_return", "nulldata"],
    ["", "", "", "empty", "nonstandard"],
    ["0181", "OP_PUSHBYTES_1 81", "-1", "unknown", "nonstandard"],
    ["020100b1", "OP_PUSHBYTES_2 0100 OP_CLTV", "1 OP_CHECKLOCKTIMEVERIFY", "unknown", "nonstandard"],
    ["4c0101", "OP_PUSHDATA1 01", "1", "unknown", "nonstandard"],
    ["4f60", "OP_PUSHNUM_NEG1 OP_PUSHNUM_16", "-1 16", "unknown", "nonstandard"],
  ])("%s", (hex, esplora, core, esploraType, coreType) => {
    expect(esploraAsm(bytes(hex))).toBe(esplora);
    expect(coreAsm(bytes(hex))).toBe(core);
    expect(scriptType(bytes(hex))).toEqual({ esplora: esploraType, core: coreType });
  });
});
