/**
 * DHCP messages (RFC 2131 §2, options RFC 2132) as a client reads and writes them, in the payload of UDP. Options that are spread
 * over other fields ("overload") are not looked for: a server that needs more than 300 bytes for what we ask is refused.
 */
import { Bytes } from "bytes";
import { macAt, putMac } from "./ethernet";
import { isHostOf, isUnicast, maskOf } from "./host";

export const DISCOVER: u32 = 1;
export const OFFER: u32 = 2;
export const REQUEST: u32 = 3;
export const ACK: u32 = 5;
export const NAK: u32 = 6;

const BOOT_REQUEST: u32 = 1;
const BOOT_REPLY: u32 = 2;
const ETHERNET: u32 = 1;
const COOKIE: u32 = 0x6382_5363;
const OPTIONS_AT: u32 = 240;
/** Every message of ours: BOOTP's least size (RFC 1542 §2.1). */
export const MESSAGE_LENGTH: u32 = 300;

const SUBNET_MASK: u32 = 1;
const ROUTER: u32 = 3;
const REQUESTED_ADDRESS: u32 = 50;
const LEASE_TIME: u32 = 51;
const OVERLOAD: u32 = 52;
const MESSAGE_TYPE: u32 = 53;
const SERVER: u32 = 54;
const PARAMETERS: u32 = 55;
const RENEWAL_TIME: u32 = 58;
const REBINDING_TIME: u32 = 59;
const PAD: u32 = 0;
const END: u32 = 255;
const BROADCAST_FLAG: u32 = 0x8000;

/** What a server's message says. Numbers that it does not give are 0. */
@final
export class ServerMessage {
  type: u32 = 0;
  server: u32 = 0;
  address: u32 = 0;
  /** Bits of the subnet mask, 8 to 30; 0: none, or one that is no mask. */
  prefix: u32 = 0;
  /** In our subnet, or 0. */
  router: u32 = 0;
  /** Seconds. */
  lease: u32 = 0;
  renewal: u32 = 0;
  rebinding: u32 = 0;

  /** Whether it is a whole message of a server to us about `transaction`. */
  parse(message: Bytes, mac: u64, transaction: u32): bool {
    this.forget();
    if (message.length < OPTIONS_AT || message[0] != BOOT_REPLY || message[1] != ETHERNET || message[2] != 6)
      return false;
    if (message.u32be(4) != transaction || macAt(message, 28) != mac || message.u32be(236) != COOKIE) return false;
    this.address = message.u32be(16);
    if (!this.readOptions(message)) return false;
    if (this.router != 0 && !isHostOf(this.router, this.address, maskOf(this.prefix))) this.router = 0;
    if (this.type == NAK) return true;
    const known = this.type == OFFER || this.type == ACK;
    return known && this.lease > 0 && this.prefix > 0 && isHostOf(this.address, this.address, maskOf(this.prefix));
  }

  private forget(): void {
    this.type = 0;
    this.server = 0;
    this.prefix = 0;
    this.router = 0;
    this.lease = 0;
    this.renewal = 0;
    this.rebinding = 0;
  }

  private readOptions(message: Bytes): bool {
    let at = OPTIONS_AT;
    while (at < message.length) {
      const option: u32 = message[at];
      at += 1;
      if (option == END) return this.type != 0 && isUnicast(this.server);
      if (option == PAD) continue;
      if (at >= message.length) return false;
      const length: u32 = message[at];
      at += 1;
      if (length > message.length - at || !this.readOption(option, message, at, length)) return false;
      at += length;
    }
    return false;
  }

  private readOption(option: u32, message: Bytes, at: u32, length: u32): bool {
    if (option == OVERLOAD) return false;
    if (option == MESSAGE_TYPE) {
      if (length != 1) return false;
      this.type = message[at];
      return true;
    }
    const wanted =
      option == SUBNET_MASK ||
      option == ROUTER ||
      option == LEASE_TIME ||
      option == SERVER ||
      option == RENEWAL_TIME ||
      option == REBINDING_TIME;
    if (!wanted) return true;
    // Of several routers the first is preferred (RFC 2132 §3.5).
    if (option == ROUTER ? length < 4 || length % 4 != 0 : length != 4) return false;
    const value = message.u32be(at);
    if (option == SUBNET_MASK) this.prefix = prefixOf(value);
    else if (option == ROUTER) this.router = value;
    else if (option == LEASE_TIME) this.lease = value;
    else if (option == SERVER) this.server = value;
    else if (option == RENEWAL_TIME) this.renewal = value;
    else this.rebinding = value;
    return true;
  }
}

/**
 * Writes a message of `type` to all of `out` ({@link MESSAGE_LENGTH} bytes). `own`: the address that we have and want to keep; else
 * `wanted` of `server` is asked for, where not 0.
 */
export function putMessage(
  out: Bytes,
  type: u32,
  mac: u64,
  transaction: u32,
  own: u32,
  wanted: u32,
  server: u32,
): void {
  out.fill(0);
  out[0] = <u8>BOOT_REQUEST;
  out[1] = <u8>ETHERNET;
  out[2] = 6;
  out.putU32be(4, transaction);
  // Without an address we hear only what is sent to everybody.
  if (own == 0) out.putU16be(10, BROADCAST_FLAG);
  out.putU32be(12, own);
  putMac(out, 28, mac);
  out.putU32be(236, COOKIE);
  out.putU16be(OPTIONS_AT, (MESSAGE_TYPE << 8) | 1);
  out[OPTIONS_AT + 2] = <u8>type;
  out.putU16be(OPTIONS_AT + 3, (PARAMETERS << 8) | 5);
  out[OPTIONS_AT + 5] = <u8>SUBNET_MASK;
  out[OPTIONS_AT + 6] = <u8>ROUTER;
  out[OPTIONS_AT + 7] = <u8>LEASE_TIME;
  out[OPTIONS_AT + 8] = <u8>RENEWAL_TIME;
  out[OPTIONS_AT + 9] = <u8>REBINDING_TIME;
  let at = OPTIONS_AT + 10;
  if (wanted != 0) {
    out.putU16be(at, (REQUESTED_ADDRESS << 8) | 4);
    out.putU32be(at + 2, wanted);
    out.putU16be(at + 6, (SERVER << 8) | 4);
    out.putU32be(at + 8, server);
    at += 12;
  }
  out[at] = <u8>END;
}

/** The bits of a subnet mask, when it is one and leaves room for hosts. */
function prefixOf(mask: u32): u32 {
  const prefix = <u32>clz(~mask);
  return mask == maskOf(min<u32>(prefix, 31)) && prefix >= 8 && prefix <= 30 ? prefix : 0;
}
