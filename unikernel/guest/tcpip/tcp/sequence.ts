/**
 * Sequence number arithmetic (RFC 9293 §3.4), modulo 2^32: comparisons are right as long as both are less than 2^31 apart.
 * Timestamps (RFC 7323 §5.2) compare in the same way.
 */

export function before(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

export function atMost(a: u32, b: u32): bool {
  return <i32>(a - b) <= 0;
}

export function later(a: u32, b: u32): u32 {
  return before(a, b) ? b : a;
}

/** How far `b` is past `a`; 0 when it is not. */
export function distance(a: u32, b: u32): u32 {
  return before(a, b) ? b - a : 0;
}
