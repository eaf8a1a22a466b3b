/**
 * A segment's header as a record: parsed from and emitted to wire format (RFC 9293 §3.1; options of RFC 7323 and RFC 2018). A header
 * or option that is short, runs past the end or has a wrong length refuses the whole segment. The urgent pointer (RFC 6093) and
 * received SACK blocks are read over. Options are emitted each on its own 4-byte boundary.
 */
import { Bytes } from "bytes";
import { add, finish, pseudoHeader } from "../checksum";
import { flowOf, localPortOf, remotePortOf } from "./flow";
import { MOST_SCALE, RANGES } from "./sizes";

export const FIN: u32 = 0x01;
export const SYN: u32 = 0x02;
export const RST: u32 = 0x04;
export const PSH: u32 = 0x08;
export const ACK: u32 = 0x10;

export const HEADER: u32 = 20;
const PROTOCOL: u32 = 6;
/** Bytes of a timestamp option with its padding: what it takes from every segment's payload. */
const STAMPS: u32 = 12;

@final
export class Segment {
  sourcePort: u32 = 0;
  destinationPort: u32 = 0;
  sequence: u32 = 0;
  acknowledgment: u32 = 0;
  flags: u32 = 0;
  /** As on the wire: unscaled. */
  window: u32 = 0;
  /** 0: no such option. */
  mss: u32 = 0;
  /** Window scale, 0 to 14; -1: no such option. */
  scale: i32 = -1;
  sackPermitted: bool = false;
  stamped: bool = false;
  stamp: u32 = 0;
  echo: u32 = 0;
  /** SACK blocks to emit: left and right edges in turn. */
  blocks: i32 = 0;
  edges: StaticArray<u32> = new StaticArray<u32>(2 * RANGES);
  /** Where the payload of a parsed segment starts, and its bytes. */
  payloadAt: u32 = 0;
  payloadLength: u32 = 0;

  has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }

  /** Sequence numbers that it takes: payload, SYN and FIN. */
  get length(): u32 {
    return this.payloadLength + (this.flags & FIN) + ((this.flags & SYN) >> 1);
  }

  /** Its flow, seen from its receiver; the ports must not be 0. */
  flow(source: u32): u64 {
    return flowOf(source, this.sourcePort, this.destinationPort);
  }

  /** Back to a header from us along `flow` without options. Returns itself. */
  reset(flow: u64, flags: u32, sequence: u32, acknowledgment: u32): Segment {
    this.sourcePort = localPortOf(flow);
    this.destinationPort = remotePortOf(flow);
    this.flags = flags;
    this.sequence = sequence;
    this.acknowledgment = acknowledgment;
    this.window = 0;
    this.mss = 0;
    this.scale = -1;
    this.sackPermitted = false;
    this.stamped = false;
    this.blocks = 0;
    this.payloadLength = 0;
    return this;
  }

  /** Gives it a timestamp option. */
  stampWith(stamp: u32, echo: u32): void {
    this.stamped = true;
    this.stamp = stamp;
    this.echo = echo;
  }

  /** Reads a header; false when it is malformed. The checksum is {@link sound}'s. */
  parse(bytes: Bytes): bool {
    if (bytes.length < HEADER) return false;
    const offset = (<u32>bytes[12] >> 4) * 4;
    if (offset < HEADER || offset > bytes.length) return false;
    this.sourcePort = bytes.u16be(0);
    this.destinationPort = bytes.u16be(2);
    this.sequence = bytes.u32be(4);
    this.acknowledgment = bytes.u32be(8);
    this.flags = <u32>bytes[13] & 0x3f;
    this.window = bytes.u16be(14);
    this.payloadAt = offset;
    this.payloadLength = bytes.length - offset;
    this.mss = 0;
    this.scale = -1;
    this.sackPermitted = false;
    this.stamped = false;
    return this.parseOptions(bytes, offset);
  }

  private parseOptions(bytes: Bytes, end: u32): bool {
    let at = HEADER;
    while (at < end) {
      const kind = <u32>bytes[at];
      if (kind == 0) return true;
      if (kind == 1) {
        at++;
        continue;
      }
      if (end - at < 2) return false;
      const length = <u32>bytes[at + 1];
      if (length < 2 || length > end - at || !this.parseOption(bytes, at, kind, length)) return false;
      at += length;
    }
    return true;
  }

  private parseOption(bytes: Bytes, at: u32, kind: u32, length: u32): bool {
    if (kind == 2) {
      if (length != 4) return false;
      this.mss = max<u32>(bytes.u16be(at + 2), 1);
    } else if (kind == 3) {
      if (length != 3) return false;
      this.scale = min(<i32>bytes[at + 2], MOST_SCALE);
    } else if (kind == 4) {
      if (length != 2) return false;
      this.sackPermitted = true;
    } else if (kind == 8) {
      if (length != 10) return false;
      this.stampWith(bytes.u32be(at + 2), bytes.u32be(at + 6));
    }
    return true;
  }

  /** Bytes of the header that {@link emit} writes. */
  get headerLength(): u32 {
    let length = HEADER + (this.stamped ? STAMPS : 0);
    if (this.mss > 0) length += 4;
    if (this.scale >= 0) length += 4;
    if (this.sackPermitted) length += 4;
    return this.blocks > 0 ? length + 4 + 8 * <u32>this.blocks : length;
  }

  /** SACK blocks that fit beside its timestamps in 40 bytes. */
  get mostBlocks(): i32 {
    return this.stamped ? 3 : 4;
  }

  /** Writes the header; the payload must stand behind it already. Returns the segment's length; the checksum is for `local` and `remote`. */
  emit(out: Bytes, payload: u32, local: u32, remote: u32): u32 {
    const header = this.headerLength;
    out.putU16be(0, this.sourcePort);
    out.putU16be(2, this.destinationPort);
    out.putU32be(4, this.sequence);
    out.putU32be(8, this.acknowledgment);
    out.putU16be(12, ((header / 4) << 12) | this.flags);
    out.putU16be(14, this.window);
    out.putU32be(16, 0);
    let at = HEADER;
    if (this.mss > 0) {
      out.putU32be(at, 0x02040000 | this.mss);
      at += 4;
    }
    if (this.sackPermitted) {
      out.putU32be(at, 0x01010402);
      at += 4;
    }
    if (this.stamped) {
      out.putU32be(at, 0x0101080a);
      out.putU32be(at + 4, this.stamp);
      out.putU32be(at + 8, this.echo);
      at += STAMPS;
    }
    if (this.scale >= 0) {
      out.putU32be(at, 0x01030300 | <u32>this.scale);
      at += 4;
    }
    if (this.blocks > 0) {
      out.putU32be(at, 0x01010500 | (2 + 8 * <u32>this.blocks));
      for (let i = 0; i < 2 * this.blocks; i++) out.putU32be(at + 4 + 4 * <u32>i, this.edges[i]);
    }
    const length = header + payload;
    out.putU16be(16, checksum(VIEW.aim(out, 0, length), remote, local));
    return length;
  }
}

/** Whether the checksum of a received segment is right (0 is no exception: TCP has no "no checksum"). */
export function sound(bytes: Bytes, source: u32, local: u32): bool {
  return checksum(bytes, source, local) == 0;
}

function checksum(bytes: Bytes, source: u32, destination: u32): u32 {
  return finish(add(pseudoHeader(source, destination, PROTOCOL, bytes.length), bytes));
}

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
