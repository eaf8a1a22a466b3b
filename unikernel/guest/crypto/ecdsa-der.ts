/**
 * The DER form of an ECDSA signature (RFC 3279 §2.2.3, X.690 §8.3 and §10.1): SEQUENCE { INTEGER r, INTEGER s }, from the raw form
 * r ‖ s of 64 bytes (a 256-bit curve), and to that of any curve up to 384 bits.
 *
 * Accepts exactly what it writes: both numbers in [1, 2^bits - 1], every length in its one short form, no sign byte too
 * many, nothing behind. Whether r and s suit the curve is for the verification to say.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Reader } from "../wire/reader";
import { Writer } from "../wire/writer";

const SEQUENCE: u32 = 0x30;
const INTEGER: u32 = 0x02;
/** The longest: two integers of 33 bytes with their headers, and the header of the sequence. */
export const ECDSA_DER_MAX: u32 = 72;

/**
 * Writes the DER form of `raw` (64 bytes) to `out` (at least 72) and returns its length, 8 to 72. Traps when r or s
 * is 0.
 */
export function ecdsaSignatureToDer(raw: Bytes, out: Bytes): u32 {
  assert(raw.length == 64);
  assert(out.length >= ECDSA_DER_MAX);
  const scope = mark();
  const writer = new Writer(out);
  writer.u8(SEQUENCE);
  const sequence = writer.open8();
  writeInteger(writer, raw.slice(0, 32));
  writeInteger(writer, raw.slice(32, 32));
  writer.close8(sequence);
  const length = writer.length;
  release(scope);
  return length;
}

/**
 * Writes r ‖ s to `raw`: 64 bytes for a 256-bit curve, 96 for a 384-bit one. False, `raw` then being zero or half written, when `der` is not such a signature
 * exactly.
 */
export function ecdsaSignatureFromDer(der: Bytes, raw: Bytes): bool {
  assert(raw.length == 64 || raw.length == 96);
  const half = raw.length >> 1;
  raw.wipe();
  const scope = mark();
  const reader = new Reader(der);
  if (reader.u8() != SEQUENCE || reader.u8() != reader.remaining) reader.fail();
  readInteger(reader, raw.slice(0, half));
  readInteger(reader, raw.slice(half, half));
  const done = reader.done;
  release(scope);
  return done;
}

function writeInteger(writer: Writer, number: Bytes): void {
  let start: u32 = 0;
  while (number[start] == 0) start += 1; // a number that is 0 traps here
  writer.u8(INTEGER);
  const length = writer.open8();
  if (number[start] >= 0x80) writer.u8(0);
  writer.put(number.from(start));
  writer.close8(length);
}

/**
 * A positive INTEGER into the end of `out` (zeroed), which it must fit; fails the reader on anything else.
 */
function readInteger(reader: Reader, out: Bytes): void {
  if (reader.u8() != INTEGER) reader.fail();
  let number = reader.vector8(1, out.length + 1);
  if (reader.failed) return;
  // A leading zero byte is there only to keep the sign: before a byte with its top bit set.
  const padded = number[0] == 0;
  if (padded) number = number.from(1);
  const high = number.length > 0 && number[0] >= 0x80;
  if (number.length == 0 || number.length > out.length || high != padded) {
    reader.fail();
    return;
  }
  out.put(out.length - number.length, number);
}
