/**
 * Why the vault refuses a seal: one number for each thing that can be wrong, so that a message can say which. The
 * client's numbers are the server's plus ten. Only an enum, so that AssemblyScript and TypeScript both read it.
 */
export enum SealError {
  None = 0,

  /** This vault was unsealed before; a vault is unsealed once. */
  AlreadyUnsealed = 1,
  /** Longer than a seal can be. */
  TooLong = 2,
  /** The first line is not "pinata seal 1". */
  NotASeal = 3,
  /** The file ends inside a field. */
  Truncated = 4,
  /** A field that is not the one that belongs here. */
  FieldOrder = 5,
  /** Bytes after the last field. */
  TrailingBytes = 6,
  /** Not 1 to 16 lower-case letters and digits. */
  NetworkInvalid = 7,
  /** Not 1 to 2,048 characters of printable ASCII and line feeds. */
  CandyInvalid = 8,

  /** No certificate, too long, or not of the profile. */
  AnchorInvalid = 10,
  /** Not a CA that may sign certificates. */
  AnchorNotAuthority = 11,
  /** Not signed by its own key. */
  AnchorNotSelfSigned = 12,

  /** Not 1 to 3 certificates of the profile in at most 8,192 bytes. */
  ServerChainInvalid = 20,
  /** Wrong length, unknown scheme, or no valid private key. */
  ServerKeyInvalid = 21,
  /** The key is not the one in the leaf certificate. */
  ServerKeyMismatch = 22,
  /** The chain does not lead to the trust anchor, or is not for a TLS server. */
  ServerChainUntrusted = 23,

  ClientChainInvalid = 30,
  ClientKeyInvalid = 31,
  ClientKeyMismatch = 32,
  ClientChainUntrusted = 33,
}
