/**
 * DoorHost: the board's side of one door. A fresh instance for each connection; the board copies between the door and the
 * vault, adds the door's number and the time, and never lets one read the other. After a trap nothing of the door is
 * called or sent again: every method then throws {@link DoorTrapped}.
 */
import { randomFillSync } from "node:crypto";
import { Failure } from "../../guest/failure.ts";
import type { Role } from "../../guest/role.ts";
import { CompartmentFault, isTrap, view } from "./memory.ts";
import type { MemoryPool } from "./memory-pool.ts";
import type { Judgement, VaultHost } from "./vault.ts";

interface DoorExports {
  memory: WebAssembly.Memory;
  inbox(): number;
  inboxSize(): number;
  outbox(): number;
  start(role: number): number;
  receive(length: number): number;
  peerClosed(): number;
  outboxLength(): number;
  outboxTaken(): void;
}

export interface DoorEvents {
  /** A trace call of the door: `TraceCode`, two numbers and bytes. */
  trace(code: number, a: number, b: number, bytes: Uint8Array): void;
  /** The vault has judged the peer's certificate. */
  judged(judgement: Judgement): void;
}

/** What a door wants next. */
export interface DoorStatus {
  /** Bytes for the peer, in order; may be empty. */
  output: Uint8Array;
  /** After the output: end the connection, receive nothing more. */
  close: boolean;
  authenticated: boolean;
}

const STATUS_OUTPUT = 1;
const STATUS_CLOSE = 2;
const STATUS_AUTHENTICATED = 4;
const SEED_LENGTH = 32;
const TICKET_LENGTH = 16;

/** The door's compartment trapped: the connection must be dropped without another byte. */
export class DoorTrapped extends Error {
  override name = "DoorTrapped";
}

export class DoorHost {
  private readonly exports: DoorExports;
  private readonly memory: WebAssembly.Memory;
  private trapped = false;
  private wiped = false;
  /** Microseconds spent inside the door and, through it, the vault. */
  cpuMicros = 0;

  /** `id` tells doors apart for the vault; `clock` gives milliseconds since 1970. */
  constructor(
    module: WebAssembly.Module,
    private readonly id: number,
    private readonly vault: VaultHost,
    private readonly events: DoorEvents,
    private readonly clock: () => number,
    private readonly memories: MemoryPool,
  ) {
    this.memory = memories.take();
    this.exports = new WebAssembly.Instance(module, this.imports()).exports as unknown as DoorExports;
  }

  /** Begins as TLS server or client; the client's hello is in the output. */
  start(role: Role): DoorStatus {
    return this.enter(() => {
      randomFillSync(view(this.exports.memory, this.exports.inbox(), SEED_LENGTH));
      return this.exports.start(role);
    });
  }

  /** Bytes from the peer, any number. Stops early when the door wants to close. */
  receive(bytes: Uint8Array): DoorStatus {
    const outputs: Uint8Array[] = [];
    let status: DoorStatus = { output: EMPTY, close: false, authenticated: false };
    const room = this.enterValue(() => this.exports.inboxSize());
    for (let at = 0; at < bytes.length && !status.close; at += room) {
      const piece = bytes.subarray(at, at + room);
      status = this.enter(() => {
        view(this.exports.memory, this.exports.inbox(), piece.length).set(piece);
        return this.exports.receive(piece.length);
      });
      if (status.output.length > 0) outputs.push(status.output);
    }
    return { ...status, output: outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs) };
  }

  /** The peer sent its last byte. */
  peerClosed(): DoorStatus {
    return this.enter(() => this.exports.peerClosed());
  }

  /** Forgets the door's ticket, zeroes all of its memory and gives that back; safe after a trap, once. Nothing may be called afterwards. */
  wipe(): void {
    if (this.wiped) return;
    this.wiped = true;
    this.vault.forget(this.id);
    this.memories.giveBack(this.memory);
  }

  private enter(use: () => number): DoorStatus {
    return this.enterValue(() => {
      const status = use();
      const output = status & STATUS_OUTPUT ? this.takeOutput() : EMPTY;
      return { output, close: (status & STATUS_CLOSE) !== 0, authenticated: (status & STATUS_AUTHENTICATED) !== 0 };
    });
  }

  private takeOutput(): Uint8Array {
    const output = view(this.exports.memory, this.exports.outbox(), this.exports.outboxLength()).slice();
    this.exports.outboxTaken();
    return output;
  }

  private enterValue<T>(use: () => T): T {
    if (this.trapped || this.wiped) throw new DoorTrapped("this door has trapped or is wiped");
    const start = process.hrtime.bigint();
    try {
      return use();
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.trapped = true;
      throw new DoorTrapped((error as Error).message);
    } finally {
      this.cpuMicros += Number((process.hrtime.bigint() - start) / 1000n);
    }
  }

  private imports(): WebAssembly.Imports {
    const read = (at: number, length: number) => view(this.exports.memory, at, length).slice();
    const write = (bytes: Uint8Array, at: number, capacity: number) => {
      if (bytes.length > capacity >>> 0) throw new CompartmentFault(`${bytes.length} bytes for ${capacity >>> 0}`);
      view(this.exports.memory, at, bytes.length).set(bytes);
      return bytes.length;
    };
    const { vault } = this;
    return {
      env: { memory: this.memory },
      board: {
        trace: (code: number, a: number, b: number, at: number, length: number) =>
          this.events.trace(code, a, b, read(at, length)),
      },
      vault: {
        scheme: (role: number) => vault.scheme(role),
        certificates: (role: number, at: number, capacity: number) => write(vault.certificates(role), at, capacity),
        authority: (at: number, capacity: number) => write(vault.authority(), at, capacity),
        sign: (role: number, hashAt: number, hashLength: number, at: number, capacity: number) =>
          write(vault.sign(role, read(hashAt, hashLength)), at, capacity),
        authenticate: (
          peerRole: number,
          scheme: number,
          chainAt: number,
          chainLength: number,
          signatureAt: number,
          signatureLength: number,
          hashAt: number,
          hashLength: number,
          ticketAt: number,
        ) => {
          const judgement = vault.authenticate(
            this.id,
            peerRole,
            this.clock(),
            scheme,
            read(chainAt, chainLength),
            read(signatureAt, signatureLength),
            read(hashAt, hashLength),
          );
          if (judgement === undefined) return Failure.VaultUnavailable;
          this.events.judged(judgement);
          write(judgement.ticket, ticketAt, TICKET_LENGTH);
          return judgement.failure;
        },
        candy: (ticketAt: number, at: number, capacity: number) => {
          const candy = vault.candy(this.id, read(ticketAt, TICKET_LENGTH));
          const length = write(candy, at, capacity);
          candy.fill(0);
          return length;
        },
      },
    };
  }
}

const EMPTY = new Uint8Array(0);
