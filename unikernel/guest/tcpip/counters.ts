/** Counts what the stack refused or could not do: for tests and for whoever looks into a running piñata. Wraps at 2^32. */
import { Count } from "./count";

const COUNTS: i32 = 18;

@final
export class Counters {
  private readonly counts: StaticArray<u32> = new StaticArray<u32>(COUNTS);

  add(what: Count): void {
    this.counts[what] += 1;
  }

  of(what: Count): u32 {
    return this.counts[what];
  }
}
