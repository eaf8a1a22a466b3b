/** Test harness for guest/prim and guest/wire. */
import { mark, release, top } from "arena";
import { Bytes } from "bytes";
import { Reader } from "../../../../unikernel/guest/wire/reader";
import { Writer } from "../../../../unikernel/guest/wire/writer";

const IN = Bytes.alloc(4096);
const OUT = Bytes.alloc(4096);

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}

export function get(length: u32, i: u32): u32 {
  return IN.slice(0, length)[i];
}
export function getU32(length: u32, i: u32): u32 {
  return IN.slice(0, length).u32be(i);
}
export function slice(length: u32, start: u32, n: u32): u32 {
  return IN.slice(0, length).slice(start, n).length;
}
export function put(length: u32, start: u32, n: u32): void {
  OUT.slice(0, length).put(start, IN.slice(0, n));
}
export function aim(length: u32, start: u32, n: u32): u32 {
  return Bytes.empty().aim(IN.slice(0, length), start, n).length;
}
export function equals(length: u32): bool {
  return IN.slice(0, length).equals(OUT.slice(0, length));
}
export function copyInToOut(length: u32): void {
  OUT.put(0, IN.slice(0, length));
}
export function widths(): void {
  OUT[0] = <u8>0x01;
  OUT.putU16be(1, 0x0203);
  OUT.putU24be(3, 0x040506);
  OUT.putU32be(6, 0x0708090a);
  OUT.putU64be(10, 0x0b0c0d0e0f101112);
  OUT.putU32le(18, IN.u32le(0));
  OUT.putU64le(22, IN.u64le(0));
  OUT.putU64be(30, IN.u64be(0));
  OUT.putU32be(38, IN.u24be(0));
  OUT.putU32be(42, IN.u16be(0));
}

/** u8 count, then count × vector8(1..4), then the end: sum of the vectors' lengths, or -1. */
export function parse(length: u32): i32 {
  const reader = new Reader(IN.slice(0, length));
  const count = reader.u8();
  let sum = 0;
  for (let i: u32 = 0; i < count; i++) sum += reader.vector8(1, 4).length;
  return reader.done ? sum : -1;
}
/** All integer widths in turn, then what is left: its length, or -1 on failure. */
export function parseWidths(length: u32): i32 {
  const reader = new Reader(IN.slice(0, length));
  OUT.putU32be(0, reader.u8());
  OUT.putU32be(4, reader.u16());
  OUT.putU32be(8, reader.u24());
  OUT.putU32be(12, reader.u32());
  const left = reader.rest().length;
  return reader.done ? left : -1;
}
export function writeNested(n: u32): u32 {
  const writer = new Writer(OUT);
  const outer = writer.open24();
  const middle = writer.open16();
  const inner = writer.open8();
  writer.put(IN.slice(0, n));
  writer.close8(inner);
  writer.close16(middle);
  writer.close24(outer);
  return writer.length;
}
export function writePast(capacity: u32, n: u32): void {
  new Writer(OUT.slice(0, capacity)).put(IN.slice(0, n));
}

/** Allocates `blocks` of 100 bytes of 0xaa in a scope; returns the growth that is left after its release. */
export function scope(blocks: u32): u32 {
  const before = top();
  const opened = mark();
  for (let i: u32 = 0; i < blocks; i++) Bytes.alloc(100).fill(0xaa);
  release(opened);
  return <u32>(top() - before);
}
export function heapTop(): usize {
  return top();
}
export function exhaust(): void {
  for (;;) Bytes.alloc(65536);
}
