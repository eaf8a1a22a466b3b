/**
 * The arena: what `new` takes from, and how a scope gives it back.
 *
 * The stub runtime only ever moves one offset up. `mark` and `release` bracket a scope: everything allocated
 * inside is zeroed and given back at once, so that a long-lived compartment (the vault) uses the same memory for
 * every call and no temporary secret outlives its call. Nothing allocated inside a scope may be kept after it.
 */

/** Opens a scope; hand the result to {@link release}. Scopes nest. */
export function mark(): usize {
  return heap.alloc(0);
}

/** Zeroes and gives back everything allocated since `mark`. */
export function release(mark: usize): void {
  const top = heap.alloc(0);
  const end = top + blockSize(top);
  if (mark > top) unreachable();
  memory.fill(mark, 0, end - mark);
  // The stub's `free` moves its offset back when the freed block is the last one: make the mark's block reach the end.
  store<usize>(mark - sizeof<usize>(), end - mark);
  heap.free(mark);
}

/** The next free address: for tests and bounds that show that memory use does not grow. */
export function top(): usize {
  const at = heap.alloc(0);
  heap.free(at);
  return at;
}

/** The payload size that the stub runtime writes in front of each block (std/assembly/rt/common: BLOCK.mmInfo). */
function blockSize(at: usize): usize {
  return load<usize>(at - sizeof<usize>());
}
