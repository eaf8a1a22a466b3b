/** The push channel as mempool.space has it, asked with the ws package alone: what is told, to whom, and its limits. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import { PUSH_PATH } from "../../../infra/devchain/websocket.ts";
import { candy, THIEF } from "./fixtures.ts";

const SOON = { interval: 5, timeout: 10_000 };
let dir: string;
let devchain: Devchain;
let clients: Client[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pinata-push-"));
  devchain = await runDevchain({ dir: join(dir, "chain"), port: 0, blockSeconds: 0, log: () => {} });
  clients = [];
});
afterEach(async () => {
  for (const { socket } of clients) socket.terminate();
  await devchain.close();
  rmSync(dir, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: what comes is what is tested
type Message = Record<string, any>;

class Client {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  closed = false;
  constructor(path = PUSH_PATH) {
    this.socket = new WebSocket(`${devchain.url.replace("http", "ws")}${path}`);
    this.socket.on("message", (data) => this.messages.push(JSON.parse(String(data))));
    this.socket.on("error", () => {});
    this.socket.on("close", () => (this.closed = true));
    clients.push(this);
  }
  async open(...requests: object[]): Promise<this> {
    await expect.poll(() => this.socket.readyState, SOON).toBe(WebSocket.OPEN);
    for (const each of requests) this.send(each);
    await this.settled();
    return this;
  }
  send(value: object): void {
    this.socket.send(JSON.stringify(value));
  }
  /** What was sent has been read, since the pong is answered after it; returns what came before the pong. */
  async settled(): Promise<Message[]> {
    const before = this.messages.length;
    this.send({ action: "ping" });
    await expect.poll(() => this.messages.slice(before).some(({ pong }) => pong), SOON).toBe(true);
    return this.messages.splice(0).filter(({ pong }) => !pong);
  }
}

const want = { action: "want", data: ["blocks"] };
const track = { "track-address": candy.address };
const ids = (list: { txid: string }[] | undefined) => list?.map(({ txid }) => txid);
const fund = (sats = 100_000n) => devchain.node.fund(candy.output.script, sats);
const sweep = (txid: string, feeRate = 2) => {
  const outs = devchain.node.chain.find(txid)!.tx.parsed.outs;
  const vout = outs.findIndex(({ script }) => Buffer.compare(script, candy.output.script) === 0);
  const { hex, txid: spend } = buildSweep({
    candy,
    utxos: [{ txid, vout, value: 100_000n }],
    toAddress: THIEF,
    feeRate,
  });
  devchain.node.submitTransaction(new Uint8Array(Buffer.from(hex, "hex")));
  return spend;
};

describe("what is told", () => {
  it("blocks to those who want them: eight at first, then each new one", async () => {
    const client = new Client();
    await expect.poll(() => client.socket.readyState, SOON).toBe(WebSocket.OPEN);
    client.send(want);
    const [first] = await client.settled();
    expect(first!.blocks.map(({ height }: Message) => height)).toEqual([94, 95, 96, 97, 98, 99, 100, 101]);
    client.send(want);
    expect(await client.settled(), "wanted already").toEqual([]);
    const other = await new Client().open();
    devchain.node.mine(2);
    const told = await client.settled();
    expect(told.map(({ block }) => block.id)).toEqual([102, 103].map((at) => devchain.node.chain.blockAt(at)!.hash));
    expect(await other.settled()).toEqual([]);
  });

  it("transactions of the address: those that come, those that go, those in a block", async () => {
    const client = await new Client().open(track);
    const funding = fund();
    expect((await client.settled()).map((each) => ids(each["address-transactions"]))).toEqual([[funding]]);
    devchain.node.mine(1);
    const [confirmed] = await client.settled();
    expect(confirmed!["block-transactions"][0]).toMatchObject({ txid: funding, status: { block_height: 102 } });
    const spend = sweep(funding);
    expect(ids((await client.settled())[0]!["address-transactions"])).toEqual([spend]);
    const rival = sweep(funding, 20);
    const [replaced] = await client.settled();
    expect(ids(replaced!["address-transactions"])).toEqual([rival]);
    expect(ids(replaced!["address-removed-transactions"])).toEqual([spend]);
    const before = devchain.node.fund(devchain.node.wallet.script, 5_000n);
    expect(ids((await client.settled())[0]?.["address-transactions"]), `${before} is nobody's here`).toBeUndefined();
  });

  it("of several addresses by address; what left only together with what came", async () => {
    const client = await new Client().open({ "track-addresses": [candy.address, "nonsense"] });
    const funding = fund();
    const [told] = await client.settled();
    expect(ids(told!["multi-address-transactions"][candy.address].mempool)).toEqual([funding]);
    devchain.node.mine(1);
    const [confirmed] = await client.settled();
    expect(ids(confirmed!["multi-address-transactions"][candy.address].confirmed)).toEqual([funding]);
    client.send({ "track-addresses": Array.from({ length: 11 }, (_, i) => (i % 2 ? candy.address : THIEF)) });
    expect(await client.settled(), "two addresses, repeated").toEqual([]);
  });

  it("of one transaction: who spends it, who replaces it, and that it is in a block", async () => {
    const funding = fund();
    const client = await new Client().open({ "track-tx": funding });
    devchain.node.mine(1);
    expect(await client.settled()).toEqual([{ txConfirmed: funding }]);
    const spend = sweep(funding);
    const [spent] = await client.settled();
    expect(Object.values(spent!.utxoSpent)).toEqual([{ vin: 0, txid: spend }]);
    client.send({ "track-tx": spend });
    await client.settled();
    const rival = sweep(funding, 20);
    expect((await client.settled())[0]).toMatchObject({ rbfTransaction: { txid: rival } });
  });

  it("a reorganisation: the latest blocks once more, then the new ones", async () => {
    const client = await new Client().open(want, track);
    const funding = fund();
    devchain.node.mine(1);
    await client.settled();
    const left = devchain.node.chain.tip.hash;
    devchain.node.invalidate(left);
    const [blocks, back] = await client.settled();
    expect(blocks!.blocks.at(-1).id).toBe(devchain.node.chain.tip.hash);
    expect(ids(back!["address-transactions"])).toEqual([funding]);
    devchain.node.mine(1);
    const [again] = await client.settled();
    expect(again!.block.height).toBe(102);
    expect(again!.block.id).not.toBe(left);
  });
});

describe("limits", () => {
  it("another path is refused", async () => {
    const client = new Client("/ws");
    await expect.poll(() => client.closed, SOON).toBe(true);
    expect(devchain.push.clients).toBe(0);
  });
  it("what is no JSON ends the connection; what is too long is dropped", async () => {
    const client = await new Client().open();
    client.socket.send(JSON.stringify({ ...want, pad: "a".repeat(50_000) }));
    expect(await client.settled()).toEqual([]);
    client.socket.send("hello");
    await expect.poll(() => client.closed, SOON).toBe(true);
  });
  it("more than a hundred messages within ten seconds end the connection", async () => {
    const client = await new Client().open();
    for (let i = 0; i < 101; i++) client.send({ action: "ping" });
    await expect.poll(() => client.closed, SOON).toBe(true);
  });
});

describe("faults", () => {
  it("kept back, dead, twice, garbage, late, refused", async () => {
    const { push } = devchain.esplora;
    const client = await new Client().open(want);
    push.voice = "kept back";
    devchain.node.mine(1);
    expect(await client.settled(), "only pongs").toEqual([]);
    push.voice = "told";
    push.wire = "twice";
    devchain.node.mine(1);
    expect((await client.settled()).map(({ block }) => block.height)).toEqual([103, 103]);
    push.wire = "whole";
    push.voice = "dead";
    const before = client.messages.length;
    client.send({ action: "ping" });
    devchain.node.mine(1);
    push.clear();
    expect((await client.settled()).length + before, "neither pong nor block").toBe(before);
    push.delay = 50;
    devchain.node.mine(1);
    await expect.poll(() => client.messages[0]?.block?.height, SOON).toBe(105);
    push.clear();
    devchain.push.hangUp();
    await expect.poll(() => client.closed, SOON).toBe(true);
    push.connections = "refused";
    const refused = new Client();
    await expect.poll(() => refused.closed, SOON).toBe(true);
    expect(devchain.push.clients).toBe(0);
  });
});
