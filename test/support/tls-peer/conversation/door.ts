/**
 * The piñata in generated conversations: the shipped door before the shipped vault, copied between as a board does, with everything that the
 * door asks of its vault and says in its trace written down. The door's randomness is given, so that a conversation can be repeated.
 */

import { GUEST_MODULES } from "../../../../infra/image/compile-guest.ts";
import type { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Role } from "../../../../unikernel/guest/role.ts";
import { TraceCode } from "../../../../unikernel/guest/trace.ts";
import { TestVault } from "../../vault.ts";
import { CONVERSATION_TIME } from "./world.ts";

interface DoorExports {
  inbox(): number;
  inboxSize(): number;
  outbox(): number;
  start(role: number): number;
  receive(length: number): number;
  peerClosed(): number;
  outboxLength(): number;
  outboxTaken(): void;
}

const STATUS_CLOSE = 2;
const TICKET_LENGTH = 16;
const { pages: DOOR_PAGES } = GUEST_MODULES.door;

/** A vault that has its seal. */
export function openVault(module: WebAssembly.Module, seal: Uint8Array, seed: Uint8Array): TestVault {
  const vault = new TestVault(module);
  vault.seed(seed);
  const error = vault.unseal(seal);
  if (error !== 0) throw new Error(`the vault refuses the seal: ${error}`);
  return vault;
}

/** Each trap is an Error of this kind; nothing of the door is called afterwards. */
export class Trapped extends Error {
  override name = "Trapped";
}

export class Door {
  /** Everything sent to the peer. */
  readonly sent: Buffer[] = [];
  /** How often the vault accepted a peer, and how often it was asked for the candy. */
  tickets = 0;
  candyAsked = 0;
  candyTraced = false;
  /** `[description, Failure]` of the alerts in the trace. */
  readonly alertsTraced: [description: number, failure: Failure][] = [];
  closed = false;
  private readonly exports: DoorExports;

  /** `memory` is this door's from now on; the pages are zeroed first. */
  constructor(
    module: WebAssembly.Module,
    private readonly memory: WebAssembly.Memory,
    private readonly vault: TestVault,
    private readonly number: number,
  ) {
    new Uint8Array(memory.buffer).fill(0);
    this.exports = new WebAssembly.Instance(module, this.imports()).exports as unknown as DoorExports;
  }

  static memory(): WebAssembly.Memory {
    return new WebAssembly.Memory({ initial: DOOR_PAGES, maximum: DOOR_PAGES });
  }

  /** Returns what the door says first. */
  start(role: Role, seed: Uint8Array): Buffer {
    return this.enter(() => {
      this.write(seed, this.exports.inbox(), seed.length);
      return this.exports.start(role);
    });
  }

  /** Bytes of the peer in pieces of `most`; returns what the door says. After the end nothing is delivered, as on a board. */
  receive(bytes: Uint8Array, most: number): Buffer {
    const answers: Buffer[] = [];
    const room = Math.min(most, this.exports.inboxSize());
    for (let at = 0; at < bytes.length && !this.closed; at += room) {
      const piece = bytes.subarray(at, at + room);
      answers.push(
        this.enter(() => {
          this.write(piece, this.exports.inbox(), piece.length);
          return this.exports.receive(piece.length);
        }),
      );
    }
    return Buffer.concat(answers);
  }

  peerClosed(): Buffer {
    return this.closed ? NOTHING : this.enter(() => this.exports.peerClosed());
  }

  /** The connection is over: its ticket, if there is one, dies. */
  end(): void {
    this.vault.forget(this.number);
  }

  private enter(call: () => number): Buffer {
    let status: number;
    try {
      status = call();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw new Trapped(`the door traps: ${error.message}`);
      throw error;
    }
    this.closed = (status & STATUS_CLOSE) !== 0;
    const answer = Buffer.from(this.read(this.exports.outbox(), this.exports.outboxLength()));
    this.exports.outboxTaken();
    if (answer.length > 0) this.sent.push(answer);
    return answer;
  }

  private read(at: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, length).slice();
  }

  private write(bytes: Uint8Array, at: number, capacity: number): number {
    if (bytes.length > capacity) throw new Error(`${bytes.length} bytes for a capacity of ${capacity}`);
    new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
    return bytes.length;
  }

  private imports(): WebAssembly.Imports {
    const { vault } = this;
    return {
      env: { memory: this.memory },
      board: {
        trace: (code: number, a: number, b: number) => {
          if (code === TraceCode.Candy) this.candyTraced = true;
          if (code === TraceCode.AlertSent) this.alertsTraced.push([a, b]);
        },
      },
      vault: {
        scheme: (role: number) => vault.scheme(role),
        certificates: (role: number, at: number, room: number) => this.write(vault.certificates(role), at, room),
        authority: (at: number, room: number) => this.write(vault.authority(), at, room),
        sign: (role: number, hashAt: number, hashLength: number, at: number, room: number) =>
          this.write(vault.sign(role, this.read(hashAt, hashLength)), at, room),
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
          const { failure, ticket } = vault.authenticate({
            ...{ door: this.number, peerRole, now: CONVERSATION_TIME, scheme },
            chain: this.read(chainAt, chainLength),
            signature: this.read(signatureAt, signatureLength),
            hash: this.read(hashAt, hashLength),
          });
          if (failure === 0) this.tickets++;
          this.write(ticket, ticketAt, TICKET_LENGTH);
          return failure;
        },
        candy: (ticketAt: number, at: number, room: number) => {
          this.candyAsked++;
          const candy = vault.candy(this.number, this.read(ticketAt, TICKET_LENGTH));
          return this.write(Buffer.from(candy, "latin1"), at, room);
        },
      },
    };
  }
}

const NOTHING = Buffer.alloc(0);
