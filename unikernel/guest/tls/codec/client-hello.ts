/**
 * ClientHello (RFC 8446 §4.1.2): parsed into views of the message for the server, written by the client.
 *
 * The parser checks syntax, and what the RFC says of the message by itself (no duplicates, pre_shared_key last); what
 * it means for the handshake is for the server's states. A hello of an older TLS parses too, so that it can be
 * refused with protocol_version.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Sha256 } from "../../crypto/sha256";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { Writer } from "../../wire/writer";
import { Grease } from "../grease";
import { KeyExchange, ourGroup } from "../key-exchange";
import { CipherSuite, ExtensionType, HandshakeType, SignatureScheme, TLS_1_2, TLS_1_3 } from "../registry";
import { ExtensionVisitor, readAuthorities, visitExtensions } from "./extensions";
import { writeRecordSizeLimit } from "./record-size-limit";
import { SEEN } from "./u16-set";

export const RANDOM_LENGTH: u32 = 32;
export const SESSION_ID_LENGTH: u32 = 32;

/** The fields of a ClientHello as views of the message: valid as long as that is. */
@final
export class ClientHello extends ExtensionVisitor {
  legacyVersion: u32 = 0;
  /** Everything before the extensions: legacy_version to legacy_compression_methods. */
  head: Bytes = Bytes.empty();
  random: Bytes = Bytes.empty();
  sessionId: Bytes = Bytes.empty();
  /** u16 each. */
  suites: Bytes = Bytes.empty();
  compression: Bytes = Bytes.empty();
  /** The whole block, in the order sent. */
  extensions: Bytes = Bytes.empty();

  /** Lists of u16; empty when the extension is absent (an empty list cannot be sent). */
  versions: Bytes = Bytes.empty();
  groups: Bytes = Bytes.empty();
  signatureSchemes: Bytes = Bytes.empty();
  /** The KeyShareEntry structures; an empty list is allowed, so `hasKeyShares` says whether it was sent. */
  keyShares: Bytes = Bytes.empty();
  hasKeyShares: bool = false;
  hasServerName: bool = false;
  hasCookie: bool = false;
  hasEarlyData: bool = false;
  hasPreSharedKey: bool = false;
  hasPskModes: bool = false;
  hasRecordSizeLimit: bool = false;
  recordSizeLimit: u32 = 0;
  /** The first host_name and the first ALPN protocol, for the trace. */
  serverName: Bytes = Bytes.empty();
  alpn: Bytes = Bytes.empty();

  /** Parses the body of the message. */
  parse(body: Bytes): Failure {
    this.clear();
    const reader = new Reader(body);
    this.legacyVersion = reader.u16();
    keep(this.random, reader.take(RANDOM_LENGTH));
    keep(this.sessionId, reader.vector8(0, SESSION_ID_LENGTH));
    keep(this.suites, evenList(reader.vector16(2, 65534), reader));
    keep(this.compression, reader.vector8(1, 255));
    if (!reader.failed) this.head.aim(body, 0, reader.offset);
    // Before TLS 1.3 the block may be missing altogether.
    if (!reader.failed && reader.remaining > 0) keep(this.extensions, reader.vector16(0, 65535));
    if (!reader.done) return Failure.MessageMalformed;
    return visitExtensions(this.extensions, this);
  }

  /** Aims `share` at the key share for `group`; false when there is none. */
  findKeyShare(group: u32, share: Bytes): bool {
    for (let at: u32 = 0; at < this.keyShares.length; at += 4 + this.keyShares.u16be(at + 2)) {
      if (this.keyShares.u16be(at) != group) continue;
      share.aim(this.keyShares, at + 4, this.keyShares.u16be(at + 2));
      return true;
    }
    return false;
  }

  /** How many key shares there are. */
  get keyShareCount(): u32 {
    let count: u32 = 0;
    for (let at: u32 = 0; at < this.keyShares.length; at += 4 + this.keyShares.u16be(at + 2)) count++;
    return count;
  }

  /** "Clients MUST NOT offer any KeyShareEntry values for groups not listed", nor two for one group (§4.2.8). */
  checkKeyShares(): Failure {
    SEEN.clear();
    for (let i: u32 = 0; i + 2 <= this.groups.length; i += 2) SEEN.add(this.groups.u16be(i));
    for (let at: u32 = 0; at < this.keyShares.length; at += 4 + this.keyShares.u16be(at + 2)) {
      // Removed once, the group of a second share is not found either.
      if (!SEEN.remove(this.keyShares.u16be(at))) return Failure.KeyShareNotOffered;
    }
    return Failure.None;
  }

  /**
   * SHA-256 over all that a client must repeat unchanged after HelloRetryRequest (§4.1.2), to `out` (32 bytes): every
   * field and extension in order, but for those which the RFC lets it change, add or remove.
   */
  digestUnchanging(out: Bytes): void {
    const hash = UNCHANGING;
    hash.reset();
    hash.update(this.head);
    for (let at: u32 = 0; at < this.extensions.length; ) {
      const length = 4 + this.extensions.u16be(at + 2);
      if (!mayChange(this.extensions.u16be(at))) hash.update(VIEW.aim(this.extensions, at, length));
      at += length;
    }
    hash.digest(out);
  }

  extension(type: u32, data: Bytes): Failure {
    if (this.hasPreSharedKey) return Failure.PskNotLast;
    const reader = new Reader(data);
    switch (type) {
      case ExtensionType.SupportedVersions:
        keep(this.versions, evenList(reader.vector8(2, 254), reader));
        break;
      case ExtensionType.SupportedGroups:
        keep(this.groups, evenList(reader.vector16(2, 65534), reader));
        break;
      case ExtensionType.SignatureAlgorithms:
        keep(this.signatureSchemes, evenList(reader.vector16(2, 65534), reader));
        break;
      case ExtensionType.KeyShare:
        this.hasKeyShares = true;
        this.parseKeyShares(reader.vector16(0, 65535), reader);
        break;
      case ExtensionType.ServerName:
        this.hasServerName = true;
        this.parseServerName(reader.vector16(1, 65535), reader);
        break;
      case ExtensionType.Alpn:
        this.parseAlpn(reader.vector16(2, 65535), reader);
        break;
      case ExtensionType.Cookie:
        this.hasCookie = true;
        reader.vector16(1, 65535);
        break;
      case ExtensionType.EarlyData:
        this.hasEarlyData = true;
        break;
      case ExtensionType.PskKeyExchangeModes:
        this.hasPskModes = true;
        reader.vector8(1, 255);
        break;
      case ExtensionType.PreSharedKey:
        this.hasPreSharedKey = true;
        reader.vector16(7, 65535);
        reader.vector16(33, 65535);
        break;
      case ExtensionType.CertificateAuthorities:
        readAuthorities(reader);
        break;
      case ExtensionType.RecordSizeLimit:
        this.recordSizeLimit = reader.u16();
        this.hasRecordSizeLimit = true;
        break;
      case ExtensionType.OidFilters:
        return Failure.ExtensionNotAllowedHere;
      default:
        return Failure.None;
    }
    return reader.done ? Failure.None : Failure.MessageMalformed;
  }

  private parseServerName(list: Bytes, outer: Reader): void {
    const names = new Reader(list);
    while (names.remaining > 0) {
      const scope = mark();
      const type = names.u8();
      const name = names.vector16(1, 65535);
      if (type == 0 && this.serverName.length == 0) keep(this.serverName, name);
      release(scope);
    }
    if (names.failed) outer.fail();
  }

  private parseAlpn(list: Bytes, outer: Reader): void {
    const protocols = new Reader(list);
    while (protocols.remaining > 0) {
      const scope = mark();
      const protocol = protocols.vector8(1, 255);
      if (this.alpn.length == 0) keep(this.alpn, protocol);
      release(scope);
    }
    if (protocols.failed) outer.fail();
  }

  private parseKeyShares(list: Bytes, outer: Reader): void {
    keep(this.keyShares, list);
    const shares = new Reader(list);
    while (shares.remaining > 0) {
      const scope = mark();
      shares.u16();
      shares.vector16(1, 65535);
      release(scope);
    }
    if (shares.failed) outer.fail();
  }

  private clear(): void {
    forget(this.extensions);
    forget(this.versions);
    forget(this.groups);
    forget(this.signatureSchemes);
    forget(this.keyShares);
    forget(this.serverName);
    forget(this.alpn);
    this.hasKeyShares = false;
    this.hasServerName = false;
    this.hasCookie = false;
    this.hasEarlyData = false;
    this.hasPreSharedKey = false;
    this.hasPskModes = false;
    this.hasRecordSizeLimit = false;
  }
}

/** What a client of ours says; views that the caller fills. */
@final
export class ClientHelloContent {
  random: Bytes = Bytes.alloc(RANDOM_LENGTH);
  sessionId: Bytes = Bytes.alloc(SESSION_ID_LENGTH);
  /** From a HelloRetryRequest; empty: none. */
  cookie: Bytes = Bytes.empty();
  /** Whether a HelloRetryRequest asked for one group: then the hello has "a single KeyShareEntry" (§4.1.2). */
  singleShare: bool = false;

  constructor(readonly grease: Grease) {}
}

/** Writes the whole message, which offers what `keyExchange` has. Its length is at most 1,500 bytes and the cookie's. */
export function writeClientHello(writer: Writer, content: ClientHelloContent, keyExchange: KeyExchange): void {
  const grease = content.grease;
  writer.u8(HandshakeType.ClientHello);
  const message = writer.open24();
  writer.u16(TLS_1_2);
  writer.put(content.random);
  writer.u8(content.sessionId.length);
  writer.put(content.sessionId);
  const suites = writer.open16();
  writer.u16(grease.suite);
  writer.u16(CipherSuite.Aes128GcmSha256);
  writer.u16(CipherSuite.ChaCha20Poly1305Sha256);
  writer.u16(CipherSuite.Aes256GcmSha384);
  writer.close16(suites);
  writer.u8(1);
  writer.u8(0);

  const extensions = writer.open16();
  grease.writeExtension(writer);
  writer.u16(ExtensionType.SupportedVersions);
  const versions = writer.open16();
  writer.u8(4);
  writer.u16(grease.version);
  writer.u16(TLS_1_3);
  writer.close16(versions);

  writer.u16(ExtensionType.SupportedGroups);
  const groups = writer.open16();
  const groupList = writer.open16();
  writer.u16(grease.group);
  for (let i: u32 = 0; ourGroup(i) != 0; i++) writer.u16(ourGroup(i));
  writer.close16(groupList);
  writer.close16(groups);

  writeSignatureAlgorithms(writer, grease);
  writeRecordSizeLimit(writer);

  writer.u16(ExtensionType.KeyShare);
  const shares = writer.open16();
  const list = writer.open16();
  if (!content.singleShare) grease.writeShare(writer);
  for (let i: u32 = 0; ourGroup(i) != 0; i++) {
    const group = ourGroup(i);
    if (!keyExchange.offers(group)) continue;
    writer.u16(group);
    const share = writer.open16();
    writer.put(keyExchange.shareOf(group));
    writer.close16(share);
  }
  writer.close16(list);
  writer.close16(shares);

  if (content.cookie.length > 0) {
    writer.u16(ExtensionType.Cookie);
    const extension = writer.open16();
    const cookie = writer.open16();
    writer.put(content.cookie);
    writer.close16(cookie);
    writer.close16(extension);
  }
  writer.close16(extensions);
  writer.close24(message);
}

/** The signature_algorithms extension (§4.2.3) of our ClientHello and CertificateRequest: what the vault can verify, and GREASE. */
export function writeSignatureAlgorithms(writer: Writer, grease: Grease): void {
  writer.u16(ExtensionType.SignatureAlgorithms);
  const extension = writer.open16();
  writer.u16(8);
  writer.u16(grease.scheme);
  writer.u16(SignatureScheme.EcdsaSecp256r1Sha256);
  writer.u16(SignatureScheme.Ed25519);
  writer.u16(SignatureScheme.EcdsaSecp384r1Sha384);
  writer.close16(extension);
}

/** What §4.1.2 lets a client change after HelloRetryRequest; encrypted_client_hello is encrypted anew (RFC 9849). */
function mayChange(type: u32): bool {
  switch (type) {
    case ExtensionType.KeyShare:
    case ExtensionType.EarlyData:
    case ExtensionType.Cookie:
    case ExtensionType.PreSharedKey:
    case ExtensionType.Padding:
    case ExtensionType.EncryptedClientHello:
      return true;
  }
  return false;
}

/** Aims a lasting view at what a temporary one shows. */
function keep(lasting: Bytes, view: Bytes): void {
  lasting.aim(view, 0, view.length);
}

function forget(view: Bytes): void {
  view.aim(view, 0, 0);
}

/** A list of u16 has an even length. */
function evenList(list: Bytes, reader: Reader): Bytes {
  if ((list.length & 1) != 0) reader.fail();
  return list;
}

const UNCHANGING = new Sha256();
/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
