/**
 * The Node board: the three doors as TCP listeners (docs/design.md, "The doors"), one door compartment for each
 * connection, admission and deadlines by the net compartment, the vault behind all of them, and the trace.
 */
import { randomBytes } from "node:crypto";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Role } from "../../guest/role.ts";
import { TRACE_VERSION, type TraceEvent, type TraceEventWithout } from "../../trace.ts";
import { AdmissionHost, type Limits } from "./admission.ts";
import { Connection, type ConnectionEvent, type ConnectionOptions } from "./connection.ts";
import { Lingering } from "./lingering.ts";
import { isTrap } from "./memory.ts";
import { DOOR_PAGES, MemoryPool } from "./memory-pool.ts";
import type { GuestModules } from "./modules.ts";
import type { TraceLog } from "./trace-log.ts";
import { VaultHost } from "./vault.ts";

export interface BoardOptions {
  modules: GuestModules;
  seal: Uint8Array;
  /** Addresses to listen on. */
  hosts: string[];
  /** Ports of the doors; 0 takes a free one. `dialTo` is the peer's port that the dial-back door calls. */
  ports: { server: number; dialback: number; client: number; dialTo: number };
  limits: Limits;
  trace: TraceLog;
  clock?(): number;
}

export interface Board {
  boot: string;
  image: string;
  ports: { server: number; dialback: number; client: number };
  /** Ends every connection, stops listening, writes the last trace line. */
  stop(reason: string): Promise<void>;
}

type DoorName = "server" | "dialback" | "client";

export const DEFAULT_PORTS = { server: 10000, dialback: 10001, client: 10002, dialTo: 40001 } as const;
export const DEFAULT_LIMITS: Limits = { connections: 64, fromPeer: 16, handshakeMillis: 10_000 };
const DIAL_MILLIS = 5_000;

/** A port is taken; the message names it. */
export class PortBusy extends Error {
  override name = "PortBusy";
  constructor(
    readonly door: DoorName,
    readonly port: number,
    host: string,
  ) {
    super(`port ${port} on ${host} is in use by another program`);
  }
}

/** Unseals the vault and opens the doors. Throws SealRefused, {@link PortBusy} or the system's error. */
export async function startBoard(options: BoardOptions): Promise<Board> {
  const board = new NodeBoard(options);
  await board.listen();
  return board;
}

class NodeBoard implements Board {
  readonly boot = randomBytes(8).toString("hex");
  readonly image: string;
  readonly ports = { server: 0, dialback: 0, client: 0 };
  private readonly admission: AdmissionHost;
  private readonly vault: VaultHost;
  private readonly memories = new MemoryPool(DOOR_PAGES);
  private readonly lingering = new Lingering();
  private readonly clock: () => number;
  private readonly servers: Server[] = [];
  private readonly connections = new Map<number, Connection>();
  /** Dial-backs under way, by slot. */
  private readonly dials = new Map<number, Socket>();
  private lastConnection = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: BoardOptions) {
    this.clock = options.clock ?? Date.now;
    this.image = options.modules.image;
    this.admission = new AdmissionHost(options.modules.net, options.limits);
    this.vault = new VaultHost({
      module: options.modules.vault,
      seal: options.seal,
      onTrap: () => this.traceConnection(Math.max(1, this.lastConnection))({ event: "trap", compartment: "vault" }),
    });
  }

  async listen(): Promise<void> {
    try {
      this.ports.server = await this.open("server", (socket) => this.accept("server", socket, Role.Server));
      this.ports.client = await this.open("client", (socket) => this.accept("client", socket, Role.Client));
      this.ports.dialback = await this.open("dialback", (socket) => this.dialBack(socket));
    } catch (error) {
      await this.closeServers();
      throw error;
    }
    this.trace({ event: "boot", board: "node", image: this.image, doors: { ...this.ports } });
  }

  async stop(reason: string): Promise<void> {
    clearTimeout(this.timer);
    const closed = this.closeServers();
    for (const connection of [...this.connections.values()]) connection.stop("shutdown");
    for (const socket of [...this.dials.values()]) socket.destroy();
    await closed;
    this.trace({ event: "stopped", reason });
    this.options.trace.close();
  }

  /** Listens on every host with the same port; returns the port. */
  private async open(door: DoorName, onSocket: (socket: Socket) => void): Promise<number> {
    let port = this.options.ports[door];
    for (const host of this.options.hosts) {
      const server = createServer({ allowHalfOpen: true }, onSocket);
      port = await listenOn(server, door, host, port);
      this.servers.push(server);
    }
    return port;
  }

  private accept(door: DoorName, socket: Socket, role: Role): void {
    const peer = peerOf(socket);
    const conn = ++this.lastConnection;
    socket.on("error", () => {});
    const slot = peer && this.admit(conn, door, peer);
    if (peer === undefined || slot === undefined) socket.destroy();
    else this.attach({ conn, slot, door, peer, role, socket });
  }

  /** The dial-back door: close the trigger at once, then call the peer and be the TLS client there. */
  private dialBack(trigger: Socket): void {
    const caller = peerOf(trigger);
    trigger.on("error", () => {});
    trigger.end(() => trigger.destroySoon());
    if (caller === undefined) return;
    const peer = { address: caller.address, port: this.options.ports.dialTo };
    const conn = ++this.lastConnection;
    const slot = this.admit(conn, "dialback", peer);
    if (slot === undefined) return;
    const socket = connect({ host: peer.address, port: peer.port, allowHalfOpen: true, timeout: DIAL_MILLIS });
    this.dials.set(slot, socket);
    socket.once("timeout", () => socket.destroy());
    socket.on("error", () => {});
    const failed = () => {
      this.traceConnection(conn)({ event: "refused", door: "dialback", peer, reason: "dial-failed" });
      // An overdue dial has lost its slot already, perhaps to another connection.
      if (this.dials.get(slot) === socket) this.release(slot);
    };
    socket.once("close", failed);
    socket.once("connect", () => {
      socket.off("close", failed);
      socket.setTimeout(0);
      this.dials.delete(slot);
      this.attach({ conn, slot, door: "dialback", peer, role: Role.Client, socket });
    });
  }

  /** A slot for the peer, or undefined with the refusal traced. */
  private admit(conn: number, door: DoorName, peer: Peer): number | undefined {
    const admission = this.admission.open(peer.address, this.clock());
    if ("slot" in admission) {
      this.schedule();
      return admission.slot;
    }
    this.traceConnection(conn)({ event: "refused", door, peer, reason: admission.refused });
    return undefined;
  }

  private attach({ conn, slot, door, peer, role, socket }: Attachment): void {
    const trace = this.traceConnection(conn);
    trace({ event: "accepted", door, peer });
    const options: ConnectionOptions = {
      slot,
      socket,
      role,
      door: this.options.modules.door,
      vault: this.vault,
      memories: this.memories,
      lingering: this.lingering,
      clock: this.clock,
      trace,
      onAuthenticated: () => {
        this.admission.authenticated(slot, this.clock());
        this.schedule();
      },
      onClosed: () => this.release(slot),
    };
    let connection: Connection;
    try {
      connection = new Connection(options);
    } catch (error) {
      if (!isTrap(error)) throw error;
      // No memory for one more door: that costs this connection, not the piñata.
      trace({ event: "trap", compartment: "door" });
      trace({ event: "closed", by: "trap", bytesIn: 0, bytesOut: 0, millis: 0, cpuMicros: 0 });
      socket.destroy();
      this.release(slot);
      return;
    }
    this.connections.set(slot, connection);
    connection.start();
  }

  private release(slot: number): void {
    this.connections.delete(slot);
    this.dials.delete(slot);
    this.admission.close(slot);
    this.schedule();
  }

  /** Wakes up at the earliest deadline and ends what is overdue. */
  private schedule(): void {
    clearTimeout(this.timer);
    const deadline = this.admission.deadline();
    if (deadline === undefined) return;
    this.timer = setTimeout(
      () => {
        for (;;) {
          const slot = this.admission.expired(this.clock());
          if (slot === undefined) break;
          this.connections.get(slot)?.stop("timeout");
          this.dials.get(slot)?.destroy();
          this.dials.delete(slot);
          this.admission.close(slot);
        }
        this.schedule();
      },
      Math.max(1, deadline - this.clock()),
    );
    this.timer.unref();
  }

  private traceConnection(conn: number): (event: ConnectionEvent) => void {
    return (event) => this.trace({ conn, ...event });
  }

  private trace(event: TraceEventWithout<"v" | "time" | "boot">): void {
    this.options.trace.write({ v: TRACE_VERSION, time: this.clock(), boot: this.boot, ...event } as TraceEvent);
  }

  private async closeServers(): Promise<void> {
    await Promise.all(
      this.servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }
}

interface Attachment {
  conn: number;
  slot: number;
  door: DoorName;
  peer: Peer;
  role: Role;
  socket: Socket;
}

interface Peer {
  address: string;
  port: number;
}

/** The peer's address in its plain form; undefined when it has gone already. */
function peerOf(socket: Socket): Peer | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { address: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""), port: remotePort };
}

function listenOn(server: Server, door: DoorName, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new PortBusy(door, port, host) : error),
    );
    server.listen({ host, port }, () => {
      // An accept that fails later (no more file descriptors) costs that connection, not the piñata.
      server.on("error", () => {});
      resolve((server.address() as AddressInfo).port);
    });
  });
}
