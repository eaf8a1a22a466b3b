/**
 * Stack: from Ethernet frames to the transport and back. What comes in is checked layer by layer and either answered, passed up,
 * or counted and dropped (counters.ts); what goes out is made one frame at a time, when the board asks.
 *
 * IPv4 only, one address, from the settings or by DHCP (RFC 2131). Nothing is allocated after the start.
 */
import { Bytes } from "bytes";
import { Arp } from "./arp";
import { add, finish, pseudoHeader } from "./checksum";
import { Count } from "./count";
import { Counters } from "./counters";
import { Dhcp, Lease } from "./dhcp";
import {
  BROADCAST,
  destinationOf,
  FRAME_MAX,
  HEADER_LENGTH,
  isHostMac,
  macAt,
  pad,
  putHeader,
  sourceOf,
  TYPE_ARP,
  TYPE_IPV4,
  typeOf,
} from "./ethernet";
import { FrameQueue } from "./frame-queue";
import { Host, isUnicast } from "./host";
import { Icmp, PORT_UNREACHABLE, PROTOCOL_UNREACHABLE } from "./icmp";
import { FINE, IP_HEADER_LENGTH, Packet, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP, putIpHeader } from "./ipv4";
import { Settings } from "./settings";
import { Transport } from "./transport";

const PAYLOAD: u32 = HEADER_LENGTH + IP_HEADER_LENGTH;
const UDP_HEADER_LENGTH: u32 = 8;
const DHCP_CLIENT: u32 = 68;
const DHCP_SERVER: u32 = 67;
/** Segments in a row that may be kept back or given up for want of a neighbour's answer, before the link is left to rest. */
const TRIES: i32 = 16;

@final
export class Stack {
  private readonly arp: Arp;
  private readonly icmp: Icmp;
  private readonly dhcp: Dhcp = new Dhcp();
  private readonly packet: Packet = new Packet();
  private readonly view: Bytes = Bytes.empty();

  constructor(
    private readonly transport: Transport,
    readonly counters: Counters = new Counters(),
    private readonly host: Host = new Host(),
    private readonly queue: FrameQueue = new FrameQueue(),
  ) {
    this.arp = new Arp(host, queue, counters);
    this.icmp = new Icmp(queue, counters);
  }

  /** Begins with the MAC address (6 bytes) of the card and 16 random bytes. */
  start(mac: Bytes, settings: Settings, seed: Bytes, now: u64): void {
    this.host.mac = macAt(mac, 0);
    if (settings.dhcp) this.dhcp.start(this.host.mac, seed, now);
    else this.take(settings.address, settings.prefix, settings.gateway);
  }

  /** An Ethernet frame without its checksum; anything at all. */
  receive(frame: Bytes, now: u64): void {
    const wrong = this.accept(frame, now);
    if (wrong != FINE) this.counters.add(<Count>wrong);
  }

  /** Writes the next frame to the start of `out` (at least 1,514 bytes); its length, 0: none. */
  transmit(out: Bytes, now: u64): u32 {
    let length = this.queue.take(out);
    if (length != 0) return length;
    length = this.arp.release(out);
    if (length != 0) return length;
    length = this.transmitDhcp(out, now);
    if (length != 0) return length;
    length = this.arp.question(out);
    if (length != 0) return length;
    for (let i = 0; i < TRIES; i++) {
      if (this.host.address == 0) return 0;
      const room = this.view.aim(out, PAYLOAD, FRAME_MAX - PAYLOAD);
      const segment = this.transport.transmit(room, now);
      if (segment == 0) return 0;
      putIpHeader(out, HEADER_LENGTH, this.host.address, this.transport.destination, PROTOCOL_TCP, segment);
      length = this.send(out, pad(out, PAYLOAD + segment), this.transport.destination, now);
      if (length != 0) return length;
      length = this.arp.question(out);
      if (length != 0) return length;
    }
    return 0;
  }

  /** Lets time pass, for the transport too. */
  tick(now: u64): void {
    const lease = this.dhcp.tick(now);
    if (lease == Lease.Lost) this.lose();
    this.arp.tick(now);
    this.transport.tick(now);
  }

  /** When {@link tick} wants to be called; 0: never. */
  deadline(): u64 {
    return earlier(earlier(this.dhcp.deadline(), this.arp.deadline()), this.transport.deadline());
  }

  /** {@link FINE}, or why the frame was dropped: a `Count`. */
  private accept(frame: Bytes, now: u64): i32 {
    if (frame.length < HEADER_LENGTH || frame.length > FRAME_MAX) return Count.FrameLength;
    const destination = destinationOf(frame);
    const type = typeOf(frame);
    if (destination != this.host.mac && destination != BROADCAST) return Count.FrameForeign;
    const source = sourceOf(frame);
    if (!isHostMac(source) || source == this.host.mac || (type != TYPE_ARP && type != TYPE_IPV4))
      return Count.FrameForeign;
    if (type == TYPE_ARP) {
      this.arp.receive(frame, now);
      return FINE;
    }
    const packet = this.packet;
    const wrong = packet.parse(frame, HEADER_LENGTH);
    if (wrong != FINE) return wrong;
    if (packet.protocol == PROTOCOL_UDP && this.receiveDhcp(now)) return FINE;
    // RFC 1122 §3.3.6: what comes by the link's broadcast is not for one host's streams.
    if (destination == BROADCAST || packet.destination != this.host.address || this.host.address == 0) {
      return Count.IpForeign;
    }
    if (!this.host.isPeer(packet.source)) return Count.IpSource;
    if (packet.protocol == PROTOCOL_TCP) {
      this.transport.receive(packet.source, packet.payload, now);
      return FINE;
    }
    if (packet.protocol == PROTOCOL_ICMP) {
      if (this.icmp.receive(packet, this.transport, now)) this.answer(frame);
      return FINE;
    }
    const udp = packet.protocol == PROTOCOL_UDP;
    if (this.icmp.refusePacket(packet, udp ? PORT_UNREACHABLE : PROTOCOL_UNREACHABLE, now)) this.answer(frame);
    return udp ? Count.UdpRefused : Count.IpProtocol;
  }

  /** Sends what `icmp` has made back to where `frame` came from, which need not be asked for. */
  private answer(frame: Bytes): void {
    putHeader(this.queue.reserve(), sourceOf(frame), this.host.mac, TYPE_IPV4);
    this.queue.commit(this.icmp.length);
  }

  /** Sends a frame, but for its Ethernet header complete, on its way. 0: it waits for the neighbour's MAC, or cannot be sent. */
  private send(frame: Bytes, length: u32, destination: u32, now: u64): u32 {
    const hop = this.host.nextHop(destination);
    if (hop == 0) {
      this.counters.add(Count.IpNoRoute);
      return 0;
    }
    const mac = this.arp.resolve(hop, now);
    putHeader(frame, mac, this.host.mac, TYPE_IPV4);
    if (mac != 0) return length;
    this.arp.hold(hop, frame, length);
    return 0;
  }

  private transmitDhcp(out: Bytes, now: u64): u32 {
    const start = PAYLOAD + UDP_HEADER_LENGTH;
    const length = this.dhcp.write(this.view.aim(out, start, FRAME_MAX - start));
    if (length == 0) return 0;
    const destination = this.dhcp.destination;
    const total = UDP_HEADER_LENGTH + length;
    out.putU16be(PAYLOAD, DHCP_CLIENT);
    out.putU16be(PAYLOAD + 2, DHCP_SERVER);
    out.putU16be(PAYLOAD + 4, total);
    out.putU16be(PAYLOAD + 6, 0);
    const sum = add(
      pseudoHeader(this.host.address, destination, PROTOCOL_UDP, total),
      this.view.aim(out, PAYLOAD, total),
    );
    const checksum = finish(sum);
    out.putU16be(PAYLOAD + 6, checksum == 0 ? 0xffff : checksum);
    putIpHeader(out, HEADER_LENGTH, this.host.address, destination, PROTOCOL_UDP, total);
    if (!this.host.isBroadcast(destination)) return this.send(out, PAYLOAD + total, destination, now);
    putHeader(out, BROADCAST, this.host.mac, TYPE_IPV4);
    return PAYLOAD + total;
  }

  /** Whether the packet, a UDP datagram, was for the DHCP client. */
  private receiveDhcp(now: u64): bool {
    const packet = this.packet;
    const datagram = packet.payload;
    const destination = packet.destination;
    if (!this.dhcp.waits || !isUnicast(packet.source)) return false;
    if (destination != this.host.address && !this.host.isBroadcast(destination)) return false;
    if (datagram.length < UDP_HEADER_LENGTH || datagram.u16be(2) != DHCP_CLIENT || datagram.u16be(0) != DHCP_SERVER) {
      return false;
    }
    const length = datagram.u16be(4);
    if (length < UDP_HEADER_LENGTH || length > datagram.length) return this.refuseDhcp();
    const whole = this.view.aim(datagram, 0, length);
    // A checksum of 0 is none (RFC 768).
    if (datagram.u16be(6) != 0) {
      const sum = add(pseudoHeader(packet.source, destination, PROTOCOL_UDP, length), whole);
      if (finish(sum) != 0) return this.refuseDhcp();
    }
    const lease = this.dhcp.receive(whole.aim(datagram, UDP_HEADER_LENGTH, length - UDP_HEADER_LENGTH), now);
    const offer = this.dhcp.offer;
    if (lease == Lease.Refused) return this.refuseDhcp();
    if (lease == Lease.Lost) this.lose();
    else if (lease == Lease.Taken) this.take(offer.address, offer.prefix, offer.router);
    return true;
  }

  private refuseDhcp(): bool {
    this.counters.add(Count.DhcpRefused);
    return true;
  }

  private take(address: u32, prefix: u32, gateway: u32): void {
    if (address != this.host.address) this.arp.reset();
    this.host.configure(address, prefix, gateway);
    this.transport.local = address;
  }

  private lose(): void {
    this.host.forget();
    this.arp.reset();
    this.transport.local = 0;
  }
}

function earlier(a: u64, b: u64): u64 {
  return a == 0 || b == 0 ? a + b : min(a, b);
}
