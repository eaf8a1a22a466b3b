/**
 * The object identifiers of our certificate profile, as DER, each with its dotted form and source.
 *
 * AlgorithmIdentifiers are whole (with their SEQUENCE): DER has one encoding for each, so comparing one is parsing it.
 */
import { Bytes } from "bytes";

/** `SEQUENCE { 1.2.840.10045.4.3.2 }`: ecdsa-with-SHA256, without parameters (RFC 5758 §3.2). */
// biome-ignore format: a table
const ECDSA_WITH_SHA256_DER: StaticArray<u8> = [
  0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];
/** `SEQUENCE { 1.2.840.10045.4.3.3 }`: ecdsa-with-SHA384, without parameters (RFC 5758 §3.2). */
// biome-ignore format: a table
const ECDSA_WITH_SHA384_DER: StaticArray<u8> = [
  0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03,
];
/** `SEQUENCE { 1.3.101.112 }`: Ed25519, key and signature, without parameters (RFC 8410 §3). */
const ED25519_DER: StaticArray<u8> = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
/** `SEQUENCE { 1.2.840.10045.2.1, 1.2.840.10045.3.1.7 }`: a key on the named curve P-256 (RFC 5480 §2.1.1). */
// biome-ignore format: a table
const P256_KEY_DER: StaticArray<u8> = [
  0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
  0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];
/** `SEQUENCE { 1.2.840.10045.2.1, 1.3.132.0.34 }`: a key on the named curve P-384 (RFC 5480 §2.1.1). */
// biome-ignore format: a table
const P384_KEY_DER: StaticArray<u8> = [
  0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
];
/** 1.2.840.113549.1.1.4: md5WithRSAEncryption (RFC 3279 §2.2.1), without SEQUENCE and parameters. */
const MD5_WITH_RSA_DER: StaticArray<u8> = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];
/** 1.3.6.1.5.5.7.3.1 and .2 (RFC 5280 §4.2.1.12), contents only. */
const SERVER_AUTH_DER: StaticArray<u8> = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH_DER: StaticArray<u8> = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

export const ECDSA_WITH_SHA256_ALGORITHM = fromTable(ECDSA_WITH_SHA256_DER);
export const ECDSA_WITH_SHA384_ALGORITHM = fromTable(ECDSA_WITH_SHA384_DER);
export const ED25519_ALGORITHM = fromTable(ED25519_DER);
export const P256_KEY_ALGORITHM = fromTable(P256_KEY_DER);
export const P384_KEY_ALGORITHM = fromTable(P384_KEY_DER);
export const MD5_WITH_RSA = fromTable(MD5_WITH_RSA_DER);
export const ID_SERVER_AUTH = fromTable(SERVER_AUTH_DER);
export const ID_CLIENT_AUTH = fromTable(CLIENT_AUTH_DER);

function fromTable(table: StaticArray<u8>): Bytes {
  const bytes = Bytes.alloc(<u32>table.length);
  for (let i = 0; i < table.length; i++) bytes[i] = table[i];
  return bytes;
}
