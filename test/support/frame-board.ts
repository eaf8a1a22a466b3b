/**
 * A board over Ethernet frames: net, doors and vault joined as boards/metal joins them, with the hosts of boards/node around the doors
 * and the vault. It is written to be read beside the metal board's main loop, and does nothing that that does not:
 *
 *   a frame comes      → net.frame, every event of net.next, pump what was touched, net.transmit until it is empty
 *   net.deadline is up → net.tick,  every event of net.next, pump what was touched, net.transmit until it is empty
 *
 * Back-pressure: what a door has said waits here until the connection's send buffer has room; until all of it has gone the peer's bytes are
 * not read, so that TCP's window closes. A trap of a door resets its connection; a trap of net is thrown.
 */
import { randomFillSync } from "node:crypto";
import { DoorHost, type DoorStatus, DoorTrapped } from "../../unikernel/boards/node/door.ts";
import { CompartmentFault, view } from "../../unikernel/boards/node/memory.ts";
import { DOOR_PAGES, MemoryPool } from "../../unikernel/boards/node/memory-pool.ts";
import type { GuestModules } from "../../unikernel/boards/node/modules.ts";
import { VaultHost } from "../../unikernel/boards/node/vault.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { Role } from "../../unikernel/guest/role.ts";
import { SettingsError } from "../../unikernel/guest/tcpip/settings-error.ts";
import { TraceCode } from "../../unikernel/guest/trace.ts";
import { uint } from "./der.ts";
import type { FrameWire } from "./frame-wire.ts";
import { ipv4Text } from "./frames.ts";

/** net.wasm for boards that have only frames. Times are milliseconds. */
export interface NetExports {
  memory: WebAssembly.Memory;
  inbox(): number;
  inboxSize(): number;
  outbox(): number;
  outboxSize(): number;
  /** Inbox: 16 bytes of seed, 32 of TCP's secret, 6 of MAC address, the command line. Number of `SettingsError`. */
  boot(length: number, now: bigint): number;
  frame(length: number, now: bigint): void;
  tick(now: bigint): void;
  transmit(now: bigint): number;
  deadline(): bigint;
  next(now: bigint): number;
  read(slot: number, most: number): number;
  room(slot: number): number;
  write(slot: number, length: number): void;
  finish(slot: number): void;
  drop(slot: number): void;
  authenticated(slot: number, now: bigint): void;
  port(door: number): number;
  /** Our IPv4 address, host order; 0 while DHCP has none. */
  address(): number;
}

/** What `net.next` tells. */
export const Event = { None: 0, Opened: 1, Refused: 2, Readable: 3, PeerClosed: 4, Ended: 5 } as const;
const RECORD_LENGTH = 12;
export const SECRETS_LENGTH = 16 + 32;
/** The most bytes that a door takes at once, and that `net.read` is asked for. */
const MOST_READ = 8192;

const DOORS = ["server", "dialback", "client"] as const;
const REFUSALS = ["", "too-many-connections", "too-many-from-peer", "dial-failed"] as const;
const ENDS = ["", "peer", "timeout"] as const;

export type BoardEvent = { conn: number; door: (typeof DOORS)[number]; peer: string } & (
  | { event: "accepted" | "opened" | "trap" }
  | { event: "refused"; reason: string }
  | { event: "certificate"; verdict: number; subject: string }
  | { event: "alert"; direction: "sent" | "received"; alert: number; failure: number }
  | { event: "closed"; by: string; bytesIn: number; bytesOut: number }
);
type Told = BoardEvent extends infer E ? (E extends unknown ? Omit<E, "conn" | "door" | "peer"> : never) : never;

export interface FrameBoardOptions {
  modules: GuestModules;
  seal: Uint8Array;
  wire: FrameWire;
  /** Settings of tcpip/settings.ts, e.g. "ip=10.7.0.2/24 gateway=10.7.0.1". */
  commandLine: string;
  mac?: Uint8Array;
  onEvent?(event: BoardEvent): void;
}

/** net refuses its settings. */
export class SettingsRefused extends Error {
  override name = "SettingsRefused";
  constructor(readonly reason: SettingsError) {
    super(`net refuses its settings: ${SettingsError[reason] ?? reason}`);
  }
}

interface Connection {
  slot: number;
  conn: number;
  door: (typeof DOORS)[number];
  peer: string;
  host: DoorHost;
  /** What the door has said and the connection has had no room for. */
  waiting: Uint8Array;
  /** The door has said its last: FIN after {@link waiting}; and who ended it. */
  closing: "pinata" | "peer" | undefined;
  readable: boolean;
  peerClosed: boolean;
  authenticated: boolean;
  bytesIn: number;
  bytesOut: number;
}

export class FrameBoard {
  /** Frames in and out, for figures. */
  readonly frames = { in: 0, out: 0 };
  private readonly net: NetExports;
  private readonly vault: VaultHost;
  private readonly memories = new MemoryPool(DOOR_PAGES);
  /** By slot. */
  private readonly connections = new Map<number, Connection>();
  private lastConnection = 0;
  private skipped = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  /** Boots net and opens the vault; throws {@link SettingsRefused} or SealRefused. */
  constructor(private readonly options: FrameBoardOptions) {
    this.net = new WebAssembly.Instance(options.modules.net, {}).exports as unknown as NetExports;
    this.vault = new VaultHost({
      module: options.modules.vault,
      seal: options.seal,
      onTrap: (reason) => {
        throw new Error(`the vault trapped: ${reason}`);
      },
    });
    const mac = options.mac ?? DEFAULT_MAC;
    const secrets = randomFillSync(new Uint8Array(SECRETS_LENGTH));
    const length = this.toInbox(Buffer.concat([secrets, mac, Buffer.from(options.commandLine, "latin1")]));
    const refused = this.net.boot(length, this.now());
    if (refused !== SettingsError.None) throw new SettingsRefused(refused);
    options.wire.onFrame((frame) => this.receive(frame));
    this.settle();
  }

  /** Ports of the doors: 0 server, 1 dial-back, 2 client. */
  port(door: number): number {
    return this.net.port(door);
  }

  /** Dotted; undefined while DHCP has none. */
  get address(): string | undefined {
    const address = this.net.address() >>> 0;
    return address === 0 ? undefined : ipv4Text(uint(4, address));
  }

  /** Connections that have a door. */
  get open(): number {
    return this.connections.size;
  }

  /** Milliseconds until net wants to be woken; undefined: never, so that nothing at all is under way in it. */
  get nextTick(): number | undefined {
    const deadline = this.net.deadline();
    return deadline === 0n ? undefined : Math.max(0, Number(deadline - this.now()));
  }

  /** Bytes of net's memory. */
  get memory(): number {
    return this.net.memory.buffer.byteLength;
  }

  /** Lets so many milliseconds pass at once: for what takes minutes. */
  skip(millis: number): void {
    this.skipped += millis;
    this.tick();
  }

  /** A frame from the network; also for tests that put one in themselves. */
  receive(frame: Uint8Array): void {
    // As a network card does: what does not fit the receive buffer is not received.
    if (this.stopped || frame.length > this.net.inboxSize()) return;
    this.frames.in++;
    this.net.frame(this.toInbox(frame), this.now());
    this.settle();
  }

  /** Resets every connection and stops listening to the wire. */
  stop(): void {
    if (this.stopped) return;
    for (const connection of [...this.connections.values()]) {
      this.drop(connection, "shutdown");
      this.transmit();
    }
    this.stopped = true;
    clearTimeout(this.timer);
    this.options.wire.onFrame(() => {});
  }

  /** Milliseconds that never go back. */
  private now(): bigint {
    return BigInt(Math.floor(performance.timeOrigin + performance.now() + this.skipped));
  }

  private settle(): void {
    while (this.takeEvent()) {}
    for (const connection of [...this.connections.values()]) this.pump(connection);
    this.transmit();
    this.schedule();
  }

  private tick(): void {
    this.net.tick(this.now());
    this.settle();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const millis = this.nextTick;
    if (millis === undefined || this.stopped) return;
    this.timer = setTimeout(() => this.tick(), millis);
    this.timer.unref();
  }

  private transmit(): void {
    for (;;) {
      const length = this.net.transmit(this.now());
      if (length === 0) return;
      this.frames.out++;
      this.options.wire.send(this.fromOutbox(length));
    }
  }

  /** Takes one event of net; false when there is none. */
  private takeEvent(): boolean {
    const kind = this.net.next(this.now());
    if (kind === Event.None) return false;
    const record = Buffer.from(this.fromOutbox(RECORD_LENGTH));
    const slot = record[1]!;
    const door = DOORS[record[2]!];
    const peer = `${ipv4Text(record.subarray(4, 8))}:${record.readUInt16BE(8)}`;
    if (record[0] !== kind || door === undefined) throw new CompartmentFault(`event ${kind} with a record of another`);
    if (kind === Event.Opened) {
      this.attach(slot, door, peer);
      return true;
    }
    if (kind === Event.Refused) {
      const reason = REFUSALS[record[3]!] ?? "unknown";
      this.options.onEvent?.({ conn: ++this.lastConnection, door, peer, event: "refused", reason });
      return true;
    }
    const connection = this.connections.get(slot);
    if (connection === undefined) throw new CompartmentFault(`event ${kind} of slot ${slot}, which is free`);
    if (kind === Event.Readable) connection.readable = true;
    else if (kind === Event.PeerClosed) connection.peerClosed = true;
    else if (kind === Event.Ended) this.detach(connection, ENDS[record[3]!] ?? "unknown");
    else throw new CompartmentFault(`event ${kind}, which is none`);
    return true;
  }

  /** Moves bytes between net and a door until one of them has no more, or no room. */
  private pump(connection: Connection): void {
    const { net } = this;
    const { slot, host } = connection;
    for (;;) {
      while (connection.waiting.length > 0) {
        const length = Math.min(connection.waiting.length, net.room(slot), net.inboxSize());
        if (length === 0) return;
        net.write(slot, this.toInbox(connection.waiting.subarray(0, length)));
        connection.waiting = connection.waiting.subarray(length);
        connection.bytesOut += length;
      }
      if (connection.closing !== undefined) {
        net.finish(slot);
        this.detach(connection, connection.closing);
        return;
      }
      if (connection.readable) {
        const length = net.read(slot, MOST_READ);
        connection.readable = length > 0;
        if (length === 0) continue;
        connection.bytesIn += length;
        const bytes = this.fromOutbox(length);
        if (!this.step(connection, () => host.receive(bytes))) return;
      } else if (connection.peerClosed) {
        if (!this.step(connection, () => host.peerClosed())) return;
        connection.closing = "peer";
      } else return;
    }
  }

  /** A step of the door and what it wants; false when it trapped, and the connection is gone. */
  private step(connection: Connection, use: () => DoorStatus): boolean {
    let status: DoorStatus;
    try {
      status = use();
    } catch (error) {
      if (!(error instanceof DoorTrapped)) throw error;
      this.tell(connection, { event: "trap" });
      this.drop(connection, "trap");
      return false;
    }
    connection.waiting = status.output;
    if (status.close) connection.closing = "pinata";
    if (status.authenticated && !connection.authenticated) {
      connection.authenticated = true;
      this.net.authenticated(connection.slot, this.now());
    }
    return true;
  }

  private attach(slot: number, door: (typeof DOORS)[number], peer: string): void {
    if (this.connections.has(slot)) throw new CompartmentFault(`slot ${slot} is opened twice`);
    const about = { conn: ++this.lastConnection, door, peer };
    const events = {
      trace: (code: number, a: number, b: number) => {
        const told = doorEvent(code, a, b);
        if (told !== undefined) this.tell(about, told);
      },
      judged: ({ failure, subject }: { failure: number; subject: string }) =>
        this.tell(about, { event: "certificate", verdict: failure, subject }),
    };
    const host = new DoorHost(this.options.modules.door, slot, this.vault, events, Date.now, this.memories);
    const connection: Connection = {
      ...about,
      ...{ slot, host, waiting: EMPTY, bytesIn: 0, bytesOut: 0 },
      ...{ closing: undefined, readable: false, peerClosed: false, authenticated: false },
    };
    this.connections.set(slot, connection);
    this.tell(connection, { event: "accepted" });
    this.step(connection, () => host.start(door === "server" ? Role.Server : Role.Client));
  }

  private drop(connection: Connection, by: string): void {
    this.net.drop(connection.slot);
    this.detach(connection, by);
  }

  /** net knows the connection no more. */
  private detach(connection: Connection, by: string): void {
    connection.host.wipe();
    this.connections.delete(connection.slot);
    this.tell(connection, { event: "closed", by, bytesIn: connection.bytesIn, bytesOut: connection.bytesOut });
  }

  private tell({ conn, door, peer }: { conn: number; door: (typeof DOORS)[number]; peer: string }, told: Told): void {
    this.options.onEvent?.({ conn, door, peer, ...told });
  }

  private toInbox(bytes: Uint8Array): number {
    if (bytes.length > this.net.inboxSize()) throw new CompartmentFault(`${bytes.length} bytes for net's inbox`);
    view(this.net.memory, this.net.inbox(), bytes.length).set(bytes);
    return bytes.length;
  }

  private fromOutbox(length: number): Uint8Array {
    if (length >>> 0 > this.net.outboxSize()) throw new CompartmentFault(`${length >>> 0} bytes in net's outbox`);
    return view(this.net.memory, this.net.outbox(), length).slice();
  }
}

const EMPTY = new Uint8Array(0);
/** Locally administered. */
export const DEFAULT_MAC = Uint8Array.from([0x02, 0x70, 0x69, 0x6e, 0x61, 0x74]);

function doorEvent(code: number, a: number, b: number): Told | undefined {
  switch (code) {
    case TraceCode.AlertSent:
      return { event: "alert", direction: "sent", alert: a & 0xff, failure: b };
    case TraceCode.AlertReceived:
      return { event: "alert", direction: "received", alert: a & 0xff, failure: Failure.None };
    case TraceCode.Candy:
      return { event: "opened" };
    default:
      return undefined;
  }
}
