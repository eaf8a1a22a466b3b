/**
 * VaultHost: the board's side of the vault. One instance for the boot; copies arguments into its inbox and results out of its
 * outbox. When the vault traps, the call has failed, the instance is thrown away and a new one is unsealed from the
 * same sealed input: nothing of the trapped one is used again. Should that fail too, no call is answered until one succeeds.
 * Arguments that do not fit the inbox are the fault of the door that sent them: a CompartmentFault, and the vault is not called.
 */
import { randomFillSync } from "node:crypto";
import { SealError } from "../../guest/seal-error.ts";
import { CompartmentFault, isTrap, view } from "./memory.ts";

interface VaultExports {
  memory: WebAssembly.Memory;
  inbox(): number;
  inboxSize(): number;
  outbox(): number;
  outboxSize(): number;
  seed(length: number): void;
  unseal(length: number): number;
  scheme(role: number): number;
  certificates(role: number): number;
  authority(): number;
  sign(role: number, hashLength: number): number;
  authenticate(
    door: number,
    peerRole: number,
    now: bigint,
    scheme: number,
    chainLength: number,
    signatureLength: number,
    hashLength: number,
  ): number;
  candy(door: number): number;
  forget(door: number): void;
}

/** What the vault says of a peer's certificate and proof. */
export interface Judgement {
  /** Number of `Failure`; 0 accepted. */
  failure: number;
  /** 16 bytes; all zero unless accepted. */
  ticket: Uint8Array;
  /** Printable ASCII, at most 128 characters; peers' text. */
  subject: string;
}

export interface VaultOptions {
  module: WebAssembly.Module;
  /** The seal file's bytes; the vault host keeps them for restarts. */
  seal: Uint8Array;
  /** Called after a trap, when a new instance has taken over or could not be started. */
  onTrap(reason: string): void;
}

const SEED_LENGTH = 64;
const TICKET_LENGTH = 16;

/** The seal was refused by the vault. */
export class SealRefused extends Error {
  override name = "SealRefused";
}

export class VaultHost {
  /** Undefined after a trap from which no new instance could be started yet. */
  private exports: VaultExports | undefined;
  private readonly inboxSize: number;

  /** Starts the vault; throws {@link SealRefused} when it does not accept the seal. */
  constructor(private readonly options: VaultOptions) {
    this.exports = this.start();
    this.inboxSize = this.exports.inboxSize();
  }

  /** SignatureScheme of the certificate for `role`; 0 when the vault cannot answer. */
  scheme(role: number): number {
    return this.call((vault) => vault.scheme(role)) ?? 0;
  }

  /** The chain for `role` (u24 length ‖ DER, leaf first); empty when the vault cannot answer. */
  certificates(role: number): Uint8Array {
    return this.call((vault) => this.output(vault, vault.certificates(role))) ?? EMPTY;
  }

  /** The trust anchor's subject, DER. */
  authority(): Uint8Array {
    return this.call((vault) => this.output(vault, vault.authority())) ?? EMPTY;
  }

  /** A CertificateVerify signature over `hash` in the context of `role`; empty when refused. */
  sign(role: number, hash: Uint8Array): Uint8Array {
    this.checkFits(hash);
    return (
      this.call((vault) => {
        this.input(vault, hash);
        return this.output(vault, vault.sign(role, hash.length));
      }) ?? EMPTY
    );
  }

  /** Judges a peer's chain and proof; undefined when the vault cannot answer. `now` in milliseconds. */
  authenticate(
    door: number,
    peerRole: number,
    now: number,
    scheme: number,
    chain: Uint8Array,
    signature: Uint8Array,
    hash: Uint8Array,
  ): Judgement | undefined {
    this.checkFits(chain, signature, hash);
    return this.call((vault) => {
      this.input(vault, chain, signature, hash);
      const seconds = BigInt(Math.floor(now / 1000));
      const failure = vault.authenticate(door, peerRole, seconds, scheme, chain.length, signature.length, hash.length);
      const head = this.output(vault, TICKET_LENGTH + 2);
      const subjectLength = (head[TICKET_LENGTH]! << 8) | head[TICKET_LENGTH + 1]!;
      const subject = this.output(vault, TICKET_LENGTH + 2 + subjectLength).subarray(TICKET_LENGTH + 2);
      return { failure, ticket: head.slice(0, TICKET_LENGTH), subject: printable(subject) };
    });
  }

  /** The candy for a live ticket of `door`; empty otherwise. */
  candy(door: number, ticket: Uint8Array): Uint8Array {
    this.checkFits(ticket);
    return (
      this.call((vault) => {
        this.input(vault, ticket);
        const candy = this.output(vault, vault.candy(door));
        view(vault.memory, vault.outbox(), candy.length).fill(0);
        return candy;
      }) ?? EMPTY
    );
  }

  /** The connection of `door` has ended. */
  forget(door: number): void {
    this.call((vault) => vault.forget(door));
  }

  private start(): VaultExports {
    const vault = new WebAssembly.Instance(this.options.module, {}).exports as unknown as VaultExports;
    const seed = randomFillSync(new Uint8Array(SEED_LENGTH));
    this.input(vault, seed);
    vault.seed(seed.length);
    seed.fill(0);
    this.input(vault, this.options.seal);
    const refused = vault.unseal(this.options.seal.length);
    if (refused !== 0)
      throw new SealRefused(`the vault refuses this seal: ${SealError[refused] ?? `error ${refused}`}`);
    return vault;
  }

  private call<T>(use: (vault: VaultExports) => T): T | undefined {
    this.exports ??= this.restart();
    if (this.exports === undefined) return undefined;
    try {
      return use(this.exports);
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.exports = this.restart();
      this.options.onTrap((error as Error).message);
      return undefined;
    }
  }

  /** A new instance; undefined when it traps (no memory) or refuses the seal, which must not end the process. */
  private restart(): VaultExports | undefined {
    try {
      return this.start();
    } catch (error) {
      if (!isTrap(error) && !(error instanceof SealRefused)) throw error;
      return undefined;
    }
  }

  private checkFits(...parts: Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > this.inboxSize) throw new CompartmentFault(`${length} bytes do not fit the vault's inbox`);
  }

  private input(vault: VaultExports, ...parts: Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > vault.inboxSize()) throw new CompartmentFault(`${length} bytes do not fit the vault's inbox`);
    const inbox = view(vault.memory, vault.inbox(), length);
    let at = 0;
    for (const part of parts) {
      inbox.set(part, at);
      at += part.length;
    }
  }

  private output(vault: VaultExports, length: number): Uint8Array {
    if (length >>> 0 > vault.outboxSize()) throw new CompartmentFault(`${length >>> 0} bytes in the vault's outbox`);
    return view(vault.memory, vault.outbox(), length).slice();
  }
}

const EMPTY = new Uint8Array(0);

function printable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?")).join("");
}
