/**
 * What harness/door.c does with an input, in Node: replays inputs through the door's wasm without clang, and speaks with real peers to
 * record new ones. Door and vault have the seeds of the harness, so a conversation that was recorded here goes the same way there.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { CompartmentFault, view } from "../../unikernel/boards/node/memory.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { Role } from "../../unikernel/guest/role.ts";
import { State, TraceCode } from "../../unikernel/guest/trace.ts";
import type { DoorExports } from "../support/door-host.ts";
import { loadVaultModule, TestVault } from "../support/vault.ts";
import { FUZZ, type Target, targetModule } from "./targets.ts";

/** The first byte of an input of a door; see harness/door.c. */
export const FLAG = {
  framed: 1,
  lengths: 2,
  accepted: 4,
  silent: 8,
  begun: 16,
  small: 32,
  unfinished: 64,
} as const;

/** Seconds since 1970, as FUZZ_NOW of harness/vault.h. */
const FUZZ_NOW = 1780315200n;
const DOOR_NUMBER = 7;
const DOOR_PAGES = 3;
const TAG_LENGTH = 16;
const STATUS_CLOSE = 2;

export interface DoorModules {
  door: WebAssembly.Module;
  vault: WebAssembly.Module;
  seal: Uint8Array;
  role: Role;
  plain: boolean;
}

export async function loadDoorModules(target: Target, seal = practiceSeal()): Promise<DoorModules> {
  const door = new WebAssembly.Module(readFileSync(join(ROOT, await targetModule(target))));
  return {
    door,
    vault: await loadVaultModule(),
    seal,
    role: target.defines.DOOR_ROLE === 0 ? Role.Server : Role.Client,
    plain: target.defines.DOOR_PLAIN === 1,
  };
}

export function practiceSeal(): Uint8Array {
  return readFileSync(join(FUZZ, "practice/seal"));
}

/** A vault with the harness's seed and the practice seal. */
export function openFuzzVault(module: WebAssembly.Module, seal: Uint8Array): TestVault {
  const vault = new TestVault(module);
  vault.seed(Buffer.alloc(64, 0x5a));
  const error = vault.unseal(seal);
  if (error !== 0) throw new Error(`the vault refuses the practice seal: ${error}`);
  return vault;
}

/** A door as the harness starts it. A trap is thrown; so is an address outside of its memory. */
export class FuzzDoor {
  gaveCandy = false;
  closed = false;
  /** The furthest `State` before the end. */
  reached = 0;
  /** `Failure` of the alert that was sent; 0: none. */
  failure = 0;
  /** What the door said before anything was delivered. */
  readonly first: Uint8Array;
  private readonly exports: DoorExports;
  private readonly vault: TestVault;

  constructor(
    modules: DoorModules,
    private readonly flags = 0,
  ) {
    this.vault = openFuzzVault(modules.vault, modules.seal);
    this.exports = new WebAssembly.Instance(modules.door, this.imports()).exports as unknown as DoorExports;
    this.view(this.exports.inbox(), 32).fill(0xd0 + modules.role);
    this.first = this.settle(this.exports.start(modules.role));
  }

  /** Returns what the door says. */
  deliver(bytes: Uint8Array): Buffer {
    const sent: Uint8Array[] = [];
    const most = this.flags & FLAG.small ? 7 : this.exports.inboxSize();
    for (let at = 0; at < bytes.length && !this.closed; at += most) {
      const piece = bytes.subarray(at, at + most);
      this.view(this.exports.inbox(), piece.length).set(piece);
      sent.push(this.settle(this.exports.receive(piece.length)));
    }
    return Buffer.concat(sent);
  }

  peerClosed(): void {
    if (this.closed) return;
    this.settle(this.exports.peerClosed());
    if (!this.closed) throw new Error("a door stays open after its peer has closed");
  }

  private settle(status: number): Uint8Array {
    const length = this.exports.outboxLength();
    const sent = this.view(this.exports.outbox(), length).slice();
    this.exports.outboxTaken();
    this.closed = (status & STATUS_CLOSE) !== 0;
    return sent;
  }

  private view(at: number, length: number): Uint8Array {
    return view(this.exports.memory, at, length);
  }

  private imports(): WebAssembly.Imports {
    const { flags, vault } = this;
    const isSilent = (flags & FLAG.silent) !== 0;
    const accepts = (flags & FLAG.accepted) !== 0;
    const read = (at: number, length: number) => this.view(at, length).slice();
    const write = (bytes: Uint8Array, at: number, capacity: number) => {
      if (bytes.length > capacity) throw new CompartmentFault(`${bytes.length} bytes for ${capacity}`);
      this.view(at, bytes.length).set(bytes);
      return bytes.length;
    };
    return {
      env: { memory: new WebAssembly.Memory({ initial: DOOR_PAGES, maximum: DOOR_PAGES }) },
      board: {
        trace: (code: number, a: number, b: number, at: number, length: number) => {
          read(at, length);
          if (code === TraceCode.Candy) this.gaveCandy = true;
          if (code === TraceCode.State && a !== State.Closed) this.reached = a;
          if (code === TraceCode.AlertSent) this.failure = b;
        },
      },
      vault: {
        scheme: (role: number) => (isSilent ? 0 : vault.scheme(role)),
        certificates: (role: number, at: number, capacity: number) =>
          isSilent ? 0 : write(vault.certificates(role), at, capacity),
        authority: (at: number, capacity: number) => (isSilent ? 0 : write(vault.authority(), at, capacity)),
        sign: (role: number, hashAt: number, hashLength: number, at: number, capacity: number) =>
          isSilent ? 0 : write(vault.sign(role, read(hashAt, hashLength)), at, capacity),
        authenticate: (...args: number[]) => {
          const [peerRole, scheme, chainAt, chainLength, signatureAt, signatureLength, hashAt, hashLength, ticketAt] =
            args as [number, number, number, number, number, number, number, number, number];
          if (isSilent) return Failure.VaultUnavailable;
          const { failure, ticket } = vault.authenticate({
            ...{ door: DOOR_NUMBER, peerRole, now: FUZZ_NOW, scheme },
            chain: read(chainAt, chainLength),
            signature: read(signatureAt, signatureLength),
            hash: read(hashAt, hashLength),
          });
          this.view(ticketAt, 16).set(ticket);
          return accepts ? Failure.None : failure;
        },
        candy: (ticketAt: number, at: number, capacity: number) => {
          if (isSilent) return 0;
          if (accepts) return write(Buffer.alloc(capacity, "c"), at, capacity);
          return write(Buffer.from(vault.candy(DOOR_NUMBER, read(ticketAt, 16)), "latin1"), at, capacity);
        },
      },
    };
  }
}

/** Replays an input as LLVMFuzzerTestOneInput of harness/door.c runs it; returns the door that it leaves. */
export function replayDoor(modules: DoorModules, prefix: Uint8Array, input: Uint8Array): FuzzDoor {
  const flags = input[0] ?? 0;
  const door = new FuzzDoor(modules, flags);
  if (modules.plain && flags & FLAG.begun) door.deliver(prefix);
  let at = 1;
  while (at < input.length && !door.closed) {
    const length = ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
    const chunk = input.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    if ((flags & FLAG.framed) === 0) door.deliver(chunk);
    else if (chunk.length > 0) door.deliver(recordOf(chunk, (flags & FLAG.lengths) !== 0));
  }
  if ((flags & FLAG.unfinished) === 0) door.peerClosed();
  return door;
}

/** The record that a chunk of a framed input stands for. */
function recordOf(chunk: Uint8Array, fixLengths: boolean): Uint8Array {
  const type = chunk[0]! & 0x7f;
  const content = Buffer.from(chunk.subarray(1));
  if (fixLengths && type === 22 && content.length >= 4) content.writeUIntBE(content.length - 4, 1, 3);
  const isProtected = (chunk[0]! & 0x80) !== 0;
  const body = isProtected ? Buffer.concat([content, Buffer.from([type]), Buffer.alloc(TAG_LENGTH)]) : content;
  const length = body.length & 0xffff;
  const header = Buffer.from([isProtected ? 23 : type, 3, 3, length >> 8, length & 0xff]);
  return Buffer.concat([header, body.subarray(0, length)]);
}

/** An input of chunks. */
export function doorInput(flags: number, chunks: Uint8Array[]): Buffer {
  return Buffer.concat([
    Buffer.from([flags]),
    ...chunks.flatMap((chunk) => [Buffer.from([chunk.length >> 8, chunk.length & 0xff]), chunk]),
  ]);
}
