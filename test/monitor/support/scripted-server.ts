/** A TCP server that answers each line as a test says, for peers that no honest program would be. */

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";

export interface Question {
  id: number;
  method: string;
  params: unknown[];
}

/** Lines (or bytes) to send for a question; nothing when empty. */
export type Script = (question: Question, socket: Socket) => readonly (string | Uint8Array)[];

export class ScriptedServer {
  script: Script;
  /** Connections taken so far. */
  connections = 0;
  questions: Question[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
      let rest = "";
      socket.on("data", (chunk) => {
        const lines = (rest + chunk.toString()).split("\n");
        rest = lines.pop()!;
        for (const line of lines) this.#serve(JSON.parse(line) as Question, socket);
      });
    });
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(script);
    await new Promise<void>((resolve) => scripted.#server.listen(0, "127.0.0.1", resolve));
    return scripted;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(question: Question, socket: Socket): void {
    this.questions.push(question);
    for (const line of this.script(question, socket)) {
      if (!socket.destroyed) socket.write(typeof line === "string" ? `${line}\n` : line);
    }
  }
}
