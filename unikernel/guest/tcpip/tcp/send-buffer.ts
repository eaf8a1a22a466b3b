/** What was written and is not yet acknowledged: a ring of 4 KiB whose first byte has the sequence number `base`. */
import { Bytes } from "bytes";
import { SEND_BUFFER } from "./sizes";

@final
export class SendBuffer {
  private ring: Bytes = Bytes.alloc(SEND_BUFFER);
  private head: u32 = 0;
  private size: u32 = 0;
  private base: u32 = 0;

  /** Forgets all; the next byte written has the sequence number `base`. */
  start(base: u32): void {
    this.head = 0;
    this.size = 0;
    this.base = base;
  }

  /** The sequence number behind the last byte: the FIN's, when there is one. */
  get end(): u32 {
    return this.base + this.size;
  }

  get room(): u32 {
    return SEND_BUFFER - this.size;
  }

  /** Appends `bytes`, at most `room`: asserts. */
  write(bytes: Bytes): void {
    const length = bytes.length;
    assert(length <= this.room);
    const at = (this.head + this.size) % SEND_BUFFER;
    const first = min(length, SEND_BUFFER - at);
    this.ring.put(at, VIEW.aim(bytes, 0, first));
    this.ring.put(0, VIEW.aim(bytes, first, length - first));
    this.size += length;
  }

  /** Everything before `sequence` has arrived; a sequence number behind the end (our FIN) is fine. */
  acknowledge(sequence: u32): void {
    const length = min(sequence - this.base, this.size);
    this.head = (this.head + length) % SEND_BUFFER;
    this.size -= length;
    this.base += length;
  }

  /** Copies `length` bytes from `sequence` on to `out` at `start`; they must be held. */
  copy(sequence: u32, length: u32, out: Bytes, start: u32): void {
    const offset = sequence - this.base;
    assert(offset <= this.size && length <= this.size - offset);
    const at = (this.head + offset) % SEND_BUFFER;
    const first = min(length, SEND_BUFFER - at);
    out.put(start, VIEW.aim(this.ring, at, first));
    out.put(start + first, VIEW.aim(this.ring, 0, length - first));
  }
}

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
