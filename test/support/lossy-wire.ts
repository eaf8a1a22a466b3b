/**
 * A bad link: passes frames between a wire and a board, and loses, repeats, delays, reorders or corrupts some of them. What happens to
 * a frame depends on the seed and on how many went the same way before it, on nothing else. Corruption flips one bit behind
 * the Ethernet header of an IPv4 frame: what a real link's FCS misses is corrupted inside a router, where only the Internet checksum is left.
 */
import type { FrameWire } from "./frame-wire.ts";

export interface Impairment {
  seed: number;
  /** Shares of all frames, 0 to 1. */
  loss?: number;
  duplication?: number;
  reordering?: number;
  corruption?: number;
  /** Every frame takes so many milliseconds, one way. */
  delayMillis?: number;
}

/** A frame that arrives, and after how many milliseconds. */
export interface Arrival {
  frame: Uint8Array;
  delay: number;
}

export interface LossyCounts {
  passed: number;
  lost: number;
  duplicated: number;
  reordered: number;
  corrupted: number;
}

/** How much later a frame comes that is to be overtaken by the next ones, and the copy of a repeated one. */
const LATE_MILLIS = 4;

/** Decides what becomes of each frame of one direction, in order. */
export class Fate {
  readonly counts: LossyCounts = { passed: 0, lost: 0, duplicated: 0, reordered: 0, corrupted: 0 };
  private readonly random: () => number;

  constructor(private readonly impairment: Impairment) {
    this.random = mulberry32(impairment.seed);
  }

  /** Nothing, the frame, or the frame twice. */
  of(frame: Uint8Array): Arrival[] {
    const { loss = 0, duplication = 0, reordering = 0, corruption = 0, delayMillis = 0 } = this.impairment;
    // The same number of draws for each frame, whatever happens to it.
    const [lost, twice, late, bad, place] = [this.draw(), this.draw(), this.draw(), this.draw(), this.draw()];
    if (lost < loss) {
      this.counts.lost++;
      return [];
    }
    let arriving: Uint8Array = frame.slice();
    if (bad < corruption && isIpv4(frame)) {
      this.counts.corrupted++;
      arriving = flipBit(arriving, place);
    }
    const isLate = late < reordering;
    if (isLate) this.counts.reordered++;
    const arrivals = [{ frame: arriving, delay: delayMillis + (isLate ? LATE_MILLIS : 0) }];
    if (twice < duplication) {
      this.counts.duplicated++;
      arrivals.push({ frame: arriving.slice(), delay: delayMillis + LATE_MILLIS });
    }
    this.counts.passed += arrivals.length;
    return arrivals;
  }

  private draw(): number {
    return this.random();
  }
}

/** A wire in front of `inner` that is bad both ways; each way has its own course of events from the one seed. */
export class LossyWire implements FrameWire {
  readonly out: Fate;
  readonly in: Fate;
  private listener: (frame: Uint8Array) => void = () => {};
  private readonly waiting = new Set<NodeJS.Timeout>();

  constructor(
    private readonly inner: FrameWire,
    impairment: Impairment,
  ) {
    this.out = new Fate(impairment);
    this.in = new Fate({ ...impairment, seed: impairment.seed ^ 0x5bd1e995 });
    inner.onFrame((frame) => this.arrive(this.in.of(frame), (arrived) => this.listener(arrived)));
  }

  send(frame: Uint8Array): void {
    this.arrive(this.out.of(frame), (arrived) => this.inner.send(arrived));
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.listener = listener;
  }

  /** Drops what is still under way. */
  stop(): void {
    for (const timer of this.waiting) clearTimeout(timer);
    this.waiting.clear();
  }

  private arrive(arrivals: Arrival[], deliver: (frame: Uint8Array) => void): void {
    for (const { frame, delay } of arrivals) {
      if (delay === 0) {
        deliver(frame);
        continue;
      }
      const timer = setTimeout(() => {
        this.waiting.delete(timer);
        deliver(frame);
      }, delay);
      this.waiting.add(timer);
    }
  }
}

const ETHERNET = 14;

function isIpv4(frame: Uint8Array): boolean {
  return frame.length > ETHERNET && frame[12] === 0x08 && frame[13] === 0x00;
}

/** `place` of 0 to 1 chooses the bit, behind the Ethernet header. */
function flipBit(frame: Uint8Array, place: number): Uint8Array {
  const bit = Math.floor(place * (frame.length - ETHERNET) * 8);
  const at = ETHERNET + (bit >> 3);
  frame[at] = frame[at]! ^ (1 << (bit & 7));
  return frame;
}

/** A small generator with 32 bits of state: good enough to scatter faults, and the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}
