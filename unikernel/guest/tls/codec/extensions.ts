/**
 * Extension blocks (RFC 8446 §4.2): one walk that every message uses. It cuts the block into extensions, refuses the same
 * type twice, and hands each to the message's own visitor inside an arena scope of its own, so that a block of
 * thousands of tiny extensions uses no more memory than one.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { ExtensionType } from "../registry";
import { SEEN } from "./u16-set";

/** What a message does with its extensions. */
export abstract class ExtensionVisitor {
  /** Takes one extension. Views that are kept must be aimed at `data`, not be new objects: the scope ends with the call. */
  abstract extension(type: u32, data: Bytes): Failure;
}

/** Walks `block`, the contents of an extensions vector, in order. Stops at the first failure. */
export function visitExtensions(block: Bytes, visitor: ExtensionVisitor): Failure {
  SEEN.clear();
  let at: u32 = 0;
  while (at < block.length) {
    const scope = mark();
    const reader = new Reader(block.from(at));
    const type = reader.u16();
    const data = reader.vector16(0, 65535);
    at += reader.offset;
    let failure = Failure.None;
    if (reader.failed) failure = Failure.MessageMalformed;
    else if (!SEEN.add(type)) failure = Failure.DuplicateExtension;
    else failure = visitor.extension(type, data);
    release(scope);
    if (failure != Failure.None) return failure;
  }
  return Failure.None;
}

/**
 * How an extension is refused in a peer's message that has no place for it: one that we send ourselves is known to us and
 * "not specified for the message in which it appears" (illegal_parameter); any other answers nothing that we asked
 * (unsupported_extension), §4.2.
 */
export function refuseMisplaced(type: u32): Failure {
  switch (type) {
    case ExtensionType.SupportedVersions:
    case ExtensionType.SupportedGroups:
    case ExtensionType.SignatureAlgorithms:
    case ExtensionType.RecordSizeLimit:
    case ExtensionType.CertificateAuthorities:
    case ExtensionType.Cookie:
    case ExtensionType.KeyShare:
      return Failure.ExtensionNotAllowedHere;
  }
  return Failure.UnsolicitedExtension;
}

/**
 * How an extension is judged in a message in which clients "MUST ignore unrecognized extensions" (§4.3.2, §4.6.1) and which has
 * no place for this one: refused when we know it, passed over when we do not.
 */
export function refuseKnown(type: u32): Failure {
  switch (type) {
    case ExtensionType.ServerName:
    case ExtensionType.Alpn:
    case ExtensionType.Padding:
    case ExtensionType.PreSharedKey:
    case ExtensionType.EarlyData:
    case ExtensionType.PskKeyExchangeModes:
    case ExtensionType.OidFilters:
      return Failure.ExtensionNotAllowedHere;
  }
  return refuseMisplaced(type) == Failure.ExtensionNotAllowedHere ? Failure.ExtensionNotAllowedHere : Failure.None;
}

/**
 * Reads the contents of certificate_authorities (§4.2.4), which both hello and request may have; `reader` fails when they are
 * not well formed. What they name is not acted on: the piñata has one certificate for each role.
 */
export function readAuthorities(reader: Reader): void {
  const names = new Reader(reader.vector16(3, 65535));
  while (names.remaining > 0) {
    const scope = mark();
    names.vector16(1, 65535);
    release(scope);
  }
  if (names.failed) reader.fail();
}

/** Whether `list` (u16 each, as in several extensions) holds `value`. */
export function contains(list: Bytes, value: u32): bool {
  for (let i: u32 = 0; i + 2 <= list.length; i += 2) {
    if (list.u16be(i) == value) return true;
  }
  return false;
}
