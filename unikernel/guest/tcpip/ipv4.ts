/**
 * IPv4 (RFC 791, RFC 1122 §3.2): one received packet, checked, and the header of one to send. Fragments are refused: TCP keeps its
 * segments below the MTU and nothing else here is long. Options are skipped, but a packet with a source route is refused. What we send
 * may not be fragmented, so that its identification may be anything (RFC 6864 §4.1).
 */
import { Bytes } from "bytes";
import { add, finish } from "./checksum";
import { Count } from "./count";

export const IP_HEADER_LENGTH: u32 = 20;
export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;
const TTL: u32 = 64;
const DO_NOT_FRAGMENT: u32 = 0x4000;
const END_OF_OPTIONS: u32 = 0;
const NO_OPERATION: u32 = 1;
const LOOSE_SOURCE_ROUTE: u32 = 131;
const STRICT_SOURCE_ROUTE: u32 = 137;
/** {@link Packet.parse} found nothing wrong. */
export const FINE: i32 = -1;

@final
export class Packet {
  source: u32 = 0;
  destination: u32 = 0;
  protocol: u32 = 0;
  /** Header with options, and payload: without what the link has padded it with. */
  readonly whole: Bytes = Bytes.empty();
  readonly payload: Bytes = Bytes.empty();
  private readonly header: Bytes = Bytes.empty();

  /** Reads what starts at `start` of `frame`. {@link FINE}, or why not: a `Count`. */
  parse(frame: Bytes, start: u32): i32 {
    const whole = this.whole.aim(frame, start, frame.length - start);
    if (whole.length < IP_HEADER_LENGTH || whole[0] >> 4 != 4) return Count.IpHeader;
    const headerLength: u32 = (<u32>whole[0] & 15) * 4;
    const length = whole.u16be(2);
    if (headerLength < IP_HEADER_LENGTH || length < headerLength || length > whole.length) return Count.IpHeader;
    this.header.aim(whole, 0, headerLength);
    if (finish(add(0, this.header)) != 0) return Count.IpChecksum;
    // More fragments, or an offset.
    if ((whole.u16be(6) & 0x3fff) != 0) return Count.IpFragment;
    if (!this.hasPlainOptions()) return Count.IpSourceRoute;
    this.protocol = whole[9];
    this.source = whole.u32be(12);
    this.destination = whole.u32be(16);
    this.payload.aim(whole, headerLength, length - headerLength);
    whole.aim(frame, start, length);
    return FINE;
  }

  /** Whether the options, which we do not need, end where they say and hold no source route. */
  private hasPlainOptions(): bool {
    const header = this.header;
    let at: u32 = IP_HEADER_LENGTH;
    while (at < header.length) {
      const kind: u32 = header[at];
      if (kind == END_OF_OPTIONS) return true;
      if (kind == NO_OPERATION) {
        at += 1;
        continue;
      }
      if (kind == LOOSE_SOURCE_ROUTE || kind == STRICT_SOURCE_ROUTE || at + 1 >= header.length) return false;
      const length: u32 = header[at + 1];
      if (length < 2 || length > header.length - at) return false;
      at += length;
    }
    return true;
  }
}

/** Writes a header of 20 bytes to `start` of `frame`, for `length` bytes of payload behind it. */
export function putIpHeader(frame: Bytes, start: u32, source: u32, destination: u32, protocol: u32, length: u32): void {
  frame.putU16be(start, 0x4500);
  frame.putU16be(start + 2, IP_HEADER_LENGTH + length);
  frame.putU16be(start + 4, 0);
  frame.putU16be(start + 6, DO_NOT_FRAGMENT);
  frame.putU16be(start + 8, (TTL << 8) | protocol);
  frame.putU16be(start + 10, 0);
  frame.putU32be(start + 12, source);
  frame.putU32be(start + 16, destination);
  frame.putU16be(start + 10, finish(add(0, HEADER.aim(frame, start, IP_HEADER_LENGTH))));
}

const HEADER = Bytes.empty();
