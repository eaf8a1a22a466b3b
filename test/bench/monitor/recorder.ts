/** A pass-through in front of the node's JSON-RPC that notes when each call came and was answered, to see where time goes. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

export interface Exchange {
  method: string;
  asked: number;
  answered: number;
}

const call = z.object({ method: z.string() });
const calls = z.union([call, z.array(call).min(1)]);

export class Recorder {
  readonly exchanges: Exchange[] = [];
  readonly #server;

  /** `target`: URL of the JSON-RPC. */
  constructor(target: string) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const asked = performance.now();
        const body = Buffer.concat(chunks).toString();
        const [first] = [calls.parse(JSON.parse(body))].flat();
        fetch(target, { method: "POST", body })
          .then(async (answer) => {
            const text = await answer.text();
            this.exchanges.push({ method: first!.method, asked, answered: performance.now() });
            response.writeHead(answer.status).end(text);
          })
          .catch(() => response.destroy());
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  /** host:port */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}
