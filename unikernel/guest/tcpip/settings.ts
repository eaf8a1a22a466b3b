/**
 * Settings: what the command line says about the network and the doors, in words separated by spaces:
 *
 *   ip=10.0.2.15/24 or ip=dhcp   our address with the bits of its subnet (8 to 30), or leave it to DHCP; must be there
 *   gateway=10.0.2.2             the way out of the subnet
 *   ports=10000,10001,10002      the doors: server, dial-back, client
 *   dial=40001                   the port of a caller that the dial-back door calls
 *   limits=64,16,10000           connections, of one peer, milliseconds to authenticate
 *
 * Other words are somebody else's. The text is public, but may be wrong: each mistake has its own {@link SettingsError}.
 */
import { Bytes } from "bytes";
import { isHostOf, isUnicast, maskOf } from "./host";
import { SettingsError } from "./settings-error";

const MAX_LENGTH: u32 = 1024;
const MAX_PORT: u32 = 65_535;
const MAX_CONNECTIONS: u32 = 64;
const MAX_MILLIS: u32 = 3_600_000;
const SPACE: u8 = 0x20;
const ZERO: u8 = 0x30;

@final
export class Settings {
  address: u32 = 0;
  prefix: u32 = 0;
  gateway: u32 = 0;
  dhcp: bool = false;
  serverPort: u32 = 10_000;
  dialbackPort: u32 = 10_001;
  clientPort: u32 = 10_002;
  dialToPort: u32 = 40_001;
  connections: u32 = 64;
  fromPeer: u32 = 16;
  handshakeMillis: u32 = 10_000;

  /** The word's value that is being read, and how far. */
  private readonly value: Bytes = Bytes.empty();
  private at: u32 = 0;
  private bad: bool = false;
  private seen: u32 = 0;

  /** Reads a command line, ASCII. Not to be used unless it says `None`. */
  parse(text: Bytes): SettingsError {
    if (text.length > MAX_LENGTH) return SettingsError.TooLong;
    let start: u32 = 0;
    while (start < text.length) {
      let end = start;
      while (end < text.length && text[end] != SPACE) end++;
      const error = this.readWord(text, start, end);
      if (error != SettingsError.None) return error;
      start = end + 1;
    }
    if (!this.dhcp && this.address == 0) return SettingsError.AddressMissing;
    if (this.gateway == 0) return SettingsError.None;
    // What DHCP gives has a router of its own.
    if (this.dhcp || this.gateway == this.address) return SettingsError.GatewayBad;
    return isHostOf(this.gateway, this.address, maskOf(this.prefix)) ? SettingsError.None : SettingsError.GatewayBad;
  }

  private readWord(text: Bytes, start: u32, end: u32): SettingsError {
    for (let i = 0; i < NAMES.length; i++) {
      const name = NAMES[i];
      if (!this.startsWith(text, start, end, name)) continue;
      if ((this.seen & (1 << i)) != 0) return SettingsError.Repeated;
      this.seen |= 1 << i;
      this.value.aim(text, start + name.length, end - start - name.length);
      this.at = 0;
      this.bad = false;
      return this.readValue(i);
    }
    return SettingsError.None;
  }

  private startsWith(text: Bytes, start: u32, end: u32, name: Bytes): bool {
    if (end - start < name.length) return false;
    for (let i: u32 = 0; i < name.length; i++) {
      if (text[start + i] != name[i]) return false;
    }
    return true;
  }

  private readValue(name: i32): SettingsError {
    if (name == 0) return this.readAddress();
    if (name == 1) {
      this.gateway = this.dotted();
      return this.complete() && isUnicast(this.gateway) ? SettingsError.None : SettingsError.GatewayBad;
    }
    if (name == 2) {
      this.serverPort = this.number(1, MAX_PORT);
      this.skip(0x2c);
      this.dialbackPort = this.number(1, MAX_PORT);
      this.skip(0x2c);
      this.clientPort = this.number(1, MAX_PORT);
      const same =
        this.serverPort == this.dialbackPort ||
        this.serverPort == this.clientPort ||
        this.dialbackPort == this.clientPort;
      return this.complete() && !same ? SettingsError.None : SettingsError.PortsBad;
    }
    if (name == 3) {
      this.dialToPort = this.number(1, MAX_PORT);
      return this.complete() ? SettingsError.None : SettingsError.DialBad;
    }
    this.connections = this.number(1, MAX_CONNECTIONS);
    this.skip(0x2c);
    this.fromPeer = this.number(1, MAX_CONNECTIONS);
    this.skip(0x2c);
    this.handshakeMillis = this.number(1, MAX_MILLIS);
    return this.complete() ? SettingsError.None : SettingsError.LimitsBad;
  }

  private readAddress(): SettingsError {
    if (this.value.equals(DHCP)) {
      this.dhcp = true;
      return SettingsError.None;
    }
    this.address = this.dotted();
    this.skip(0x2f);
    this.prefix = this.number(8, 30);
    if (!this.complete()) return SettingsError.AddressBad;
    return isHostOf(this.address, this.address, maskOf(this.prefix)) ? SettingsError.None : SettingsError.AddressBad;
  }

  private dotted(): u32 {
    let address: u32 = 0;
    for (let i = 0; i < 4; i++) {
      if (i > 0) this.skip(0x2e);
      address = (address << 8) | this.number(0, 255);
    }
    return address;
  }

  /** Decimal digits, without a zero too many, between `least` and `most` (< 2^28). */
  private number(least: u32, most: u32): u32 {
    const value = this.value;
    const start = this.at;
    let number: u32 = 0;
    while (this.at < value.length && value[this.at] >= ZERO && value[this.at] <= ZERO + 9 && number <= most) {
      number = number * 10 + <u32>(value[this.at] - ZERO);
      this.at++;
    }
    const digits = this.at - start;
    if (digits == 0 || (digits > 1 && value[start] == ZERO) || number < least || number > most) this.bad = true;
    return number;
  }

  private skip(character: u8): void {
    if (this.at < this.value.length && this.value[this.at] == character) this.at++;
    else this.bad = true;
  }

  private complete(): bool {
    return !this.bad && this.at == this.value.length;
  }
}

const DHCP = Bytes.ascii("dhcp");
/** In the order of `readValue`. */
const NAMES: StaticArray<Bytes> = [
  Bytes.ascii("ip="),
  Bytes.ascii("gateway="),
  Bytes.ascii("ports="),
  Bytes.ascii("dial="),
  Bytes.ascii("limits="),
];
