/**
 * HMAC (RFC 2104, FIPS 198-1) over any Hash.
 *
 * `init` hashes both padded keys once and keeps the two states, so every message under the same key costs only its
 * own blocks and one more. Nothing is allocated after the constructor. The time depends on lengths alone.
 */
import { Bytes } from "bytes";
import { Hash } from "./hash";

@final
export class Hmac {
  /** The states after the block `key ^ ipad` and after the block `key ^ opad`. */
  private inner: Hash;
  private outer: Hash;
  private pad: Bytes;

  /** `running` is a fresh hash that this object owns from now on. `init` must come before the first message. */
  constructor(private running: Hash) {
    this.inner = running.fresh();
    this.outer = running.fresh();
    this.pad = Bytes.alloc(running.blockLength);
  }

  /** Bytes of a tag: the hash's length. */
  get length(): u32 {
    return this.running.length;
  }

  /** Takes a key of any length (longer than a block: its hash) and begins a message. */
  init(key: Bytes): void {
    const pad = this.pad;
    pad.wipe();
    if (key.length > pad.length) {
      this.running.reset();
      this.running.update(key);
      this.running.digest(VIEW.aim(pad, 0, this.running.length));
    } else {
      pad.put(0, key);
    }
    this.absorb(this.inner, 0x3636363636363636);
    this.absorb(this.outer, 0x3636363636363636 ^ 0x5c5c5c5c5c5c5c5c);
    pad.wipe();
    this.running.copyFrom(this.inner);
  }

  update(data: Bytes): void {
    this.running.update(data);
  }

  /** Writes the tag (exactly `length` bytes) and begins the next message under the same key. */
  digest(out: Bytes): void {
    const running = this.running;
    running.digest(out);
    running.copyFrom(this.outer);
    running.update(out);
    running.digest(out);
    running.copyFrom(this.inner);
  }

  /** Forgets the key; `init` makes the object usable again. */
  wipe(): void {
    this.running.reset();
    this.inner.reset();
    this.outer.reset();
    this.pad.wipe();
  }

  /** Starts `hash` with the pad, each of its words xored with `mask` (and left so). */
  private absorb(hash: Hash, mask: u64): void {
    const pad = this.pad;
    for (let i: u32 = 0; i < pad.length; i += 8) pad.putU64le(i, pad.u64le(i) ^ mask);
    hash.reset();
    hash.update(pad);
  }
}

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
