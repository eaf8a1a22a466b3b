/**
 * Bitcoin Core's ZMQ notifications (its doc/zmq.md: topic, body, a counter of 4 bytes for each topic) as hints that asking
 * now may show something new. Raw transactions are matched on their bytes, so that only what concerns us makes a hurried
 * round; a block, a reorganisation, a gap in a counter and each new connection always do. Nothing is believed of what
 * arrives here, and that nothing arrives is not taken for health: whoever listens goes on asking at its own pace.
 */
import { Subscriber } from "zeromq";
import { type Hash, toHex } from "../../proofs/bytes.ts";
import { type Hits, scanTransaction, type Wanted } from "../block-scan.ts";

export interface NewsOptions {
  /** What transactions are matched with. */
  wanted(): Wanted;
  /** Whether what becomes of this transaction matters. */
  isNamed(txid: Hash): boolean;
  /** A transaction that was matched. */
  matched(hits: Hits): void;
  news(): void;
}

/** For metrics. */
export interface NewsStats {
  endpoints: readonly string[];
  /** Messages of any topic. */
  received: number;
  /** Of those, the ones that made a hurried round. */
  matched: number;
  /** Messages that a counter shows to be missing, and counters that began anew. */
  gaps: number;
  /** Messages that are not what their topic says. */
  malformed: number;
  connections: number;
  /** Milliseconds since 1970; null before the first. */
  lastMessage: number | null;
}

const TOPICS = ["rawtx", "hashblock", "sequence"] as const;
type Topic = (typeof TOPICS)[number];
/** Bytes of a frame: no transaction is longer. ZMQ hangs up on a longer one. */
const MAX_FRAME = 4_000_000;
/** Milliseconds from one attempt to connect to the next, growing. */
const RECONNECT = { reconnectInterval: 100, reconnectMaxInterval: 5_000 };
/** Milliseconds from the end of a connection to a new one. */
const REOPEN = 200;
/** Milliseconds between pings of ZMQ's own protocol, and to an answer: a peer that is gone without a word is noticed. */
const HEARTBEAT = { heartbeatInterval: 5_000, heartbeatTimeout: 15_000 };

export class CoreNews {
  readonly #options: NewsOptions;
  #sockets = new Set<Subscriber>();
  #timers = new Set<NodeJS.Timeout>();
  #stats: NewsStats = {
    endpoints: [],
    received: 0,
    matched: 0,
    gaps: 0,
    malformed: 0,
    connections: 0,
    lastMessage: null,
  };

  constructor(options: NewsOptions) {
    this.#options = options;
  }

  stats(): NewsStats {
    return { ...this.#stats };
  }

  /** Listens at these endpoints instead of those before. */
  listen(endpoints: readonly string[]): void {
    if (endpoints.join(" ") === this.#stats.endpoints.join(" ")) return;
    this.close();
    this.#stats.endpoints = [...endpoints];
    for (const endpoint of endpoints) this.#open(endpoint);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
    this.#stats.endpoints = [];
  }

  #open(endpoint: string): void {
    const socket = new Subscriber({
      receiveHighWaterMark: 0,
      maxMessageSize: MAX_FRAME,
      linger: 0,
      ipv6: endpoint.includes("["),
      ...RECONNECT,
      ...HEARTBEAT,
    });
    this.#sockets.add(socket);
    /** Of each topic, the number that its next message should have. */
    const expected = new Map<Topic, number>();
    socket.events.on("handshake", () => {
      // Whatever was told in between is lost: all is asked anew.
      expected.clear();
      this.#stats.connections++;
      this.#options.news();
    });
    socket.events.on("disconnect", () => this.#reopen(socket, endpoint));
    socket.subscribe(...TOPICS);
    socket.connect(endpoint);
    void this.#read(socket, expected);
  }

  /** ZMQ itself does not come back after a message that breaks its rules, such as one that is too long. */
  #reopen(socket: Subscriber, endpoint: string): void {
    if (!this.#sockets.delete(socket)) return;
    socket.close();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#open(endpoint);
    }, REOPEN);
    this.#timers.add(timer);
  }

  async #read(socket: Subscriber, expected: Map<Topic, number>): Promise<void> {
    try {
      for await (const frames of socket) this.#take(frames, expected);
    } catch (error) {
      // Only the socket's end is expected here; anything else is a mistake of ours.
      if (!socket.closed) throw error;
    }
  }

  #take(frames: readonly Buffer[], expected: Map<Topic, number>): void {
    const stats = this.#stats;
    stats.received++;
    stats.lastMessage = Date.now();
    const [name, body, counter, ...more] = frames;
    const topic = TOPICS.find((each) => each === name?.toString("latin1"));
    if (!topic || !body || counter?.length !== 4 || more.length > 0) {
      stats.malformed++;
      return;
    }
    const number = counter.readUInt32LE(0);
    const due = expected.get(topic);
    expected.set(topic, (number + 1) >>> 0);
    const lost = due !== undefined && number !== due;
    if (lost) stats.gaps += number > due ? number - due : 1;
    if (!this.#concerns(topic, body) && !lost) return;
    stats.matched++;
    this.#options.news();
  }

  #concerns(topic: Topic, body: Buffer): boolean {
    if (topic === "rawtx") return this.#isOurs(body);
    if (topic === "hashblock") return this.#isWhole(body.length === 32);
    // A hash (in the displayed order) and a letter; with A and R, the mempool's sequence number in 8 bytes.
    const label = body.length > 32 ? String.fromCharCode(body[32]!) : "";
    const known = "CD".includes(label) ? body.length === 33 : "AR".includes(label) && body.length === 41;
    if (!this.#isWhole(label !== "" && known)) return false;
    return label === "C" || label === "D" || this.#options.isNamed(toHex(body.subarray(0, 32)));
  }

  #isOurs(raw: Buffer): boolean {
    const hits = scanTransaction(raw, this.#options.wanted());
    if (!this.#isWhole(hits !== undefined) || !hits) return false;
    if (hits.spends.length + hits.payments.length === 0) return false;
    this.#options.matched(hits);
    return true;
  }

  #isWhole(whole: boolean): boolean {
    if (!whole) this.#stats.malformed++;
    return whole;
  }
}
