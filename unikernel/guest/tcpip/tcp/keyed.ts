/**
 * What must not be guessed: initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323 §5.4), SYN cookies (RFC 4987 §3.6) and
 * ephemeral ports (RFC 6056 §3.3.1), all from one pseudo-random function: SHA-256 of a 32-byte secret and a message of fixed
 * length, so that extending a message is no question. A message is one block long.
 */
import { Bytes } from "bytes";
import { sha256 } from "../../crypto/sha256";
import { COOKIE_PERIOD } from "./sizes";

const SECRET: u32 = 32;
/** What the number is for. */
const FOR_SEQUENCE: u32 = 1;
const FOR_COOKIE: u32 = 2;
const FOR_PORT: u32 = 3;

/** Dynamic ports (RFC 6335 §6). */
const FIRST_PORT: u32 = 49152;

/** The segment sizes that a cookie's low three bits can say. */
const COOKIE_SIZES: StaticArray<u32> = [88, 216, 536, 1024, 1220, 1360, 1440, 1460];

@final
export class Keyed {
  private message: Bytes = Bytes.alloc(SECRET + 21);
  private digest: Bytes = Bytes.alloc(32);
  private dials: u32 = 0;
  /** The second number of {@link initialSequence}: what this flow's timestamps are ahead of the clock. */
  stampOffset: u32 = 0;

  /** Takes the secret: 32 random bytes. */
  start(secret: Bytes): void {
    assert(secret.length == SECRET);
    this.message.put(0, secret);
  }

  /** RFC 6528 §3: a clock of 4 µs plus F(flow, secret). */
  initialSequence(flow: u64, local: u32, now: u64): u32 {
    const f = this.mix(FOR_SEQUENCE, flow, local, 0, 0);
    this.stampOffset = this.digest.u32be(4);
    return <u32>(now * 250) + f;
  }

  /** The initial sequence number of a SYN-ACK for which nothing is remembered: `irs` and `mss` are the SYN's. */
  cookie(flow: u64, local: u32, irs: u32, mss: u32, now: u64): u32 {
    let size: u32 = 7;
    while (size > 0 && COOKIE_SIZES[size] > mss) size--;
    return this.cookieOf(flow, local, irs, size, now / COOKIE_PERIOD);
  }

  /** The MSS that `cookie` says if we gave it to this flow's SYN one or two periods ago, or 0. */
  cookieMss(cookie: u32, flow: u64, local: u32, irs: u32, now: u64): u32 {
    const size = cookie & 7;
    const period = now / COOKIE_PERIOD;
    if (this.cookieOf(flow, local, irs, size, period) == cookie) return COOKIE_SIZES[size];
    if (period > 0 && this.cookieOf(flow, local, irs, size, period - 1) == cookie) return COOKIE_SIZES[size];
    return 0;
  }

  /** Where to begin to look for a free port. */
  firstPort(address: u32, port: u32, local: u32): u32 {
    return portFrom(this.mix(FOR_PORT, ((<u64>address) << 32) | port, local, this.dials++, 0));
  }

  private cookieOf(flow: u64, local: u32, irs: u32, size: u32, period: u64): u32 {
    return (this.mix(FOR_COOKIE, flow, local, irs, ((<u32>period) << 3) | size) << 3) | size;
  }

  private mix(purpose: u32, flow: u64, local: u32, a: u32, b: u32): u32 {
    const message = this.message;
    message[SECRET] = <u8>purpose;
    message.putU64be(SECRET + 1, flow);
    message.putU32be(SECRET + 9, local);
    message.putU32be(SECRET + 13, a);
    message.putU32be(SECRET + 17, b);
    sha256(message, this.digest);
    return this.digest.u32be(0);
  }
}

/** A dynamic port from any number; consecutive numbers give consecutive ports. */
export function portFrom(number: u32): u32 {
  return FIRST_PORT + (number & 0x3fff);
}
