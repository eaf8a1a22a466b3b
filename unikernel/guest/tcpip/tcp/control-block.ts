/**
 * One connection's state (the TCB of RFC 9293 §3.3.1). From ESTABLISHED on its state is told by flags instead of names: whether we have
 * finished, whether our FIN is acknowledged, whether the peer's has come. LISTEN, a passive SYN-RECEIVED and TIME-WAIT have tables
 * of their own.
 */
import { Congestion } from "./congestion";
import { NO_FLOW } from "./flow";
import { ReceiveBuffer } from "./receive-buffer";
import { Rto } from "./rto";
import { Segment } from "./segment";
import { SendBuffer } from "./send-buffer";
import { before, later } from "./sequence";
import { CHALLENGE_INTERVAL, DEFAULT_MSS, LEAST_MSS, RECEIVE_BUFFER } from "./sizes";

export enum State {
  Free = 0,
  SynSent = 1,
  /** Of an active open that met the peer's. */
  SynReceived = 2,
  /** ESTABLISHED and every state after it. */
  Synchronized = 3,
  /** Ended, and its owner has not been told yet. */
  Gone = 4,
}

@final
export class ControlBlock {
  state: State = State.Free;
  flow: u64 = NO_FLOW;
  /** News for the owner: the bits of `Tcp.take`. */
  news: u32 = 0;

  // Sending: una, next and window of RFC 9293; `most` is what was ever sent, `next` goes back to retransmit.
  send: SendBuffer = new SendBuffer();
  iss: u32 = 0;
  una: u32 = 0;
  next: u32 = 0;
  most: u32 = 0;
  window: u32 = 0;
  windowSequence: u32 = 0;
  windowAcknowledgment: u32 = 0;
  /** The widest window that the peer has offered. */
  widest: u32 = 0;
  scale: u32 = 0;
  /** Payload of a full segment without options. */
  mss: u32 = 0;
  congestion: Congestion = new Congestion();

  // Receiving: `expected` is RCV.NXT; `advertised` is the right edge of the window that the peer was given, and never moves left.
  receive: ReceiveBuffer = new ReceiveBuffer();
  irs: u32 = 0;
  expected: u32 = 0;
  advertised: u32 = 0;
  sack: bool = false;
  stamped: bool = false;
  stampOffset: u32 = 0;
  /** TS.Recent, when it was learned, and Last.ACK.sent (RFC 7323 §4.3). */
  recent: u32 = 0;
  recentAt: u64 = 0;
  lastAcknowledgment: u32 = 0;

  // What is to be sent.
  /** Something may be to be sent; `output` clears it when nothing is. */
  due: bool = false;
  acknowledge: bool = false;
  /** Data segments since the last ACK, and when it is due (0: not). */
  unacknowledged: u32 = 0;
  acknowledgeAt: u64 = 0;
  /** Retransmit one segment at `una`. */
  resend: bool = false;
  /** Send at least one byte whatever the window says. */
  forced: bool = false;

  // Time.
  rto: Rto = new Rto();
  /** Retransmission and persist timer in one; 0: not running. */
  timer: u64 = 0;
  /** Since when nothing was acknowledged while something should have been. */
  stalledAt: u64 = 0;
  /** The segment whose round trip is taken (Karn): its end, and when it was sent. */
  timing: bool = false;
  timedSequence: u32 = 0;
  timedAt: u64 = 0;
  challengeAt: u64 = 0;

  // Ending.
  /** Our FIN follows the send buffer; the owner has gone. */
  finished: bool = false;
  /** The peer's FIN and all before it has come. */
  peerFinished: bool = false;
  /** The peer finished first: no TIME-WAIT for us. */
  passiveClose: bool = false;
  /** An orphan's end; 0 for others. */
  endAt: u64 = 0;
  /** Orphans in the order in which they became so. */
  age: u64 = 0;
  discarded: u32 = 0;

  /** Begins a connection in `state`: everything but the sequence numbers is as new. */
  open(state: State, flow: u64, iss: u32, mss: u32, stampOffset: u32): void {
    this.state = state;
    this.flow = flow;
    this.news = 0;
    this.iss = iss;
    this.una = iss;
    this.next = iss;
    this.most = iss;
    this.window = 0;
    this.widest = 0;
    this.scale = 0;
    this.mss = mss;
    this.send.start(iss + 1);
    this.receive.start();
    this.expected = 0;
    this.sack = false;
    this.stamped = false;
    this.stampOffset = stampOffset;
    this.due = true;
    this.acknowledge = false;
    this.unacknowledged = 0;
    this.acknowledgeAt = 0;
    this.resend = false;
    this.forced = false;
    this.rto.start();
    this.timer = 0;
    this.timing = false;
    this.challengeAt = 0;
    this.finished = false;
    this.peerFinished = false;
    this.passiveClose = false;
    this.endAt = 0;
    this.discarded = 0;
  }

  /** Takes the peer's initial sequence number and what its SYN offered; `mss` 0 stands for the default. */
  meet(irs: u32, mss: u32, scale: i32, sack: bool): void {
    this.irs = irs;
    this.expected = irs + 1;
    this.lastAcknowledgment = irs + 1;
    this.advertised = irs + 1 + RECEIVE_BUFFER;
    this.scale = <u32>max(scale, 0);
    this.sack = sack;
    this.mss = min(this.mss, max(mss == 0 ? DEFAULT_MSS : mss, LEAST_MSS));
  }

  /** The SYN exchange is over: `una` is ours + 1. `segment` completed it, and its window is not scaled when it is a SYN. */
  establish(segment: Segment, window: u32): void {
    this.state = State.Synchronized;
    if (this.rto.backedOff) this.rto.afterLostSyn();
    this.una = this.iss + 1;
    this.next = later(this.next, this.una);
    this.most = later(this.most, this.una);
    this.timer = 0;
    this.timing = false;
    this.congestion.start(this.mss, this.iss);
    this.setWindow(segment, window);
    this.due = true;
  }

  setWindow(segment: Segment, window: u32): void {
    // It opens again: what was sent as a probe was not kept, so start over.
    if (this.window == 0 && window > 0) this.next = before(this.una, this.next) ? this.una : this.next;
    this.window = window;
    this.widest = max(this.widest, window);
    this.windowSequence = segment.sequence;
    this.windowAcknowledgment = segment.acknowledgment;
    this.due = true;
  }

  /** An ACK that must go out at once. */
  acknowledgeNow(): void {
    this.acknowledge = true;
    this.due = true;
  }

  /** RFC 5961: says where we are, to a peer that has lost track or to an attacker's victim; not too often. */
  challenge(now: u64): void {
    if (now < this.challengeAt) return;
    this.challengeAt = now + CHALLENGE_INTERVAL;
    this.acknowledgeNow();
  }

  /** Our FIN has been acknowledged. */
  get finAcknowledged(): bool {
    return this.finished && this.una == this.send.end + 1;
  }

  /** The earliest of its timers, or 0. */
  deadline(): u64 {
    let earliest = this.timer;
    if (this.acknowledgeAt != 0 && (earliest == 0 || this.acknowledgeAt < earliest)) earliest = this.acknowledgeAt;
    if (this.endAt != 0 && (earliest == 0 || this.endAt < earliest)) earliest = this.endAt;
    return earliest;
  }
}
