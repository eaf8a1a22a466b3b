/**
 * What has arrived and is not yet read: a ring of 8 KiB in order, and behind it up to four ranges that came too early (RFC 9293
 * §3.10.7.4, RFC 2018). Bytes that are there are never overwritten: of two segments that disagree the first wins. Rings belong to
 * owned connections; an orphan goes on without one, counts its bytes and keeps none.
 */
import { Bytes } from "bytes";
import { Segment } from "./segment";
import { OWNED, RANGES, RECEIVE_BUFFER } from "./sizes";

@final
export class ReceiveBuffer {
  /** Ring, or -1: bytes are discarded. */
  private ring: i32 = -1;
  private head: u32 = 0;
  private size: u32 = 0;
  /** Ranges in ascending order, disjoint and apart; offsets count from the next byte expected in order, and are > 0. */
  private starts: StaticArray<u32> = new StaticArray<u32>(RANGES);
  private ends: StaticArray<u32> = new StaticArray<u32>(RANGES);
  private count: i32 = 0;
  /** An offset inside the range that grew last: its SACK block comes first. */
  private latest: u32 = 0;

  /** Takes a ring; there is one for each owned connection. */
  start(): void {
    this.ring = RING_TAKEN.indexOf(false);
    RING_TAKEN[this.ring] = true;
    this.head = 0;
    this.size = 0;
    this.count = 0;
  }

  /** Gives the ring back: what is held and what comes is discarded. */
  discard(): void {
    if (this.ring < 0) return;
    RINGS[this.ring].wipe();
    RING_TAKEN[this.ring] = false;
    this.ring = -1;
    this.size = 0;
  }

  /** Bytes that can be read. */
  get length(): u32 {
    return this.size;
  }

  /** How far behind the next byte expected a byte may be to be taken. */
  get free(): u32 {
    return RECEIVE_BUFFER - this.size;
  }

  /** Whether something came too early. */
  get gaps(): bool {
    return this.count > 0;
  }

  /** Nothing will come behind what is in order. */
  forgetGaps(): void {
    this.count = 0;
  }

  /** Takes `data`, whose first byte is `offset` behind the next one expected; it must end within `free`. Returns by how much the in-order part grew. */
  insert(offset: u32, data: Bytes): u32 {
    const end = offset + data.length;
    assert(offset <= this.free && end <= this.free && end > offset);
    const first = this.touching(offset);
    let behind = first;
    while (behind < this.count && this.starts[behind] <= end) behind++;
    if (first == behind && offset > 0 && this.count == RANGES) return 0;
    let at = offset;
    for (let i = first; i < behind; i++) {
      this.store(at, data, offset, min(this.starts[i], end));
      at = max(at, this.ends[i]);
    }
    this.store(at, data, offset, end);

    let start = offset;
    let stop = end;
    if (first < behind) {
      start = min(start, this.starts[first]);
      stop = max(stop, this.ends[behind - 1]);
    }
    this.latest = offset;
    // In order: the bytes up to `stop` leave the ranges. Otherwise one range takes the place of those that it touches.
    if (start == 0) {
      this.replace(first, behind, 0);
      this.advance(stop);
      return stop;
    }
    this.replace(first, behind, 1);
    this.starts[first] = start;
    this.ends[first] = stop;
    return 0;
  }

  /** Copies and forgets at most `out.length` bytes; how many. */
  read(out: Bytes): u32 {
    const length = min(out.length, this.size);
    if (length == 0) return 0;
    const ring = RINGS[this.ring];
    const first = min(length, RECEIVE_BUFFER - this.head);
    out.put(0, VIEW.aim(ring, this.head, first));
    out.put(first, VIEW.aim(ring, 0, length - first));
    this.head = (this.head + length) % RECEIVE_BUFFER;
    this.size -= length;
    return length;
  }

  /** Puts SACK blocks into `segment`, the latest first (RFC 2018 §4); offsets count from `expected`. */
  report(segment: Segment, expected: u32): void {
    const most = min(this.count, segment.mostBlocks);
    const latest = min(this.touching(this.latest), this.count - 1);
    for (let n = 0; n < most; n++) {
      const i = n == 0 ? latest : n <= latest ? n - 1 : n;
      segment.edges[2 * n] = expected + this.starts[i];
      segment.edges[2 * n + 1] = expected + this.ends[i];
    }
    segment.blocks = most;
  }

  /** The first range that ends at or behind `offset`. */
  private touching(offset: u32): i32 {
    let i = 0;
    while (i < this.count && this.ends[i] < offset) i++;
    return i;
  }

  /** Stores the part `[from, to)` of `data`, whose own offset is `offset`; none when it is empty. */
  private store(from: u32, data: Bytes, offset: u32, to: u32): void {
    if (this.ring < 0 || from >= to) return;
    const ring = RINGS[this.ring];
    const at = (this.head + this.size + from) % RECEIVE_BUFFER;
    const first = min(to - from, RECEIVE_BUFFER - at);
    ring.put(at, VIEW.aim(data, from - offset, first));
    ring.put(0, VIEW.aim(data, from - offset + first, to - from - first));
  }

  /** Makes room for `by` (0 or 1) ranges in the place of `[first, behind)`. */
  private replace(first: i32, behind: i32, by: i32): void {
    const shift = by - (behind - first);
    if (shift > 0) {
      for (let i = this.count - 1; i >= behind; i--) this.move(i, i + shift);
    } else {
      for (let i = behind; i < this.count; i++) this.move(i, i + shift);
    }
    this.count += shift;
  }

  private move(from: i32, to: i32): void {
    this.starts[to] = this.starts[from];
    this.ends[to] = this.ends[from];
  }

  private advance(length: u32): void {
    if (this.ring >= 0) this.size += length;
    for (let i = 0; i < this.count; i++) {
      this.starts[i] -= length;
      this.ends[i] -= length;
    }
    this.latest -= min(this.latest, length);
  }
}

const RINGS = new StaticArray<Bytes>(OWNED);
const RING_TAKEN = new StaticArray<bool>(OWNED);
for (let i = 0; i < OWNED; i++) RINGS[i] = Bytes.alloc(RECEIVE_BUFFER);

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
