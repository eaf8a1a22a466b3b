/** What harness/wire.c does with an input, in Node. */

interface WireExports {
  memory: WebAssembly.Memory;
  input(): number;
  inputSize(): number;
  play(length: number): number;
  trespass(): void;
}

/** The steps of an input: numbers of `Step` in test/unikernel/guest/harness/wire-log.ts. */
export const STEP = {
  ...{ integer: 0, take: 1, rest: 2, vector: 3, fail: 4, nest: 5, leave: 6, literal: 7 },
  ...{ write: 8, put: 9, open: 10, close: 11, slice: 12, from: 13, load: 14, store: 15 },
} as const;
/** The kind of {@link STEP}.load and store that is of whole views. */
export const WHOLE = 7;
/** Operands from here on are edges of what is left: all of it, one more, one less; and {@link around}, which comes round to zero. */
export const EDGE = { left: 0xf0, oneMore: 0xf1, oneLess: 0xf2, around: 0xf6 } as const;

/** What `play` answers. */
export const Outcome = { Agreed: 0, MustTrap: 1, Value: 2, View: 3, Progress: 4, Memory: 5, RoundTrip: 6 } as const;

/** Replays an input; returns its outcome. An unexpected trap is thrown, and so is an expected one that does not come. */
export function replayWire(module: WebAssembly.Module, input: Uint8Array): number {
  const wire = new WebAssembly.Instance(module, {}).exports as unknown as WireExports;
  const given = input.subarray(0, wire.inputSize());
  new Uint8Array(wire.memory.buffer, wire.input(), given.length).set(given);
  const outcome = wire.play(given.length);
  if (outcome === Outcome.MustTrap && !traps(() => wire.trespass())) {
    throw new Error("an access outside of a view does not trap");
  }
  return outcome;
}

/** An input: the writer's capacity, the bytes that are read, the steps. */
export function wireInput(capacity: number, bytes: Uint8Array, steps: number[]): Buffer {
  const head = [capacity, bytes.length].flatMap((value) => [value >> 8, value & 0xff]);
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from(steps)]);
}

function traps(step: () => void): boolean {
  try {
    step();
    return false;
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return true;
  }
}
