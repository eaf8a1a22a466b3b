/**
 * The push channel of mempool.space over a development node (websocket at /api/v1/ws; compare its backend's websocket-handler):
 * `want` blocks, `track-address`, `track-addresses`, `track-tx`, ping. As there, nothing is told of what happened before, messages
 * above 50,000 bytes are dropped, and more than 100 within ten seconds end the connection.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { isHash } from "../bitcoin/bytes.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import type { StoredBlock } from "./chain.ts";
import { type Change, Changes, type Moved } from "./changes.ts";
import type { PushFaults } from "./esplora-faults.ts";
import { blockJson, txJson } from "./esplora-json.ts";
import { scriptHash } from "./ledger.ts";
import type { DevNode } from "./node.ts";

export const PUSH_PATH = "/api/v1/ws";
const MAX_MESSAGE = 50_000;
const MAX_MESSAGES = 100;
const WINDOW = 10_000;
const MAX_ADDRESSES = 10;
const TOO_MANY = `too many addresses requested, this connection supports tracking a maximum of ${MAX_ADDRESSES} addresses`;
const INITIAL_BLOCKS = 8;
/** Above what any client takes. */
const HUGE = 8_000_000;

const request = z.object({
  action: z.string().optional(),
  data: z.array(z.string()).optional(),
  "track-address": z.string().optional(),
  "track-addresses": z.array(z.string()).optional(),
  "track-tx": z.string().optional(),
});

interface Client {
  socket: WebSocket;
  wantsBlocks: boolean;
  /** Script hash. */
  script: string | undefined;
  /** Script hashes by address. */
  scripts: Map<string, string>;
  txid: string | undefined;
  /** When its latest messages came. */
  times: number[];
}

export class PushServer {
  readonly #node: DevNode;
  readonly #faults: PushFaults;
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #clients = new Set<Client>();
  readonly #changes: Changes;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #unwatch: () => void;

  constructor(node: DevNode, faults: PushFaults) {
    this.#node = node;
    this.#faults = faults;
    this.#changes = new Changes(node.chain);
    this.#unwatch = node.onChange(() => this.#changed());
  }

  /** Takes the upgrades of an HTTP server; those to another path are refused. */
  attach(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      if (this.#faults.connections === "refused") {
        socket.destroy();
      } else if (new URL(request.url ?? "/", "http://host").pathname !== PUSH_PATH) {
        socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      } else {
        this.#server.handleUpgrade(request, socket, head, (client) => this.#serve(client));
      }
    });
  }

  /** Clients connected now. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Hangs up on every client; they may come back. */
  hangUp(): void {
    for (const { socket } of this.#clients) socket.terminate();
  }

  close(): void {
    this.#unwatch();
    for (const timer of this.#timers) clearTimeout(timer);
    this.hangUp();
    this.#server.close();
  }

  #serve(socket: WebSocket): void {
    const client: Client = {
      socket,
      wantsBlocks: false,
      script: undefined,
      scripts: new Map(),
      txid: undefined,
      times: [],
    };
    this.#clients.add(client);
    socket.on("error", () => socket.terminate());
    socket.on("close", () => this.#clients.delete(client));
    socket.on("message", (data) => this.#asked(client, data));
  }

  #asked(client: Client, data: RawData): void {
    const now = Date.now();
    client.times = [...client.times.filter((time) => now - time < WINDOW), now];
    if (client.times.length > MAX_MESSAGES) client.socket.close();
    const text = String(data);
    if (client.times.length > MAX_MESSAGES || text.length > MAX_MESSAGE) return;
    let parsed: z.infer<typeof request>;
    try {
      parsed = request.parse(JSON.parse(text));
    } catch {
      client.socket.close();
      return;
    }
    const response: Record<string, unknown> = {};
    if (parsed.action === "want") {
      const wants = parsed.data?.includes("blocks") ?? false;
      if (wants && !client.wantsBlocks) response.blocks = this.#blocks();
      client.wantsBlocks = wants;
    }
    if (parsed.action === "ping") response.pong = true;
    if (parsed["track-address"] !== undefined) client.script = scriptOf(parsed["track-address"]);
    if (parsed["track-addresses"]) {
      const scripts = new Map<string, string>();
      for (const address of parsed["track-addresses"]) {
        const script = scriptOf(address);
        if (script !== undefined) scripts.set(address, script);
      }
      const isTooMuch = scripts.size > MAX_ADDRESSES;
      if (isTooMuch) response["track-addresses-error"] = TOO_MANY;
      client.scripts = isTooMuch ? new Map() : scripts;
    }
    const txid = parsed["track-tx"];
    if (txid !== undefined) client.txid = isHash(txid) ? txid : undefined;
    this.#send(client, response, "answer");
  }

  #changed(): void {
    const change = this.#changes.take();
    for (const client of this.#clients) {
      if (change.reorganised && client.wantsBlocks) this.#send(client, { blocks: this.#blocks() });
      this.#send(client, this.#mempoolNews(client, change));
      for (const block of change.blocks) this.#send(client, this.#blockNews(client, block));
    }
  }

  #mempoolNews(client: Client, { entered, left }: Change): object {
    const response: Record<string, unknown> = {};
    const removed = this.#faults.removals === "told" ? left : [];
    const those = (all: readonly Moved[], script: string) =>
      all.filter(({ touches }) => touches.has(script)).map(({ json }) => json);
    if (client.script !== undefined) {
      const [came, went] = [those(entered, client.script), those(removed, client.script)];
      if (went.length > 0) response["address-removed-transactions"] = went;
      if (came.length > 0) response["address-transactions"] = came;
    }
    // As in the original, what left is told of several addresses only together with what came.
    const multi = [...client.scripts].flatMap(([address, script]) => {
      const mempool = those(entered, script);
      return mempool.length > 0
        ? [[address, { mempool, confirmed: [], removed: those(removed, script) }] as const]
        : [];
    });
    if (multi.length > 0) response["multi-address-transactions"] = Object.fromEntries(multi);
    const { txid } = client;
    const replaced = removed.find((each) => each.json.txid === txid);
    if (replaced?.replacedBy !== undefined) response.rbfTransaction = { txid: replaced.replacedBy };
    const spent = entered.flatMap(({ json }) =>
      json.vin.flatMap((input, vin) => (input.txid === txid ? [[input.vout, { vin, txid: json.txid }] as const] : [])),
    );
    if (spent.length > 0) response.utxoSpent = Object.fromEntries(spent);
    return response;
  }

  #blockNews(client: Client, block: StoredBlock): object {
    const { chain } = this.#node;
    const response: Record<string, unknown> = {};
    const those = (script: string) => {
      const touching = new Set(chain.history(script));
      return block.txids.filter((txid) => touching.has(txid)).map((txid) => txJson(chain, chain.find(txid)!));
    };
    if (client.wantsBlocks) response.block = blockJson(block);
    if (client.txid !== undefined && block.txids.includes(client.txid)) response.txConfirmed = client.txid;
    const found = client.script === undefined ? [] : those(client.script);
    if (found.length > 0) response["block-transactions"] = found;
    const multi = [...client.scripts].flatMap(([address, script]) => {
      const confirmed = those(script);
      return confirmed.length > 0 ? [[address, { mempool: [], confirmed, removed: [] }] as const] : [];
    });
    if (multi.length > 0) response["multi-address-transactions"] = Object.fromEntries(multi);
    return response;
  }

  /** The latest blocks, oldest first. */
  #blocks(): object[] {
    const { chain } = this.#node;
    const first = Math.max(0, chain.height - INITIAL_BLOCKS + 1);
    return Array.from({ length: chain.height - first + 1 }, (_, i) => blockJson(chain.blockAt(first + i)!));
  }

  #send(client: Client, response: object, kind: "news" | "answer" = "news"): void {
    const { voice, wire, delay } = this.#faults;
    if (Object.keys(response).length === 0 || voice === "dead" || (voice === "kept back" && kind === "news")) return;
    const text = JSON.stringify(response);
    const write = (): void => {
      const { socket } = client;
      if (wire === "garbage") socket.send("<html>");
      else if (wire === "huge") socket.send(`{"block":"${"a".repeat(HUGE)}"}`);
      else for (let times = wire === "twice" ? 2 : 1; times > 0; times--) socket.send(text);
    };
    if (delay === 0) {
      write();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      write();
    }, delay);
    this.#timers.add(timer);
  }
}

function scriptOf(address: string): string | undefined {
  const script = scriptOfAddress(address, "regtest");
  return script && scriptHash(script);
}
