/**
 * net: the compartment that meets the network. It turns Ethernet frames into byte streams (tcpip/) and decides which connection may
 * have a door and for how long. It never sees plaintext or keys, and imports nothing. Entry file: the only one of this compartment
 * with exports.
 *
 * A board that has frames calls `boot` once, then `frame` and `tick`, after each of them `next` until it says 0, and `transmit`
 * until it says 0. A board that has sockets uses admission alone: `configure`, `open`, `close`, `expired`.
 * Time is in milliseconds since 1970. Arguments longer than a number are in the inbox, results in the outbox.
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
import { Doors, RECORD_LENGTH } from "./tcpip/doors";
import { Settings } from "./tcpip/settings";
import { SettingsError } from "./tcpip/settings-error";
import { Stack } from "./tcpip/stack";
import { Tcp } from "./tcpip/tcp/tcp";

const INBOX_LENGTH: u32 = 2048;
const OUTBOX_LENGTH: u32 = 8192;
/** In the inbox of `boot`: seed ‖ secret of TCP ‖ MAC ‖ command line. */
const SEED_LENGTH: u32 = 16;
const SECRET_LENGTH: u32 = 32;
const MAC_LENGTH: u32 = 6;
const LINE_START: u32 = SEED_LENGTH + SECRET_LENGTH + MAC_LENGTH;

const INBOX = Bytes.alloc(INBOX_LENGTH);
const OUTBOX = Bytes.alloc(OUTBOX_LENGTH);
const ADDRESS = INBOX.slice(0, ADDRESS_LENGTH);
const RECORD = OUTBOX.slice(0, RECORD_LENGTH);
/** Re-aimed on every call, so that none allocates. */
const VIEW = Bytes.empty();

const SETTINGS = new Settings();
const TCP = new Tcp();
const STACK = new Stack(TCP);
const DOORS = new Doors(TCP, SETTINGS);
let booted = false;

/** Where the board puts arguments, and how many bytes fit. */
export function inbox(): usize {
  return INBOX.address;
}
export function inboxSize(): u32 {
  return INBOX_LENGTH;
}

/** Where results are, until the next call. */
export function outbox(): usize {
  return OUTBOX.address;
}
export function outboxSize(): u32 {
  return OUTBOX_LENGTH;
}

/**
 * Inbox: 16 random bytes ‖ 32 random bytes ‖ MAC (6) ‖ command line (tcpip/settings.ts); `length` of all of it. A `SettingsError`;
 * 0: the doors are open. Once; the random bytes are wiped.
 */
export function boot(length: u32, now: u64): u32 {
  assert(!booted && length >= LINE_START && length <= INBOX_LENGTH);
  const error = SETTINGS.parse(INBOX.slice(LINE_START, length - LINE_START));
  if (error == SettingsError.None) {
    booted = true;
    configureAdmission(SETTINGS.connections, SETTINGS.fromPeer, SETTINGS.handshakeMillis);
    TCP.start(INBOX.slice(SEED_LENGTH, SECRET_LENGTH));
    STACK.start(INBOX.slice(SEED_LENGTH + SECRET_LENGTH, MAC_LENGTH), SETTINGS, INBOX.slice(0, SEED_LENGTH), now);
    DOORS.open();
  }
  INBOX.wipe();
  return <u32>error;
}

/** Inbox: an Ethernet frame of `length` bytes, without its checksum. */
export function frame(length: u32, now: u64): void {
  assert(booted && length <= INBOX_LENGTH);
  STACK.receive(VIEW.aim(INBOX, 0, length), now);
}

/** Outbox: the next frame to send. Its length; 0: none. */
export function transmit(now: u64): u32 {
  assert(booted);
  return STACK.transmit(OUTBOX, now);
}

/** Lets time pass. To be called when {@link deadline} has come; sooner or later does no harm. */
export function tick(now: u64): void {
  assert(booted);
  STACK.tick(now);
}

/** Outbox: what has happened to a connection (tcpip/doors.ts). The kind of event; 0: nothing more. */
export function next(now: u64): u32 {
  assert(booted);
  return <u32>DOORS.next(RECORD, now);
}

/** Outbox: at most `most` bytes that the peer has sent. Their number. */
export function read(slot: i32, most: u32): u32 {
  const handle = DOORS.connection(slot);
  return handle < 0 ? 0 : TCP.read(handle, VIEW.aim(OUTBOX, 0, min(most, OUTBOX_LENGTH)));
}

/** How many bytes {@link write} takes now. */
export function room(slot: i32): u32 {
  const handle = DOORS.connection(slot);
  return handle < 0 ? 0 : min(TCP.room(handle), INBOX_LENGTH);
}

/** Inbox: `length` bytes for the peer, at most {@link room}; of a connection that is gone they are forgotten. */
export function write(slot: i32, length: u32): void {
  const handle = DOORS.connection(slot);
  if (handle >= 0) TCP.write(handle, VIEW.aim(INBOX, 0, length));
}

/** Ends the connection in order after what was written; its slot is free. */
export function finish(slot: i32): void {
  DOORS.finish(slot);
}

/** Resets the connection; its slot is free. */
export function drop(slot: i32): void {
  DOORS.drop(slot);
}

/** The port of a door: 0 server, 1 dial-back, 2 client. */
export function port(door: u32): u32 {
  return door == 0 ? SETTINGS.serverPort : door == 1 ? SETTINGS.dialbackPort : SETTINGS.clientPort;
}

/** Our address, host order; 0 while there is none. */
export function address(): u32 {
  return TCP.local;
}

/** Limits: connections at once, connections of one peer, milliseconds to authenticate. With frames, `boot` sets them. */
export function configure(connections: i32, fromPeer: i32, millis: u32): void {
  configureAdmission(connections, fromPeer, millis);
}

/** Sockets only. A slot for the connection of the peer in the inbox (16 bytes, IPv4 mapped); -1: too many connections, -2: too many from this peer. */
export function open(now: u64): i32 {
  return admit(ADDRESS, now);
}

/** The connection has authenticated: it has as long again to end. */
export function authenticated(slot: i32, now: u64): void {
  prolong(slot, now);
}

/** Sockets only. */
export function close(slot: i32): void {
  dismiss(slot);
}

/** Sockets only. A slot whose time is up, or -1; ask again after closing it. */
export function expired(now: u64): i32 {
  return overdue(now);
}

/** When to call {@link tick} and {@link next}, or {@link expired}, again (milliseconds); 0: never. May be in the past. */
export function deadline(): u64 {
  if (!booted) return earliestDeadline();
  const stack = STACK.deadline();
  const doors = DOORS.deadline();
  if (stack == 0 || doors == 0) return stack + doors;
  return min(stack, doors);
}

/** Connections that hold a slot. */
export function connections(): i32 {
  return openConnections();
}
