/**
 * ServerHello and HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4): one format, told apart by a fixed random value. Written by
 * the server, parsed by the client into views of the message.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { Writer } from "../../wire/writer";
import { ExtensionType, HandshakeType, TLS_1_2, TLS_1_3 } from "../registry";
import { RANDOM_LENGTH, SESSION_ID_LENGTH } from "./client-hello";
import { ExtensionVisitor, refuseMisplaced, visitExtensions } from "./extensions";

/** The fields of a ServerHello as views of the message: valid as long as that is. */
@final
export class ServerHello extends ExtensionVisitor {
  legacyVersion: u32 = 0;
  random: Bytes = Bytes.empty();
  /** Whether this is a HelloRetryRequest. */
  isRetry: bool = false;
  sessionId: Bytes = Bytes.empty();
  suite: u32 = 0;
  compression: u32 = 0;
  /** selected_version of supported_versions; 0 when the extension is absent. */
  version: u32 = 0;
  /** The group of key_share; 0 when the extension is absent. */
  group: u32 = 0;
  /** The server's public key; empty in a HelloRetryRequest. */
  keyShare: Bytes = Bytes.empty();
  /** Empty when absent. */
  cookie: Bytes = Bytes.empty();
  /**
   * The first extension that has no place here, as a failure. It is kept rather than returned because a server of an
   * older TLS sends others, and is to be refused for its version.
   */
  misplaced: Failure = Failure.None;

  /** Parses the body of the message. */
  parse(body: Bytes): Failure {
    this.version = 0;
    this.group = 0;
    this.keyShare.aim(body, 0, 0);
    this.cookie.aim(body, 0, 0);
    this.misplaced = Failure.None;
    const reader = new Reader(body);
    this.legacyVersion = reader.u16();
    this.random.aim(reader.take(RANDOM_LENGTH), 0, reader.failed ? 0 : RANDOM_LENGTH);
    this.isRetry = this.random.equals(RETRY_RANDOM);
    const sessionId = reader.vector8(0, SESSION_ID_LENGTH);
    this.sessionId.aim(sessionId, 0, sessionId.length);
    this.suite = reader.u16();
    this.compression = reader.u8();
    // Before TLS 1.3 the block may be missing altogether.
    const extensions = reader.failed || reader.remaining == 0 ? reader.take(0) : reader.vector16(0, 65535);
    return reader.done ? visitExtensions(extensions, this) : Failure.MessageMalformed;
  }

  /** Whether the last bytes of the random say that the server would have negotiated more than TLS 1.2 or 1.1 (§4.1.3). */
  get hasDowngradeSentinel(): bool {
    const last = this.random.u64be(24);
    return last == 0x444f574e47524401 || last == 0x444f574e47524400;
  }

  extension(type: u32, data: Bytes): Failure {
    const reader = new Reader(data);
    if (type == ExtensionType.SupportedVersions) {
      this.version = reader.u16();
    } else if (type == ExtensionType.KeyShare) {
      this.group = reader.u16();
      if (!this.isRetry) {
        const share = reader.vector16(1, 65535);
        this.keyShare.aim(share, 0, share.length);
      }
    } else if (type == ExtensionType.Cookie && this.isRetry) {
      const cookie = reader.vector16(1, 65535);
      this.cookie.aim(cookie, 0, cookie.length);
    } else {
      if (this.misplaced == Failure.None) this.misplaced = refuseMisplaced(type);
      return Failure.None;
    }
    return reader.done ? Failure.None : Failure.MessageMalformed;
  }
}

/** Writes a ServerHello with the server's public key for `group`. */
export function writeServerHello(
  writer: Writer,
  random: Bytes,
  sessionId: Bytes,
  suite: u32,
  group: u32,
  keyShare: Bytes,
): void {
  writer.u8(HandshakeType.ServerHello);
  const message = writer.open24();
  const extensions = writeHead(writer, random, sessionId, suite);
  writer.u16(ExtensionType.KeyShare);
  const extension = writer.open16();
  writer.u16(group);
  const share = writer.open16();
  writer.put(keyShare);
  writer.close16(share);
  writer.close16(extension);
  writer.close16(extensions);
  writer.close24(message);
}

/** Writes a HelloRetryRequest that asks for a key share of `group`. */
export function writeRetryRequest(writer: Writer, sessionId: Bytes, suite: u32, group: u32): void {
  writer.u8(HandshakeType.ServerHello);
  const message = writer.open24();
  const extensions = writeHead(writer, RETRY_RANDOM, sessionId, suite);
  writer.u16(ExtensionType.KeyShare);
  writer.u16(2);
  writer.u16(group);
  writer.close16(extensions);
  writer.close24(message);
}

/** All up to the extensions, and supported_versions; the extensions are left open. */
function writeHead(writer: Writer, random: Bytes, sessionId: Bytes, suite: u32): u32 {
  writer.u16(TLS_1_2);
  writer.put(random);
  writer.u8(sessionId.length);
  writer.put(sessionId);
  writer.u16(suite);
  writer.u8(0);
  const extensions = writer.open16();
  writer.u16(ExtensionType.SupportedVersions);
  writer.u16(2);
  writer.u16(TLS_1_3);
  return extensions;
}

/** SHA-256 of "HelloRetryRequest" (§4.1.3). */
const RETRY_RANDOM = retryRandom();

function retryRandom(): Bytes {
  const random = Bytes.alloc(RANDOM_LENGTH);
  random.putU64be(0, 0xcf21ad74e59a6111);
  random.putU64be(8, 0xbe1d8c021e65b891);
  random.putU64be(16, 0xc2a211167abb8c5e);
  random.putU64be(24, 0x079e09e2c8a8339c);
  return random;
}
