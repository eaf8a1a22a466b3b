/** What the development chain's Esplora face does wrong when it is told to: one question or all, and the truth again afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { Transaction } from "../../../infra/bitcoin/ecc.ts";
import { buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { EsploraFaults, esploraLies, falseHeader } from "../../../infra/devchain/esplora-faults.ts";
import { DevNode } from "../../../infra/devchain/node.ts";
import { BITS, TARGET } from "../../../infra/devchain/params.ts";
import { createServer } from "../../../infra/devchain/server.ts";
import { candy, START, shaTwice, THIEF } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-esplora-faults-"));
let made = 0;
let node: DevNode;
let faults: EsploraFaults;
let app: ReturnType<typeof createServer>;
let bugs: string[] = [];
beforeEach(() => {
  bugs = [];
  node = new DevNode({ dir: join(root, String(++made)), blockSeconds: 0, clock: () => START, log: () => {} });
  faults = new EsploraFaults();
  app = createServer(node, { log: (line) => bugs.push(line), esplora: faults });
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

describe("faults", () => {
  it("are none at first; what was asked is kept, in order", async () => {
    await text("/blocks/tip/hash");
    await get("/tx/12");
    await get("/ui/tx/12");
    expect(faults.asked).toEqual(["/blocks/tip/hash", "/tx/12"]);
  });
  it("lies are told of one question, and the truth of all others", async () => {
    const { txid } = await hung();
    const truth = await text(`/tx/${txid}/hex`);
    faults.lies.set(...esploraLies.falseTransaction);
    const said = await text(`/tx/${txid}/hex`);
    expect(said).not.toBe(truth);
    expect(said).toHaveLength(truth.length);
    expect(Transaction.fromHex(said).getId()).not.toBe(txid);
    const proof = await json(`/tx/${txid}/merkle-proof`);
    faults.lies.set(...esploraLies.badBranch);
    expect(await json(`/tx/${txid}/merkle-proof`)).toEqual({ ...proof, merkle: ["ab".repeat(32)] });
    expect(await json(`/address/${candy.address}/txs`)).toHaveLength(1);
    faults.lies.set(...esploraLies.noHistory);
    expect(await json(`/address/${candy.address}/txs`)).toEqual([]);
    faults.clear();
    expect(await text(`/tx/${txid}/hex`)).toBe(truth);
  });
  it("a transaction that is left out is in no answer", async () => {
    const { txid, sweep } = await hung();
    const spend = sweep();
    await broadcast(spend.hex);
    faults.omitted.add(spend.txid);
    expect(await json(`/tx/${txid}/outspend/0`)).toEqual({ spent: false });
    expect((await json(`/address/${candy.address}/txs`)).map((each: { txid: string }) => each.txid)).toEqual([txid]);
    for (const path of ["", "/hex", "/status"]) expect((await get(`/tx/${spend.txid}${path}`)).status).toBe(404);
    expect(await json("/mempool/txids")).toEqual([]);
  });
  it("amnesia: the chain ends lower, with what was in it", async () => {
    const { txid } = await hung();
    node.mine(2);
    faults.amnesia = 101;
    expect(await text("/blocks/tip/hash")).toBe(node.chain.blockAt(101)!.hash);
    expect((await get(`/block/${node.chain.tip.hash}`)).status).toBe(404);
    expect(await json(`/address/${candy.address}/txs`)).toEqual([]);
    expect((await get(`/tx/${txid}`)).status).toBe(404);
    expect((await json("/blocks")).every(({ height }: { height: number }) => height <= 101)).toBe(true);
  });
  it.each(["weak", "easy"] as const)(
    "a tip that is %s is shown alike by all questions, on top of the true one",
    async (kind) => {
      faults.tip = kind;
      const hash = await text("/blocks/tip/hash");
      const header = Buffer.from(await text(`/block/${hash}/header`), "hex");
      expect(shaTwice(header).reverse().toString("hex")).toBe(hash);
      expect(Buffer.from(header.subarray(4, 36)).reverse().toString("hex")).toBe(node.chain.tip.hash);
      expect(await json(`/block/${hash}`)).toEqual({ id: hash, height: 102 });
      if (kind === "weak") expect(BigInt(`0x${hash}`) > TARGET).toBe(true);
      expect(header.readUInt32LE(72) === BITS).toBe(kind === "weak");
      expect(toHex(falseHeader(node.chain.tip.raw.subarray(0, 80), kind))).toBe(toHex(header));
    },
  );
  it("a limit: so many requests, and then a proxy's page", async () => {
    faults.limit = { allowed: 2, status: 429, retryAfter: "17" };
    expect((await get("/blocks/tip/hash")).status).toBe(200);
    expect((await get("/blocks/tip/height")).status).toBe(200);
    const refused = await get("/blocks/tip/hash");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "17"]);
    expect(refused.headers.get("content-type")).toMatch(/^text\/html/);
    expect(await refused.text()).toContain("429 Too Many Requests");
    faults.limit = { allowed: 0, status: 200 };
    expect((await get("/blocks/tip/hash")).status).toBe(200);
  });
  it("half an answer, an answer twice, and only for some questions", async () => {
    const { hash } = node.chain.tip;
    faults.delivery = "half";
    expect(await text("/blocks/tip/hash")).toBe(hash.slice(0, 32));
    faults.delivery = "twice";
    expect(await text("/blocks/tip/hash")).toBe(hash + hash);
    faults.only.add("header");
    expect(await text("/blocks/tip/hash")).toBe(hash);
  });
});
