/**
 * The Internet checksum (RFC 1071): ones' complement of the ones' complement sum of 16-bit words, big-endian, an odd last byte
 * padded with zero. Sums are u32 and unfolded until {@link finish}: a packet of 64 KiB cannot overflow them.
 */
import { Bytes } from "bytes";

/** Adds all of `bytes` to `sum`. Only the last piece of a packet may have an odd length. */
export function add(sum: u32, bytes: Bytes): u32 {
  const length = bytes.length;
  const even = length & ~1;
  for (let i: u32 = 0; i < even; i += 2) sum += bytes.u16be(i);
  return even < length ? sum + ((<u32>bytes[even]) << 8) : sum;
}

/** Sum of the IPv4 pseudo-header (RFC 9293 §3.1, RFC 768) of `length` bytes of `protocol`. */
export function pseudoHeader(source: u32, destination: u32, protocol: u32, length: u32): u32 {
  return (source >> 16) + (source & 0xffff) + (destination >> 16) + (destination & 0xffff) + protocol + length;
}

/** The checksum of a sum, 16 bits. Over bytes that include a right checksum it is 0. */
export function finish(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
