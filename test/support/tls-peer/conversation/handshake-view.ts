/**
 * The handshake as the door must see it (RFC 8446 §4.4.1, §7.1), for the model: the transcript of what was really delivered, the secrets that
 * follow from it, and the door's own flight, whose order, CertificateVerify and Finished are checked here.
 */
import { verify } from "node:crypto";
import { digest, nextSecret, Secrets, SUITES, type Suite, TrafficKeys, verifyData } from "../keys.ts";
import { Cursor, handshake, MESSAGE } from "../wire.ts";
import { SCHEME_DIGESTS, signedContent } from "./authentication.ts";
import type { DoorEar } from "./door-ear.ts";
import { keyIn } from "./proof.ts";
import type { PeerRole } from "./steps.ts";

/** The door's flights: a server's always, a client's when it was asked for its certificate, has none that fits, or was not asked. */
const SERVER_FLIGHT = [
  ...[MESSAGE.encryptedExtensions, MESSAGE.certificateRequest, MESSAGE.certificate],
  ...[MESSAGE.certificateVerify, MESSAGE.finished],
].join();
const CLIENT_FLIGHTS = {
  asked: [
    [MESSAGE.certificate, MESSAGE.certificateVerify, MESSAGE.finished].join(),
    [MESSAGE.certificate, MESSAGE.finished].join(),
  ],
  "not asked": [[MESSAGE.finished].join()],
};

export class HandshakeView {
  suite: Suite = SUITES[0]!;
  /** The peer's keys in force; undefined: in the clear. */
  keys: TrafficKeys | undefined;
  private transcript: Buffer[] = [];
  private secrets: Secrets | undefined;
  private traffic: Record<PeerRole, Buffer> | undefined;
  /** Of the transcript up to the server's Finished. */
  private serverHash: Buffer | undefined;
  private applicationSecret: Buffer | undefined;

  constructor(
    private readonly peer: PeerRole,
    private readonly ear: DoorEar,
  ) {}

  private get door(): PeerRole {
    return this.peer === "client" ? "server" : "client";
  }

  /** The suite of a hello; one that there is not leaves it as it was. */
  choose(number: number | undefined): void {
    this.suite = SUITES.find((suite) => suite.number === number) ?? this.suite;
  }

  add(...messages: Buffer[]): void {
    this.transcript.push(...messages);
  }

  hash(): Buffer {
    return digest(this.suite, ...this.transcript);
  }

  /** After HelloRetryRequest the first ClientHello is replaced by its hash. */
  replaceByHash(): void {
    this.transcript = [handshake(MESSAGE.messageHash, this.hash())];
  }

  /** Both sides' handshake keys from the exchange; without it (a share changed on the way) nothing opens. */
  start(shared: Buffer | undefined): void {
    this.secrets = new Secrets(this.suite, shared ?? Buffer.alloc(32));
    const hash = this.hash();
    const secret = (side: PeerRole) => this.secrets!.traffic("handshake", side, hash);
    this.traffic = { client: secret("client"), server: secret("server") };
    this.keys = new TrafficKeys(this.suite, this.traffic[this.peer]);
    this.ear.keys = new TrafficKeys(this.suite, this.traffic[this.door]);
  }

  /** What the peer's Finished has to hold now. */
  expectedFinished(): Buffer {
    return verifyData(this.suite, this.traffic![this.peer], this.hash());
  }

  /** The server door's flight; what is wrong with it, or undefined. */
  hearServer(): string | undefined {
    const heard = this.hearFlight();
    this.serverHash = this.hash();
    this.ear.keys = this.applicationKeys("server");
    return heard.fault ?? (heard.types === SERVER_FLIGHT ? undefined : `the door's flight is ${heard.types}`);
  }

  /** The client door's flight after the peer's Finished, which is in the transcript; what is wrong with it, or undefined. */
  hearClient(asked: keyof typeof CLIENT_FLIGHTS): string | undefined {
    this.serverHash = this.hash();
    const heard = this.hearFlight();
    this.ear.keys = this.applicationKeys("client");
    return (
      heard.fault ?? (CLIENT_FLIGHTS[asked].includes(heard.types) ? undefined : `the door's flight is ${heard.types}`)
    );
  }

  /** The peer writes under its application keys from here on. */
  startApplication(): void {
    this.follow(this.secrets!.traffic("application", this.peer, this.serverHash!));
  }

  /** The peer has sent KeyUpdate. */
  update(): void {
    this.follow(nextSecret(this.suite, this.applicationSecret!));
  }

  private follow(secret: Buffer): void {
    this.applicationSecret = secret;
    this.keys = new TrafficKeys(this.suite, secret);
  }

  private applicationKeys(side: PeerRole): TrafficKeys {
    return new TrafficKeys(this.suite, this.secrets!.traffic("application", side, this.serverHash!));
  }

  /** Messages up to Finished: their types, and whether CertificateVerify and Finished are right. */
  private hearFlight(): { types: string; fault: string | undefined } {
    const types: number[] = [];
    let leaf: Buffer | undefined;
    let fault: string | undefined;
    for (let whole = this.ear.message(); whole !== undefined; whole = this.ear.message()) {
      const type = whole[0]!;
      types.push(type);
      if (type === MESSAGE.certificate) leaf = leafOf(whole);
      if (type === MESSAGE.certificateVerify && !this.isProof(whole, leaf))
        fault = "the door's CertificateVerify is wrong";
      const finished = verifyData(this.suite, this.traffic![this.door], this.hash());
      this.add(whole);
      if (type !== MESSAGE.finished) continue;
      if (!whole.subarray(4).equals(finished)) fault = "the door's Finished is wrong";
      break;
    }
    return { types: types.join(), fault };
  }

  private isProof(whole: Buffer, leaf: Buffer | undefined): boolean {
    if (leaf === undefined) return false;
    const fields = new Cursor(whole.subarray(4));
    const digest = SCHEME_DIGESTS.get(fields.uint(2)) ?? null;
    const content = signedContent(this.door, this.hash());
    return verify(digest, content, keyIn(leaf), fields.vector(2));
  }
}

/** The first certificate of a Certificate message; undefined when there is none. */
function leafOf(whole: Buffer): Buffer | undefined {
  const fields = new Cursor(whole.subarray(4));
  fields.vector(1);
  const list = new Cursor(fields.vector(3));
  return list.left === 0 ? undefined : list.vector(3);
}
