/**
 * Admission: which connection may have a door, and until when (docs/design.md, "Limits").
 *
 * A fixed table of 64 slots. A connection is refused when the table (or the configured number) is full, or when its peer
 * already has its share; it must authenticate before its deadline and end before a second one. Peers are told apart
 * by IPv4 address, or by IPv6 /64, since a whole /64 belongs to one customer. Time is given, in milliseconds.
 */
import { Bytes } from "bytes";

/** Slots in the table: the most connections that may ever be open at once. */
export const SLOTS: i32 = 64;
/** Bytes of a peer's address as admission compares it: IPv6, or IPv4 mapped into it (RFC 4291 §2.5.5.2). */
export const ADDRESS_LENGTH: u32 = 16;

/** What `admit` answers instead of a slot. */
export enum Refusal {
  TooManyConnections = -1,
  TooManyFromPeer = -2,
}

const FREE: u64 = 0;

const keys = new StaticArray<u64>(SLOTS);
/** Milliseconds at which the slot's time is up; FREE when nobody has it. */
const deadlines = new StaticArray<u64>(SLOTS);

/** Whether the slot's peer has authenticated. */
const proven = new StaticArray<bool>(SLOTS);

let mostConnections: i32 = SLOTS;
let mostFromPeer: i32 = SLOTS;
let patience: u64 = 10_000;

/** Sets the limits; a number above the table's size means the table's size. `millis` ≥ 1: time to authenticate, and again to end. */
export function configureAdmission(connections: i32, fromPeer: i32, millis: u32): void {
  mostConnections = min(max(connections, 0), SLOTS);
  mostFromPeer = min(max(fromPeer, 0), SLOTS);
  patience = <u64>max<u32>(millis, 1);
}

/** A slot (0 to 63) for a connection from `address` (16 bytes), or a {@link Refusal}. */
export function admit(address: Bytes, now: u64): i32 {
  const key = peerKey(address);
  let slot: i32 = -1;
  let open: i32 = 0;
  let fromPeer: i32 = 0;
  for (let i = 0; i < SLOTS; i++) {
    if (deadlines[i] == FREE) {
      if (slot < 0) slot = i;
      continue;
    }
    open++;
    if (keys[i] == key) fromPeer++;
  }
  if (slot < 0 || open >= mostConnections) return Refusal.TooManyConnections;
  if (fromPeer >= mostFromPeer) return Refusal.TooManyFromPeer;
  keys[slot] = key;
  deadlines[slot] = now + patience;
  proven[slot] = false;
  return slot;
}

/** The connection in `slot` has authenticated: it has as long again to take its candy and end. */
export function prolong(slot: i32, now: u64): void {
  if (slot < 0 || slot >= SLOTS || deadlines[slot] == FREE) return;
  deadlines[slot] = now + patience;
  proven[slot] = true;
}

/** Whether the connection in `slot` has authenticated. */
export function isProven(slot: i32): bool {
  return proven[slot];
}

/** Gives `slot` back; a free or impossible slot is left as it is. */
export function dismiss(slot: i32): void {
  if (slot < 0 || slot >= SLOTS) return;
  deadlines[slot] = FREE;
  keys[slot] = 0;
}

/** A slot whose time is up at `now`, or -1. It stays taken until it is dismissed. */
export function overdue(now: u64): i32 {
  for (let i = 0; i < SLOTS; i++) {
    if (deadlines[i] != FREE && deadlines[i] <= now) return i;
  }
  return -1;
}

/** The earliest deadline, or 0 when no slot is taken. */
export function earliestDeadline(): u64 {
  let earliest: u64 = 0;
  for (let i = 0; i < SLOTS; i++) {
    const deadline = deadlines[i];
    if (deadline != FREE && (earliest == 0 || deadline < earliest)) earliest = deadline;
  }
  return earliest;
}

/** Slots taken. */
export function openConnections(): i32 {
  let open = 0;
  for (let i = 0; i < SLOTS; i++) {
    if (deadlines[i] != FREE) open++;
  }
  return open;
}

/** What tells peers apart: an IPv4 address, or the first 64 bits of an IPv6 one. */
function peerKey(address: Bytes): u64 {
  assert(address.length == ADDRESS_LENGTH);
  const high = address.u64be(0);
  const low = address.u64be(8);
  // ::ffff:a.b.c.d: the prefix is the same for all, the address is what differs. No /64 has an all-ones top half.
  if (high == 0 && low >> 32 == 0xffff) return 0xffff_ffff_0000_0000 | (low & 0xffff_ffff);
  // ::1 and other addresses of the first /64 would otherwise all look the same as "no address".
  return high == 0 ? low : high;
}
