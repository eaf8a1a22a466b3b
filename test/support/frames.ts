/**
 * Makes and takes apart Ethernet frames for tests: ARP (RFC 826), IPv4 (RFC 791), ICMP (RFC 792), UDP (RFC 768) and bare TCP segments
 * (RFC 9293), with right checksums. Independent of the guest's code. Takes apart only what has the shape it looks for.
 */
import { concat, uint } from "./der.ts";

export const BROADCAST = Uint8Array.from([255, 255, 255, 255, 255, 255]);
const TYPE_IPV4 = 0x0800;
const TYPE_ARP = 0x0806;
const ETHERNET = 14;
const IPV4 = 20;

export const Protocol = { Icmp: 1, Tcp: 6, Udp: 17 } as const;
export const TcpFlag = { Fin: 1, Syn: 2, Rst: 4, Ack: 16 } as const;

/** The two ends of a packet on the link. Addresses are 6 bytes (MAC) and dotted IPv4. */
export interface Route {
  from: { mac: Uint8Array; address: string };
  to: { mac: Uint8Array; address: string };
}

export function ethernet(to: Uint8Array, from: Uint8Array, type: number, payload: Uint8Array): Uint8Array {
  return concat(to, from, uint(2, type), payload);
}

/** Who has `to`? Sent to everyone. */
export function arpRequest(from: Route["from"], to: string): Uint8Array {
  const fixed = Uint8Array.from([0, 1, 8, 0, 6, 4, 0, 1]);
  const body = concat(fixed, from.mac, ipv4Bytes(from.address), new Uint8Array(6), ipv4Bytes(to));
  return ethernet(BROADCAST, from.mac, TYPE_ARP, body);
}

/** `to` asked for `from`: here it is. */
export function arpReply(from: Route["from"], to: Route["to"]): Uint8Array {
  const fixed = Uint8Array.from([0, 1, 8, 0, 6, 4, 0, 2]);
  const body = concat(fixed, from.mac, ipv4Bytes(from.address), to.mac, ipv4Bytes(to.address));
  return ethernet(to.mac, from.mac, TYPE_ARP, body);
}

export function ipv4({ from, to }: Route, protocol: number, payload: Uint8Array): Uint8Array {
  const header = concat(
    Uint8Array.from([0x45, 0]),
    uint(2, IPV4 + payload.length),
    Uint8Array.from([0, 0, 0x40, 0, 64, protocol, 0, 0]),
    ipv4Bytes(from.address),
    ipv4Bytes(to.address),
  );
  header.set(uint(2, checksum(header)), 10);
  return ethernet(to.mac, from.mac, TYPE_IPV4, concat(header, payload));
}

export function echoRequest(route: Route, id: number, sequence: number, data: Uint8Array): Uint8Array {
  const message = concat(Uint8Array.from([8, 0, 0, 0]), uint(2, id), uint(2, sequence), data);
  message.set(uint(2, checksum(message)), 2);
  return ipv4(route, Protocol.Icmp, message);
}

export function udp(route: Route, fromPort: number, toPort: number, payload: Uint8Array): Uint8Array {
  const datagram = concat(uint(2, fromPort), uint(2, toPort), uint(2, 8 + payload.length), uint(2, 0), payload);
  datagram.set(uint(2, transportChecksum(route, Protocol.Udp, datagram) || 0xffff), 6);
  return ipv4(route, Protocol.Udp, datagram);
}

/** A TCP header's fields; `mss` is sent as the only option when given. */
export interface Segment {
  fromPort: number;
  toPort: number;
  sequence: number;
  acknowledgment?: number;
  flags: number;
  window?: number;
  mss?: number;
}

export function tcp(route: Route, segment: Segment, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const options = segment.mss === undefined ? new Uint8Array(0) : concat(Uint8Array.from([2, 4]), uint(2, segment.mss));
  const bytes = concat(
    ...[uint(2, segment.fromPort), uint(2, segment.toPort)],
    ...[uint(4, segment.sequence), uint(4, segment.acknowledgment ?? 0)],
    ...[
      uint(1, ((20 + options.length) / 4) << 4),
      uint(1, segment.flags),
      uint(2, segment.window ?? 0xffff),
      uint(4, 0),
    ],
    ...[options, payload],
  );
  bytes.set(uint(2, transportChecksum(route, Protocol.Tcp, bytes)), 16);
  return ipv4(route, Protocol.Tcp, bytes);
}

export interface ArpPacket {
  operation: number;
  senderMac: Uint8Array;
  sender: string;
  target: string;
}

export function parseArp(frame: Uint8Array): ArpPacket | undefined {
  if (frame.length < ETHERNET + 28 || u16(frame, 12) !== TYPE_ARP) return undefined;
  const body = frame.subarray(ETHERNET);
  return {
    operation: u16(body, 6),
    senderMac: body.slice(8, 14),
    sender: ipv4Text(body.subarray(14, 18)),
    target: ipv4Text(body.subarray(24, 28)),
  };
}

export interface Ipv4Packet {
  fromMac: Uint8Array;
  source: string;
  destination: string;
  protocol: number;
  /** Whether the header's checksum is right. */
  sound: boolean;
  payload: Uint8Array;
}

export function parseIpv4(frame: Uint8Array): Ipv4Packet | undefined {
  if (frame.length < ETHERNET + IPV4 || u16(frame, 12) !== TYPE_IPV4 || frame[ETHERNET]! >> 4 !== 4) return undefined;
  const packet = frame.subarray(ETHERNET);
  const header = (packet[0]! & 15) * 4;
  return {
    fromMac: frame.slice(6, 12),
    source: ipv4Text(packet.subarray(12, 16)),
    destination: ipv4Text(packet.subarray(16, 20)),
    protocol: packet[9]!,
    sound: checksum(packet.subarray(0, header)) === 0,
    payload: packet.subarray(header, u16(packet, 2)),
  };
}

/** The Internet checksum (RFC 1071). Over bytes that hold a right checksum it is 0. */
export function checksum(...parts: Uint8Array[]): number {
  const bytes = concat(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function transportChecksum({ from, to }: Route, protocol: number, bytes: Uint8Array): number {
  return checksum(ipv4Bytes(from.address), ipv4Bytes(to.address), uint(2, protocol), uint(2, bytes.length), bytes);
}

export function ipv4Bytes(address: string): Uint8Array {
  return Uint8Array.from(address.split(".").map(Number));
}

export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
