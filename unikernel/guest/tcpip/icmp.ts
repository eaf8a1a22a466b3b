/**
 * ICMP (RFC 792, RFC 1122 §3.2.2): answers echo requests, tells who asks for a protocol or port that we lack, and passes
 * "unreachable" about segments of ours on to TCP. Answers are limited in number, never sent to groups, and never about an ICMP error.
 */
import { Bytes } from "bytes";
import { add, finish } from "./checksum";
import { Count } from "./count";
import { Counters } from "./counters";
import { HEADER_LENGTH, pad } from "./ethernet";
import { FrameQueue } from "./frame-queue";
import { IP_HEADER_LENGTH, Packet, PROTOCOL_ICMP, PROTOCOL_TCP, putIpHeader } from "./ipv4";
import { Transport } from "./transport";

const ECHO_REPLY: u32 = 0;
const UNREACHABLE: u32 = 3;
const ECHO_REQUEST: u32 = 8;
/** Codes of UNREACHABLE. */
export const PROTOCOL_UNREACHABLE: u32 = 2;
export const PORT_UNREACHABLE: u32 = 3;

const ICMP_HEADER_LENGTH: u32 = 8;
const START: u32 = HEADER_LENGTH + IP_HEADER_LENGTH;
/** RFC 792: the header of what it is about, and 8 bytes. */
const QUOTED: u32 = 8;
/** Messages that may be sent at once, and one more for each so many milliseconds. */
const BURST: u32 = 20;
const REFILL_MILLIS: u64 = 20;

@final
export class Icmp {
  private tokens: u32 = BURST;
  private refilledAt: u64 = 0;
  private readonly view: Bytes = Bytes.empty();

  constructor(
    private readonly queue: FrameQueue,
    private readonly counters: Counters,
  ) {}

  /**
   * A packet of protocol ICMP for us. True: an answer was made, as an IP packet without its Ethernet header's addresses, which
   * the caller adds before it commits {@link length} bytes to the queue.
   */
  receive(packet: Packet, transport: Transport, now: u64): bool {
    const message = packet.payload;
    if (message.length < ICMP_HEADER_LENGTH || finish(add(0, message)) != 0) return this.refuse();
    const type: u32 = message[0];
    if (type == UNREACHABLE) return this.unreachable(message, transport, now);
    if (type != ECHO_REQUEST || message[1] != 0) return this.refuse();
    if (!this.allow(now)) return false;
    const frame = this.queue.reserve();
    if (message.length > frame.length - START) return this.refuse();
    frame.put(START, message);
    return this.complete(frame, packet.destination, packet.source, ECHO_REPLY, 0, message.length);
  }

  /** Says that `packet` cannot be taken; true as for {@link receive}. */
  refusePacket(packet: Packet, code: u32, now: u64): bool {
    if (!this.allow(now)) return false;
    const frame = this.queue.reserve();
    const whole = packet.whole;
    const quoted = min(whole.length, whole.length - packet.payload.length + QUOTED);
    frame.putU32be(START + 4, 0);
    frame.put(START + ICMP_HEADER_LENGTH, this.view.aim(whole, 0, quoted));
    return this.complete(frame, packet.destination, packet.source, UNREACHABLE, code, ICMP_HEADER_LENGTH + quoted);
  }

  /** Bytes of the frame that was made last. */
  length: u32 = 0;

  private complete(frame: Bytes, source: u32, destination: u32, type: u32, code: u32, length: u32): bool {
    frame[START] = <u8>type;
    frame[START + 1] = <u8>code;
    frame.putU16be(START + 2, 0);
    frame.putU16be(START + 2, finish(add(0, this.view.aim(frame, START, length))));
    putIpHeader(frame, HEADER_LENGTH, source, destination, PROTOCOL_ICMP, length);
    this.length = pad(frame, START + length);
    return true;
  }

  /** About a packet that we are said to have sent: TCP judges whether we have. */
  private unreachable(message: Bytes, transport: Transport, now: u64): bool {
    const quoted = this.view.aim(message, ICMP_HEADER_LENGTH, message.length - ICMP_HEADER_LENGTH);
    if (quoted.length < IP_HEADER_LENGTH || quoted[0] >> 4 != 4) return this.refuse();
    const headerLength: u32 = (<u32>quoted[0] & 15) * 4;
    if (headerLength < IP_HEADER_LENGTH || quoted.length < headerLength + QUOTED) return this.refuse();
    if (quoted[9] != PROTOCOL_TCP || quoted.u32be(12) != transport.local) return this.refuse();
    const destination = quoted.u32be(16);
    const segment = this.view.aim(message, ICMP_HEADER_LENGTH + headerLength, quoted.length - headerLength);
    transport.unreachable(destination, message[1], segment, now);
    return false;
  }

  private allow(now: u64): bool {
    const earned = (now - this.refilledAt) / REFILL_MILLIS;
    if (now > this.refilledAt && earned > 0) {
      this.tokens = <u32>min<u64>(<u64>BURST, <u64>this.tokens + earned);
      this.refilledAt = now;
    }
    if (this.tokens == 0 || this.queue.full) {
      this.counters.add(this.tokens == 0 ? Count.IcmpLimited : Count.QueueFull);
      return false;
    }
    this.tokens -= 1;
    return true;
  }

  private refuse(): bool {
    this.counters.add(Count.IcmpRefused);
    return false;
  }
}
