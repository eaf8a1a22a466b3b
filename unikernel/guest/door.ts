/**
 * door: the compartment that meets one peer. A fresh instance for each connection; it speaks TLS 1.3 as server or client
 * and holds nothing but this connection's keys. Entry file: the only one of this compartment with exports; its imports are
 * declared in door/, a file for each module, and used in door/surroundings.ts only.
 *
 * The board copies bytes to the inbox and calls; it copies the outbox out and says so. Status of `start`, `receive` and
 * `peerClosed`: 1 = the outbox has bytes, 2 = after them the connection ends, 4 = the peer is authenticated.
 */

import { release } from "arena";
import { Bytes } from "bytes";
import { BoardTrace, BoardVault } from "./door/surroundings";
import { Role } from "./role";
import { ARENA_START } from "./tls/arena-start";
import { Engine } from "./tls/engine";

const SEED_LENGTH: u32 = 32;
const INBOX_LENGTH: u32 = 8192;

const STATUS_OUTPUT: u32 = 1;
const STATUS_CLOSE: u32 = 2;
const STATUS_AUTHENTICATED: u32 = 4;

/** Where the board puts the peer's bytes, or the seed. */
export function inbox(): usize {
  assert(!wiped);
  return INBOX.address;
}

export function inboxSize(): u32 {
  return INBOX_LENGTH;
}

export function outbox(): usize {
  assert(!wiped);
  return ENGINE.connection.writer.address;
}

/** Begins as `role`, with 32 random bytes in the inbox, which are wiped. Once. */
export function start(role: u32): u32 {
  assert(!wiped && !started && (role == Role.Server || role == Role.Client));
  started = true;
  const seed = INBOX.slice(0, SEED_LENGTH);
  ENGINE.start(role == Role.Server ? Role.Server : Role.Client, seed);
  seed.wipe();
  return status();
}

/** `length` bytes from the peer are in the inbox. */
export function receive(length: u32): u32 {
  assert(!wiped && started);
  ENGINE.receive(INPUT.aim(INBOX, 0, length));
  return status();
}

/** The peer has sent its last byte. */
export function peerClosed(): u32 {
  assert(!wiped && started);
  ENGINE.peerClosed();
  return status();
}

/** Bytes that wait in the outbox. */
export function outboxLength(): u32 {
  return wiped ? 0 : ENGINE.connection.writer.length;
}

/** The board has copied them. */
export function outboxTaken(): void {
  if (!wiped) ENGINE.connection.writer.taken();
}

/** Zeroes everything that this door ever allocated, secrets and all; it must not be used afterwards, and would trap. */
export function wipe(): void {
  if (wiped) return;
  wiped = true;
  release(ARENA_START);
}

function status(): u32 {
  let bits: u32 = 0;
  if (ENGINE.connection.writer.length > 0) bits |= STATUS_OUTPUT;
  if (ENGINE.closed) bits |= STATUS_CLOSE;
  if (ENGINE.connection.authenticated) bits |= STATUS_AUTHENTICATED;
  return bits;
}

const INBOX = Bytes.alloc(INBOX_LENGTH);
/** Re-aimed on every call, so that receiving allocates nothing. */
const INPUT = Bytes.empty();
const ENGINE = new Engine(new BoardVault(), new BoardTrace());
let started: bool = false;
let wiped: bool = false;
