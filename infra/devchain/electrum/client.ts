/** One client of the Electrum server: its lines in, answers and notifications out, with whatever faults are set. */
import type { Socket } from "node:net";
import { z } from "zod";
import type { DevNode } from "../node.ts";
import type { Faults } from "./faults.ts";
import { answer, Code, Failure, isMethod, type Method, type Subscriptions, tipJson } from "./methods.ts";
import { statusOf } from "./scripts.ts";

/** Bytes of a line: a standard transaction in hex is shorter. */
const MAX_LINE = 1_000_000;
const ENDLESS = 65_536;

const request = z.object({
  id: z.union([z.number(), z.string(), z.null()]).optional(),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
});

export interface ClientOptions {
  node: DevNode;
  faults: Faults;
  log(line: string): void;
  /** Called for each question. */
  asked?(method: string): void;
}

export class Client {
  readonly #socket: Socket;
  readonly #options: ClientOptions;
  readonly #subscriptions: Subscriptions = { headers: false, scripts: new Map() };
  readonly #timers = new Set<NodeJS.Timeout>();
  #tip: string;
  #rest = "";

  constructor(socket: Socket, options: ClientOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#tip = options.node.chain.tip.hash;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#take(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  /** Tells what has changed of what was subscribed to. */
  changed(): void {
    const { node, faults } = this.#options;
    const { headers, scripts } = this.#subscriptions;
    if (this.#tip !== node.chain.tip.hash) {
      this.#tip = node.chain.tip.hash;
      if (headers) this.#notify("blockchain.headers.subscribe", [tipJson(node)]);
    }
    if (faults.notifications === "kept back") return;
    for (const [script, before] of scripts) {
      const status = statusOf(node.chain, script);
      if (status === before) continue;
      scripts.set(script, status);
      this.#notify("blockchain.scripthash.subscribe", [script, status]);
    }
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop()!;
    if (this.#rest.length > MAX_LINE) this.#socket.destroy();
    for (const line of lines) if (!this.#socket.destroyed) this.#serve(line);
  }

  #serve(line: string): void {
    let parsed: ReturnType<typeof request.safeParse>;
    try {
      parsed = request.safeParse(JSON.parse(line));
    } catch {
      this.#send({ jsonrpc: "2.0", id: null, error: { code: Code.Parse, message: "invalid JSON" } });
      return;
    }
    if (!parsed.success) {
      this.#send({ jsonrpc: "2.0", id: null, error: { code: Code.InvalidRequest, message: "invalid request" } });
      return;
    }
    const { id = null, method, params } = parsed.data;
    this.#options.asked?.(method);
    this.#send({ jsonrpc: "2.0", id, ...this.#outcome(method, params) }, method);
  }

  #outcome(method: string, params: readonly unknown[]) {
    const { faults } = this.#options;
    const truth = this.#truth(method, params);
    const lie = isMethod(method) ? faults.lies.get(method) : undefined;
    const said = lie?.("result" in truth ? truth.result : undefined, params);
    return said === undefined ? truth : { result: said };
  }

  #truth(method: string, params: readonly unknown[]) {
    const { node, log } = this.#options;
    try {
      return { result: answer({ node, subscriptions: this.#subscriptions }, method, params) };
    } catch (error) {
      if (error instanceof Failure) return { error: { code: error.code, message: error.message } };
      log(`a bug: ${(error as Error).stack ?? String(error)}`);
      return { error: { code: Code.Internal, message: "internal error" } };
    }
  }

  #notify(method: Method, params: unknown[]): void {
    if (this.#options.faults.notifications === "told") this.#send({ jsonrpc: "2.0", method, params }, method);
  }

  #send(message: object, method?: string): void {
    const { faults } = this.#options;
    const line = `${JSON.stringify(message)}\n`;
    const applies = faults.only.size === 0 || (method !== undefined && isMethod(method) && faults.only.has(method));
    const wire = applies ? faults.wire : "whole";
    if (!applies || faults.delay === 0) {
      this.#write(line, wire);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#write(line, wire);
    }, faults.delay);
    this.#timers.add(timer);
  }

  #write(line: string, wire: Faults["wire"]): void {
    const socket = this.#socket;
    if (wire === "whole") socket.write(line);
    else if (wire === "twice") socket.write(line + line);
    else if (wire === "garbage") socket.write(Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x0a]));
    else if (wire === "half") socket.end(line.slice(0, line.length >> 1));
    else if (wire === "endless") this.#pour();
  }

  /** Until the other side hangs up. */
  #pour(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.write("a".repeat(ENDLESS))) setImmediate(() => this.#pour());
    else socket.once("drain", () => this.#pour());
  }
}
