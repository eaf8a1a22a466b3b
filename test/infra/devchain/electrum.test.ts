/** The development chain as an Electrum server: what the protocol's documentation says, asked with a client of a few lines. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildSweep, type Utxo } from "../../../infra/bitcoin/sweep.ts";
import { CommandError } from "../../../infra/cli/errors.ts";
import { makeCertificate } from "../../../infra/devchain/electrum/certificate.ts";
import { ElectrumServer } from "../../../infra/devchain/electrum/server.ts";
import { runDevchain } from "../../../infra/devchain/main.ts";
import { DevNode } from "../../../infra/devchain/node.ts";
import { candy, key, shaTwice, THIEF } from "./fixtures.ts";

interface Message {
  id?: number | null;
  method?: string;
  params?: unknown[];
  result?: unknown;
  error?: { code: number; message: string };
}

/** Written apart from the monitor's client: sends lines, keeps every message that comes. */
class Line {
  readonly messages: Message[] = [];
  ended = false;
  #rest = "";
  #id = 0;
  #wake = () => {};

  constructor(readonly socket: Socket) {
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      const lines = (this.#rest + chunk).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.messages.push(JSON.parse(line) as Message);
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
      this.#wake();
    });
  }

  async until(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found) return found;
      if (this.ended) throw new Error("the server hung up");
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async ask(method: string, ...params: unknown[]): Promise<Message> {
    const id = ++this.#id;
    this.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return this.until((message) => message.id === id);
  }

  async result(method: string, ...params: unknown[]): Promise<unknown> {
    const { result, error } = await this.ask(method, ...params);
    if (error) throw new Error(`${error.code} ${error.message}`);
    return result;
  }

  /** Notifications so far, in order. */
  get told(): Message[] {
    return this.messages.filter(({ method }) => method !== undefined);
  }
}

let dir: string;
let node: DevNode;
let server: ElectrumServer;
let line: Line;
let stop: (() => unknown)[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pinata-electrum-"));
  node = new DevNode({ dir: join(dir, "chain"), blockSeconds: 0, log: () => {} });
  server = await ElectrumServer.start(node, { port: 0 });
  line = new Line(connect(server.port, "127.0.0.1"));
  stop = [() => rmSync(dir, { recursive: true, force: true }), () => node.close(), () => server.close()];
});
afterEach(async () => {
  for (const each of stop.reverse()) await each();
});

const reversed = (hex: string) => Buffer.from(hex, "hex").reverse().toString("hex");
const nameOf = (script: Uint8Array) => reversed(createHash("sha256").update(script).digest("hex"));
const status = (items: [string, number][]) =>
  createHash("sha256")
    .update(items.map(([txid, height]) => `${txid}:${height}:`).join(""))
    .digest("hex");
const HASH = nameOf(candy.output.script);
const fund = (sats = 100_000n): Utxo => {
  const txid = node.fund(candy.output.script, sats);
  const outs = node.chain.find(txid)!.tx.parsed.outs;
  const vout = outs.findIndex(({ script }) => Buffer.compare(script, candy.output.script) === 0);
  return { txid, vout, value: sats };
};
const sweepHex = (coin: Utxo, feeRate = 2) => buildSweep({ candy, utxos: [coin], toAddress: THIEF, feeRate });

describe("greeting", () => {
  it.each([
    [["c", ["1.4", "1.4.5"]], "1.4.2"],
    [["c", ["1.1", "1.4"]], "1.4"],
    [["c", "1.4.1"], "1.4.1"],
    [["c", "1.4"], "1.4"],
    [[], "1.4"],
  ])("version %j is %s", async (params, version) => {
    expect(await line.result("server.version", ...params)).toEqual(["Pinata development chain", version]);
  });
  it.each([
    ["c", "1.3"],
    ["c", ["1.5", "1.6"]],
    ["c", ["1.0", "1.2"]],
  ])("version %j is refused", async (...params) => {
    await expect(line.result("server.version", ...params)).rejects.toThrow("1 unsupported protocol version");
  });
  it("says which network it is on", async () => {
    expect(await line.result("server.features")).toMatchObject({
      genesis_hash: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
      hash_function: "sha256",
      protocol_min: "1.4",
    });
    expect(await line.result("server.ping")).toBeNull();
  });
});

describe("refusals", () => {
  it.each<[string, unknown[], string]>([
    ["no.such.method", [], '-32601 unknown method "no.such.method"'],
    ["constructor", [], '-32601 unknown method "constructor"'],
    ["blockchain.scripthash.get_history", ["12"], "-32602 invalid arguments"],
    ["blockchain.scripthash.get_history", [], "-32602 invalid arguments"],
    ["blockchain.scripthash.get_history", [HASH, HASH], "-32602 invalid arguments"],
    ["blockchain.block.header", [-1], "-32602 invalid arguments"],
    ["blockchain.block.header", [9999], "1 height 9999 out of range"],
    ["blockchain.block.headers", [0, 1, 5], "-32602 invalid arguments"],
    [
      "blockchain.transaction.get",
      ["ab".repeat(32)],
      "2 daemon error: DaemonError({'code': -5, 'message': 'No such mempool",
    ],
    ["blockchain.transaction.get", ["ab".repeat(32), true], "-32602 invalid arguments"],
    ["blockchain.transaction.get_merkle", ["ab".repeat(32), 1], "1 tx"],
    ["blockchain.transaction.broadcast", ["zz"], "1 the transaction was rejected by network rules."],
  ])("%s %j", async (method, params, message) => {
    await expect(line.result(method, ...params)).rejects.toThrow(message);
    expect(await line.result("server.ping")).toBeNull();
  });
  it("answers what is no request with an error, and hangs up on a line without end", async () => {
    line.socket.write('{"id":\n7\n');
    await line.until(({ error }) => error?.code === -32700);
    await line.until(({ error }) => error?.code === -32600);
    const written = new Promise<void>((resolve) => line.socket.on("close", () => resolve()));
    line.socket.write("x".repeat(1_500_000));
    await written;
  });
});

describe("blocks and transactions", () => {
  it("headers hang together and end at the tip", async () => {
    const { count, hex, max } = (await line.result("blockchain.block.headers", 0, 5000)) as {
      count: number;
      hex: string;
      max: number;
    };
    expect([count, max]).toEqual([102, 2016]);
    const headers = hex.match(/.{160}/g)!;
    headers.forEach((header, height) => {
      const hash = shaTwice(Buffer.from(header, "hex"));
      if (height + 1 < headers.length) expect(headers[height + 1]!.slice(8, 72)).toBe(hash.toString("hex"));
    });
    expect(await line.result("blockchain.block.header", 101)).toBe(headers[101]);
    expect(await line.result("blockchain.headers.subscribe")).toEqual({ height: 101, hex: headers[101] });
    expect(await line.result("blockchain.block.headers", 101, 10)).toMatchObject({ count: 1 });
    expect(await line.result("blockchain.block.headers", 500, 10)).toMatchObject({ count: 0, hex: "" });
  });
  it("merkle branches lead to the root", async () => {
    for (let i = 0; i < 4; i++) fund();
    const [block] = node.mine(1);
    for (const [index, txid] of block!.txids.entries()) {
      const proof = (await line.result("blockchain.transaction.get_merkle", txid, block!.height)) as {
        merkle: string[];
        pos: number;
        block_height: number;
      };
      expect([proof.pos, proof.block_height]).toEqual([index, block!.height]);
      const internal = (hash: string) => Buffer.from(hash, "hex").reverse();
      const root = proof.merkle.reduce<Buffer>((at, sibling, level) => {
        return (index >> level) % 2 === 1 ? shaTwice(internal(sibling), at) : shaTwice(at, internal(sibling));
      }, internal(txid));
      expect(root.reverse().toString("hex")).toBe(block!.merkleRoot);
    }
  });
  it("transactions are taken and given", async () => {
    const { hex, txid } = sweepHex(fund());
    expect(await line.result("blockchain.transaction.broadcast", hex)).toBe(txid);
    expect(await line.result("blockchain.transaction.get", txid)).toBe(hex);
    expect(node.chain.mempool.get(txid)).toBeDefined();
  });
});

describe("scripts", () => {
  it("history, unspent coins, balance and status follow a coin through its life", async () => {
    const look = async () => ({
      history: await line.result("blockchain.scripthash.get_history", HASH),
      unspent: await line.result("blockchain.scripthash.listunspent", HASH),
      balance: await line.result("blockchain.scripthash.get_balance", HASH),
      status: await line.result("blockchain.scripthash.subscribe", HASH),
    });
    expect(await look()).toEqual({ history: [], unspent: [], balance: { confirmed: 0, unconfirmed: 0 }, status: null });
    const coin = fund();
    const waiting = await look();
    expect(waiting).toMatchObject({
      history: [{ tx_hash: coin.txid, height: 0, fee: expect.any(Number) }],
      unspent: [{ tx_hash: coin.txid, tx_pos: coin.vout, height: 0, value: 100_000 }],
      balance: { confirmed: 0, unconfirmed: 100_000 },
      status: status([[coin.txid, 0]]),
    });
    const { txid } = sweepHex(coin);
    await line.result("blockchain.transaction.broadcast", sweepHex(coin).hex);
    const chained = await line.result("blockchain.scripthash.get_mempool", HASH);
    expect(chained).toMatchObject([
      { tx_hash: txid, height: -1 },
      { tx_hash: coin.txid, height: 0 },
    ]);
    const [block] = node.mine(1);
    expect(await look()).toEqual({
      history: [coin.txid, txid].map((each) => ({ tx_hash: each, height: block!.height })),
      unspent: [],
      balance: { confirmed: 0, unconfirmed: 0 },
      status: status([
        [coin.txid, block!.height],
        [txid, block!.height],
      ]),
    });
  });
  it("subscribers are told of what changed for them, and of nothing else", async () => {
    await line.result("blockchain.headers.subscribe");
    await line.result("blockchain.scripthash.subscribe", HASH);
    await line.result("blockchain.scripthash.subscribe", nameOf(key(9)));
    const coin = fund();
    await line.result("server.ping");
    const script = "blockchain.scripthash.subscribe";
    expect(line.told.map(({ method, params }) => [method, params])).toEqual([
      [script, [HASH, status([[coin.txid, 0]])]],
    ]);
    const [block] = node.mine(1);
    await line.result("server.ping");
    const header = Buffer.from(block!.raw.subarray(0, 80)).toString("hex");
    expect(line.told.slice(1).map(({ method, params }) => [method, params])).toEqual([
      ["blockchain.headers.subscribe", [{ height: block!.height, hex: header }]],
      [script, [HASH, status([[coin.txid, block!.height]])]],
    ]);
    expect(await line.result("blockchain.scripthash.unsubscribe", HASH)).toBe(true);
    expect(await line.result("blockchain.scripthash.unsubscribe", HASH)).toBe(false);
    node.invalidate(block!.hash);
    await line.result("server.ping");
    expect(line.told).toHaveLength(4);
    expect(line.told[3]).toMatchObject({ params: [{ height: block!.height - 1 }] });
  });
  it("a reorg changes the status, back to the mempool and into another block", async () => {
    const coin = fund();
    const [block] = node.mine(1);
    await line.result("blockchain.scripthash.subscribe", HASH);
    node.invalidate(block!.hash);
    node.mine(2);
    await line.result("server.ping");
    expect(line.told.map(({ params }) => params![1])).toEqual([
      status([[coin.txid, 0]]),
      status([[coin.txid, block!.height]]),
    ]);
  });
});

describe("the server", () => {
  it("serves TLS with a certificate of its own", async () => {
    const certificate = await makeCertificate(new Date());
    const secure = await ElectrumServer.start(node, { port: 0, tls: certificate });
    stop.push(() => secure.close());
    const socket = connectTls({ host: "127.0.0.1", port: secure.port, ca: certificate.cert, servername: "localhost" });
    const tls = new Line(socket);
    expect(await tls.result("server.ping")).toBeNull();
    expect(socket.authorized).toBe(true);
    const shown = socket.getPeerX509Certificate()!;
    expect(shown.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(certificate.fingerprint);
    expect(shown.subjectAltName).toBe("DNS:localhost");
  });
  it("hangs up on everybody, and takes them back", async () => {
    await line.result("server.ping");
    expect(server.clients).toBe(1);
    server.hangUp();
    await expect(line.until(() => false)).rejects.toThrow("hung up");
    const again = new Line(connect(server.port, "127.0.0.1"));
    expect(await again.result("server.ping")).toBeNull();
  });
  it("tells nobody of anything after its end", async () => {
    await line.result("blockchain.headers.subscribe");
    await server.close();
    node.mine(1);
    expect(line.told).toEqual([]);
  });
  it("is started with the chain when a port is given; a busy one is said with its flag", async () => {
    const options = { dir: join(dir, "other"), port: 0, blockSeconds: 0, log: (text: string) => void said.push(text) };
    const said: string[] = [];
    const devchain = await runDevchain({ ...options, electrumPort: 0 });
    const other = new Line(connect(devchain.electrum!.port, "127.0.0.1"));
    expect(await other.result("blockchain.headers.subscribe")).toMatchObject({ height: 101 });
    expect(said.join("\n")).toContain(`Electrum protocol on tcp://127.0.0.1:${devchain.electrum!.port}`);
    await devchain.close();
    await expect(other.until(() => false)).rejects.toThrow("hung up");
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as { port: number };
    const refused = runDevchain({ ...options, electrumPort: port });
    await expect(refused).rejects.toThrow(CommandError);
    await expect(refused).rejects.toThrow(`port ${port} is in use: choose another with --electrum-port`);
    busy.close();
    const plain = await runDevchain(options);
    expect(plain.electrum).toBeUndefined();
    await plain.close();
  });
});
