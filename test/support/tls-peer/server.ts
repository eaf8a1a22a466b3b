/** The tests' TLS server: stands before a client door. Every step can be taken as it should be or bent out of shape. */
import { randomBytes, verify, X509Certificate } from "node:crypto";
import { expect } from "vitest";
import { type Credential, verifyContent } from "../door-host.ts";
import { answerKey, Secrets, SUITES, suiteOf, TrafficKeys, verifyData } from "./keys.ts";
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
  uint,
  vector,
} from "./wire.ts";

export interface ServerHelloOptions {
  suite?: number;
  group?: number;
  random?: Uint8Array;
  sessionId?: Uint8Array;
  legacyVersion?: number;
  compression?: number;
  version?: number;
  share?: Uint8Array;
  /** Bends the list of extensions. */
  edit?: (extensions: Extensions) => Extensions;
}

export interface RetryOptions extends ServerHelloOptions {
  /** No key_share extension. */
  withoutGroup?: boolean;
  cookie?: Uint8Array;
}

export interface FlightOptions {
  encryptedExtensions?: Extensions;
  /** `null`: no CertificateRequest. */
  request?: Buffer | null;
}

export class ServerPeer extends Peer {
  handshakeSecrets!: { client: Buffer; server: Buffer };
  applicationSecrets!: { client: Buffer; server: Buffer };
  clientRandom!: Buffer;
  sessionId!: Buffer;
  /** Of the last ClientHello, GREASE and all. */
  suites!: number[];
  /** Extensions of the last ClientHello. */
  offered!: Map<number, Buffer>;

  constructor(link: Link) {
    super(Role.Server, link);
  }

  /** Reads the door's ClientHello and checks what every one of ours says. */
  readHello(): void {
    const { body } = this.expectMessage(MESSAGE.clientHello);
    const fields = new Cursor(body);
    expect(fields.uint(2)).toBe(0x0303);
    this.clientRandom = fields.take(32);
    this.sessionId = fields.vector(1);
    expect(this.sessionId.length).toBe(32);
    this.suites = numbers(fields.vector(2));
    expect(this.suites.filter((suite) => !isGrease(suite))).toEqual([0x1301, 0x1303, 0x1302]);
    expect(fields.vector(1).toString("hex")).toBe("00");
    this.offered = fields.extensions();
    expect(fields.left).toBe(0);
    const versions = numbers(new Cursor(this.offered.get(EXTENSION.supportedVersions)!).vector(1));
    expect(versions.filter((version) => !isGrease(version))).toEqual([0x0304]);
  }

  /** The door's key share for `group`. */
  share(group: number): Buffer {
    const shares = this.shares();
    // One share that was asked for, or the two of the first hello, and GREASE.
    const ours = [...shares.keys()].filter((known) => !isGrease(known));
    if (shares.size !== 1) expect(ours).toEqual([GROUP.hybrid, GROUP.x25519]);
    return shares.get(group)!;
  }

  /** All key shares of the last ClientHello, GREASE and all, in order. */
  shares(): Map<number, Buffer> {
    const list = new Cursor(new Cursor(this.offered.get(EXTENSION.keyShare)!).vector(2));
    const shares = new Map<number, Buffer>();
    while (list.left > 0) shares.set(list.uint(2), list.vector(2));
    return shares;
  }

  retryMessage(options: RetryOptions = {}): Buffer {
    const extensions: Extensions = [[EXTENSION.supportedVersions, uint(2, options.version ?? 0x0304)]];
    if (!options.withoutGroup) extensions.push([EXTENSION.keyShare, uint(2, options.group ?? GROUP.p256)]);
    if (options.cookie) extensions.push([EXTENSION.cookie, vector(2, options.cookie)]);
    return this.serverHelloMessage({ ...options, random: RETRY_RANDOM }, extensions);
  }

  /** Sends HelloRetryRequest and reads the second hello. */
  retry(options: RetryOptions = {}): void {
    const message = this.retryMessage(options);
    this.suite = suiteOf(options.suite ?? SUITES[0]!.number);
    this.replaceByHash();
    this.send(message);
    const first = { random: this.clientRandom, sessionId: this.sessionId };
    this.readHello();
    expect({ random: this.clientRandom, sessionId: this.sessionId }).toEqual(first);
  }

  /** A ServerHello; prepares the keys, to be taken with {@link takeHandshakeKeys} once it is noted. */
  serverHello(options: ServerHelloOptions = {}): Buffer {
    const group = options.group ?? GROUP.x25519;
    const answer = answerKey(group, this.share(group));
    this.suite = suiteOf(options.suite ?? SUITES[0]!.number);
    this.secrets = new Secrets(this.suite, answer.shared);
    return this.serverHelloMessage(options, [
      [EXTENSION.supportedVersions, uint(2, options.version ?? 0x0304)],
      [EXTENSION.keyShare, Buffer.concat([uint(2, group), vector(2, options.share ?? answer.share)])],
    ]);
  }

  takeHandshakeKeys(): void {
    const hash = this.transcriptHash();
    this.handshakeSecrets = {
      client: this.secrets.traffic("handshake", "client", hash),
      server: this.secrets.traffic("handshake", "server", hash),
    };
    this.read = new TrafficKeys(this.suite, this.handshakeSecrets.client);
    this.write = new TrafficKeys(this.suite, this.handshakeSecrets.server);
  }

  sendServerHello(options: ServerHelloOptions = {}): void {
    this.send(this.serverHello(options));
    this.takeHandshakeKeys();
  }

  requestMessage(extensions?: Extensions, context: Uint8Array = Buffer.alloc(0)): Buffer {
    return handshake(
      MESSAGE.certificateRequest,
      vector(1, context),
      extensionBlock(extensions ?? [[EXTENSION.signatureAlgorithms, schemes(SCHEME.ecdsa, SCHEME.ed25519)]]),
    );
  }

  /** EncryptedExtensions … Finished, noted but not sent. */
  flight(who: Credential, options: FlightOptions = {}): Buffer[] {
    const messages = [this.encryptedExtensions(options.encryptedExtensions)];
    this.note(messages[0]!);
    if (options.request !== null) messages.push(this.note(options.request ?? this.requestMessage()));
    messages.push(this.note(this.certificateMessage(who.chain)));
    messages.push(this.note(this.verifyMessage(who)));
    messages.push(this.note(this.finishedMessage(this.handshakeSecrets.server)));
    return messages;
  }

  encryptedExtensions(extensions: Extensions = []): Buffer {
    return handshake(MESSAGE.encryptedExtensions, extensionBlock(extensions));
  }

  /** Reads the door's second flight (what it was asked for), and takes its application key. */
  readClientFlight(expected: "certificate" | "empty" | "none"): void {
    const hash = this.transcriptHash();
    this.applicationSecrets = {
      client: this.secrets.traffic("application", "client", hash),
      server: this.secrets.traffic("application", "server", hash),
    };
    if (expected !== "none") {
      const certificate = new Cursor(this.expectMessage(MESSAGE.certificate).body);
      expect(certificate.vector(1).length).toBe(0);
      const list = new Cursor(certificate.vector(3));
      expect(list.left > 0).toBe(expected === "certificate");
      if (expected === "certificate") {
        const leaf = new X509Certificate(list.vector(3));
        const signed = this.transcriptHash();
        const proof = new Cursor(this.expectMessage(MESSAGE.certificateVerify).body);
        const digest = proof.uint(2) === SCHEME.ecdsa ? "sha256" : null;
        expect(verify(digest, verifyContent(Role.Client, signed), leaf.publicKey, proof.vector(2))).toBe(true);
      }
    }
    const finished = verifyData(this.suite, this.handshakeSecrets.client, this.transcriptHash());
    expect(this.expectMessage(MESSAGE.finished).body.equals(finished)).toBe(true);
    this.read = new TrafficKeys(this.suite, this.applicationSecrets.client);
  }

  protected applicationSecret(): Buffer {
    return this.applicationSecrets.server;
  }

  private serverHelloMessage(options: ServerHelloOptions, extensions: Extensions): Buffer {
    return handshake(
      MESSAGE.serverHello,
      uint(2, options.legacyVersion ?? 0x0303),
      options.random ?? randomBytes(32),
      vector(1, options.sessionId ?? this.sessionId),
      uint(2, options.suite ?? SUITES[0]!.number),
      uint(1, options.compression ?? 0),
      extensionBlock(options.edit?.(extensions) ?? extensions),
    );
  }
}
