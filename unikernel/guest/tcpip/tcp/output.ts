/**
 * Makes a connection's next segment when the link has room for one (RFC 9293 §3.8.6): retransmissions, data as far as both windows and the
 * sender's side of silly window avoidance allow, the FIN behind it, or a bare ACK. Nagle's algorithm is off: TLS flights are
 * written whole. The receiver's window opens in steps of a segment or half the buffer (§3.8.6.2.2).
 */
import { Bytes } from "bytes";
import { ControlBlock, State } from "./control-block";
import { addressOf } from "./flow";
import { ACK, FIN, PSH, Segment, SYN } from "./segment";
import { atMost, before, distance, later } from "./sequence";
import { RECEIVE_BUFFER } from "./sizes";

/** Writes one segment to `out`; its length, 0: nothing to send. */
export function output(block: ControlBlock, local: u32, out: Bytes, now: u64): u32 {
  const length =
    block.state == State.Synchronized ? synchronized(block, local, out, now) : synchronize(block, local, out, now);
  if (length == 0) block.due = false;
  return length;
}

/** Whether reading has opened the window so far that the peer should hear of it by itself. */
export function windowOpened(block: ControlBlock): bool {
  if (block.peerFinished) return false;
  const gain = block.expected + block.receive.free - block.advertised;
  const step = min(RECEIVE_BUFFER / 2, block.mss);
  return gain >= RECEIVE_BUFFER / 2 || (gain >= step && block.advertised - block.expected < step);
}

/** SYN-SENT, or SYN-RECEIVED of a simultaneous open. */
function synchronize(block: ControlBlock, local: u32, out: Bytes, now: u64): u32 {
  const answers = block.state == State.SynReceived;
  if (block.next != block.iss) {
    if (!answers || !block.acknowledge) return 0;
    block.acknowledge = false;
    const bare = SEGMENT.reset(block.flow, ACK, block.next, block.expected);
    bare.window = RECEIVE_BUFFER;
    if (block.stamped) bare.stampWith(<u32>now + block.stampOffset, block.recent);
    return bare.emit(out, 0, local, addressOf(block.flow));
  }
  const segment = SEGMENT.reset(block.flow, answers ? SYN | ACK : SYN, block.iss, answers ? block.expected : 0);
  segment.window = RECEIVE_BUFFER;
  segment.mss = block.mss;
  segment.scale = 0;
  segment.sackPermitted = !answers || block.sack;
  if (!answers || block.stamped) segment.stampWith(<u32>now + block.stampOffset, answers ? block.recent : 0);
  sent(block, block.iss, 1, now);
  return segment.emit(out, 0, local, addressOf(block.flow));
}

function synchronized(block: ControlBlock, local: u32, out: Bytes, now: u64): u32 {
  const segment = SEGMENT.reset(block.flow, ACK, 0, block.expected);
  if (block.stamped) segment.stampWith(<u32>now + block.stampOffset, block.recent);
  if (block.sack && block.receive.gaps) block.receive.report(segment, block.expected);
  const header = segment.headerLength;

  const sequence = block.resend ? block.una : block.next;
  const end = block.send.end;
  // Behind our FIN nothing is left to send.
  const pending = distance(sequence, end);
  const length = sendable(block, sequence, pending, block.mss + 20 - header);
  const fin = block.finished && length == pending && atMost(sequence, end);
  if (length == 0 && !fin) {
    block.resend = false;
    if (pending > 0 && block.una == block.most && block.timer == 0) {
      block.timer = now + block.rto.current;
      block.stalledAt = now;
    }
    if (!block.acknowledge) return 0;
  }
  segment.sequence = length > 0 || fin ? sequence : bareSequence(block);
  if (length > 0) {
    block.send.copy(sequence, length, out, header);
    if (length == pending) segment.flags |= PSH;
  }
  if (fin) segment.flags |= FIN;
  segment.window = openWindow(block);
  if (length > 0 || fin) sent(block, sequence, length + (fin ? 1 : 0), now);
  block.acknowledge = false;
  block.unacknowledged = 0;
  block.acknowledgeAt = 0;
  block.lastAcknowledgment = block.expected;
  return segment.emit(out, length, local, addressOf(block.flow));
}

/**
 * What a bare ACK says: the highest number sent, also while `next` is back to retransmit, or the peer would take it for an old one; but
 * not past its window, where it would be refused.
 */
function bareSequence(block: ControlBlock): u32 {
  const right = block.una + block.window;
  return before(right, block.most) ? right : block.most;
}

/** Payload bytes to send from `sequence` on. */
function sendable(block: ControlBlock, sequence: u32, pending: u32, full: u32): u32 {
  const most = min(full, pending);
  if (block.resend) return most;
  const usable = distance(sequence, block.una + min(block.window, block.congestion.window));
  const length = min(most, usable);
  if (block.forced) return max(length, min<u32>(pending, 1));
  // Neither a full segment, nor all there is, nor half of the peer's window: wait (RFC 9293 §3.8.6.2.1).
  return length < most && length < block.widest / 2 ? 0 : length;
}

/** The window to advertise. */
function openWindow(block: ControlBlock): u32 {
  const right = block.expected + block.receive.free;
  const opens = !block.peerFinished && right - block.advertised >= min(RECEIVE_BUFFER / 2, block.mss);
  if (opens) block.advertised = right;
  return block.advertised - block.expected;
}

/** Books `length` sequence numbers from `sequence` on as sent. */
function sent(block: ControlBlock, sequence: u32, length: u32, now: u64): void {
  const end = sequence + length;
  if (before(sequence, block.most)) {
    block.timing = false;
  } else if (!block.timing) {
    block.timing = true;
    block.timedSequence = end;
    block.timedAt = now;
  }
  block.next = later(block.next, end);
  block.most = later(block.most, end);
  if (block.timer == 0) block.stalledAt = now;
  if (block.timer == 0 || block.resend) block.timer = now + block.rto.current;
  block.resend = false;
  block.forced = false;
}

const SEGMENT = new Segment();
