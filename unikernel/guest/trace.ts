/**
 * The trace codes that guest compartments report (design: docs/design.md, "Trace"). A door calls
 * `trace(code, a, b, address, length)`; the board turns each call into one JSON line of `unikernel/trace.ts`.
 * Never key material, never plaintext. Only enums here, so that AssemblyScript and TypeScript both read it.
 */
export enum TraceCode {
  /** A ClientHello (or, as client, our own) was read: bytes = its JA4-relevant summary, see tls/fingerprint.ts. */
  Hello = 1,
  /** A state was reached: a = `State`. */
  State = 2,
  /** We sent an alert: a = AlertDescription, b = `Failure`. */
  AlertSent = 3,
  /** The peer sent an alert: a = AlertDescription, b = level. */
  AlertReceived = 4,
  /** Parameters were agreed: a = cipher suite, b = named group. */
  Negotiated = 5,
  /** The candy left the vault for this connection. */
  Candy = 6,
  /** Something was wrong after our close_notify, when no alert may follow (RFC 8446 §6.1): a = `Failure`. */
  Failed = 7,
}

/** How far a connection got, in the order of the handshake (both roles). Numbers are part of the trace format. */
export enum State {
  /** Nothing received yet. */
  Connected = 0,
  /** A whole record header of a known type was read. */
  Record = 1,
  /** The peer's hello was accepted. */
  Hello = 2,
  /** Both sides have handshake traffic keys, and the peer proved it by a record that decrypts. */
  KeyExchange = 3,
  /** The peer sent a certificate chain. */
  Certificate = 4,
  /** The vault accepted chain and signature. */
  Authenticated = 5,
  /** The peer's Finished was right: the handshake is complete. */
  Connection = 6,
  /** The candy was sent. */
  Opened = 7,
  /** Closed by us or the peer. */
  Closed = 8,
}
