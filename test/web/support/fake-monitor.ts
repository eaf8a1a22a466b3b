/**
 * A monitor of real HTTP and SSE on a free port, whose every answer a test may choose, garbage included.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Attempt, Status } from "../../../monitor/schema.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export class FakeMonitor {
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  #waiting: ((request: IncomingMessage) => void)[] = [];
  status: Status;
  attempts: Attempt[] = [];
  /** Attempts that only /v1/attempts/ID knows. */
  old: Attempt[] = [];
  /** Answers that stand in for the usual ones, by path. */
  readonly instead = new Map<string, Answer>();
  /** Paths asked for, in order. */
  readonly asked: string[] = [];

  constructor(status: Status) {
    this.status = status;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** The next request for /v1/events. */
  nextStream(): Promise<IncomingMessage> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(event: "status" | "attempt", data: unknown, id: number): void {
    this.sendRaw(`id: ${id}\nevent: ${event}\ndata: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  }

  sendRaw(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }

  /** Breaks the open streams. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").split("?")[0]!;
    this.asked.push(path);
    const instead = this.instead.get(path);
    const attempt = [...this.attempts, ...this.old].find(({ id }) => path === `/v1/attempts/${id}`);
    if (instead !== undefined) instead(request, response);
    else if (path === "/v1/status") json(response, this.status);
    else if (path === "/v1/attempts") json(response, { attempts: this.attempts, next: null });
    else if (attempt !== undefined) json(response, { ...attempt, events: [] });
    else if (path === "/v1/events") this.#open(request, response);
    else {
      response.writeHead(404, { "content-type": "application/json" });
      response.end('{"error":"no"}');
    }
  }

  #open(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": hello\n\n");
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
    for (const told of this.#waiting.splice(0)) told(request);
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
