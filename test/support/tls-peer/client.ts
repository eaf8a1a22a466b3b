/** The tests' TLS client: attacks a server door. Every step can be taken as it should be or bent out of shape. */
import { randomBytes, verify, X509Certificate } from "node:crypto";
import { expect } from "vitest";
import { type Credential, verifyContent } from "../door-host.ts";
import { type KeyPair, makeKeyPair, Secrets, SUITES, suiteOf, TrafficKeys, verifyData } from "./keys.ts";
import { Cursor, type Link, Peer, Role, schemes } from "./peer.ts";
import {
  EXTENSION,
  type Extensions,
  extensionBlock,
  GROUP,
  handshake,
  isGrease,
  MESSAGE,
  numbers,
  RETRY_RANDOM,
  SCHEME,
  TYPE,
  u16s,
  uint,
  vector,
} from "./wire.ts";

export interface HelloOptions {
  suites?: number[];
  groups?: number[];
  /** Groups to send shares for. */
  shares?: number[];
  sessionId?: Uint8Array;
  legacyVersion?: number;
  compression?: Uint8Array;
  versions?: number[];
  signatureSchemes?: number[];
  /** Bends the list of extensions. */
  edit?: (extensions: Extensions) => Extensions;
}

export class ClientPeer extends Peer {
  readonly random = randomBytes(32);
  readonly pairs = new Map<number, KeyPair>();
  /** The traffic secrets of the connection, for looking for them in a door's memory. */
  handshakeSecrets!: { client: Buffer; server: Buffer };
  applicationSecrets!: { client: Buffer; server: Buffer };
  /** From the door's CertificateRequest. */
  authorities: Buffer | undefined;
  /** The extensions of that request. */
  request!: Map<number, Buffer>;
  encryptedExtensions!: Map<number, Buffer>;
  group = 0;

  constructor(link: Link) {
    super(Role.Client, link);
  }

  /** A ClientHello; not yet sent. */
  hello(options: HelloOptions = {}): Buffer {
    const groups = options.groups ?? [GROUP.x25519, GROUP.p256];
    const shares = (options.shares ?? [groups[0]!]).map((group) =>
      Buffer.concat([uint(2, group), vector(2, this.pair(group).publicKey)]),
    );
    const list = options.signatureSchemes ?? [SCHEME.ecdsa, SCHEME.ed25519, SCHEME.rsaPss];
    let extensions: Extensions = [
      [EXTENSION.supportedVersions, vector(1, u16s(...(options.versions ?? [0x0304])))],
      [EXTENSION.supportedGroups, vector(2, u16s(...groups))],
      [EXTENSION.signatureAlgorithms, schemes(...list)],
      [EXTENSION.keyShare, vector(2, ...shares)],
    ];
    extensions = options.edit?.(extensions) ?? extensions;
    return handshake(
      MESSAGE.clientHello,
      uint(2, options.legacyVersion ?? 0x0303),
      this.random,
      vector(1, options.sessionId ?? SESSION_ID),
      vector(2, u16s(...(options.suites ?? SUITES.map((suite) => suite.number)))),
      vector(1, options.compression ?? Buffer.from([0])),
      extensionBlock(extensions),
    );
  }

  pair(group: number): KeyPair {
    const pair = this.pairs.get(group) ?? makeKeyPair(group);
    this.pairs.set(group, pair);
    return pair;
  }

  /** Reads HelloRetryRequest; returns the group that it asks for. */
  readRetry(): number {
    const [clientHello] = this.transcript.splice(0);
    const { body, whole } = this.expectMessage(MESSAGE.serverHello);
    const fields = new Cursor(body);
    expect(fields.uint(2)).toBe(0x0303);
    expect(fields.take(32).equals(RETRY_RANDOM)).toBe(true);
    fields.vector(1);
    this.suite = suiteOf(fields.uint(2));
    this.transcript = [clientHello!];
    this.replaceByHash();
    this.transcript.push(whole);
    fields.uint(1);
    const extensions = fields.extensions();
    expect([...extensions.keys()]).toEqual([EXTENSION.supportedVersions, EXTENSION.keyShare]);
    return extensions.get(EXTENSION.keyShare)!.readUInt16BE(0);
  }

  /** Reads ServerHello and takes the handshake keys. */
  readServerHello(sessionId: Uint8Array = SESSION_ID): void {
    const { body } = this.expectMessage(MESSAGE.serverHello);
    const fields = new Cursor(body);
    expect(fields.uint(2)).toBe(0x0303);
    expect(fields.take(32).equals(RETRY_RANDOM)).toBe(false);
    expect(fields.vector(1).equals(sessionId)).toBe(true);
    this.suite = suiteOf(fields.uint(2));
    expect(fields.uint(1)).toBe(0);
    const extensions = fields.extensions();
    expect(fields.left).toBe(0);
    expect([...extensions.keys()].sort()).toEqual([EXTENSION.supportedVersions, EXTENSION.keyShare]);
    expect(extensions.get(EXTENSION.supportedVersions)!.toString("hex")).toBe("0304");
    const share = new Cursor(extensions.get(EXTENSION.keyShare)!);
    this.group = share.uint(2);
    this.secrets = new Secrets(this.suite, this.pair(this.group).agree(share.vector(2)));
    const hash = this.transcriptHash();
    this.handshakeSecrets = {
      client: this.secrets.traffic("handshake", "client", hash),
      server: this.secrets.traffic("handshake", "server", hash),
    };
    this.read = new TrafficKeys(this.suite, this.handshakeSecrets.server);
    this.write = new TrafficKeys(this.suite, this.handshakeSecrets.client);
  }

  /** Reads EncryptedExtensions … Finished, checks signature and Finished, and takes the server's application key. */
  readServerFlight(): void {
    const encrypted = new Cursor(this.expectMessage(MESSAGE.encryptedExtensions).body);
    this.encryptedExtensions = encrypted.extensions();
    expect(encrypted.left).toBe(0);
    const request = new Cursor(this.expectMessage(MESSAGE.certificateRequest).body);
    expect(request.vector(1).length).toBe(0);
    const extensions = request.extensions();
    const algorithms = numbers(new Cursor(extensions.get(EXTENSION.signatureAlgorithms)!).vector(2));
    expect(algorithms.filter((scheme) => !isGrease(scheme))).toEqual([SCHEME.ecdsa, SCHEME.ed25519, SCHEME.p384]);
    this.request = extensions;
    this.authorities = extensions.get(EXTENSION.authorities);
    const certificate = new Cursor(this.expectMessage(MESSAGE.certificate).body);
    expect(certificate.vector(1).length).toBe(0);
    const leaf = new X509Certificate(new Cursor(certificate.vector(3)).vector(3));
    const signed = this.transcriptHash();
    const proof = new Cursor(this.expectMessage(MESSAGE.certificateVerify).body);
    const digest = proof.uint(2) === SCHEME.ecdsa ? "sha256" : null;
    expect(verify(digest, verifyContent(Role.Server, signed), leaf.publicKey, proof.vector(2))).toBe(true);
    const expected = verifyData(this.suite, this.handshakeSecrets.server, this.transcriptHash());
    expect(this.expectMessage(MESSAGE.finished).body.equals(expected)).toBe(true);
    const hash = this.transcriptHash();
    this.applicationSecrets = {
      client: this.secrets.traffic("application", "client", hash),
      server: this.secrets.traffic("application", "server", hash),
    };
    this.read = new TrafficKeys(this.suite, this.applicationSecrets.server);
  }

  /** Everything up to the door's Finished. */
  untilFlight(options: HelloOptions = {}): void {
    this.send(this.hello(options));
    this.readServerHello(options.sessionId);
    this.readServerFlight();
  }

  /** Certificate, CertificateVerify and Finished, noted but not sent. */
  authentication(who: Credential): [Buffer, Buffer, Buffer] {
    const certificate = this.note(this.certificateMessage(who.chain));
    const proof = this.note(this.verifyMessage(who));
    return [certificate, proof, this.note(this.finished())];
  }

  protected applicationSecret(): Buffer {
    return this.applicationSecrets.client;
  }

  finished(): Buffer {
    return this.finishedMessage(this.handshakeSecrets.client);
  }

  /** The whole second flight in one record. */
  authenticate(who: Credential): void {
    this.sendRecord(TYPE.handshake, Buffer.concat(this.authentication(who)));
  }
}

/** A legacy session id, as browsers send one. */
export const SESSION_ID = Buffer.alloc(32, 0x5e);
