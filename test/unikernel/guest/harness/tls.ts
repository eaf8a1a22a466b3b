/**
 * Test harness for guest/tls: the pieces below the states, driven by hand, so that published traces can be replayed byte for
 * byte with their own keys and messages.
 */
import { top } from "arena";
import { Bytes } from "bytes";
import { p256SharedSecret } from "../../../../unikernel/guest/crypto/p256";
import { x25519 } from "../../../../unikernel/guest/crypto/x25519";
import { Failure } from "../../../../unikernel/guest/failure";
import { alertFor } from "../../../../unikernel/guest/tls/alert";
import { ClientHello } from "../../../../unikernel/guest/tls/codec/client-hello";
import { ServerHello } from "../../../../unikernel/guest/tls/codec/server-hello";
import { U16Set } from "../../../../unikernel/guest/tls/codec/u16-set";
import { Joined, Joiner } from "../../../../unikernel/guest/tls/joiner";
import {
  EarlySecret,
  HandshakeSecret,
  MasterSecret,
  TrafficSecret,
} from "../../../../unikernel/guest/tls/key-schedule";
import { RecordReader } from "../../../../unikernel/guest/tls/record/reader";
import { RecordWriter } from "../../../../unikernel/guest/tls/record/writer";
import { chooseSuite, Suite } from "../../../../unikernel/guest/tls/suite";
import { Transcript } from "../../../../unikernel/guest/tls/transcript";

const IN = Bytes.alloc(40000);
const OUT = Bytes.alloc(40000);

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}

/** Numbers of the traffic secrets for the functions below. */
const CLIENT_HANDSHAKE = 0;
const SERVER_HANDSHAKE = 1;
const CLIENT_APPLICATION = 2;

let suite = new Suite(0x1301);
let transcript = new Transcript(suite.newHash());
let handshakeSecret: HandshakeSecret | null = null;
let _master: MasterSecret | null = null;
const secrets = new StaticArray<TrafficSecret | null>(4);
const reader = new RecordReader();
const writer = new RecordWriter();

export function begin(number: u32): void {
  suite = new Suite(number);
  transcript = new Transcript(suite.newHash());
}
export function addMessage(length: u32): void {
  transcript.add(IN.slice(0, length));
}
export function replaceByHash(): void {
  transcript.replaceByHash();
}
export function transcriptHash(): u32 {
  const hash = transcript.hash();
  OUT.put(0, hash);
  return hash.length;
}
/** Private key (32 bytes) and the peer's public key: X25519 (32 bytes) or P-256 (65). Derives the handshake secrets. */
export function agree(publicLength: u32): bool {
  const shared = Bytes.alloc(32);
  const own = IN.slice(0, 32);
  const peer = IN.slice(32, publicLength);
  if (!(publicLength == 32 ? x25519(own, peer, shared) : p256SharedSecret(own, peer, shared))) return false;
  const stage = new EarlySecret(suite).handshake(shared);
  handshakeSecret = stage;
  secrets[CLIENT_HANDSHAKE] = stage.clientTraffic(transcript.hash());
  secrets[SERVER_HANDSHAKE] = stage.serverTraffic(transcript.hash());
  return true;
}
/** Derives the application secrets at the transcript's present state. */
export function complete(): void {
  const stage = handshakeSecret!.master();
  _master = stage;
  secrets[CLIENT_APPLICATION] = stage.clientTraffic(transcript.hash());
  secrets[CLIENT_APPLICATION + 1] = stage.serverTraffic(transcript.hash());
}
export function finished(secret: u32): u32 {
  const data = secrets[secret]!.verifyData(transcript.hash());
  OUT.put(0, data);
  return data.length;
}
export function writeWith(secret: u32): void {
  writer.protect(secrets[secret]!.protection());
}
export function readWith(secret: u32): void {
  reader.protect(secrets[secret]!.protection());
}
/** Makes a record of `length` bytes of input, without padding, as those of RFC 8448 are; its length, in the writer's outbox until `written`. */
export function write(type: u32, length: u32): u32 {
  const content = writer.open();
  content.put(IN.slice(0, length));
  writer.limitRecords(length + 1);
  writer.close(type, content);
  return writer.length;
}
export function writerAddress(): usize {
  return writer.address;
}
export function written(): void {
  writer.taken();
}
/** Reads one whole record: minus the failure, or type × 2^16 + length of the content in the output. */
export function read(length: u32): i32 {
  let at: u32 = 0;
  while (at < length) {
    at += reader.fill(IN.slice(0, length), at);
    if (reader.atHeader) {
      const failure = reader.judgeHeader();
      if (failure != Failure.None) return -failure;
    }
  }
  assert(reader.whole);
  const failure = reader.open();
  if (failure != Failure.None) return -failure;
  OUT.put(0, reader.content);
  return (reader.type << 16) | reader.content.length;
}

const clientHello = new ClientHello();
const serverHello = new ServerHello();
/** Parses a body; the failure. */
export function parseClientHello(length: u32): u32 {
  return clientHello.parse(IN.slice(0, length));
}
export function clientHelloField(which: u32): u32 {
  let field = clientHello.random;
  if (which == 1) field = clientHello.sessionId;
  if (which == 2) field = clientHello.suites;
  if (which == 3) field = clientHello.groups;
  if (which == 4) field = clientHello.signatureSchemes;
  if (which == 5) field = clientHello.serverName;
  if (which == 6) assert(clientHello.findKeyShare(29, field) || clientHello.findKeyShare(23, field));
  OUT.put(0, field);
  return field.length;
}
export function parseServerHello(length: u32): u32 {
  return serverHello.parse(IN.slice(0, length));
}
/** u8 isRetry, u16 suite, u16 version, u16 group, then cookie ‖ key share: the length. */
export function serverHelloFields(): u32 {
  OUT[0] = <u8>serverHello.isRetry;
  OUT.putU16be(1, serverHello.suite);
  OUT.putU16be(3, serverHello.version);
  OUT.putU16be(5, serverHello.group);
  OUT.put(7, serverHello.cookie);
  OUT.put(7 + serverHello.cookie.length, serverHello.keyShare);
  return 7 + serverHello.cookie.length + serverHello.keyShare.length;
}

export function alertOf(failure: u32): u32 {
  return alertFor(failure);
}
export function choose(length: u32): u32 {
  return chooseSuite(IN.slice(0, length));
}

const joiner = new Joiner();
const PIECE = Bytes.empty();
/** Offers a piece; the whole messages that come out are appended to the output: their length, or -1 for too long. */
export function join(start: u32, length: u32, into: u32): i32 {
  joiner.offer(PIECE.aim(IN, start, length));
  let at = into;
  let joined = joiner.next();
  while (joined == Joined.Message) {
    OUT.put(at, joiner.message.whole);
    at += joiner.message.whole.length;
    joined = joiner.next();
  }
  return joined == Joined.TooLong ? -1 : <i32>(at - into);
}
export function joinerInMessage(): bool {
  return joiner.inMessage;
}
export function resetJoiner(): void {
  joiner.wipe();
}

const set = new U16Set();
/** Puts the u16 of the input into a set; writes its members, sorted, to the output: how many. */
export function sortSet(count: u32): u32 {
  set.clear();
  let added: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (set.add(IN.u16be(2 * i))) added++;
  }
  let written: u32 = 0;
  for (let value = set.next(0); value < 65536; value = set.next(value + 1)) OUT.putU16be(2 * written++, value);
  assert(written == added);
  return written;
}

export function heapTop(): usize {
  return top();
}
