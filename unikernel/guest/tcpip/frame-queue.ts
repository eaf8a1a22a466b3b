/** A short queue of frames that answer something (ARP, ICMP): fixed places, first in first out; what finds it full is dropped by its maker. */
import { Bytes } from "bytes";
import { FRAME_MAX } from "./ethernet";

/** Replies that wait to be sent; the board sends after each frame, so that one or two do. */
const PLACES: u32 = 8;

@final
export class FrameQueue {
  private readonly frames: Bytes = Bytes.alloc(PLACES * FRAME_MAX);
  private readonly lengths: StaticArray<u32> = new StaticArray<u32>(<i32>PLACES);
  private readonly place: Bytes = Bytes.empty();
  private first: u32 = 0;
  private count: u32 = 0;

  get full(): bool {
    return this.count == PLACES;
  }

  /** Where the next frame is to be written, before {@link commit}; not when full. The view is good until the next call. */
  reserve(): Bytes {
    assert(!this.full);
    return this.place.aim(this.frames, ((this.first + this.count) % PLACES) * FRAME_MAX, FRAME_MAX);
  }

  commit(length: u32): void {
    assert(!this.full && length <= FRAME_MAX);
    this.lengths[(this.first + this.count) % PLACES] = length;
    this.count++;
  }

  /** Copies the oldest frame to the start of `out`; its length, 0: none. */
  take(out: Bytes): u32 {
    if (this.count == 0) return 0;
    const length = this.lengths[this.first];
    out.put(0, this.place.aim(this.frames, this.first * FRAME_MAX, length));
    this.first = (this.first + 1) % PLACES;
    this.count--;
    return length;
  }
}
