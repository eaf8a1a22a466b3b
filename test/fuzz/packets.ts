/** The packets of harness/packets.h, in Node: checksums, headers, an ARP reply (RFC 826, 791, 1071). Addresses are numbers in host order. */
export const ETHERNET = 14;
export const IP_HEADER = 20;
export const UDP_HEADER = 8;
export const OUR_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

const ARP_HEAD = [0, 1, 8, 0, 6, 4];
/** Where a protocol's checksum is in its payload. */
const CHECKSUM_AT: Record<number, number> = { 1: 2, 6: 16, 17: 6 };
const ICMP = 1;

/** The Internet checksum over `bytes` on top of `start`. */
function sum(bytes: Uint8Array, start = 0): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return ~total & 0xffff;
}

function macOf(address: number): Buffer {
  const mac = Buffer.from([2, 0, 0, 0, 0, 0]);
  mac.writeUInt32BE(address >>> 0, 2);
  return mac;
}

/** Puts checksums right behind an IPv4 header that is in place. */
function putSums(ip: Buffer): void {
  const header = (ip[0]! & 15) * 4;
  ip.writeUInt16BE(0, 10);
  ip.writeUInt16BE(sum(ip.subarray(0, header)), 10);
  const payload = ip.subarray(header);
  const protocol = ip[9]!;
  const at = CHECKSUM_AT[protocol];
  if (at === undefined || payload.length < at + 2) return;
  payload.writeUInt16BE(0, at);
  const addresses = [12, 14, 16, 18].reduce((total, from) => total + ip.readUInt16BE(from), 0);
  payload.writeUInt16BE(sum(payload, protocol === ICMP ? 0 : addresses + protocol + payload.length), at);
}

/** A frame to us with an IPv4 packet without options. */
export function packet(from: number, to: number, protocol: number, payload: Uint8Array, sums: boolean): Buffer {
  const frame = Buffer.concat([OUR_MAC, macOf(from), Buffer.from([8, 0]), Buffer.alloc(IP_HEADER), payload]);
  const ip = frame.subarray(ETHERNET);
  ip.set([0x45, 0]);
  ip.writeUInt16BE(ip.length, 2);
  ip.set([64, protocol & 0xff], 8);
  ip.writeUInt32BE(from >>> 0, 12);
  ip.writeUInt32BE(to >>> 0, 16);
  if (sums) putSums(ip);
  else ip.writeUInt16BE(sum(ip.subarray(0, IP_HEADER)), 10);
  return frame;
}

/** Puts the checksums of a raw frame right as far as it has any; its lengths stay. */
export function mend(frame: Buffer): void {
  if (frame.length < ETHERNET + IP_HEADER || frame.readUInt16BE(12) !== 0x0800) return;
  const total = frame.readUInt16BE(ETHERNET + 2);
  const own = (frame[ETHERNET]! & 15) * 4;
  if (own < IP_HEADER || total < own || total > frame.length - ETHERNET) return;
  putSums(frame.subarray(ETHERNET, ETHERNET + total));
}

/** `from` tells `to` where it is. */
export function arpReply(from: number, to: number): Buffer {
  const addresses = Buffer.alloc(8);
  addresses.writeUInt32BE(from >>> 0, 0);
  addresses.writeUInt32BE(to >>> 0, 4);
  const sender = [macOf(from), addresses.subarray(0, 4)];
  const target = [OUR_MAC, addresses.subarray(4)];
  return Buffer.concat([OUR_MAC, macOf(from), Buffer.from([8, 6, ...ARP_HEAD, 0, 2]), ...sender, ...target]);
}
