/**
 * The transcript hash (RFC 8446 §4.4.1): a running hash over every handshake message of both sides, asked for its value
 * at several points.
 */
import { Bytes } from "bytes";
import { Hash } from "../crypto/hash";
import { HandshakeType } from "./registry";

@final
export class Transcript {
  private snapshot: Hash;
  private value: Bytes;

  /** `running` is a fresh hash of the cipher suite, owned by the transcript from now on. */
  constructor(private running: Hash) {
    this.snapshot = running.fresh();
    this.value = Bytes.alloc(running.length);
  }

  /** Appends a whole handshake message, header included. */
  add(message: Bytes): void {
    this.running.update(message);
  }

  /** The hash of all messages so far; the view is valid until the next call. */
  hash(): Bytes {
    this.snapshot.copyFrom(this.running);
    this.snapshot.digest(this.value);
    return this.value;
  }

  /**
   * After a HelloRetryRequest, what was added so far (the first ClientHello) is replaced by a message that holds its
   * hash: "message_hash || 00 00 Hash.length || Hash(ClientHello1)".
   */
  replaceByHash(): void {
    const hash = this.hash();
    const header = Bytes.alloc(4);
    header[0] = <u8>HandshakeType.MessageHash;
    header.putU24be(1, hash.length);
    this.running.reset();
    this.running.update(header);
    this.running.update(hash);
  }
}
