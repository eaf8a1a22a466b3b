/**
 * The shipped vault for tests: its exports with inbox and outbox around them, and a piñata's and a player's certificates to
 * try it with.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../infra/image/compile-guest.ts";
import { authority, chainBytes, type Issued, leaf, NOW, type OwnKeyKind, sign } from "./certificates.ts";
import { concat } from "./der.ts";
import { sealBytes, sealFields } from "./seal.ts";

export interface Judged {
  /** Number of `Failure`. */
  failure: number;
  ticket: Uint8Array;
  subject: string;
}

/** What a test says to `authenticate`. */
export interface Attempt {
  door: number;
  peerRole: number;
  now: bigint;
  scheme: number;
  chain: Uint8Array;
  signature: Uint8Array;
  hash: Uint8Array;
}

/** One instance of the vault's shipped bytes. */
export class TestVault {
  /** Raw exports, for arguments that the methods below would not pass. */
  // biome-ignore lint/suspicious/noExplicitAny: exports differ from one another
  readonly raw: Record<string, (...args: any[]) => any>;
  readonly memory: WebAssembly.Memory;

  constructor(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, {});
    this.raw = exports as typeof this.raw;
    this.memory = exports.memory as WebAssembly.Memory;
  }

  write(...parts: Uint8Array[]): number {
    const all = concat(...parts);
    new Uint8Array(this.memory.buffer, this.raw.inbox!(), this.raw.inboxSize!()).set(all);
    return all.length;
  }

  /** A copy of the outbox: all of it, or its first bytes. */
  outbox(length = this.raw.outboxSize!() as number): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.raw.outbox!(), length).slice();
  }

  seed(bytes: Uint8Array): void {
    this.raw.seed!(this.write(bytes));
  }

  unseal(file: Uint8Array): number {
    return this.raw.unseal!(this.write(file));
  }

  scheme(role: number): number {
    return this.raw.scheme!(role);
  }

  certificates(role: number): Uint8Array {
    return this.outbox(this.raw.certificates!(role));
  }

  authority(): Uint8Array {
    return this.outbox(this.raw.authority!());
  }

  sign(role: number, hash: Uint8Array): Uint8Array {
    return this.outbox(this.raw.sign!(role, this.write(hash)));
  }

  authenticate({ door, peerRole, now, scheme, chain, signature, hash }: Attempt): Judged {
    this.write(chain, signature, hash);
    const lengths = [chain.length, signature.length, hash.length];
    const failure = this.raw.authenticate!(door, peerRole, now, scheme, ...lengths);
    const outbox = this.outbox();
    const length = outbox[16]! * 256 + outbox[17]!;
    return {
      failure,
      ticket: outbox.slice(0, 16),
      subject: Buffer.from(outbox.slice(18, 18 + length)).toString("latin1"),
    };
  }

  candy(door: number, ticket: Uint8Array): string {
    this.write(ticket);
    return Buffer.from(this.outbox(this.raw.candy!(door))).toString("latin1");
  }

  forget(door: number): void {
    this.raw.forget!(door);
  }
}

/** The vault of the image, built when it is stale. */
export async function loadVaultModule(): Promise<WebAssembly.Module> {
  await compileGuest({ ...GUEST_MODULES.vault, out: guestModulePath("vault") });
  return new WebAssembly.Module(readFileSync(join(ROOT, guestModulePath("vault"))));
}

/** A CertificateVerify's content (RFC 8446 §4.4.3), for a peer to sign. */
export function certificateVerify(role: "server" | "client", hash: Uint8Array): Uint8Array {
  return concat(Buffer.from(`${" ".repeat(64)}TLS 1.3, ${role} CertificateVerify\0`, "latin1"), hash);
}

export const SERVER = 0;
export const CLIENT = 1;
export const CANDY = "tr(cSecretKeyOfTheCandy,and_v(v:pk(refund),after(900000)))#checksum\nSweep it soon.\n";
export const HASH = createHash("sha256").update("a transcript").digest();
export const HASH384 = createHash("sha384").update("a transcript").digest();
export const NO_TICKET = new Uint8Array(16);

/** A trust anchor, the piñata's own certificates in either kind, and a player's for both roles. */
export interface VaultWorld {
  module: WebAssembly.Module;
  root: Issued;
  own: Record<OwnKeyKind, { server: Issued; client: Issued }>;
  player: Issued;
}

export async function makeVaultWorld(): Promise<VaultWorld> {
  const root = await authority({ pathLength: 1 });
  const pair = async (kind: OwnKeyKind) => ({
    server: await leaf("server", { issuer: root, kind }),
    client: await leaf("client", { issuer: root, kind }),
  });
  return {
    module: await loadVaultModule(),
    root,
    own: { p256: await pair("p256"), ed25519: await pair("ed25519") },
    player: await leaf(["client", "server"], { issuer: root, subject: "CN=player,O=Example" }),
  };
}

/** The seal with the piñata's certificates of one kind and {@link CANDY}. */
export function sealOf({ root, own }: VaultWorld, kind: OwnKeyKind): Uint8Array {
  const { server, client } = own[kind];
  return sealBytes(sealFields({ candy: CANDY, anchor: root, server: [server], client: [client] }));
}

/** A vault that is seeded and unsealed. */
export function openVault(world: VaultWorld, kind: OwnKeyKind): TestVault {
  const vault = new TestVault(world.module);
  vault.seed(randomBytes(64));
  const error = vault.unseal(sealOf(world, kind));
  if (error !== 0) throw new Error(`the vault refuses the seal: ${error}`);
  return vault;
}

/** A right attempt of `peer` in a role, to be changed where a test wants it wrong. */
export async function attempt(
  peer: Issued,
  { role = "client", hash = HASH, door = 7 }: { role?: "server" | "client"; hash?: Uint8Array; door?: number } = {},
): Promise<Attempt> {
  const signature = await sign(peer.keys, certificateVerify(role, hash));
  const peerRole = role === "server" ? SERVER : CLIENT;
  return { door, peerRole, now: NOW, scheme: peer.keys.scheme, chain: chainBytes(peer), signature, hash };
}
