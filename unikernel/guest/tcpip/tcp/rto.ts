/**
 * The retransmission timeout (RFC 6298), in milliseconds: smoothed round trip and its variance, exponential back-off, which a new
 * sample ends. Samples come from timestamps or from segments sent once (Karn).
 */
import { FIRST_RTO, LEAST_RTO, MOST_RTO, RTO_AFTER_LOST_SYN } from "./sizes";

@final
export class Rto {
  /** Smoothed round trip ×8 and variance ×4, as in RFC 6298's reference (Jacobson); 0: no sample yet. */
  private smoothed: u32 = 0;
  private variance: u32 = 0;
  private base: u32 = FIRST_RTO;
  private shift: u32 = 0;

  start(): void {
    this.smoothed = 0;
    this.base = FIRST_RTO;
    this.shift = 0;
  }

  get current(): u32 {
    return min(this.base << this.shift, MOST_RTO);
  }

  /** It expired: twice as long next time. */
  backOff(): void {
    if (this.current < MOST_RTO) this.shift++;
  }

  /** The handshake is done but its SYN had to be sent again (RFC 6298 §5.7). */
  afterLostSyn(): void {
    this.base = RTO_AFTER_LOST_SYN;
    this.shift = 0;
  }

  get backedOff(): bool {
    return this.shift > 0;
  }

  /** A round trip took `millis`. */
  sample(millis: u32): void {
    // After a retransmission a long trip may be real, or that of a copy whose ACK was lost: allow for it, do not average it in.
    if (this.shift > 0 && millis > this.base) {
      this.base = min(2 * this.base, MOST_RTO);
      this.shift = 0;
      return;
    }
    const r = min(millis, MOST_RTO);
    if (this.smoothed == 0) {
      this.smoothed = max<u32>(r * 8, 1);
      this.variance = r * 2;
    } else {
      const old = this.smoothed >> 3;
      const error = r > old ? r - old : old - r;
      this.variance = this.variance - (this.variance >> 2) + error;
      this.smoothed = max<u32>(this.smoothed - old + r, 1);
    }
    this.base = min(max((this.smoothed >> 3) + max<u32>(this.variance, 1), LEAST_RTO), MOST_RTO);
    this.shift = 0;
  }
}
