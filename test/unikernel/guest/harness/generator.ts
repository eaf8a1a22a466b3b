/** Test harness for guest/crypto/drbg: two generators, 0 and 1. */
import { top } from "arena";
import { Bytes } from "bytes";
import { Generator } from "../../../../unikernel/guest/crypto/drbg";

const IN = Bytes.alloc(4096);
const OUT = Bytes.alloc(16384);
const FIRST = new Generator();
const SECOND = new Generator();
const VIEW = Bytes.empty();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}
export function heapTop(): usize {
  return top();
}
export function seed(which: u32, length: u32): void {
  (which == 0 ? FIRST : SECOND).seed(VIEW.aim(IN, 0, length));
}
export function fill(which: u32, length: u32): void {
  (which == 0 ? FIRST : SECOND).fill(VIEW.aim(OUT, 0, length));
}
export function wipe(which: u32): void {
  (which == 0 ? FIRST : SECOND).wipe();
}
