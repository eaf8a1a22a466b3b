/** Test harness for guest/x509. */
import { mark, release, top } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../../../unikernel/guest/failure";
import { Role } from "../../../../unikernel/guest/role";
import { Certificate } from "../../../../unikernel/guest/x509/certificate";
import { Der } from "../../../../unikernel/guest/x509/der";
import { describeName, MAX_NAME_TEXT, readName } from "../../../../unikernel/guest/x509/names";
import { Chain } from "../../../../unikernel/guest/x509/path";
import { fromUnixSeconds, readTime } from "../../../../unikernel/guest/x509/time";

const IN = Bytes.alloc(65536);
const OUT = Bytes.alloc(65536);
const TEXT = OUT.slice(64, MAX_NAME_TEXT);
const DER = new Der();
const VIEW = Bytes.empty();
const ANCHOR = new Certificate();
const CERTIFICATE = new Certificate();
const CHAIN = new Chain();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}
export function heapTop(): usize {
  return top();
}

/** Aims the cursor at the input. The functions below are steps on it. */
export function open(length: u32): void {
  DER.open(VIEW.aim(IN, 0, length));
}
export function enter(tag: u32): void {
  DER.enter(tag);
}
export function leave(): void {
  DER.leave();
}
export function skip(): void {
  DER.skip();
}
export function peek(): u32 {
  return DER.peek();
}
export function done(): bool {
  return DER.done;
}
export function onlyTrue(): void {
  DER.onlyTrue();
}
export function smallInteger(): u32 {
  return DER.smallInteger();
}
export function namedBits(): u32 {
  return DER.namedBits();
}
/** The contents go to the output; returns their length. */
export function value(tag: u32): u32 {
  DER.value(tag, VIEW);
  OUT.put(0, VIEW);
  return VIEW.length;
}
export function whole(tag: u32): u32 {
  DER.whole(tag, VIEW);
  OUT.put(0, VIEW);
  return VIEW.length;
}
export function integer(): u32 {
  DER.integer(VIEW);
  return VIEW.length;
}
export function objectIdentifier(): u32 {
  DER.objectIdentifier(VIEW);
  return VIEW.length;
}
export function wholeBits(): u32 {
  DER.wholeBits(VIEW);
  OUT.put(0, VIEW);
  return VIEW.length;
}

/** A whole `Time`, as seconds since 1970; or -2^63 when it is refused. */
export function time(length: u32): i64 {
  DER.open(VIEW.aim(IN, 0, length));
  const at = readTime(DER);
  return DER.done ? <i64>(at - fromUnixSeconds(0)) : i64.MIN_VALUE;
}
export function sinceEpoch(now: u64): u64 {
  return fromUnixSeconds(now) - fromUnixSeconds(0);
}

/** A whole Name: the length of its text in the output, or -1 when it is refused. */
export function name(length: u32): i32 {
  const der = VIEW.aim(IN, 0, length);
  DER.open(der);
  readName(DER, VIEW);
  if (!DER.done) return -1;
  return <i32>describeName(VIEW, OUT);
}

/** Parses a certificate: the failure; its facts go to the output in the order of the test's `facts`. */
export function parse(length: u32): Failure {
  const failure = CERTIFICATE.parse(VIEW.aim(IN, 0, length));
  OUT.putU32be(0, CERTIFICATE.scheme);
  OUT.putU32be(4, CERTIFICATE.signedWith);
  OUT.putU64be(8, CERTIFICATE.notBefore - fromUnixSeconds(0));
  OUT.putU64be(16, CERTIFICATE.notAfter - fromUnixSeconds(0));
  OUT.putU32be(24, CERTIFICATE.extensions.isAuthority ? 1 : 0);
  OUT.putU32be(28, CERTIFICATE.extensions.pathLength);
  OUT.putU32be(32, CERTIFICATE.extensions.keyUsage);
  OUT.putU32be(36, CERTIFICATE.extensions.purposes);
  OUT.putU32be(40, CERTIFICATE.publicKey.length);
  OUT.putU32be(44, CERTIFICATE.signed.length);
  const text = CERTIFICATE.subject.length > 0 ? describeName(CERTIFICATE.subject, TEXT) : 0;
  OUT.putU32be(48, text);
  return failure;
}

/** Input: anchor ‖ chain. Reads, checks and verifies as the vault does. The anchor must parse. */
export function judge(anchorLength: u32, chainLength: u32, role: Role, now: u64): Failure {
  const scope = mark();
  const failure = judgeInScope(anchorLength, chainLength, role, now);
  release(scope);
  return failure;
}

/** The same without any signature. */
export function judgeCheaply(anchorLength: u32, chainLength: u32, role: Role, now: u64): Failure {
  assert(ANCHOR.parse(IN.slice(0, anchorLength)) == Failure.None);
  const failure = CHAIN.read(IN.slice(anchorLength, chainLength));
  return failure != Failure.None ? failure : CHAIN.check(ANCHOR, role, now);
}

function judgeInScope(anchorLength: u32, chainLength: u32, role: Role, now: u64): Failure {
  const failure = judgeCheaply(anchorLength, chainLength, role, now);
  return failure != Failure.None ? failure : CHAIN.verify(ANCHOR);
}
