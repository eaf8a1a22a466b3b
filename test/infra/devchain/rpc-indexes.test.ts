/** The JSON-RPC's optional indexes, undo data and faults: what a node with and without them answers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import type { RpcOptions } from "../../../infra/devchain/rpc-params.ts";
import { candy, THIEF } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-rpc-indexes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
let devchain: Devchain;
beforeEach(async () => {
  devchain = await runDevchain({
    dir: join(root, String(++made)),
    port: 0,
    zmqPort: 0,
    blockSeconds: 0,
    log: () => {},
  });
  return () => devchain.close();
});

/** The same chain with these indexes. */
async function start(options: RpcOptions): Promise<void> {
  await devchain.close();
  devchain = await runDevchain({
    dir: join(root, String(made)),
    port: 0,
    blockSeconds: 0,
    rpc: options,
    log: () => {},
  });
}

const post = (body: unknown) =>
  fetch(`${devchain.url}/rpc`, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(20_000) });
// biome-ignore lint/suspicious/noExplicitAny: what comes back is what is tested
async function call(method: string, params: unknown[] = []): Promise<any> {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const { result, error } = (await (await post({ id: 1, method, params })).json()) as any;
  if (error) throw Object.assign(new Error(error.message), { code: error.code });
  return result;
}
const failing = (method: string, params: unknown[] = []) =>
  call(method, params).then(
    (result) => ["answered", JSON.stringify(result)],
    (error: Error & { code: number }) => [error.code, error.message],
  );
const faults = (body: unknown) =>
  fetch(`${devchain.url}/dev/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** A coin of the piñata in block 102, swept in block 103. */
function swept() {
  const { node } = devchain;
  const txid = node.fund(candy.output.script, 100_000n);
  node.mine(1);
  const sweep = buildSweep({ candy, utxos: [{ txid, vout: 0, value: 100_000 }], toAddress: THIEF, feeRate: 2 });
  node.submitTransaction(Buffer.from(sweep.hex, "hex"));
  node.mine(1);
  return { txid, sweep };
}

describe("indexes", () => {
  it("are told by getindexinfo, and are not there by default", async () => {
    expect(await call("getindexinfo")).toEqual({});
    const synced = { synced: true, best_block_height: 101 };
    await start({ txindex: true, txospenderindex: true, blockfilterindex: true });
    expect(await call("getindexinfo")).toEqual({
      txindex: synced,
      txospenderindex: synced,
      "basic block filter index": synced,
    });
    expect(await call("getindexinfo", ["txospenderindex"])).toEqual({ txospenderindex: synced });
    expect(await call("getindexinfo", ["coinstatsindex"])).toEqual({});
  });

  it("scanblocks finds the blocks that pay a script or spend from it, within the heights asked for", async () => {
    swept();
    const { chain } = devchain.node;
    const what = [{ desc: `raw(${toHex(candy.output.script)})` }];
    expect(await failing("scanblocks", ["start", what])).toEqual([-1, "Index is not enabled for filtertype basic"]);
    await start({ blockfilterindex: true });
    const [paid, spent] = [102, 103].map((height) => devchain.node.chain.blockAt(height)!.hash);
    const options = ["basic", { filter_false_positives: true }];
    expect(await call("scanblocks", ["start", what])).toEqual({
      from_height: 0,
      to_height: 103,
      relevant_blocks: [paid, spent],
      completed: true,
    });
    expect((await call("scanblocks", ["start", what, 103, 103, ...options])).relevant_blocks).toEqual([spent]);
    expect((await call("scanblocks", ["start", what, 0, 102, ...options])).relevant_blocks).toEqual([paid]);
    expect((await call("scanblocks", ["start", [`addr(${THIEF})`]])).relevant_blocks).toEqual([spent]);
    expect(await failing("scanblocks", ["start", what, 104])).toEqual([-1, "Invalid start_height"]);
    expect(await failing("scanblocks", ["start", what, 5, 4])).toEqual([-1, "Invalid stop_height"]);
    expect((await failing("scanblocks", ["start", what, 0, 1, "extended"]))[0]).toBe(-5);
    expect((await failing("scanblocks", ["begin", what]))[0]).toBe(-8);
    expect(await call("scanblocks", ["status"])).toBeNull();
    expect(chain.height).toBe(103);
  });

  it("without an index of spenders, gettxspendingprevout cannot be asked for more than the mempool", async () => {
    const { txid, sweep } = swept();
    const coin = [{ txid, vout: 0 }];
    expect(await failing("gettxspendingprevout", [coin, { mempool_only: false }])).toEqual([
      -1,
      "Mempool lacks a relevant spend, and txospenderindex is unavailable.",
    ]);
    expect((await failing("gettxspendingprevout", [coin, { mempool: true }]))[0]).toBe(-3);
    await start({ txospenderindex: true });
    const { hash } = devchain.node.chain.blockAt(103)!;
    for (const more of [[], [{ mempool_only: false }]]) {
      expect(await call("gettxspendingprevout", [coin, ...more])).toEqual([
        { txid, vout: 0, spendingtxid: sweep.txid, blockhash: hash },
      ]);
    }
  });

  it("previous outputs of a confirmed transaction come from undo data, without any index", async () => {
    const { sweep, txid } = swept();
    const { hash } = devchain.node.chain.tip;
    const told = await call("getrawtransaction", [sweep.txid, 2, hash]);
    expect(told.vin).toMatchObject([
      {
        txid,
        vout: 0,
        prevout: { generated: false, height: 102, value: 0.001, scriptPubKey: { hex: toHex(candy.output.script) } },
      },
    ]);
    expect(told.fee).toBeCloseTo(sweep.fee / 1e8, 8);
    const block = await call("getblock", [hash, 3]);
    expect(block.tx[1].vin[0].prevout).toEqual(told.vin[0].prevout);
    expect(block.tx[0].vin[0].prevout).toBeUndefined();
    expect((await call("getblock", [hash, 2])).tx[1].vin[0].prevout).toBeUndefined();
  });

  it("getzmqnotifications tells where each topic is published", async () => {
    const { endpoint } = devchain.zmq!;
    const topics = ["rawtx", "hashtx", "hashblock", "rawblock", "sequence"];
    expect(await call("getzmqnotifications")).toEqual(
      topics.map((topic) => ({ type: `pub${topic}`, address: endpoint, hwm: 1000 })),
    );
    await start({});
    expect(await call("getzmqnotifications")).toEqual([]);
  });
});

describe("faults over the control call", () => {
  it("are set, and all ended by the next one", async () => {
    await faults({ core: { warmingUp: "Verifying blocks…" } });
    expect(await failing("getblockcount")).toEqual([-28, "Verifying blocks…"]);
    await faults({ core: { delivery: "limited", retryAfter: 7 } });
    const limited = await post({ id: 1, method: "getblockcount" });
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "7"]);
    expect(await limited.text()).toContain("<html>");
    await faults({ core: { delivery: "page", only: ["getblockhash"] } });
    expect(await call("getblockcount")).toBe(101);
    expect(await (await post({ id: 1, method: "getblockhash", params: [1] })).text()).toContain("<html>");
    await faults({ core: { delivery: "twice" } });
    expect(await (await post({ id: 1, method: "getblockcount" })).text()).toMatch(/^(\{[^{}]*\}){2}$/);
    await faults({ core: { delivery: "dropped" } });
    await expect(post({ id: 1, method: "getblockcount" })).rejects.toThrow();
    await faults({ core: { forget: 3 } });
    expect(await call("getblockcount")).toBe(98);
    expect(await call("getblockchaininfo")).toMatchObject({
      blocks: 98,
      bestblockhash: await call("getblockhash", [98]),
    });
    await faults({});
    expect(await call("getblockcount")).toBe(101);
  });

  it("a stalled answer leaves the connection open", async () => {
    await faults({ core: { delivery: "stalled" } });
    const controller = new AbortController();
    const asked = fetch(`${devchain.url}/rpc`, { method: "POST", body: "{}", signal: controller.signal });
    const first = await Promise.race([
      asked,
      call("getblockcount").catch(() => "ended"),
      new Promise((r) => setTimeout(r, 50, "open")),
    ]);
    expect(first).toBe("open");
    controller.abort();
    await expect(asked).rejects.toThrow();
  });

  it("each lie is another answer than the truth", async () => {
    const { sweep, txid } = swept();
    const { hash, previous } = devchain.node.chain.tip;
    const asked = {
      falseTransaction: ["getrawtransaction", [sweep.txid, 0, hash]],
      badBranch: ["gettxoutproof", [[sweep.txid], hash]],
      wrongHeader: ["getblockheader", [hash, false]],
      wrongBlock: ["getblock", [previous!.hash, 0]],
      inventedTip: ["getblockchaininfo", []],
      noFundings: ["scantxoutset", ["start", [`addr(${THIEF})`]]],
    } as const;
    for (const [lie, [method, params]] of Object.entries(asked)) {
      await faults({});
      const truth = await call(method, [...params]);
      await faults({ core: { lies: [lie] } });
      expect(await call(method, [...params]), lie).not.toEqual(truth);
    }
    await faults({ core: { lies: ["noSpends"] } });
    expect(await call("gettxspendingprevout", [[{ txid, vout: 0 }]])).toEqual([{ txid, vout: 0 }]);
  });

  it.each([
    [{ core: { delivery: "sideways" } }, "core.delivery"],
    [{ core: { lies: ["truth"] } }, "core.lies.0"],
    [{ zmq: { loseEvery: 0 } }, "zmq.loseEvery"],
    [{ electricity: {} }, "electricity"],
  ])("%j is refused, naming what is wrong", async (body, key) => {
    const response = await faults(body);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(key);
  });
});
