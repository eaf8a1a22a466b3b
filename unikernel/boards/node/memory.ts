/**
 * Copies bytes into and out of a compartment's linear memory. Addresses and lengths come from the guest, so each is
 * checked against the memory's size before anything is read or written; outside is a {@link CompartmentFault}, which
 * the board treats like a trap.
 */

/** A compartment handed the board an address, a length or a number that cannot be right. */
export class CompartmentFault extends Error {
  override name = "CompartmentFault";
}

/** The live view `[address, address + length)`; throws {@link CompartmentFault} when it is not inside the memory. */
export function view(memory: WebAssembly.Memory, address: number, length: number): Uint8Array {
  const at = address >>> 0;
  const size = length >>> 0;
  if (size > memory.buffer.byteLength || at > memory.buffer.byteLength - size) {
    throw new CompartmentFault(`${size} bytes at ${at} are outside a memory of ${memory.buffer.byteLength}`);
  }
  return new Uint8Array(memory.buffer, at, size);
}

/** Whether an error thrown out of a call means that the compartment trapped (bounds, unreachable, stack) or misbehaved. */
export function isTrap(error: unknown): boolean {
  return (
    error instanceof WebAssembly.RuntimeError || error instanceof CompartmentFault || error instanceof RangeError // V8 reports an exhausted stack as a RangeError
  );
}
