/**
 * Authentication (RFC 8446 §4.4), as both roles do it: our own Certificate and CertificateVerify, and the judgement of the
 * peer's. The vault signs and judges; here the messages are made and taken apart.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Role } from "../../role";
import { State } from "../../trace";
import { Writer } from "../../wire/writer";
import { CertificateVerify, writeCertificate, writeCertificateVerify } from "../codec/certificate";
import { Connection } from "../connection";
import { TrafficSecret } from "../key-schedule";
import { Transcript } from "../transcript";

/** Bytes of the vault's ticket. */
export const TICKET_LENGTH: u32 = 16;
/** Bytes of our own chain at most: what the outbox is sized for. */
const MAX_OWN_CHAIN: u32 = 8192;
/** Bytes of a signature at most: ECDSA in DER has 104 on P-384 and 72 on P-256, Ed25519 64. */
const MAX_SIGNATURE: u32 = 128;

/** Messages that go into one record: each is added to the transcript as it is completed. */
@final
export class Flight {
  private start: u32 = 0;

  constructor(
    readonly content: Writer,
    readonly transcript: Transcript,
  ) {}

  /** A message was written: adds it. */
  added(): void {
    this.transcript.add(this.content.written().from(this.start));
    this.start = this.content.length;
  }
}

/** Adds our Certificate and the CertificateVerify that signs the transcript up to it. */
export function addAuthentication(connection: Connection, flight: Flight, scheme: u32): Failure {
  const role = connection.role;
  const chain = connection.chain.bytes;
  const length = connection.vault.certificates(role, chain.slice(0, MAX_OWN_CHAIN));
  if (length == 0) return Failure.VaultUnavailable;
  writeCertificate(flight.content, chain.slice(0, length));
  flight.added();
  const scope = mark();
  const signature = Bytes.alloc(MAX_SIGNATURE);
  const signed = connection.vault.sign(role, flight.transcript.hash(), signature);
  if (signed > 0) {
    writeCertificateVerify(flight.content, scheme, signature.slice(0, signed));
    flight.added();
  }
  release(scope);
  return signed > 0 ? Failure.None : Failure.VaultUnavailable;
}

/** Takes the peer's Certificate; `whenEmpty` is the failure for one without any certificate. */
export function takeCertificate(connection: Connection, body: Bytes, whenEmpty: Failure): Failure {
  const failure = connection.chain.parse(body);
  if (failure != Failure.None) return failure;
  if (connection.chain.length == 0) return whenEmpty;
  connection.reached(State.Certificate);
  return Failure.None;
}

/**
 * Takes the peer's CertificateVerify: the vault judges the chain and the signature over the transcript so far
 * (everything up to Certificate), and fills `ticket` when it accepts both.
 */
export function takeCertificateVerify(
  connection: Connection,
  body: Bytes,
  transcript: Transcript,
  ticket: Bytes,
): Failure {
  let failure = VERIFY.parse(body);
  if (failure != Failure.None) return failure;
  // No scheme of ours makes a longer one; and what the vault is handed has to fit its inbox together with the chain.
  if (VERIFY.signature.length > MAX_SIGNATURE) return Failure.CertificateVerifyWrong;
  const peer = connection.role == Role.Server ? Role.Client : Role.Server;
  failure = connection.vault.authenticate(
    peer,
    VERIFY.scheme,
    connection.chain.written,
    VERIFY.signature,
    transcript.hash(),
    ticket,
  );
  if (failure != Failure.None) return failure;
  connection.authenticated = true;
  connection.reached(State.Authenticated);
  return Failure.None;
}

/** Whether a Finished message is the one that `secret` makes of the transcript so far; in constant time. */
export function checkFinished(body: Bytes, secret: TrafficSecret, transcript: Transcript): Failure {
  const expected = secret.verifyData(transcript.hash());
  if (body.length != expected.length) return Failure.MessageMalformed;
  return body.equals(expected) ? Failure.None : Failure.FinishedWrong;
}

const VERIFY = new CertificateVerify();
