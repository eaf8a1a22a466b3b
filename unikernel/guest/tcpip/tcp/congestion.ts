/**
 * Congestion control: slow start and congestion avoidance (RFC 5681) from an initial window of ten segments (RFC 6928), fast retransmit
 * and NewReno's fast recovery (RFC 6582). Growth counts acknowledged bytes, at most a segment for each ACK, so that splitting
 * ACKs gains nothing. All in bytes.
 */
import { atMost, before } from "./sequence";
import { SEND_BUFFER } from "./sizes";

/** More than the send buffer never flies. */
const WIDEST: u32 = 4 * SEND_BUFFER;

@final
export class Congestion {
  window: u32 = 0;
  private threshold: u32 = 0;
  private mss: u32 = 0;
  /** Losses up to here have been answered. */
  private recover: u32 = 0;
  private recovering: bool = false;
  private duplicates: u32 = 0;

  start(mss: u32, initialSequence: u32): void {
    this.mss = mss;
    this.window = min(10 * mss, max<u32>(2 * mss, 14600));
    this.threshold = WIDEST;
    this.recover = initialSequence;
    this.recovering = false;
    this.duplicates = 0;
  }

  /** `bytes` were acknowledged up to `upTo`, `flight` are left. True: retransmit the first of those now. */
  acknowledged(upTo: u32, bytes: u32, flight: u32): bool {
    this.duplicates = 0;
    if (this.recovering) {
      if (!before(upTo, this.recover)) {
        this.recovering = false;
        this.window = min(this.threshold, max(flight, this.mss) + this.mss);
        return false;
      }
      this.window -= min(this.window, bytes);
      this.window = max(this.window + (bytes >= this.mss ? this.mss : 0), this.mss);
      return true;
    }
    const growth =
      this.window < this.threshold ? min(bytes, this.mss) : max<u32>((this.mss * this.mss) / this.window, 1);
    this.window = min(this.window + growth, WIDEST);
    return false;
  }

  /** A duplicate ACK of `first`; what was sent ends at `end`. True: it is the third, retransmit now. */
  duplicate(first: u32, end: u32): bool {
    this.duplicates++;
    if (this.recovering) {
      this.window = min(this.window + this.mss, WIDEST);
      return false;
    }
    if (this.duplicates != 3 || atMost(first, this.recover)) return false;
    this.threshold = max((end - first) / 2, 2 * this.mss);
    this.window = this.threshold + 3 * this.mss;
    this.recover = end;
    this.recovering = true;
    return true;
  }

  /** The retransmission timer expired for the first time with `flight` bytes out that end at `end`. */
  timeout(flight: u32, end: u32): void {
    this.threshold = max(flight / 2, 2 * this.mss);
    this.again(end);
  }

  /** It expired again. */
  again(end: u32): void {
    this.window = this.mss;
    this.recover = end;
    this.recovering = false;
    this.duplicates = 0;
  }
}
