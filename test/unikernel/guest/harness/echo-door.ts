/**
 * A door for tests of what is around doors: it speaks no TLS but sends back whatever it gets, and closes when the peer does. It counts as
 * authenticated from the start, and traps when a call brings exactly "trap!". The interface is that of unikernel/guest/door.ts.
 */
import { Bytes } from "bytes";

const LENGTH: u32 = 8192;
const STATUS_OUTPUT: u32 = 1;
const STATUS_CLOSE: u32 = 2;
const STATUS_AUTHENTICATED: u32 = 4;

const INBOX = Bytes.alloc(LENGTH);
const OUTBOX = Bytes.alloc(LENGTH);
const VIEW = Bytes.empty();
let waiting: u32 = 0;

export function inbox(): usize {
  return INBOX.address;
}
export function inboxSize(): u32 {
  return LENGTH;
}
export function outbox(): usize {
  return OUTBOX.address;
}

export function start(_role: u32): u32 {
  return STATUS_AUTHENTICATED;
}

export function receive(length: u32): u32 {
  assert(waiting == 0 && length <= LENGTH);
  assert(!(length == 5 && INBOX.u32be(0) == 0x7472_6170 && INBOX[4] == 0x21));
  OUTBOX.put(0, VIEW.aim(INBOX, 0, length));
  waiting = length;
  return STATUS_OUTPUT | STATUS_AUTHENTICATED;
}

export function peerClosed(): u32 {
  return STATUS_CLOSE | STATUS_AUTHENTICATED;
}

export function outboxLength(): u32 {
  return waiting;
}
export function outboxTaken(): void {
  waiting = 0;
}
