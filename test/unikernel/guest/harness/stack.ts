/** The stack with a transport of the test's own behind it: what TCP would be given is kept, and it sends what the test has put there. */

import { top } from "arena";
import { Bytes } from "bytes";
import { Settings } from "../../../../unikernel/guest/tcpip/settings";
import { Stack } from "../../../../unikernel/guest/tcpip/stack";
import { Transport } from "../../../../unikernel/guest/tcpip/transport";

const INPUT = Bytes.alloc(4096);
const OUTPUT = Bytes.alloc(4096);

@final
class Recorder extends Transport {
  received: u32 = 0;
  receivedLength: u32 = 0;
  receivedFrom: u32 = 0;
  unreachables: u32 = 0;
  unreachableCode: u32 = 0;
  unreachableAbout: u32 = 0;
  pending: u32 = 0;
  pendingLength: u32 = 0;
  at: u64 = 0;

  receive(source: u32, segment: Bytes, _now: u64): void {
    this.received += 1;
    this.receivedFrom = source;
    this.receivedLength = segment.length;
    OUTPUT.put(0, segment);
  }

  transmit(out: Bytes, _now: u64): u32 {
    if (this.pending == 0) return 0;
    this.pending -= 1;
    for (let i: u32 = 0; i < this.pendingLength; i++) out[i] = <u8>i;
    return this.pendingLength;
  }

  unreachable(destination: u32, code: u32, quoted: Bytes, _now: u64): void {
    this.unreachables += 1;
    this.unreachableCode = code;
    this.unreachableAbout = destination;
    OUTPUT.put(0, quoted);
  }

  tick(_now: u64): void {}

  deadline(): u64 {
    return this.at;
  }
}

const TRANSPORT = new Recorder();
const SETTINGS = new Settings();
const STACK = new Stack(TRANSPORT);
const VIEW = Bytes.empty();

export function input(): usize {
  return INPUT.address;
}
export function output(): usize {
  return OUTPUT.address;
}
/** Input: MAC (6) ‖ seed (16) ‖ command line. A `SettingsError`. */
export function start(length: u32, now: u64): u32 {
  const error = SETTINGS.parse(INPUT.slice(22, length - 22));
  if (error == 0) STACK.start(INPUT.slice(0, 6), SETTINGS, INPUT.slice(6, 16), now);
  return <u32>error;
}
export function receive(length: u32, now: u64): void {
  STACK.receive(VIEW.aim(INPUT, 0, length), now);
}
export function transmit(now: u64): u32 {
  return STACK.transmit(OUTPUT, now);
}
export function tick(now: u64): void {
  STACK.tick(now);
}
export function deadline(): u64 {
  return STACK.deadline();
}
export function count(what: u32): u32 {
  return STACK.counters.of(what);
}
export function local(): u32 {
  return TRANSPORT.local;
}
/** The transport sends `count` segments of `length` bytes to `destination`. */
export function send(count: u32, length: u32, destination: u32): void {
  TRANSPORT.pending = count;
  TRANSPORT.pendingLength = length;
  TRANSPORT.destination = destination;
}
export function received(): u32 {
  return TRANSPORT.received;
}
export function receivedLength(): u32 {
  return TRANSPORT.receivedLength;
}
export function receivedFrom(): u32 {
  return TRANSPORT.receivedFrom;
}
export function unreachables(): u32 {
  return TRANSPORT.unreachables;
}
export function unreachableCode(): u32 {
  return TRANSPORT.unreachableCode;
}
export function unreachableAbout(): u32 {
  return TRANSPORT.unreachableAbout;
}
/** The next free address: nothing may be allocated after the start. */
export function allocated(): usize {
  return top();
}

/** A field of the settings, in the order of their declaration. */
export function setting(i: u32): u32 {
  if (i == 0) return SETTINGS.address;
  if (i == 1) return SETTINGS.prefix;
  if (i == 2) return SETTINGS.gateway;
  if (i == 3) return SETTINGS.dhcp ? 1 : 0;
  if (i == 4) return SETTINGS.serverPort;
  if (i == 5) return SETTINGS.dialbackPort;
  if (i == 6) return SETTINGS.clientPort;
  if (i == 7) return SETTINGS.dialToPort;
  if (i == 8) return SETTINGS.connections;
  if (i == 9) return SETTINGS.fromPeer;
  return SETTINGS.handshakeMillis;
}
