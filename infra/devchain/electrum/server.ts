/**
 * The development chain as an Electrum server, over TCP or TLS: what wallets and the monitor speak to ElectrumX, Fulcrum or electrs.
 * Clients are told of new blocks and of changes to their scripts. For this machine alone, as the rest of the chain.
 */
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { DevNode } from "../node.ts";
import { Client, type ClientOptions } from "./client.ts";
import { Faults } from "./faults.ts";

export interface ElectrumOptions extends Partial<Omit<ClientOptions, "node">> {
  /** 0: any that is free. */
  port: number;
  host?: string;
  /** PEM; TLS when given. */
  tls?: { key: string; cert: string };
}

export class ElectrumServer {
  readonly faults: Faults;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Map<Socket, Client>();
  readonly #unwatch: () => void;

  private constructor(node: DevNode, { faults = new Faults(), tls, log = () => {}, asked }: ElectrumOptions) {
    this.faults = faults;
    const serve = (socket: Socket): void => {
      if (faults.connections === "closed") {
        socket.destroy();
        return;
      }
      this.#clients.set(socket, new Client(socket, { node, faults, log, ...(asked ? { asked } : {}) }));
      socket.on("close", () => this.#clients.delete(socket));
    };
    this.#server = tls ? createTlsServer(tls, serve) : createTcpServer(serve);
    // The bare connections, so that those in the middle of a handshake are ended too.
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", () => {});
    this.#unwatch = node.onChange(() => {
      for (const client of this.#clients.values()) client.changed();
    });
  }

  /** Rejects with the system's error when the port cannot be had. */
  static async start(node: DevNode, options: ElectrumOptions): Promise<ElectrumServer> {
    const electrum = new ElectrumServer(node, options);
    await new Promise<void>((resolve, reject) => {
      electrum.#server.once("error", (error) => {
        electrum.#unwatch();
        reject(error);
      });
      electrum.#server.listen(options.port, options.host ?? "127.0.0.1", resolve);
    });
    return electrum;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the Electrum server does not listen");
    return address.port;
  }

  /** Clients connected now. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Hangs up on every client; they may come back. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#unwatch();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.hangUp();
    await closed;
  }
}
