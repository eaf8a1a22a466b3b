/** The one port that the monitor listens on, whoever answers there: the API while it leads, a standby's answer while it does not. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type HttpBindings, serve } from "@hono/node-server";

/** `env`: what the API needs of the connection. */
export type Handler = (request: Request, env: unknown) => Response | Promise<Response>;

export class Front {
  readonly port: number;
  readonly url: string;
  readonly #server: Server;
  /** Answers on their way. */
  readonly #open = new Set<HttpBindings["outgoing"]>();
  #handler: Handler | undefined;

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.url = `http://${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  /** Throws one line that says what is wrong with the address. */
  static listen(host: string, port: number): Promise<Front> {
    return new Promise((resolve, reject) => {
      let front: Front | undefined;
      const fetch: Handler = (request, env) => front?.answer(request, env) ?? unready();
      const server = serve({ fetch, port, hostname: host }, () => {
        front = new Front(server, host);
        resolve(front);
      }) as Server;
      server.once("error", (error: NodeJS.ErrnoException) => reject(new Error(whyNot(error, host, port))));
    });
  }

  answer(request: Request, env: unknown): Response | Promise<Response> {
    const { outgoing } = env as HttpBindings;
    this.#open.add(outgoing);
    outgoing.once("close", () => this.#open.delete(outgoing));
    return this.#handler?.(request, env) ?? unready();
  }

  /** From now on. Streams of before are ended, because they never end by themselves and would tell nothing any more. */
  serve(handler: Handler): void {
    this.#handler = handler;
    for (const outgoing of this.#open) {
      if (String(outgoing.getHeader("content-type")).startsWith("text/event-stream")) outgoing.destroy();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function unready(): Response {
  return Response.json({ error: "the monitor is starting" }, { status: 503, headers: { "retry-after": "1" } });
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} on ${host} is in use by another program; choose another one with --port`;
  if (error.code === "EACCES")
    return `port ${port} on ${host} may not be used by this user; choose one above 1023 with --port`;
  return `cannot listen on ${host} port ${port}: ${error.message}`;
}
