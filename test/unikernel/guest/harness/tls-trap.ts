/**
 * A door with a bug: its second `receive` does all its work, puts the answer into the outbox, and traps. Otherwise it is made
 * of the same parts as guest/door.ts, with the same exports.
 */
import { Bytes } from "bytes";
import { BoardTrace, BoardVault } from "../../../../unikernel/guest/door/surroundings";
import { Engine } from "../../../../unikernel/guest/tls/engine";

const INBOX = Bytes.alloc(8192);
const ENGINE = new Engine(new BoardVault(), new BoardTrace());
let calls = 0;

export function inbox(): usize {
  return INBOX.address;
}
export function inboxSize(): u32 {
  return INBOX.length;
}
export function outbox(): usize {
  return ENGINE.connection.writer.address;
}
export function outboxLength(): u32 {
  return ENGINE.connection.writer.length;
}
export function outboxTaken(): void {
  ENGINE.connection.writer.taken();
}
export function start(role: u32): u32 {
  ENGINE.start(role, INBOX.slice(0, 32));
  return 0;
}
export function receive(length: u32): u32 {
  ENGINE.receive(INBOX.slice(0, length));
  assert(++calls < 2);
  return 1;
}
export function peerClosed(): u32 {
  return 2;
}
export function wipe(): void {
  ENGINE.wipe();
}
