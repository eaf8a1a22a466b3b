/**
 * Runs build/guest/door.wasm in tests: a host for one door, and a small vault of its own over node:crypto that records
 * what it is asked. It keeps the vault's law (a ticket only for a valid chain and signature, once, for its door), so
 * that a test can ask who got candy; the real vault has its own tests.
 */
import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../infra/image/compile-guest.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { Role } from "../../unikernel/guest/role.ts";
import { TraceCode } from "../../unikernel/guest/trace.ts";
import { authority, chainBytes, type Issued, type KeyKind, leaf } from "./certificates.ts";

/** A certificate chain with its key, as a peer or the piñata uses it. */
export interface Credential {
  /** DER, leaf first. */
  chain: Uint8Array[];
  key: KeyObject;
  /** SignatureScheme of TLS. */
  scheme: number;
}

/** One authority and everybody's certificates. */
export interface Pki {
  anchor: Issued;
  anchorName: Uint8Array;
  /** The piñata's own, by role. */
  server: Credential;
  client: Credential;
  /** A player's: for attacking the server door, and for standing as server before the client door. */
  player: Credential;
  host: Credential;
  /** Like the player's, but from another authority. */
  stranger: Credential;
}

export const CANDY = Buffer.from("tr(the candy)#checksum\n");

/** Makes a PKI whose leaves all have keys of one kind; the authority is that of `under` where given. */
export async function makePki(kind: KeyKind, under?: Pki): Promise<Pki> {
  const anchor = under?.anchor ?? (await authority({ kind }));
  const other = await authority({ subject: "CN=Other CA", kind });
  const issue = async (purpose: "server" | "client", issuer: Issued, subject: string) =>
    credential(await leaf(purpose, { issuer, kind, subject }));
  return {
    anchor,
    anchorName: subjectOf(anchor.der),
    server: await issue("server", anchor, "CN=pinata server"),
    client: await issue("client", anchor, "CN=pinata client"),
    player: await issue("client", anchor, "CN=player"),
    host: await issue("server", anchor, "CN=host"),
    stranger: await issue("client", other, "CN=stranger"),
  };
}

async function credential(issued: Issued): Promise<Credential> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", issued.keys.pair.privateKey as CryptoKey);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return { chain: [issued.der], key, scheme: issued.keys.scheme };
}

/** What TLS 1.3 signs in a CertificateVerify (RFC 8446 §4.4.3). */
export function verifyContent(role: Role, transcriptHash: Uint8Array): Buffer {
  const context = `TLS 1.3, ${role === Role.Server ? "server" : "client"} CertificateVerify`;
  return Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from(context), Buffer.from([0]), transcriptHash]);
}

export function signContent(who: Credential, content: Uint8Array): Buffer {
  return sign(who.scheme === 0x0403 ? "sha256" : null, content, who.key);
}

/** The vault of tests. */
export class FakeVault {
  /** Names of the calls, in order. */
  calls: string[] = [];
  /** When set, stands for `authenticate`'s answer. */
  verdict: Failure | undefined;
  /** When set, the vault answers nothing. */
  silent = false;
  private tickets = new Set<string>();

  constructor(readonly pki: Pki) {}

  scheme(role: Role): number {
    this.calls.push("scheme");
    return this.silent ? 0 : this.own(role).scheme;
  }

  certificates(role: Role): Uint8Array {
    this.calls.push("certificates");
    return this.silent ? NOTHING : chainBytes(...this.own(role).chain);
  }

  authority(): Uint8Array {
    this.calls.push("authority");
    return this.silent ? NOTHING : this.pki.anchorName;
  }

  sign(role: Role, hash: Uint8Array): Uint8Array {
    this.calls.push("sign");
    return this.silent ? NOTHING : signContent(this.own(role), verifyContent(role, hash));
  }

  authenticate(
    peerRole: Role,
    scheme: number,
    chain: Uint8Array,
    signature: Uint8Array,
    hash: Uint8Array,
  ): { failure: Failure; ticket: Uint8Array } {
    this.calls.push("authenticate");
    const failure = this.verdict ?? this.judge(peerRole, scheme, chain, signature, hash);
    const ticket = failure === Failure.None ? randomBytes(16) : Buffer.alloc(16);
    if (failure === Failure.None) this.tickets.add(ticket.toString("hex"));
    return { failure, ticket };
  }

  candy(ticket: Uint8Array): Uint8Array {
    this.calls.push("candy");
    return this.tickets.delete(Buffer.from(ticket).toString("hex")) ? CANDY : NOTHING;
  }

  private own(role: Role): Credential {
    return role === Role.Server ? this.pki.server : this.pki.client;
  }

  private judge(role: Role, scheme: number, chain: Uint8Array, signature: Uint8Array, hash: Uint8Array): Failure {
    if (this.silent) return Failure.VaultUnavailable;
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(chain.subarray(3, 3 + Buffer.from(chain).readUIntBE(0, 3)));
    } catch {
      return Failure.CertificateMalformed;
    }
    const anchor = new X509Certificate(this.pki.anchor.der);
    if (certificate.issuer !== anchor.subject) return Failure.CertificateUnknownAuthority;
    if (!certificate.verify(anchor.publicKey)) return Failure.CertificateSignatureWrong;
    const purpose = role === Role.Server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2";
    if (!certificate.keyUsage?.includes(purpose)) return Failure.CertificatePurposeWrong;
    const kind = certificate.publicKey.asymmetricKeyType === "ed25519" ? 0x0807 : 0x0403;
    if (scheme !== kind) return Failure.CertificateVerifySchemeWrong;
    const key = createPublicKey(certificate.publicKey.export({ format: "pem", type: "spki" }));
    const digest = scheme === 0x0403 ? "sha256" : null;
    return verify(digest, verifyContent(role, hash), key, signature) ? Failure.None : Failure.CertificateVerifyWrong;
  }
}

export interface Traced {
  code: TraceCode;
  a: number;
  b: number;
  bytes: Uint8Array;
}

export interface DoorExports {
  memory: WebAssembly.Memory;
  inbox(): number;
  inboxSize(): number;
  outbox(): number;
  start(role: number): number;
  receive(length: number): number;
  peerClosed(): number;
  outboxLength(): number;
  outboxTaken(): void;
  wipe(): void;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** The door of the image, built when stale. */
export function doorModule(): Promise<WebAssembly.Module> {
  compiled ??= compileGuest({ ...GUEST_MODULES.door, out: guestModulePath("door") }).then(
    () => new WebAssembly.Module(readFileSync(join(ROOT, guestModulePath("door")))),
  );
  return compiled;
}

/** One door and what it says. */
export class TestDoor {
  readonly exports: DoorExports;
  readonly traces: Traced[] = [];
  closed = false;
  authenticated = false;

  constructor(
    module: WebAssembly.Module,
    readonly vault: FakeVault,
  ) {
    this.exports = new WebAssembly.Instance(module, this.imports()).exports as unknown as DoorExports;
  }

  /** Starts the door; returns what it sends first. */
  start(role: Role, seed: Uint8Array = randomBytes(32)): Uint8Array {
    this.memory(this.exports.inbox(), 32).set(seed);
    return this.after(this.exports.start(role));
  }

  /** Hands over bytes as a board does, in pieces of the inbox; returns everything that the door sends. */
  receive(bytes: Uint8Array, pieceLength = this.exports.inboxSize()): Uint8Array {
    const sent: Uint8Array[] = [];
    for (let at = 0; at < bytes.length && !this.closed; at += pieceLength) {
      const piece = bytes.subarray(at, at + pieceLength);
      this.memory(this.exports.inbox(), piece.length).set(piece);
      sent.push(this.after(this.exports.receive(piece.length)));
    }
    return Buffer.concat(sent);
  }

  peerClosed(): Uint8Array {
    return this.after(this.exports.peerClosed());
  }

  wipe(): void {
    this.exports.wipe();
  }

  memory(at: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, at, length);
  }

  /** The states traced, in order. */
  get states(): number[] {
    return this.traces.filter((trace) => trace.code === TraceCode.State).map((trace) => trace.a);
  }

  /** The alerts sent, as [description, failure]. */
  get alertsSent(): [number, Failure][] {
    return this.traces.filter((trace) => trace.code === TraceCode.AlertSent).map((trace) => [trace.a, trace.b]);
  }

  get gaveCandy(): boolean {
    return this.traces.some((trace) => trace.code === TraceCode.Candy);
  }

  private after(status: number): Uint8Array {
    this.closed = (status & 2) !== 0;
    this.authenticated = (status & 4) !== 0;
    const length = this.exports.outboxLength();
    if (length > 0 !== ((status & 1) !== 0)) throw new Error(`status ${status} with ${length} bytes in the outbox`);
    const sent = this.memory(this.exports.outbox(), length).slice();
    this.exports.outboxTaken();
    return sent;
  }

  private imports(): WebAssembly.Imports {
    const read = (at: number, length: number) => this.memory(at, length).slice();
    const write = (bytes: Uint8Array, at: number, capacity: number) => {
      if (bytes.length > capacity) throw new Error(`${bytes.length} bytes for a capacity of ${capacity}`);
      this.memory(at, bytes.length).set(bytes);
      return bytes.length;
    };
    const { vault } = this;
    const { pages } = GUEST_MODULES.door;
    return {
      env: { memory: new WebAssembly.Memory({ initial: pages, maximum: pages }) },
      board: {
        trace: (code: number, a: number, b: number, at: number, length: number) => {
          this.traces.push({ code, a, b, bytes: read(at, length) });
        },
      },
      vault: {
        scheme: (role: number) => vault.scheme(role),
        certificates: (role: number, at: number, capacity: number) => write(vault.certificates(role), at, capacity),
        authority: (at: number, capacity: number) => write(vault.authority(), at, capacity),
        sign: (role: number, hashAt: number, hashLength: number, at: number, capacity: number) =>
          write(vault.sign(role, read(hashAt, hashLength)), at, capacity),
        authenticate: (
          ...[peerRole, scheme, chainAt, chainLength, signatureAt, signatureLength, hashAt, hashLength, ticketAt]: [
            ...[number, number, number, number, number, number, number, number, number],
          ]
        ) => {
          const { failure, ticket } = vault.authenticate(
            peerRole,
            scheme,
            read(chainAt, chainLength),
            read(signatureAt, signatureLength),
            read(hashAt, hashLength),
          );
          write(ticket, ticketAt, 16);
          return failure;
        },
        candy: (ticketAt: number, at: number, capacity: number) => write(vault.candy(read(ticketAt, 16)), at, capacity),
      },
    };
  }
}

/** Starts a new door of the image with a vault over `pki`. */
export async function openDoor(pki: Pki, role: Role): Promise<{ door: TestDoor; first: Uint8Array }> {
  const door = new TestDoor(await doorModule(), new FakeVault(pki));
  const first = door.start(role);
  return { door, first };
}

/** The subject Name of a certificate, DER: the sixth element of tbsCertificate. */
function subjectOf(der: Uint8Array): Uint8Array {
  let at = headerLength(der, 0);
  at += headerLength(der, at);
  for (let skipped = 0; skipped < 5; skipped++) at += elementLength(der, at);
  return der.slice(at, at + elementLength(der, at));
}

function elementLength(der: Uint8Array, at: number): number {
  const header = headerLength(der, at);
  let length = der[at + 1]!;
  if (length >= 0x80) length = Buffer.from(der).readUIntBE(at + 2, length & 0x7f);
  return header + length;
}

function headerLength(der: Uint8Array, at: number): number {
  return der[at + 1]! < 0x80 ? 2 : 2 + (der[at + 1]! & 0x7f);
}

const NOTHING = new Uint8Array(0);
