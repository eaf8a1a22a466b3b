/**
 * What the board offers a door as module "vault" (AssemblyScript names an import's module after the file that declares it).
 * The board copies between the two memories with bounds checks and adds the door's number and the time. Every answer
 * is 0 when the vault is not available.
 */

/** The chain of `role` to `[at, at + capacity)`; its length. */
export declare function certificates(role: u32, at: usize, capacity: u32): u32;
/** The trust anchor's subject Name; its length. */
export declare function authority(at: usize, capacity: u32): u32;
/** SignatureScheme of our certificate for `role`. */
export declare function scheme(role: u32): u32;
/** A CertificateVerify signature; its length. */
export declare function sign(role: u32, hashAt: usize, hashLength: u32, signatureAt: usize, capacity: u32): u32;
/** A `Failure`; 0 = accepted, and the 16-byte ticket is written. */
export declare function authenticate(
  peerRole: u32,
  scheme: u32,
  chainAt: usize,
  chainLength: u32,
  signatureAt: usize,
  signatureLength: u32,
  hashAt: usize,
  hashLength: u32,
  ticketAt: usize,
): u32;
/** The candy for a ticket; its length. */
export declare function candy(ticketAt: usize, at: usize, capacity: u32): u32;
