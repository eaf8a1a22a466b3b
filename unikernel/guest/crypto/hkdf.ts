/**
 * HKDF (RFC 5869) over any Hash, and HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1).
 *
 * Nothing is allocated after the constructor, and no call leaves its key behind: the HMAC inside is wiped at the end
 * of each. The time depends on lengths alone.
 */
import { Bytes } from "bytes";
import { Hash } from "./hash";
import { Hmac } from "./hmac";

@final
export class Hkdf {
  private hmac: Hmac;
  private hashLength: u32;
  /** T(i) of RFC 5869 §2.3. */
  private block: Bytes;
  private counter: Bytes = Bytes.alloc(1);
  /** The HkdfLabel of the call in progress, and the part of it that is filled. */
  private label: Bytes = Bytes.alloc(MAX_HKDF_LABEL);
  private info: Bytes = Bytes.empty();

  /** `hash` is a fresh hash that this object owns from now on. */
  constructor(hash: Hash) {
    this.hashLength = hash.length;
    this.block = Bytes.alloc(hash.length);
    this.hmac = new Hmac(hash);
  }

  /** Bytes of a pseudorandom key: the hash's length. */
  get length(): u32 {
    return this.hashLength;
  }

  /**
   * HKDF-Extract: `out` (exactly the hash's length) = HMAC(salt, ikm). An empty salt stands for HashLen zeros, which
   * is the same HMAC key.
   */
  extract(salt: Bytes, ikm: Bytes, out: Bytes): void {
    this.hmac.init(salt);
    this.hmac.update(ikm);
    this.hmac.digest(out);
    this.hmac.wipe();
  }

  /** HKDF-Expand: fills `out` (at most 255 × the hash's length, else a trap). `out` must not overlap `info`. */
  expand(prk: Bytes, info: Bytes, out: Bytes): void {
    const length = out.length;
    assert(length <= 255 * this.hashLength);
    this.hmac.init(prk);
    let at: u32 = 0;
    for (let i: u32 = 1; at < length; i++) {
      if (i > 1) this.hmac.update(this.block);
      this.hmac.update(info);
      this.counter[0] = <u8>i;
      this.hmac.update(this.counter);
      this.hmac.digest(this.block);
      const rest = length - at;
      const n = min(rest, this.hashLength);
      out.put(at, VIEW.aim(this.block, 0, n));
      at += n;
    }
    this.wipe();
  }

  /**
   * HKDF-Expand-Label: `label` without the prefix "tls13 " (1 to 249 bytes), `context` at most 255 bytes, else a trap.
   * `out` may overlap `secret`, `label` or `context`.
   */
  expandLabel(secret: Bytes, label: Bytes, context: Bytes, out: Bytes): void {
    const full = PREFIX.length + label.length;
    assert(label.length > 0 && full <= 255 && context.length <= 255);
    const at = this.label;
    at.putU16be(0, out.length);
    at[2] = <u8>full;
    at.put(3, PREFIX);
    at.put(3 + PREFIX.length, label);
    at[3 + full] = <u8>context.length;
    at.put(4 + full, context);
    this.expand(secret, this.info.aim(at, 0, 4 + full + context.length), out);
    at.wipe();
  }

  /** Forgets everything secret; the object stays usable. */
  wipe(): void {
    this.hmac.wipe();
    this.block.wipe();
  }
}

/** uint16 length, opaque label<7..255>, opaque context<0..255>. */
const MAX_HKDF_LABEL: u32 = 2 + 1 + 255 + 1 + 255;
const PREFIX = Bytes.ascii("tls13 ");
/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
