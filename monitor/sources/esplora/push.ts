/**
 * The push channel of mempool.space (websocket, `/api/v1/ws`) as a hint: it says that something concerning the address or the
 * chain may have changed, never what. The server checks nobody's pulse, so this end pings, and leaves a connection that does not
 * answer. Every new connection is news, since anything may have happened before it.
 */
import WebSocket from "ws";
import { z } from "zod";
import type { Clock } from "../../clock.ts";

export interface PushOptions {
  /** ws: or wss: */
  url: string;
  authorization?: string;
  clock: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random: () => number;
  /** Milliseconds for opening, and for the answer to a ping. */
  timeout: number;
}

export const PING_EVERY = 30_000;
export const FIRST_PAUSE = 1_000;
export const LONGEST_PAUSE = 300_000;
/** A connection that held this long was a good one: pauses begin anew. */
const STEADY = 60_000;
/** A message lists whole transactions; one of 100,000 vbytes takes more than a megabyte as JSON. */
const MAX_MESSAGE = 4_000_000;
/** Within {@link PING_EVERY}; mempool.space sends a few each minute. */
const MAX_MESSAGES = 1_000;

const message = z.record(z.string(), z.unknown());
/** What may mean that an answer has changed. Others (fees, prices, statistics) come to everyone. */
const NEWS = [
  "block",
  "blocks",
  "address-transactions",
  "address-removed-transactions",
  "block-transactions",
  "multi-address-transactions",
];

type State =
  | { name: "idle" | "closed" }
  | { name: "opening" | "open"; socket: WebSocket; since: number }
  | { name: "pausing"; cancel: () => void };

export class PushChannel {
  readonly #options: PushOptions;
  readonly #listeners = new Set<() => void>();
  #state: State = { name: "idle" };
  #address: string | undefined;
  #failures = 0;
  #received = 0;
  #answered = true;
  #cancelPing = () => {};

  constructor(options: PushOptions) {
    this.#options = options;
  }

  /** Connects when the first one listens. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#state.name === "idle") this.#open();
    return () => this.#listeners.delete(listener);
  }

  /** The address whose transactions are told, from now on and after each reconnect. */
  track(address: string): void {
    if (this.#address === address) return;
    this.#address = address;
    if (this.#state.name === "open") this.#send({ "track-address": address });
  }

  close(): void {
    const state = this.#state;
    this.#state = { name: "closed" };
    this.#listeners.clear();
    this.#cancelPing();
    if (state.name === "pausing") state.cancel();
    if (state.name === "opening" || state.name === "open") state.socket.terminate();
  }

  #open(): void {
    const { url, authorization, timeout, clock } = this.#options;
    const socket = new WebSocket(url, {
      handshakeTimeout: timeout,
      maxPayload: MAX_MESSAGE,
      followRedirects: false,
      perMessageDeflate: false,
      ...(authorization === undefined ? {} : { headers: { authorization } }),
    });
    const isMine = (): boolean =>
      (this.#state.name === "opening" || this.#state.name === "open") && this.#state.socket === socket;
    this.#state = { name: "opening", socket, since: clock.now() };
    socket.on("open", () => {
      if (!isMine()) return;
      this.#state = { name: "open", socket, since: clock.now() };
      this.#send({ action: "want", data: ["blocks"] });
      if (this.#address !== undefined) this.#send({ "track-address": this.#address });
      this.#beat();
      this.#tell();
    });
    socket.on("message", (data, isBinary) => {
      if (isMine() && (isBinary || !this.#take(String(data)))) this.#leave();
    });
    // Each error is followed by a close.
    socket.on("error", () => {});
    socket.on("close", () => {
      if (isMine()) this.#leave();
    });
  }

  /** False when it is nothing that such a server sends, or too much. */
  #take(text: string): boolean {
    if (++this.#received > MAX_MESSAGES) return false;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return false;
    }
    const told = message.safeParse(value);
    if (!told.success) return false;
    if ("pong" in told.data) this.#answered = true;
    if (NEWS.some((name) => name in told.data)) this.#tell();
    return true;
  }

  /** Asks for a sign of life every half minute; whatever else is told meanwhile is none, for it may be old. */
  #beat(): void {
    const { clock, timeout } = this.#options;
    this.#received = 0;
    this.#answered = true;
    this.#cancelPing = clock.after(PING_EVERY, () => {
      this.#answered = false;
      this.#send({ action: "ping" });
      this.#cancelPing = clock.after(timeout, () => {
        if (this.#answered) this.#beat();
        else this.#leave();
      });
    });
  }

  #leave(): void {
    const state = this.#state;
    if (state.name !== "opening" && state.name !== "open") return;
    const { clock, random } = this.#options;
    if (state.name === "open" && clock.now() - state.since >= STEADY) this.#failures = 0;
    const grown = Math.min(FIRST_PAUSE * 2 ** this.#failures++, LONGEST_PAUSE);
    this.#state = { name: "pausing", cancel: clock.after(grown * (0.5 + random() / 2), () => this.#open()) };
    this.#cancelPing();
    state.socket.terminate();
  }

  #send(value: object): void {
    if (this.#state.name === "open") this.#state.socket.send(JSON.stringify(value));
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
