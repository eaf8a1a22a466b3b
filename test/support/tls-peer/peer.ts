/**
 * What both roles of the tests' TLS peer share: a synchronous link to a door, records in and out, the transcript, and the
 * messages of authentication. Nothing is checked that a test may want to get wrong on purpose; what the *door* sends
 * is checked strictly.
 */
import { sign } from "node:crypto";
import { expect } from "vitest";
import { Role } from "../../../unikernel/guest/role.ts";
import { type Credential, verifyContent } from "../door-host.ts";
import { digest, nextSecret, type SealOptions, type Secrets, type Suite, TrafficKeys, verifyData } from "./keys.ts";
import {
  ALERT,
  alert,
  Cursor,
  extensionBlock,
  handshake,
  MESSAGE,
  record,
  SCHEME,
  TYPE,
  u16s,
  uint,
  vector,
} from "./wire.ts";

export interface HandshakeMessage {
  type: number;
  body: Buffer;
  whole: Buffer;
}

export interface ReceivedRecord {
  type: number;
  content: Buffer;
  protected: boolean;
}

/** How a connection ended, as the peer saw it. */
export interface Outcome {
  /** Alerts in order, by description. */
  alerts: number[];
  /** Application data. */
  data: Buffer;
}

/** A peer's hand on the wire: sends bytes to the door and returns what comes back. */
export type Link = (bytes: Uint8Array) => Uint8Array;

export abstract class Peer {
  suite!: Suite;
  secrets!: Secrets;
  /** Keys in force; undefined: in the clear. */
  write: TrafficKeys | undefined;
  read: TrafficKeys | undefined;
  /** Every record that was read, for looking at. */
  readonly records: ReceivedRecord[] = [];
  protected transcript: Buffer[] = [];
  private incoming = Buffer.alloc(0);
  private joined = Buffer.alloc(0);
  private writesData = false;
  private trafficSecret!: Buffer;

  constructor(
    readonly role: Role,
    private readonly link: Link,
  ) {}

  /** Any bytes at all. */
  sendRaw(...parts: Uint8Array[]): void {
    this.accept(this.link(Buffer.concat(parts)));
  }

  /** Bytes from the door, to be read later. */
  accept(bytes: Uint8Array): void {
    this.incoming = Buffer.concat([this.incoming, bytes]);
  }

  /** A record under the keys in force. */
  pack(type: number, content: Uint8Array, options: SealOptions = {}): Buffer {
    return this.write ? this.write.seal(type, content, options) : record(type, content);
  }

  sendRecord(type: number, content: Uint8Array, options: SealOptions = {}): void {
    this.sendRaw(this.pack(type, content, options));
  }

  /** Puts messages into the transcript, as if they had been sent. */
  note(...messages: Buffer[]): Buffer {
    this.transcript.push(...messages);
    return Buffer.concat(messages);
  }

  /** Handshake messages, noted and sent in one record. */
  send(...messages: Buffer[]): void {
    this.sendRecord(TYPE.handshake, this.note(...messages));
  }

  transcriptHash(): Buffer {
    return digest(this.suite, ...this.transcript);
  }

  /** The next record, opened; undefined when there is none. */
  readRecord(): ReceivedRecord | undefined {
    if (this.incoming.length === 0) return undefined;
    const length = 5 + this.incoming.readUInt16BE(3);
    expect(this.incoming.length).toBeGreaterThanOrEqual(length);
    const whole = this.incoming.subarray(0, length);
    this.incoming = this.incoming.subarray(length);
    const type = whole[0]!;
    const got: ReceivedRecord =
      type === TYPE.data && this.read
        ? { ...this.read.open(whole), protected: true }
        : { type, content: whole.subarray(5), protected: false };
    this.records.push(got);
    return got;
  }

  /** The next handshake message, which must be of `type`; noted. ChangeCipherSpec is passed over. */
  expectMessage(type: number): HandshakeMessage {
    const message = this.readMessage();
    expect(message?.type).toBe(type);
    return message!;
  }

  readMessage(): HandshakeMessage | undefined {
    for (;;) {
      if (this.joined.length >= 4) {
        const length = 4 + this.joined.readUIntBE(1, 3);
        if (this.joined.length >= length) {
          const whole = this.joined.subarray(0, length);
          this.joined = this.joined.subarray(length);
          this.transcript.push(whole);
          return { type: whole[0]!, body: whole.subarray(4), whole };
        }
      }
      const got = this.readRecord();
      if (got === undefined) return undefined;
      if (got.type === TYPE.ccs) {
        expect([got.content.toString("hex"), got.protected]).toEqual(["01", false]);
        continue;
      }
      if (got.type !== TYPE.handshake) throw new Error(`record of type ${got.type}: ${got.content.toString("hex")}`);
      this.joined = Buffer.concat([this.joined, got.content]);
    }
  }

  /** {@link readOutcome}, and close_notify in answer to that which follows the candy, as a well-behaved peer does. */
  outcome(): Outcome {
    const out = this.readOutcome();
    if (out.data.length > 0 && out.alerts[0] === ALERT.closeNotify) this.sayCloseNotify();
    return out;
  }

  sayCloseNotify(): void {
    this.useApplicationKey();
    this.sendRecord(TYPE.alert, alert(ALERT.closeNotify, 1));
  }

  /** From here on this side writes under its application traffic key. Only the first call does something. */
  useApplicationKey(): void {
    if (this.writesData) return;
    this.writesData = true;
    this.trafficSecret = this.applicationSecret();
    this.write = new TrafficKeys(this.suite, this.trafficSecret);
  }

  /** Takes the next application key to write (§7.2), as after a KeyUpdate of ours. */
  updateWriteKey(): void {
    this.useApplicationKey();
    this.trafficSecret = nextSecret(this.suite, this.trafficSecret);
    this.write = new TrafficKeys(this.suite, this.trafficSecret);
  }

  /** This side's application traffic secret. */
  protected abstract applicationSecret(): Buffer;

  /** Reads to the end; nothing but alerts, data and ChangeCipherSpec may be left, and nothing after the first alert. */
  readOutcome(): Outcome {
    const out: Outcome = { alerts: [], data: Buffer.alloc(0) };
    for (let got = this.readRecord(); got !== undefined; got = this.readRecord()) {
      if (got.type === TYPE.ccs) continue;
      expect(out.alerts).toEqual([]);
      if (got.type === TYPE.alert) {
        expect(got.content.length).toBe(2);
        out.alerts.push(got.content[1]!);
      } else if (got.type === TYPE.data) {
        expect(got.protected).toBe(true);
        out.data = Buffer.concat([out.data, got.content]);
      } else {
        throw new Error(`a record of type ${got.type} at the end`);
      }
    }
    return out;
  }

  certificateMessage(chain: readonly Uint8Array[], options: { context?: Uint8Array; entry?: Uint8Array } = {}): Buffer {
    const entry = options.entry ?? extensionBlock([]);
    const entries = chain.flatMap((der) => [vector(3, der), entry]);
    return handshake(MESSAGE.certificate, vector(1, options.context ?? Buffer.alloc(0)), vector(3, ...entries));
  }

  /** Signs the transcript as it stands. */
  verifyMessage(who: Credential, options: { role?: Role; scheme?: number; hash?: Buffer } = {}): Buffer {
    const content = verifyContent(options.role ?? this.role, options.hash ?? this.transcriptHash());
    return handshake(
      MESSAGE.certificateVerify,
      uint(2, options.scheme ?? who.scheme),
      vector(2, sign(DIGESTS[who.scheme] ?? null, content, who.key)),
    );
  }

  /** The Finished of this side for the transcript as it stands. */
  finishedMessage(trafficSecret: Buffer): Buffer {
    return handshake(MESSAGE.finished, verifyData(this.suite, trafficSecret, this.transcriptHash()));
  }

  /** After HelloRetryRequest, the first ClientHello is replaced by its hash. */
  protected replaceByHash(): void {
    this.transcript = [handshake(MESSAGE.messageHash, digest(this.suite, ...this.transcript))];
  }
}

/** The signature_algorithms that a well-behaved peer offers. */
export function schemes(...list: number[]): Buffer {
  return vector(2, u16s(...list));
}

/** The hash of each signature scheme that has one of its own. */
const DIGESTS: Record<number, string> = { [SCHEME.ecdsa]: "sha256", [SCHEME.p384]: "sha384" };

export { Cursor, Role };
