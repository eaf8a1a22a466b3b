/**
 * net: the compartment that meets the network. Today it decides which connection may have a door and for how long
 * (tcpip/admission.ts); the TCP/IP stack joins it here. It never sees plaintext or keys, and imports nothing.
 * Entry file: the only one of this compartment with exports.
 */
import { Bytes } from "bytes";
import {
  ADDRESS_LENGTH,
  admit,
  configureAdmission,
  dismiss,
  earliestDeadline,
  openConnections,
  overdue,
  prolong,
} from "./tcpip/admission";

const INBOX = Bytes.alloc(ADDRESS_LENGTH);

/** Where the board puts a peer's address (16 bytes, IPv4 mapped) before {@link open}. */
export function inbox(): usize {
  return INBOX.address;
}

/** Limits: connections at once, connections of one peer, milliseconds to authenticate. */
export function configure(connections: i32, fromPeer: i32, millis: u32): void {
  configureAdmission(connections, fromPeer, millis);
}

/** A slot for the connection of the peer in the inbox; -1: too many connections, -2: too many from this peer. */
export function open(now: u64): i32 {
  return admit(INBOX, now);
}

export function authenticated(slot: i32, now: u64): void {
  prolong(slot, now);
}

export function close(slot: i32): void {
  dismiss(slot);
}

/** A slot whose time is up, or -1; ask again after closing it. */
export function expired(now: u64): i32 {
  return overdue(now);
}

/** When to ask {@link expired} next (milliseconds), or 0 for never. */
export function deadline(): u64 {
  return earliestDeadline();
}

/** Connections that hold a slot. */
export function connections(): i32 {
  return openConnections();
}
