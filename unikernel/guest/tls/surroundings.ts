/**
 * What the engine asks of its surroundings: the vault and the trace. The door's entry file implements both with the
 * module's imports, tests with their own; the engine itself has none. Bytes in, bytes out, nothing blocks.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { Role } from "../role";

/** The keeper of the long-term keys. Every answer may be 0: the vault is not available. */
export abstract class Vault {
  /** The chain for `role` to `out` as a sequence of `u24 length ‖ DER`, leaf first; its total length. */
  abstract certificates(role: Role, out: Bytes): u32;
  /** The trust anchor's subject Name (DER) to `out`; its length. */
  abstract authority(out: Bytes): u32;
  /** The SignatureScheme of our certificate for `role`. */
  abstract scheme(role: Role): u32;
  /** A CertificateVerify signature over `transcriptHash` in the context of `role` to `out`; its length. */
  abstract sign(role: Role, transcriptHash: Bytes, out: Bytes): u32;
  /** Judges a peer's chain and proof of key; on success the 16-byte `ticket` is filled. */
  abstract authenticate(
    peerRole: Role,
    scheme: u32,
    chain: Bytes,
    signature: Bytes,
    transcriptHash: Bytes,
    ticket: Bytes,
  ): Failure;
  /** The candy for `ticket` to `out`; its length. */
  abstract candy(ticket: Bytes, out: Bytes): u32;
}

/** Where trace events go (guest/trace.ts says what `a`, `b` and `bytes` are for each code). */
export abstract class Trace {
  abstract event(code: u32, a: u32, b: u32, bytes: Bytes): void;
}
