/**
 * Names (RFC 5280 §4.1.2.4, §7.1; X.501): checked as structure, compared as bytes, shown as text.
 *
 * Two names are the same when their DER is the same, byte for byte. RFC 5280 §7.1 asks for more (case, blanks), so
 * that certificates of different makers match; here one private CA writes every issuer by copying its own subject, which
 * §4.1.2.4 asks of it, and an exact comparison can only refuse more. No string of a name is ever interpreted.
 */
import { Bytes } from "bytes";
import { Der, IA5_STRING, PRINTABLE_STRING, SEQUENCE, SET, UTF8_STRING } from "./der";

/** Longest text that {@link describeName} writes, in bytes. */
export const MAX_NAME_TEXT: u32 = 128;

/**
 * Reads a Name and aims `into` at its DER. Fails the cursor unless it is a SEQUENCE of non-empty, sorted SETs of
 * attributes with one PrintableString, UTF8String or IA5String each. The empty name passes.
 */
export function readName(der: Der, into: Bytes): void {
  const start = der.offset;
  der.enter(SEQUENCE);
  while (der.more) readRelativeName(der);
  der.leave();
  der.span(start, into);
}

/** Whether a name (its DER) has no attribute. */
export function isEmptyName(name: Bytes): bool {
  return name.length <= 2;
}

/**
 * Writes a name that {@link readName} accepted as printable ASCII, "CN=player,O=Example", in the order of its
 * encoding; cut off after {@link MAX_NAME_TEXT} bytes. Separators inside a value get a backslash (RFC 4514 §2.4),
 * bytes outside printable ASCII become "?", and an attribute that has no short name here is "?". Returns the length.
 */
export function describeName(name: Bytes, out: Bytes): u32 {
  const der = NAME;
  der.open(name);
  let length: u32 = 0;
  der.enter(SEQUENCE);
  while (der.more) {
    der.enter(SET);
    while (der.more) {
      if (length > 0) length = append(out, length, COMMA);
      der.enter(SEQUENCE);
      der.objectIdentifier(ATTRIBUTE);
      length = appendLabel(out, length, ATTRIBUTE);
      length = append(out, length, EQUALS);
      der.value(der.peek(), VALUE);
      for (let i: u32 = 0; i < VALUE.length; i++) length = appendEscaped(out, length, <u32>VALUE[i]);
      der.leave();
    }
    der.leave();
  }
  return length;
}

function readRelativeName(der: Der): void {
  der.enter(SET);
  if (!der.more) der.fail();
  let first = true;
  while (der.more) {
    const start = der.offset;
    readAttribute(der);
    der.span(start, CURRENT);
    // X.690 §11.6: the members of a SET OF are sorted; two equal ones are no set.
    if (!first && !comesBefore(PREVIOUS, CURRENT)) der.fail();
    PREVIOUS.aim(CURRENT, 0, CURRENT.length);
    first = false;
  }
  der.leave();
}

function readAttribute(der: Der): void {
  der.enter(SEQUENCE);
  der.objectIdentifier(ATTRIBUTE);
  const tag = der.peek();
  if (tag != PRINTABLE_STRING && tag != UTF8_STRING && tag != IA5_STRING) der.fail();
  der.value(tag, VALUE);
  if (VALUE.length == 0) der.fail();
  der.leave();
}

/** Whether `a` sorts strictly before `b`, the shorter one padded with zeros. */
function comesBefore(a: Bytes, b: Bytes): bool {
  const length = max<u32>(a.length, b.length);
  for (let i: u32 = 0; i < length; i++) {
    const left: u32 = i < a.length ? <u32>a[i] : 0;
    const right: u32 = i < b.length ? <u32>b[i] : 0;
    if (left != right) return left < right;
  }
  return false;
}

/** The short names of RFC 4514 §3 that appear in certificates; all are 2.5.4.n (55 04 n). */
function appendLabel(out: Bytes, length: u32, attribute: Bytes): u32 {
  const known = attribute.length == 3 && attribute[0] == 0x55 && attribute[1] == 0x04;
  const which: u32 = known ? <u32>attribute[2] : 0;
  if (which == 3) return append(out, append(out, length, 0x43), 0x4e); // CN
  if (which == 6) return append(out, length, 0x43); // C
  if (which == 7) return append(out, length, 0x4c); // L
  if (which == 8) return append(out, append(out, length, 0x53), 0x54); // ST
  if (which == 10) return append(out, length, 0x4f); // O
  if (which == 11) return append(out, append(out, length, 0x4f), 0x55); // OU
  return append(out, length, QUESTION);
}

function appendEscaped(out: Bytes, length: u32, byte: u32): u32 {
  if (byte < 0x20 || byte > 0x7e) return append(out, length, QUESTION);
  // " + , ; < = > and the backslash itself
  const special = byte == 0x22 || byte == 0x2b || byte == COMMA || (byte >= 0x3b && byte <= 0x3e) || byte == BACKSLASH;
  return append(out, special ? append(out, length, BACKSLASH) : length, byte);
}

function append(out: Bytes, length: u32, byte: u32): u32 {
  if (length == MAX_NAME_TEXT) return length;
  out[length] = <u8>byte;
  return length + 1;
}

const COMMA: u32 = 0x2c;
const EQUALS: u32 = 0x3d;
const QUESTION: u32 = 0x3f;
const BACKSLASH: u32 = 0x5c;
const NAME = new Der();
const ATTRIBUTE = Bytes.empty();
const VALUE = Bytes.empty();
const PREVIOUS = Bytes.empty();
const CURRENT = Bytes.empty();
