/**
 * The numbers of TLS 1.3 that this engine knows by name (RFC 8446 §B, IANA TLS registries). Only enums and constants:
 * what is not here is unknown to us and handled as the RFC says for unknown values.
 */
export const TLS_1_2: u32 = 0x0303;
export const TLS_1_3: u32 = 0x0304;

export enum ContentType {
  ChangeCipherSpec = 20,
  Alert = 21,
  Handshake = 22,
  ApplicationData = 23,
}

export enum HandshakeType {
  ClientHello = 1,
  ServerHello = 2,
  NewSessionTicket = 4,
  EncryptedExtensions = 8,
  Certificate = 11,
  CertificateRequest = 13,
  CertificateVerify = 15,
  Finished = 20,
  KeyUpdate = 24,
  MessageHash = 254,
}

export enum ExtensionType {
  ServerName = 0,
  SupportedGroups = 10,
  SignatureAlgorithms = 13,
  Alpn = 16,
  Padding = 21,
  RecordSizeLimit = 28,
  PreSharedKey = 41,
  EarlyData = 42,
  SupportedVersions = 43,
  Cookie = 44,
  PskKeyExchangeModes = 45,
  CertificateAuthorities = 47,
  OidFilters = 48,
  KeyShare = 51,
  EncryptedClientHello = 0xfe0d,
}

export enum CipherSuite {
  Aes128GcmSha256 = 0x1301,
  Aes256GcmSha384 = 0x1302,
  ChaCha20Poly1305Sha256 = 0x1303,
}

export enum NamedGroup {
  Secp256r1 = 23,
  X25519 = 29,
  X25519MlKem768 = 0x11ec,
}

export enum SignatureScheme {
  EcdsaSecp256r1Sha256 = 0x0403,
  EcdsaSecp384r1Sha384 = 0x0503,
  Ed25519 = 0x0807,
}

/** Reserved values that peers sprinkle into their lists so that nobody chokes on unknown ones (RFC 8701): 0x0a0a, 0x1a1a, … 0xfafa. */
export function isGrease(value: u32): bool {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}
