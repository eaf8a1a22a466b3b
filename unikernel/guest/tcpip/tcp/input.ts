/**
 * A segment arrives for a connection (RFC 9293 §3.10.7.3 and .4, in its order), with PAWS (RFC 7323 §5.3) and the blind-attack checks of
 * RFC 5961: an RST counts only at the exact next sequence number, a SYN never, an ACK only for what was sent lately. Changes the
 * control block only; what concerns the tables is the verdict.
 */
import { Bytes } from "bytes";
import { ControlBlock, State } from "./control-block";
import { News } from "./news";
import { ACK, FIN, RST, Segment, SYN } from "./segment";
import { atMost, before, later } from "./sequence";
import { DELAYED_ACK, MOST_DISCARDED, ORPHAN_LINGER, STAMP_LIFE } from "./sizes";

export enum Verdict {
  Kept = 0,
  /** The peer has reset the connection. */
  Reset = 1,
  /** The segment deserves an RST; the connection goes on. */
  Refused = 2,
  /** Both directions are closed and acknowledged. */
  Closed = 3,
  /** An orphan was sent more than it will discard. */
  Overfed = 4,
}

/** Takes the parsed `segment` of `bytes`. */
export function arrive(block: ControlBlock, segment: Segment, bytes: Bytes, now: u64): Verdict {
  if (block.state == State.SynSent) return answer(block, segment, now);
  if (segment.has(SYN) && !segment.has(RST)) {
    block.challenge(now);
    return Verdict.Kept;
  }
  if (!acceptable(block, segment, now)) return Verdict.Kept;
  if (segment.has(RST)) {
    if (segment.sequence == block.expected) return Verdict.Reset;
    block.challenge(now);
    return Verdict.Kept;
  }
  if (!segment.has(ACK)) return Verdict.Kept;
  if (block.state == State.SynReceived) {
    if (segment.acknowledgment != block.iss + 1 || block.most == block.iss) return Verdict.Refused;
    block.establish(segment, segment.window << block.scale);
    block.news |= News.Established;
  }
  if (!acknowledged(block, segment, now)) return Verdict.Kept;
  if (block.stamped && atMost(segment.sequence, block.lastAcknowledgment) && !before(segment.stamp, block.recent)) {
    block.recent = segment.stamp;
    block.recentAt = now;
  }
  take(block, segment, bytes, now);
  if (block.discarded > MOST_DISCARDED) return Verdict.Overfed;
  return block.peerFinished && block.finAcknowledged ? Verdict.Closed : Verdict.Kept;
}

/** SYN-SENT. Data and FIN that come with the SYN are left to be sent again. */
function answer(block: ControlBlock, segment: Segment, now: u64): Verdict {
  if (segment.has(ACK) && (segment.acknowledgment != block.iss + 1 || block.most == block.iss)) {
    return segment.has(RST) ? Verdict.Kept : Verdict.Refused;
  }
  if (segment.has(RST)) return segment.has(ACK) ? Verdict.Reset : Verdict.Kept;
  if (!segment.has(SYN)) return Verdict.Kept;
  block.meet(segment.sequence, segment.mss, segment.scale, segment.sackPermitted);
  block.stamped = segment.stamped;
  block.recent = segment.stamp;
  block.recentAt = now;
  if (segment.has(ACK)) {
    if (block.timing) block.rto.sample(<u32>(now - block.timedAt));
    block.establish(segment, segment.window);
    block.news |= News.Established;
    block.acknowledgeNow();
  } else {
    // Simultaneous open: our SYN goes again, now with an ACK.
    block.state = State.SynReceived;
    block.next = block.iss;
    block.due = true;
  }
  return Verdict.Kept;
}

/** Whether the segment is of this connection and in its window; one that is not is answered with an ACK, unless it is an RST. */
function acceptable(block: ControlBlock, segment: Segment, now: u64): bool {
  const reset = segment.has(RST);
  let fits = inWindow(block, segment);
  if (block.stamped && !reset) {
    if (!segment.stamped) return false;
    if (before(segment.stamp, block.recent) && now - block.recentAt < STAMP_LIFE) fits = false;
  }
  if (fits || reset) return fits;
  // A retransmission must be answered each time; what has no length could be answered for ever.
  if (segment.length > 0) block.acknowledgeNow();
  else block.challenge(now);
  return false;
}

function inWindow(block: ControlBlock, segment: Segment): bool {
  const start = segment.sequence;
  // A bare ACK at the right edge is taken, which the RFC's table would refuse: its sender has filled the window.
  if (segment.length == 0) return atMost(block.expected, start) && atMost(start, block.advertised);
  // At a closed window the data is cut off and the ACK used.
  if (block.advertised == block.expected) return start == block.expected;
  return before(start, block.advertised) && before(block.expected, start + segment.length);
}

/** The ACK field: false when it acknowledges what was never sent or is too old to be the peer's. */
function acknowledged(block: ControlBlock, segment: Segment, now: u64): bool {
  const ack = segment.acknowledgment;
  if (before(block.most, ack) || before(ack, block.una - block.widest)) {
    block.challenge(now);
    return false;
  }
  if (before(ack, block.una)) return true;
  const window = segment.window << block.scale;
  if (ack != block.una) advance(block, segment, now);
  else if (segment.length == 0 && window == block.window && window > 0 && before(ack, block.most)) {
    if (block.congestion.duplicate(ack, block.most)) block.resend = true;
    block.due = true;
  }
  const from = block.windowSequence;
  if (before(from, segment.sequence) || (from == segment.sequence && atMost(block.windowAcknowledgment, ack))) {
    block.setWindow(segment, window);
  }
  return true;
}

/** New data, or our FIN, is acknowledged. */
function advance(block: ControlBlock, segment: Segment, now: u64): void {
  const ack = segment.acknowledgment;
  const bytes = ack - block.una;
  block.send.acknowledge(ack);
  block.una = ack;
  block.next = later(block.next, ack);
  block.stalledAt = now;
  if (block.stamped) {
    const trip = <u32>now + block.stampOffset - segment.echo;
    if (<i32>trip >= 0) block.rto.sample(trip);
  } else if (block.timing && !before(ack, block.timedSequence)) {
    block.rto.sample(<u32>(now - block.timedAt));
    block.timing = false;
  }
  block.resend = block.congestion.acknowledged(ack, bytes, block.most - ack);
  block.forced = false;
  block.timer = ack == block.most ? 0 : now + block.rto.current;
  if (block.finAcknowledged) block.endAt = now + ORPHAN_LINGER;
  block.due = true;
}

/** Payload and FIN. */
function take(block: ControlBlock, segment: Segment, bytes: Bytes, now: u64): void {
  if (segment.length == 0) return;
  const start = later(segment.sequence, block.expected);
  const behind = segment.sequence + segment.payloadLength;
  const end = before(block.advertised, behind) ? block.advertised : behind;
  const hadGaps = block.receive.gaps;
  let grown: u32 = 0;
  if (!block.peerFinished && before(start, end)) {
    const data = VIEW.aim(bytes, segment.payloadAt + (start - segment.sequence), end - start);
    grown = block.receive.insert(start - block.expected, data);
    block.expected += grown;
  }
  if (grown > 0) {
    if (block.finished) block.discarded += grown;
    else block.news |= News.Readable;
    block.unacknowledged++;
  }
  if (grown == 0 || hadGaps || block.unacknowledged > 1 || segment.has(FIN)) block.acknowledgeNow();
  else if (block.acknowledgeAt == 0) block.acknowledgeAt = now + DELAYED_ACK;

  if (!segment.has(FIN) || block.peerFinished || end != behind || behind != block.expected) return;
  block.expected++;
  block.advertised = later(block.advertised, block.expected);
  block.peerFinished = true;
  block.passiveClose = !block.finished;
  block.receive.forgetGaps();
  block.news |= News.PeerClosed;
}

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
