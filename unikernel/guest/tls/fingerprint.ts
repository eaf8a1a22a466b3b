/**
 * What the trace says of a ClientHello: its lists, the server name, a JA4-style fingerprint (FoxIO, JA4 technical
 * description) that tells one TLS library from another, and a token by which the peer finds its own attempt: SHA-256 of
 * the random, which both sides know and others do not. Everything here is from the open part of the wire.
 *
 * Encoding of `TraceCode.Hello`: u8 count ‖ u16 … cipher suites; u8 count ‖ u16 … groups (at most 64 each, in the
 * order sent); u8 length ‖ server name; u8 length ‖ fingerprint; 32 bytes of token. Texts are printable ASCII, other
 * bytes shown as '?'.
 * JA4 sorts lists with repeats; ours counts a repeated cipher suite once in the hash, which no honest client sends.
 */
import { Bytes } from "bytes";
import { Sha256 } from "../crypto/sha256";
import { Writer } from "../wire/writer";
import { ClientHello } from "./codec/client-hello";
import { SEEN, U16_END } from "./codec/u16-set";
import { ExtensionType, isGrease } from "./registry";

const MAX_LISTED: u32 = 64;
const MAX_NAME: u32 = 255;
const FINGERPRINT_LENGTH: u32 = 36;
const TOKEN_LENGTH: u32 = 32;
/** The longest summary in bytes. */
export const MAX_SUMMARY: u32 = 2 * (1 + 2 * MAX_LISTED) + 1 + MAX_NAME + 1 + FINGERPRINT_LENGTH + TOKEN_LENGTH;

/** Writes the summary of `hello` in the encoding above. */
export function writeSummary(writer: Writer, hello: ClientHello): void {
  writeList(writer, hello.suites);
  writeList(writer, hello.groups);
  const name = hello.serverName;
  const length = name.length < MAX_NAME ? name.length : MAX_NAME;
  writer.u8(length);
  for (let i: u32 = 0; i < length; i++) {
    const byte = name[i];
    writer.u8(byte >= 0x20 && byte < 0x7f ? byte : QUESTION_MARK);
  }
  writer.u8(FINGERPRINT_LENGTH);
  writeFingerprint(writer, hello);
  HASH.reset();
  HASH.update(hello.random);
  HASH.digest(DIGEST);
  writer.put(DIGEST);
}

function writeList(writer: Writer, list: Bytes): void {
  const all = list.length / 2;
  const count = all < MAX_LISTED ? all : MAX_LISTED;
  writer.u8(count);
  for (let i: u32 = 0; i < count; i++) writer.u16(list.u16be(2 * i));
}

/** For example `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
function writeFingerprint(writer: Writer, hello: ClientHello): void {
  writer.u8(0x74); // t: TLS over TCP
  writeVersion(writer, hello);
  writer.u8(hello.hasServerName ? 0x64 : 0x69); // d: a domain; i: none
  writeCount(writer, countSuites(hello.suites));
  SEEN.clear();
  writeCount(writer, collectExtensions(hello.extensions));
  writeAlpn(writer, hello.alpn);

  writer.u8(UNDERSCORE);
  SEEN.clear();
  for (let i: u32 = 0; i + 2 <= hello.suites.length; i += 2) SEEN.add(hello.suites.u16be(i));
  writeHash(writer, hashSorted());

  writer.u8(UNDERSCORE);
  SEEN.clear();
  collectExtensions(hello.extensions);
  SEEN.remove(ExtensionType.ServerName);
  SEEN.remove(ExtensionType.Alpn);
  const any = hashSorted();
  const schemes = hello.signatureSchemes;
  let first = true;
  for (let i: u32 = 0; i + 2 <= schemes.length; i += 2) {
    const scheme = schemes.u16be(i);
    if (isGrease(scheme)) continue;
    hashItem(first ? UNDERSCORE : COMMA, scheme);
    first = false;
  }
  writeHash(writer, any);
}

/** The highest version offered; without supported_versions, the legacy one. */
function writeVersion(writer: Writer, hello: ClientHello): void {
  let highest: u32 = 0;
  for (let i: u32 = 0; i + 2 <= hello.versions.length; i += 2) {
    const version = hello.versions.u16be(i);
    if (!isGrease(version) && version > highest) highest = version;
  }
  if (hello.versions.length == 0) highest = hello.legacyVersion;
  if (highest == 0x0300) {
    writer.u16(0x7333); // s3
  } else if (highest > 0x0300 && highest <= 0x0304) {
    writer.u8(0x31);
    writer.u8(0x30 + (highest & 0xff) - 1);
  } else {
    writer.u16(0x3030);
  }
}

function countSuites(suites: Bytes): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i + 2 <= suites.length; i += 2) {
    if (!isGrease(suites.u16be(i))) count++;
  }
  return count;
}

/** Puts the types of a parsed block into the set; how many there are, without GREASE. */
function collectExtensions(block: Bytes): u32 {
  let count: u32 = 0;
  for (let at: u32 = 0; at < block.length; at += 4 + block.u16be(at + 2)) {
    const type = block.u16be(at);
    SEEN.add(type);
    if (!isGrease(type)) count++;
  }
  return count;
}

/** Two decimal digits; 99 for more. */
function writeCount(writer: Writer, count: u32): void {
  const shown = count < 99 ? count : 99;
  writer.u8(0x30 + shown / 10);
  writer.u8(0x30 + (shown % 10));
}

/** First and last character of the first protocol, or of its hexadecimal form when one is not alphanumeric; 00: none. */
function writeAlpn(writer: Writer, protocol: Bytes): void {
  if (protocol.length == 0) {
    writer.u16(0x3030);
    return;
  }
  const first = protocol[0];
  const last = protocol[protocol.length - 1];
  const plain = isAlphanumeric(first) && isAlphanumeric(last);
  writer.u8(plain ? first : hexDigit(first >> 4));
  writer.u8(plain ? last : hexDigit(last & 15));
}

/** Hashes the set's members without GREASE as sorted text; false when there are none. The hash is left open. */
function hashSorted(): bool {
  HASH.reset();
  let first = true;
  for (let value = SEEN.next(0); value < U16_END; value = SEEN.next(value + 1)) {
    if (isGrease(value)) continue;
    hashItem(first ? 0 : COMMA, value);
    first = false;
  }
  return !first;
}

/** Appends a separator (0: none) and four hexadecimal digits. */
function hashItem(separator: u32, value: u32): void {
  ITEM[0] = <u8>separator;
  for (let i: u32 = 0; i < 4; i++) ITEM[1 + i] = <u8>hexDigit((value >> (12 - 4 * i)) & 15);
  HASH.update(VIEW.aim(ITEM, separator == 0 ? 1 : 0, separator == 0 ? 4 : 5));
}

/** The first twelve digits of the hash; zeros for an empty list. */
function writeHash(writer: Writer, any: bool): void {
  HASH.digest(DIGEST);
  for (let i: u32 = 0; i < 6; i++) {
    const byte = any ? <u32>DIGEST[i] : 0;
    writer.u8(hexDigit(byte >> 4));
    writer.u8(hexDigit(byte & 15));
  }
}

function isAlphanumeric(byte: u32): bool {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function hexDigit(nibble: u32): u32 {
  return nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10;
}

const UNDERSCORE: u32 = 0x5f;
const COMMA: u32 = 0x2c;
const QUESTION_MARK: u32 = 0x3f;
const HASH = new Sha256();
const ITEM = Bytes.alloc(5);
const DIGEST = Bytes.alloc(TOKEN_LENGTH);
const VIEW = Bytes.empty();
