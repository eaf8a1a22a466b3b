/**
 * Peers' handshakes that are not complete (SYN-RECEIVED of a passive open, RFC 9293 §3.10.7.2): a fixed table of small entries, so that a
 * SYN flood costs nothing that others need. A SYN-ACK is sent again after 1, 2 and 4 s; then the entry vanishes without a word.
 */
import { indexOf, NO_FLOW } from "./flow";
import { ACK, Segment, SYN } from "./segment";
import { before } from "./sequence";
import { FIRST_RTO, HALF_OPEN, RECEIVE_BUFFER, SYN_ACK_RETRIES } from "./sizes";

@final
export class HalfOpen {
  flow: u64 = NO_FLOW;
  /** Our initial sequence number and the peer's. */
  iss: u32 = 0;
  irs: u32 = 0;
  /** What the peer's SYN offered; the scale is -1 when it did not. */
  mss: u32 = 0;
  scale: i32 = -1;
  sack: bool = false;
  stamped: bool = false;
  recent: u32 = 0;
  stampOffset: u32 = 0;
  retries: u32 = 0;
  timer: u64 = 0;
  /** A SYN-ACK waits to be sent. */
  due: bool = false;

  /** Keeps what the peer's SYN offers; `mss` is what it says or the default. */
  remember(syn: Segment, mss: u32, iss: u32, stampOffset: u32): void {
    this.iss = iss;
    this.irs = syn.sequence;
    this.mss = mss;
    this.scale = syn.scale;
    this.sack = syn.sackPermitted;
    this.stamped = syn.stamped;
    this.recent = syn.stamp;
    this.stampOffset = stampOffset;
  }

  /** Whether `segment` is in the window and has the timestamp that it must have. */
  admits(segment: Segment): bool {
    if (segment.sequence - (this.irs + 1) > RECEIVE_BUFFER) return false;
    return !this.stamped || (segment.stamped && !before(segment.stamp, this.recent));
  }

  /** Makes `segment` the SYN-ACK: it offers what was offered, and our `mss`. */
  answer(segment: Segment, mss: u32, now: u64): void {
    segment.reset(this.flow, SYN | ACK, this.iss, this.irs + 1);
    segment.window = RECEIVE_BUFFER;
    segment.mss = mss;
    segment.scale = this.scale >= 0 ? 0 : -1;
    segment.sackPermitted = this.sack;
    if (this.stamped) segment.stampWith(<u32>now + this.stampOffset, this.recent);
  }
}

@final
export class HalfOpenTable {
  private flows: StaticArray<u64> = new StaticArray<u64>(HALF_OPEN);
  private entries: StaticArray<HalfOpen> = new StaticArray<HalfOpen>(HALF_OPEN);
  private count: i32 = 0;
  /** Whether a SYN-ACK may be due, and where to look first. */
  private due: bool = false;
  private cursor: i32 = 0;

  constructor() {
    for (let i = 0; i < HALF_OPEN; i++) this.entries[i] = new HalfOpen();
  }

  /** The place of `flow`, or -1. */
  find(flow: u64): i32 {
    return this.count > 0 ? indexOf(this.flows, flow) : -1;
  }

  at(place: i32): HalfOpen {
    return this.entries[place];
  }

  /** A place for `flow` whose SYN-ACK is due, or -1 when the table is full. */
  add(flow: u64, now: u64): i32 {
    const place = this.count < HALF_OPEN ? indexOf(this.flows, NO_FLOW) : -1;
    if (place < 0) return -1;
    this.flows[place] = flow;
    this.count++;
    const entry = this.entries[place];
    entry.flow = flow;
    entry.retries = 0;
    entry.timer = now + FIRST_RTO;
    this.ask(place);
    return place;
  }

  remove(place: i32): void {
    this.flows[place] = NO_FLOW;
    this.entries[place].due = false;
    this.count--;
  }

  clear(): void {
    for (let place = 0; place < HALF_OPEN; place++) {
      if (this.flows[place] != NO_FLOW) this.remove(place);
    }
  }

  /** Has a SYN-ACK sent. */
  ask(place: i32): void {
    this.entries[place].due = true;
    this.due = true;
  }

  /** The place of an entry whose SYN-ACK is due, each in its turn, or -1; it is due no longer. */
  next(): i32 {
    if (!this.due) return -1;
    for (let n = 0; n < HALF_OPEN; n++) {
      const place = this.cursor;
      this.cursor = (place + 1) % HALF_OPEN;
      if (!this.entries[place].due) continue;
      this.entries[place].due = false;
      return place;
    }
    this.due = false;
    return -1;
  }

  tick(now: u64): void {
    if (this.count == 0) return;
    for (let place = 0; place < HALF_OPEN; place++) {
      const entry = this.entries[place];
      if (this.flows[place] == NO_FLOW || entry.timer > now) continue;
      if (entry.retries == SYN_ACK_RETRIES) {
        this.remove(place);
        continue;
      }
      entry.retries++;
      entry.timer = now + ((<u64>FIRST_RTO) << entry.retries);
      this.ask(place);
    }
  }

  /** The earliest timer, or 0. */
  deadline(): u64 {
    let earliest: u64 = 0;
    if (this.count == 0) return 0;
    for (let place = 0; place < HALF_OPEN; place++) {
      const timer = this.entries[place].timer;
      if (this.flows[place] != NO_FLOW && (earliest == 0 || timer < earliest)) earliest = timer;
    }
    return earliest;
  }
}
