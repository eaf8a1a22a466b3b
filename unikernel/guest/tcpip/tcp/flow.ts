/**
 * What names a connection: the peer's address and both ports in one number (our address is the stack's). Tables are searched
 * by it from end to end: at most a few hundred comparisons, whatever a peer sends.
 */

/** No connection: port 0 is refused before a key is made. */
export const NO_FLOW: u64 = 0;

export function flowOf(address: u32, remotePort: u32, localPort: u32): u64 {
  return ((<u64>address) << 32) | ((<u64>remotePort) << 16) | <u64>localPort;
}

export function addressOf(flow: u64): u32 {
  return <u32>(flow >> 32);
}

export function remotePortOf(flow: u64): u32 {
  return <u32>(flow >> 16) & 0xffff;
}

export function localPortOf(flow: u64): u32 {
  return <u32>flow & 0xffff;
}

/** Where `flow` stands in `flows`, or -1. With {@link NO_FLOW}: a free place. */
export function indexOf(flows: StaticArray<u64>, flow: u64): i32 {
  for (let i = 0; i < flows.length; i++) {
    if (flows[i] == flow) return i;
  }
  return -1;
}
