/**
 * Control segments that belong to no connection (RST, ACK of a half-open or TIME-WAIT one, SYN cookies) and wait for the link. When full,
 * one more is dropped: whoever wanted it asks again. RSTs are counted by the second (RFC 9293 §3.5.2 asks for them, nobody for floods).
 */

import { addressOf, flowOf } from "./flow";
import { ACK, RST, Segment } from "./segment";
import { RECEIVE_BUFFER, REPLIES, RESETS_PER_SECOND } from "./sizes";

@final
export class Replies {
  private segments: StaticArray<Segment> = new StaticArray<Segment>(REPLIES);
  private addresses: StaticArray<u32> = new StaticArray<u32>(REPLIES);
  /** What is filled in and never sent when the queue is full. */
  private surplus: Segment = new Segment();
  private head: i32 = 0;
  private count: i32 = 0;
  private second: u64 = 0;
  private resets: u32 = 0;

  constructor() {
    for (let i = 0; i < REPLIES; i++) this.segments[i] = new Segment();
  }

  /** Queues a segment along `flow`; options may be added to what is returned. */
  add(flow: u64, flags: u32, sequence: u32, acknowledgment: u32): Segment {
    let segment = this.surplus;
    if (this.count < REPLIES) {
      const place = (this.head + this.count++) % REPLIES;
      segment = this.segments[place];
      this.addresses[place] = addressOf(flow);
    }
    return segment.reset(flow, flags, sequence, acknowledgment);
  }

  /** Queues an ACK that belongs to no control block; `recent` is echoed when timestamps were agreed. */
  acknowledge(flow: u64, sequence: u32, expected: u32, stamped: bool, offset: u32, recent: u32, now: u64): void {
    const reply = this.add(flow, ACK, sequence, expected);
    reply.window = RECEIVE_BUFFER;
    if (stamped) reply.stampWith(<u32>now + offset, recent);
  }

  /** Answers `segment` with RST, as RFC 9293 §3.10.7.1 says; an RST is never answered. */
  refuse(source: u32, segment: Segment, now: u64): void {
    if (segment.has(RST)) return;
    if (now / 1000 != this.second) {
      this.second = now / 1000;
      this.resets = 0;
    }
    if (this.resets == RESETS_PER_SECOND) return;
    this.resets++;
    const flow = flowOf(source, segment.sourcePort, segment.destinationPort);
    if (segment.has(ACK)) this.add(flow, RST, segment.acknowledgment, 0);
    else this.add(flow, RST | ACK, 0, segment.sequence + segment.length);
  }

  /** Whether one waits. */
  get waiting(): bool {
    return this.count > 0;
  }

  /** Where the first one goes. */
  get destination(): u32 {
    return this.addresses[this.head];
  }

  /** Takes the first one; it is valid until the next is added. */
  take(): Segment {
    const segment = this.segments[this.head];
    this.head = (this.head + 1) % REPLIES;
    this.count--;
    return segment;
  }

  clear(): void {
    this.count = 0;
  }
}
