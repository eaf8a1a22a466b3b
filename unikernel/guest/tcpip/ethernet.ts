/**
 * Ethernet II frames (RFC 894; IEEE 802.3 §3) without their checksum, which the network card makes and checks. MAC addresses are
 * 48-bit numbers. Offsets here are constants; whoever reads a frame has checked that it has a header.
 */
import { Bytes } from "bytes";

export const HEADER_LENGTH: u32 = 14;
/** Header and 1,500 bytes of payload. */
export const FRAME_MAX: u32 = 1514;
/** Shorter frames are padded with zeros to this. */
export const FRAME_MIN: u32 = 60;
export const BROADCAST: u64 = 0xffff_ffff_ffff;
export const TYPE_IPV4: u32 = 0x0800;
export const TYPE_ARP: u32 = 0x0806;

/** The MAC address at `at`. */
export function macAt(bytes: Bytes, at: u32): u64 {
  return ((<u64>bytes.u16be(at)) << 32) | <u64>bytes.u32be(at + 2);
}

export function putMac(bytes: Bytes, at: u32, mac: u64): void {
  bytes.putU16be(at, <u32>(mac >> 32));
  bytes.putU32be(at + 2, <u32>mac);
}

export function destinationOf(frame: Bytes): u64 {
  return macAt(frame, 0);
}

export function sourceOf(frame: Bytes): u64 {
  return macAt(frame, 6);
}

export function typeOf(frame: Bytes): u32 {
  return frame.u16be(12);
}

/** Whether one host may have it: no group address (IEEE 802 §8.2), not zero. */
export function isHostMac(mac: u64): bool {
  return mac != 0 && (mac & 0x0100_0000_0000) == 0;
}

export function putHeader(frame: Bytes, destination: u64, source: u64, type: u32): void {
  putMac(frame, 0, destination);
  putMac(frame, 6, source);
  frame.putU16be(12, type);
}

/** Pads a frame of `length` bytes to the least length; its length then. */
export function pad(frame: Bytes, length: u32): u32 {
  for (let i = length; i < FRAME_MIN; i++) frame[i] = 0;
  return max(length, FRAME_MIN);
}
