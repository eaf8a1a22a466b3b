/** Test harness for guest/tcpip/tcp: one Tcp; segments in `input`, segments and data out of `output`. */
import { top } from "arena";
import { Bytes } from "bytes";
import { Tcp } from "../../../../unikernel/guest/tcpip/tcp/tcp";

const IN = Bytes.alloc(65536);
const OUT = Bytes.alloc(65536);
const VIEW = Bytes.empty();
const TCP = new Tcp();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}
export function heapTop(): usize {
  return top();
}
export function start(): void {
  TCP.start(VIEW.aim(IN, 0, 32));
}
export function setLocal(address: u32, mss: u32): void {
  TCP.local = address;
  TCP.mss = mss;
}
export function listen(port: u32): void {
  TCP.listen(port);
}
export function connect(address: u32, port: u32, now: u64): i32 {
  return TCP.connect(address, port, now);
}
export function next(): i32 {
  return TCP.next();
}
export function take(handle: i32): u32 {
  return TCP.take(handle);
}
export function localPort(handle: i32): u32 {
  return TCP.localPort(handle);
}
export function remoteAddress(handle: i32): u32 {
  return TCP.remoteAddress(handle);
}
export function remotePort(handle: i32): u32 {
  return TCP.remotePort(handle);
}
export function read(handle: i32, most: u32): u32 {
  return TCP.read(handle, VIEW.aim(OUT, 0, most));
}
export function room(handle: i32): u32 {
  return TCP.room(handle);
}
export function write(handle: i32, length: u32): void {
  TCP.write(handle, VIEW.aim(IN, 0, length));
}
export function finish(handle: i32): void {
  TCP.finish(handle);
}
export function abort(handle: i32): void {
  TCP.abort(handle);
}
export function receive(source: u32, length: u32, now: u64): void {
  TCP.receive(source, VIEW.aim(IN, 0, length), now);
}
export function transmit(now: u64): u32 {
  return TCP.transmit(VIEW.aim(OUT, 0, 1480), now);
}
export function destination(): u32 {
  return TCP.destination;
}
export function unreachable_(destination: u32, code: u32, length: u32, now: u64): void {
  TCP.unreachable(destination, code, VIEW.aim(IN, 0, length), now);
}
export function tick(now: u64): void {
  TCP.tick(now);
}
export function deadline(): u64 {
  return TCP.deadline();
}
