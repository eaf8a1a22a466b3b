/**
 * Connections in TIME-WAIT (RFC 9293 §3.3.2): what is needed to acknowledge a FIN again and to let a new SYN in early (RFC 6191). Entries
 * need no timer: one whose time is up is a free place. When the table is full the oldest goes.
 */
import { ControlBlock } from "./control-block";
import { indexOf, NO_FLOW } from "./flow";
import { Segment, SYN } from "./segment";
import { before } from "./sequence";
import { TIME_WAIT, TIME_WAIT_TIME } from "./sizes";

@final
export class TimeWait {
  until: u64 = 0;
  /** Our next sequence number, and the peer's. */
  next: u32 = 0;
  expected: u32 = 0;
  stamped: bool = false;
  recent: u32 = 0;
  stampOffset: u32 = 0;

  /** Keeps what is needed of a connection that has closed. */
  remember(block: ControlBlock): void {
    this.next = block.most;
    this.expected = block.expected;
    this.stamped = block.stamped;
    this.recent = block.recent;
    this.stampOffset = block.stampOffset;
  }

  /** Whether `segment` is a SYN that cannot be an old duplicate: later by its timestamp or by its sequence number. */
  yieldsTo(segment: Segment): bool {
    if (segment.flags != SYN) return false;
    if (this.stamped && segment.stamped && segment.stamp != this.recent) return before(this.recent, segment.stamp);
    return before(this.expected, segment.sequence);
  }
}

@final
export class TimeWaitTable {
  private flows: StaticArray<u64> = new StaticArray<u64>(TIME_WAIT);
  private entries: StaticArray<TimeWait> = new StaticArray<TimeWait>(TIME_WAIT);

  constructor() {
    for (let i = 0; i < TIME_WAIT; i++) this.entries[i] = new TimeWait();
  }

  /** The place of `flow`, or -1. */
  find(flow: u64, now: u64): i32 {
    const place = indexOf(this.flows, flow);
    return place >= 0 && this.entries[place].until > now ? place : -1;
  }

  at(place: i32): TimeWait {
    return this.entries[place];
  }

  /** An entry for `flow`, whose time begins now. */
  add(flow: u64, now: u64): TimeWait {
    let place = indexOf(this.flows, flow);
    for (let i = 0; place < 0 && i < TIME_WAIT; i++) {
      if (this.flows[i] == NO_FLOW || this.entries[i].until <= now) place = i;
    }
    if (place < 0) {
      place = 0;
      for (let i = 1; i < TIME_WAIT; i++) {
        if (this.entries[i].until < this.entries[place].until) place = i;
      }
    }
    this.flows[place] = flow;
    this.entries[place].until = now + TIME_WAIT_TIME;
    return this.entries[place];
  }

  remove(place: i32): void {
    this.flows[place] = NO_FLOW;
  }
}
