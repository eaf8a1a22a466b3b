/**
 * Every way in which a connection can fail, in one table: what the peer did wrong (or what ran out), nothing of how it
 * was found. `tls/alert.ts` turns a failure into its alert with one function; the boards write the number into the
 * trace; `unikernel/failures.ts` explains each in words. Numbers are part of the trace format: append, never renumber.
 * This file has only an enum, so that AssemblyScript and TypeScript both read it.
 */
export enum Failure {
  None = 0,

  // The peer's bytes are not well formed (RFC 8446 §6.2 decode_error, record_overflow, bad_record_mac).
  RecordType = 1,
  RecordOverflow = 2,
  RecordEmpty = 3,
  BadRecordMac = 4,
  InnerTypeMissing = 5,
  ChangeCipherSpecInvalid = 6,
  AlertMalformed = 7,
  MessageTooLong = 8,
  MessageMalformed = 9,
  MessageSpansKeyChange = 10,
  PlainText = 11,

  // The peer misbehaved: well formed, but not allowed here.
  UnexpectedMessage = 20,
  UnexpectedContentType = 21,
  DuplicateExtension = 22,
  ExtensionNotAllowedHere = 23,
  UnsolicitedExtension = 24,
  MissingExtension = 25,
  KeyShareInvalid = 26,
  KeyShareNotOffered = 27,
  RetryUnchanged = 28,
  SecondRetry = 29,
  SuiteChangedAfterRetry = 30,
  CookieMissing = 31,
  LegacyVersionInvalid = 32,
  CompressionOffered = 33,
  SessionIdNotEchoed = 34,
  SuiteNotOffered = 35,
  DowngradeSentinel = 36,
  FinishedWrong = 37,
  PskNotLast = 38,
  EarlyDataSent = 39,
  RetryHelloChanged = 40,
  KeyUpdateInvalid = 41,
  RequestContextInvalid = 42,
  HandshakeAfterEnd = 43,
  VersionNotOffered = 44,
  RecordSizeLimitInvalid = 45,

  // The peer is not compatible.
  NoCommonVersion = 60,
  NoCommonSuite = 61,
  NoCommonGroup = 62,
  NoCommonSignature = 63,

  // The peer's certificate and proof.
  CertificateMissing = 80,
  CertificateMalformed = 81,
  CertificateUnsupported = 82,
  CertificateExpired = 83,
  CertificateNotYetValid = 84,
  CertificateUnknownAuthority = 85,
  CertificateSignatureWrong = 86,
  CertificatePurposeWrong = 87,
  CertificateIsAuthority = 88,
  CertificateNotAuthority = 89,
  CertificatePathTooLong = 90,
  CertificateCriticalExtension = 91,
  CertificateNameMismatch = 92,
  CertificateVerifyWrong = 93,
  CertificateVerifySchemeWrong = 94,

  // Limits and our own side.
  TooMuchBeforeAuthentication = 110,
  TooManyRecords = 111,
  TicketRefused = 112,
  VaultUnavailable = 113,
  Internal = 114,
  TooMuchAfterCandy = 115,

  // The peer ended the connection.
  PeerAlert = 120,
  PeerClosed = 121,
}
