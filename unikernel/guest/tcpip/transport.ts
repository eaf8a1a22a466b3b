/**
 * What the IP layer needs of what is above it: TCP (tcp/tcp.ts), or a test's own. Output is pulled: `transmit` makes one
 * segment when the link has room for one, so that nothing has to be queued. Time is given, in milliseconds.
 */
import { Bytes } from "bytes";

export abstract class Transport {
  /** Our address, host order; set by the IP layer, 0 while there is none. */
  local: u32 = 0;
  /** The most bytes of payload that fit one segment towards us: MTU less 40. */
  mss: u32 = 1460;
  /** Where the segment that {@link transmit} made last goes. */
  destination: u32 = 0;

  /** An IP packet's payload for us. `source` is a unicast address; everything in `segment` is unchecked. */
  abstract receive(source: u32, segment: Bytes, now: u64): void;
  /** Writes the next segment, checksum included, to the start of `out` and sets `destination`; its length, 0: none. */
  abstract transmit(out: Bytes, now: u64): u32;
  /** ICMP destination unreachable (RFC 792) with `code` about a packet of ours to `destination`; `quoted`: at least its first 8 bytes. */
  abstract unreachable(destination: u32, code: u32, quoted: Bytes, now: u64): void;
  abstract tick(now: u64): void;
  /** When `tick` wants to be called, or 0 for never; may be in the past. */
  abstract deadline(): u64;
}
