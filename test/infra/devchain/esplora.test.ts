import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { Transaction } from "../../../infra/bitcoin/ecc.ts";
import { buildRefund, buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { scriptHash } from "../../../infra/devchain/ledger.ts";
import { DevNode } from "../../../infra/devchain/node.ts";
import { createServer, MAX_BODY } from "../../../infra/devchain/server.ts";
import { candy, REFUND_HEIGHT, REFUND_KEY, rootOf, START, shaTwice, THIEF } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-esplora-"));
let made = 0;
let node: DevNode;
let app: ReturnType<typeof createServer>;
let bugs: string[] = [];
beforeEach(() => {
  bugs = [];
  node = new DevNode({ dir: join(root, String(++made)), blockSeconds: 0, clock: () => START, log: () => {} });
  app = createServer(node, { log: (line) => bugs.push(line) });
  return () => {
    expect(bugs).toEqual([]);
    node.close();
  };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const get = async (path: string) => app.request(path);
const text = async (path: string) => (await get(path)).text();
// biome-ignore lint/suspicious/noExplicitAny: what comes back is what is tested
const json = async (path: string): Promise<any> => (await get(path)).json();
const post = (path: string, value: unknown) =>
  app.request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) });
const broadcast = (hex: string) => app.request("/tx", { method: "POST", body: hex });

/** The piñata funded and confirmed, through the HTTP API alone. */
async function hung() {
  const { txid } = (await (await post("/dev/fund", { address: candy.address, sats: 100_000 })).json()) as {
    txid: string;
  };
  await post("/dev/mine", { blocks: 1 });
  const sweep = (feeRate = 2) =>
    buildSweep({ candy, utxos: [{ txid, vout: 0, value: 100_000 }], toAddress: THIEF, feeRate });
  return { txid, sweep };
}

describe("blocks", () => {
  it("tip, heights and hashes agree", async () => {
    expect(await text("/blocks/tip/height")).toBe("101");
    const hash = await text("/blocks/tip/hash");
    expect(hash).toBe(node.chain.tip.hash);
    expect(await text("/block-height/101")).toBe(hash);
    expect(await text("/block-height/0")).toBe("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206");
  });
  it("have Esplora's fields, no more and no less", async () => {
    const tip = node.chain.tip;
    expect(await json(`/block/${tip.hash}`)).toEqual({
      id: tip.hash,
      height: 101,
      version: 0x20000000,
      timestamp: tip.time,
      tx_count: 1,
      size: tip.raw.length,
      weight: tip.weight,
      merkle_root: tip.txids[0],
      previousblockhash: tip.previous!.hash,
      mediantime: tip.medianTime,
      nonce: tip.nonce,
      bits: 545259519,
      difficulty: 4.656542373906925e-10,
    });
    expect((await json(`/block/${await text("/block-height/0")}`)).previousblockhash).toBeNull();
  });
  it("come ten at a time, newest first", async () => {
    const heights = async (path: string) => (await json(path)).map(({ height }: { height: number }) => height);
    expect(await heights("/blocks")).toEqual([101, 100, 99, 98, 97, 96, 95, 94, 93, 92]);
    expect(await heights("/blocks/5")).toEqual([5, 4, 3, 2, 1, 0]);
  });
  it("as header, raw bytes and txids", async () => {
    await hung();
    const { tip } = node.chain;
    const header = await text(`/block/${tip.hash}/header`);
    expect(header).toHaveLength(160);
    expect(shaTwice(Buffer.from(header, "hex")).reverse().toString("hex")).toBe(tip.hash);
    const raw = await get(`/block/${tip.hash}/raw`);
    expect(raw.headers.get("content-type")).toBe("application/octet-stream");
    expect(toHex(new Uint8Array(await raw.arrayBuffer()))).toBe(toHex(tip.raw));
    const txids = await json(`/block/${tip.hash}/txids`);
    expect(txids).toHaveLength(2);
    expect(rootOf(txids)).toBe(tip.merkleRoot);
    expect(await text(`/block/${tip.hash}/txid/1`)).toBe(txids[1]);
    const txs = await json(`/block/${tip.hash}/txs`);
    expect(txs.map(({ txid }: { txid: string }) => txid)).toEqual(txids);
    expect(txs[0].vin[0]).toMatchObject({ is_coinbase: true, prevout: null, txid: "0".repeat(64), vout: 0xffffffff });
    expect(txs[0].fee).toBe(0);
  });
  it("tell whether they are on the best chain", async () => {
    const left = node.chain.tip;
    expect(await json(`/block/${left.hash}/status`)).toEqual({ in_best_chain: true, height: 101 });
    expect(await json(`/block/${left.previous!.hash}/status`)).toEqual({
      in_best_chain: true,
      height: 100,
      next_best: left.hash,
    });
    expect(await (await post("/dev/invalidate", { hash: left.hash })).json()).toEqual({
      height: 100,
      hash: left.previous!.hash,
    });
    expect(await json(`/block/${left.hash}/status`)).toEqual({ in_best_chain: false });
    expect(await json(`/block/${"ab".repeat(32)}/status`)).toEqual({ in_best_chain: false });
    expect((await json(`/block/${left.hash}`)).height).toBe(101);
  });
  it("of many transactions are paged by 25", async () => {
    for (let i = 0; i < 24; i++) node.fund(candy.output.script, 1_000n);
    node.mine(1);
    node.mine(1);
    for (let i = 0; i < 24; i++) node.fund(candy.output.script, 1_000n);
    const another = node.chain.blockAt(102)!;
    expect(another.txids).toHaveLength(25);
    expect(await json(`/block/${another.hash}/txs/0`)).toHaveLength(25);
    expect(await json(`/block/${another.hash}/txs/25`)).toHaveLength(0);
    expect((await get(`/block/${another.hash}/txs/24`)).status).toBe(400);
  });
});

describe("transactions", () => {
  it("have Esplora's fields, waiting and confirmed", async () => {
    const { txid, sweep } = await hung();
    const { hex, txid: spend, fee, amount } = sweep();
    expect(await (await broadcast(hex)).text()).toBe(spend);
    const tx = Transaction.fromHex(hex);
    const expected = {
      txid: spend,
      version: 2,
      locktime: 0,
      vin: [
        {
          txid,
          vout: 0,
          prevout: {
            scriptpubkey: toHex(candy.output.script),
            scriptpubkey_asm: `OP_PUSHNUM_1 OP_PUSHBYTES_32 ${toHex(candy.output.outputKey)}`,
            scriptpubkey_type: "v1_p2tr",
            scriptpubkey_address: candy.address,
            value: 100_000,
          },
          scriptsig: "",
          scriptsig_asm: "",
          witness: [toHex(tx.ins[0]!.witness[0]!)],
          is_coinbase: false,
          sequence: 0xfffffffd,
        },
      ],
      vout: [expect.objectContaining({ scriptpubkey_address: THIEF, value: amount, scriptpubkey_type: "v1_p2tr" })],
      size: hex.length / 2,
      weight: tx.weight(),
      fee,
      status: { confirmed: false },
    };
    expect(await json(`/tx/${spend}`)).toEqual(expected);
    expect(await json(`/tx/${spend}/status`)).toEqual({ confirmed: false });
    expect((await get(`/tx/${spend}/merkle-proof`)).status).toBe(404);
    node.mine(1);
    const { tip } = node.chain;
    const status = { confirmed: true, block_height: 103, block_hash: tip.hash, block_time: tip.time };
    expect(await json(`/tx/${spend}`)).toEqual({ ...expected, status });
    expect(await json(`/tx/${spend}/status`)).toEqual(status);
    expect(await text(`/tx/${spend}/hex`)).toBe(hex);
    expect(toHex(new Uint8Array(await (await get(`/tx/${spend}/raw`)).arrayBuffer()))).toBe(hex);
  });
  it("show a refund's leaf", async () => {
    const { txid } = await hung();
    node.mine(REFUND_HEIGHT - node.chain.height);
    const options = {
      terms: candy.terms,
      network: "regtest" as const,
      refundPrivateKey: REFUND_KEY,
      toAddress: THIEF,
      feeRate: 2,
    };
    const refund = buildRefund({ ...options, utxos: [{ txid, vout: 0, value: 100_000 }] });
    expect((await broadcast(refund.hex)).status).toBe(200);
    const [input] = (await json(`/tx/${refund.txid}`)).vin;
    expect(input.witness).toHaveLength(3);
    expect(input.inner_witnessscript_asm).toBe(
      `OP_PUSHBYTES_32 ${toHex(candy.terms.refundKey)} OP_CHECKSIGVERIFY OP_PUSHBYTES_1 78 OP_CLTV`,
    );
  });
  it("say who spends their outputs", async () => {
    const { txid, sweep } = await hung();
    expect(await json(`/tx/${txid}/outspend/0`)).toEqual({ spent: false });
    const spend = sweep();
    await broadcast(spend.hex);
    expect(await json(`/tx/${txid}/outspend/0`)).toEqual({
      spent: true,
      txid: spend.txid,
      vin: 0,
      status: { confirmed: false },
    });
    node.mine(1);
    const { tip } = node.chain;
    const status = { confirmed: true, block_height: 103, block_hash: tip.hash, block_time: tip.time };
    expect(await json(`/tx/${txid}/outspend/0`)).toEqual({ spent: true, txid: spend.txid, vin: 0, status });
    expect(await json(`/tx/${txid}/outspends`)).toEqual([
      { spent: true, txid: spend.txid, vin: 0, status },
      { spent: false },
    ]);
    await post("/dev/invalidate", { hash: tip.hash });
    expect(await json(`/tx/${txid}/outspend/0`)).toEqual({
      spent: true,
      txid: spend.txid,
      vin: 0,
      status: { confirmed: false },
    });
    expect(await json(`/tx/${"ab".repeat(32)}/outspend/0`)).toEqual({ spent: false });
  });
  it("come with merkle proofs that lead to the block's root", async () => {
    for (let i = 0; i < 6; i++) node.fund(candy.output.script, 1_000n + BigInt(i));
    node.mine(1);
    const { tip } = node.chain;
    for (const txid of tip.txids) {
      const { block_height, merkle, pos } = await json(`/tx/${txid}/merkle-proof`);
      expect(block_height).toBe(tip.height);
      expect(tip.txids[pos]).toBe(txid);
      let hash = Buffer.from(txid, "hex").reverse();
      (merkle as string[]).forEach((sibling, level) => {
        const other = Buffer.from(sibling, "hex").reverse();
        hash = (pos >> level) & 1 ? shaTwice(other, hash) : shaTwice(hash, other);
      });
      expect(hash.reverse().toString("hex")).toBe(tip.merkleRoot);
      const block = await text(`/tx/${txid}/merkleblock-proof`);
      expect(block.startsWith(toHex(tip.raw.subarray(0, 80)))).toBe(true);
      expect(block).toContain(Buffer.from(txid, "hex").reverse().toString("hex"));
    }
  });
  it("are refused with the text that Esplora relays from a node", async () => {
    const { sweep } = await hung();
    const { hex, vsize, fee } = sweep(0.5);
    const refused = async (body: string) => {
      const response = await broadcast(body);
      expect(response.status).toBe(400);
      return response.text();
    };
    expect(await refused(hex)).toBe(
      `sendrawtransaction RPC error: {"code":-26,"message":"min relay fee not met, ${fee} < ${vsize}"}`,
    );
    expect(await refused("zz")).toBe(
      'sendrawtransaction RPC error: {"code":-22,"message":"TX decode failed. Make sure the tx has at least one input."}',
    );
    const unknown = buildSweep({
      candy,
      utxos: [{ txid: "ab".repeat(32), vout: 0, value: 9_000 }],
      toAddress: THIEF,
      feeRate: 2,
    });
    expect(await refused(unknown.hex)).toBe(
      'sendrawtransaction RPC error: {"code":-25,"message":"bad-txns-inputs-missingorspent"}',
    );
    const good = sweep();
    expect(await (await broadcast(good.hex)).text()).toBe(good.txid);
    expect(await (await broadcast(`${good.hex}\n`)).text(), "a second time is no mistake").toBe(good.txid);
    node.mine(1);
    expect(await refused(good.hex)).toBe(
      'sendrawtransaction RPC error: {"code":-27,"message":"Transaction outputs already in utxo set"}',
    );
  });
});

describe("addresses and script hashes", () => {
  it("count and sum, waiting and confirmed apart", async () => {
    const { sweep } = await hung();
    const zero = { funded_txo_count: 0, funded_txo_sum: 0, spent_txo_count: 0, spent_txo_sum: 0, tx_count: 0 };
    const funded = { ...zero, funded_txo_count: 1, funded_txo_sum: 100_000, tx_count: 1 };
    expect(await json(`/address/${candy.address}`)).toEqual({
      address: candy.address,
      chain_stats: funded,
      mempool_stats: zero,
    });
    await broadcast(sweep().hex);
    const spent = { ...zero, spent_txo_count: 1, spent_txo_sum: 100_000, tx_count: 1 };
    const hash = scriptHash(candy.output.script);
    expect(await json(`/scripthash/${hash}`)).toEqual({ scripthash: hash, chain_stats: funded, mempool_stats: spent });
    node.mine(1);
    const both = { ...funded, spent_txo_count: 1, spent_txo_sum: 100_000, tx_count: 2 };
    expect(await json(`/address/${candy.address}`)).toEqual({
      address: candy.address,
      chain_stats: both,
      mempool_stats: zero,
    });
    expect((await json(`/address/${THIEF}`)).chain_stats).toEqual({
      ...zero,
      funded_txo_count: 1,
      funded_txo_sum: sweep().amount,
      tx_count: 1,
    });
  });
  it("list what is unspent, and not what a waiting transaction spends", async () => {
    const { txid, sweep } = await hung();
    const { tip } = node.chain;
    const status = { confirmed: true, block_height: 102, block_hash: tip.hash, block_time: tip.time };
    const confirmed = { txid, vout: 0, status, value: 100_000 };
    expect(await json(`/address/${candy.address}/utxo`)).toEqual([confirmed]);
    const more = node.fund(candy.output.script, 5_000n);
    const waiting = { txid: more, vout: 0, status: { confirmed: false }, value: 5_000 };
    expect(await json(`/address/${candy.address}/utxo`)).toEqual([waiting, confirmed]);
    await broadcast(sweep().hex);
    expect(await json(`/scripthash/${scriptHash(candy.output.script)}/utxo`)).toEqual([waiting]);
    expect((await json(`/address/${THIEF}/utxo`))[0]).toMatchObject({ vout: 0, status: { confirmed: false } });
  });
  it("have their history newest first, 25 confirmed at a time, waiting ones before", async () => {
    const txids: string[] = [];
    for (let block = 0; block < 6; block++) {
      for (let i = 0; i < 5; i++) txids.unshift(node.fund(candy.output.script, 1_000n + BigInt(block * 5 + i)));
      node.mine(1);
    }
    const waiting = [node.fund(candy.output.script, 7_000n), node.fund(candy.output.script, 8_000n)].reverse();
    const ids = async (path: string) => (await json(path)).map(({ txid }: { txid: string }) => txid);
    const base = `/address/${candy.address}/txs`;
    const first = await ids(base);
    expect(first.slice(0, 2)).toEqual(waiting);
    expect(first).toHaveLength(27);
    expect(await ids(`${base}/mempool`)).toEqual(waiting);
    const page = await ids(`${base}/chain`);
    expect(page).toEqual(first.slice(2));
    const rest = await ids(`${base}/chain/${page[24]}`);
    expect(new Set([...page, ...rest])).toEqual(new Set(txids));
    expect(rest).toHaveLength(5);
    expect(await ids(`${base}/chain/${rest[4]}`)).toEqual([]);
    expect(await ids(`${base}/chain/${"ab".repeat(32)}`)).toEqual([]);
    const heights = (await json(`${base}/chain`)).map(
      (tx: { status: { block_height: number } }) => tx.status.block_height,
    );
    expect(heights).toEqual([...heights].sort((a, b) => b - a));
  });
});

describe("the mempool and fees", () => {
  it("are in Esplora's shapes", async () => {
    expect(await json("/mempool")).toEqual({ count: 0, vsize: 0, total_fee: 0, fee_histogram: [] });
    const txid = node.fund(candy.output.script, 5_000n);
    const { fee, tx } = node.chain.mempool.get(txid)!;
    expect(await json("/mempool")).toEqual({
      count: 1,
      vsize: tx.vsize,
      total_fee: Number(fee),
      fee_histogram: [[Number(fee) / tx.vsize, tx.vsize]],
    });
    expect(await json("/mempool/txids")).toEqual([txid]);
    const value = Number(tx.parsed.outs.reduce((sum, output) => sum + output.value, 0n));
    expect(await json("/mempool/recent")).toEqual([{ txid, fee: Number(fee), vsize: tx.vsize, value }]);
    const fees = await json("/fee-estimates");
    for (const target of [1, 2, 6, 25, 144, 504, 1008]) expect(fees[target]).toBe(1);
  });
});

describe("bad requests", () => {
  const unknown = "ab".repeat(32);
  it.each([
    ["/block/xyz", 400, "Invalid hex string"],
    [`/block/${unknown}`, 404, "Block not found"],
    [`/block/${unknown}/header`, 404, "Block not found"],
    ["/block-height/102", 404, "Block not found"],
    ["/block-height/-1", 400, "Invalid number: -1"],
    ["/block-height/99999999999", 400, "Invalid number: 99999999999"],
    ["/blocks/102", 404, "Block not found"],
    ["/blocks/tip", 400, "Invalid number: tip"],
    ["/tx/12", 400, "Invalid hex string"],
    [`/tx/${unknown}`, 404, "Transaction not found"],
    [`/tx/${unknown}/hex`, 404, "Transaction not found"],
    [`/tx/${unknown}/merkle-proof`, 404, "Transaction not found or is unconfirmed"],
    [`/tx/${unknown}/outspends`, 404, "Transaction not found"],
    [`/tx/${unknown}/outspend/x`, 400, "Invalid number: x"],
    ["/address/hello", 400, "Invalid Bitcoin address"],
    ["/address/bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4/utxo", 400, "Invalid Bitcoin address"],
    ["/scripthash/12/txs", 400, "Invalid hex string"],
    ["/nothing", 404, 'endpoint does not exist "/nothing"'],
  ])("%s is %i", async (path, status, message) => {
    const response = await get(path);
    expect([response.status, await response.text()]).toEqual([status, message]);
  });
  it("a body above the limit is refused before it is read", async () => {
    const response = await broadcast("0".repeat(MAX_BODY + 1));
    expect(response.status).toBe(413);
    expect((await broadcast("0".repeat(MAX_BODY))).status).toBe(400);
  });
});

describe("development controls", () => {
  it.each([
    ["/dev/mine", { blocks: 0 }, 400, "blocks: "],
    ["/dev/mine", { blocks: 2001 }, 400, "blocks: "],
    ["/dev/mine", { blocks: "3" }, 400, "blocks: "],
    ["/dev/fund", { address: "x", sats: 5000 }, 400, "Invalid Bitcoin address"],
    ["/dev/fund", { address: candy.address, sats: 0.5 }, 400, "sats: "],
    ["/dev/fund", { address: candy.address, sats: -5 }, 400, "sats: "],
    ["/dev/fund", { address: candy.address, sats: 100 }, 400, "100 sat are dust"],
    [
      "/dev/fund",
      { address: candy.address, sats: 2_000_000_000_000_000 },
      400,
      "the development wallet can spend only",
    ],
    ["/dev/invalidate", { hash: "xyz" }, 400, "hash: not a block hash"],
    ["/dev/invalidate", { hash: "ab".repeat(32) }, 404, "Block not found"],
    ["/dev/invalidate", { hash: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206" }, 400, "genesis"],
  ])("%s %j is %i", async (path, value, status, message) => {
    const response = await post(path, value);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(message);
    expect(node.chain.height).toBe(101);
    expect(node.chain.mempool.size).toBe(0);
  });
  it("want JSON that says it is JSON, so that no other page's form can send it", async () => {
    const send = (body: string, type: string) =>
      app.request("/dev/mine", { method: "POST", headers: { "content-type": type }, body });
    expect((await send('{"blocks":1}', "text/plain")).status).toBe(400);
    expect((await send("{", "application/json")).status).toBe(400);
    expect(node.chain.height).toBe(101);
    expect((await send("", "application/json; charset=utf-8")).status).toBe(200);
    expect(node.chain.height).toBe(102);
  });
  it("say what was made", async () => {
    const mined = (await (await post("/dev/mine", { blocks: 3 })).json()) as { height: number; hashes: string[] };
    expect(mined.height).toBe(104);
    expect(mined.hashes).toEqual([102, 103, 104].map((height) => node.chain.blockAt(height)!.hash));
  });
});

describe("pages", () => {
  it("say on each what the chain is, and in each answer's headers too", async () => {
    const { txid, sweep } = await hung();
    await broadcast(sweep().hex);
    const paths = [
      "/",
      `/ui/block/${node.chain.tip.hash}`,
      `/ui/tx/${txid}`,
      `/ui/tx/${sweep().txid}`,
      `/ui/address/${candy.address}`,
    ];
    for (const path of [...paths, "/ui/block/x", "/ui/tx/x", "/ui/address/x"]) {
      const response = await get(path);
      expect(response.status).toBe(paths.includes(path) ? 200 : 404);
      const html = await response.text();
      expect(html).toMatch(/^<!doctype html><html lang="en">/);
      expect(html).toContain("for development only, these coins are worth nothing");
    }
    for (const path of ["/", "/blocks/tip/height", "/tx/x", "/nothing"]) {
      expect((await get(path)).headers.get("x-development-chain")).toBe("regtest");
      expect((await get(path)).headers.get("cache-control")).toBe("no-store");
    }
  });
  it("show blocks, transactions and addresses, linked", async () => {
    const { txid } = await hung();
    const { tip } = node.chain;
    expect(await text("/")).toContain(`/ui/block/${tip.hash}`);
    expect(await text(`/ui/block/${tip.hash}`)).toContain(`/ui/tx/${txid}`);
    expect(await text(`/ui/tx/${txid}`)).toContain(`/ui/address/${candy.address}`);
    expect(await text(`/ui/address/${candy.address}`)).toContain("100,000 sat");
  });
  it("never repeat what was asked for as markup", async () => {
    const html = await text(`/ui/address/${encodeURIComponent("<script>alert(1)</script>")}`);
    expect(html).not.toContain("<script>");
  });
});
