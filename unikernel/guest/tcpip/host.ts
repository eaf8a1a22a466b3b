/**
 * Host: who we are on the link, who may send to us, and where packets go (RFC 1122 §3.2.1.3, §3.3.1). Addresses are numbers in
 * host order; without an address everything is refused and nothing has a way.
 */

@final
export class Host {
  mac: u64 = 0;
  address: u32 = 0;
  gateway: u32 = 0;
  private mask: u32 = 0;

  /** `prefix`: 1 to 30 bits. */
  configure(address: u32, prefix: u32, gateway: u32): void {
    assert(prefix >= 1 && prefix <= 30);
    this.address = address;
    this.mask = maskOf(prefix);
    this.gateway = gateway;
  }

  forget(): void {
    this.address = 0;
    this.mask = 0;
    this.gateway = 0;
  }

  /** Whether another host of our subnet may have the address. */
  isNeighbour(address: u32): bool {
    return this.address != 0 && address != this.address && isHostOf(address, this.address, this.mask);
  }

  /** Whether a packet may come from the address. */
  isPeer(address: u32): bool {
    if (this.address == 0 || !isUnicast(address) || address == this.address) return false;
    return ((address ^ this.address) & this.mask) != 0 || isHostOf(address, this.address, this.mask);
  }

  /** Whether it is the broadcast address of our subnet, or of any. */
  isBroadcast(address: u32): bool {
    return address == 0xffff_ffff || (this.address != 0 && address == (this.address | ~this.mask));
  }

  /** The neighbour that takes packets for `destination`; 0: there is no way. */
  nextHop(destination: u32): u32 {
    return this.isNeighbour(destination) ? destination : this.isPeer(destination) ? this.gateway : 0;
  }
}

/** Whether one host may have the address: no network 0 or 127, no group, nothing reserved (RFC 1122 §3.2.1.3, RFC 1112 §4). */
export function isUnicast(address: u32): bool {
  const network = address >> 24;
  return network != 0 && network != 127 && network < 224;
}

/** Whether `address` is a host's in the subnet of `other`: neither the subnet's own nor its broadcast address. */
export function isHostOf(address: u32, other: u32, mask: u32): bool {
  const host = address & ~mask;
  return ((address ^ other) & mask) == 0 && host != 0 && host != ~mask && isUnicast(address);
}

export function maskOf(prefix: u32): u32 {
  return prefix == 0 ? 0 : 0xffff_ffff << (32 - prefix);
}
