/** An HTTP server that plays webhook, ntfy, Telegram or dead-man switch: it keeps what it is sent, and answers as a test says. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type AlertBody, alertBody } from "../../../monitor/alerts/kinds.ts";

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Answers by itself and returns true, or leaves it at 204. */
export type Behaviour = (response: ServerResponse, request: Received, count: number) => boolean;

export class Receiver {
  readonly received: Received[] = [];
  behaviour: Behaviour = () => false;
  readonly #server: Server;
  readonly #scheme: string;

  constructor(tls?: { key: string; cert: string }) {
    this.#scheme = tls ? "https" : "http";
    this.#server = tls ? createTlsServer(tls) : createServer();
    this.#server.on("request", (request, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        const received = { path: request.url ?? "", headers: request.headers, body };
        this.received.push(received);
        if (!this.behaviour(response, received, this.received.length)) response.writeHead(204).end();
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What came to it as alerts, checked against the published schema. */
  get alerts(): AlertBody[] {
    return this.received.map(({ body }) => alertBody.parse(JSON.parse(body)));
  }

  /** "kind phase" of each. */
  get kinds(): string[] {
    return this.alerts.map(({ kind, phase }) => (phase === "raised" ? kind : `${kind} ${phase}`));
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** What a receiver does to check a request: written from docs/alerts.md, not with the monitor's code. */
export function isSigned({ headers, body }: Received, secret: string, now: number): boolean {
  const timestamp = headers["pinata-timestamp"];
  if (typeof timestamp !== "string" || Math.abs(Number(timestamp) - now / 1000) > 300) return false;
  const expected = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return headers["pinata-signature"] === `v1=${expected}`;
}
