/**
 * The seal: one binary file with everything secret that a piñata is given. Written here, read by the vault
 * (unikernel/guest/seal.ts). "pinata seal 1\n", then seven fields in fixed order, each `u8 type ‖ u24 length ‖ value`;
 * nothing follows. Limits are checked here too, so that a seal the vault would refuse is never written.
 */

export enum SealScheme {
  P256 = 0x0403,
  Ed25519 = 0x0807,
}

/** A certificate chain and its leaf's key. */
export interface SealIdentity {
  /** DER, leaf first, 1 to 3 certificates. */
  chain: Uint8Array[];
  scheme: SealScheme;
  /** 32 bytes: the P-256 scalar or the Ed25519 seed. */
  key: Uint8Array;
}

export interface Seal {
  /** 1 to 16 ASCII characters. */
  network: string;
  /** 1 to 2,048 characters of printable ASCII and line feeds. */
  candy: string;
  /** DER, at most 4,096 bytes. */
  trustAnchor: Uint8Array;
  server: SealIdentity;
  client: SealIdentity;
}

export const SEAL_MAGIC = "pinata seal 1\n";

const MAX_CANDY = 2048;
const MAX_ANCHOR = 4096;
const MAX_CHAIN = 8192;
const MAX_CERTIFICATES = 3;

/** The file's bytes. Throws RangeError when a field is outside its limits. */
export function encodeSeal(seal: Seal): Uint8Array {
  require(/^[a-z0-9]{1,16}$/.test(seal.network), "the network's name");
  require(seal.candy.length <= MAX_CANDY && /^[\x20-\x7e\n]+$/.test(seal.candy), "the candy");
  require(seal.trustAnchor.length > 0 && seal.trustAnchor.length <= MAX_ANCHOR, "the trust anchor");
  return Buffer.concat([
    Buffer.from(SEAL_MAGIC, "ascii"),
    field(1, Buffer.from(seal.network, "ascii")),
    field(2, Buffer.from(seal.candy, "ascii")),
    field(3, seal.trustAnchor),
    field(4, chain(seal.server)),
    field(5, key(seal.server)),
    field(6, chain(seal.client)),
    field(7, key(seal.client)),
  ]);
}

function chain({ chain }: SealIdentity): Uint8Array {
  require(chain.length >= 1 && chain.length <= MAX_CERTIFICATES, "a certificate chain");
  const bytes = Buffer.concat(chain.flatMap((certificate) => [u24(certificate.length), certificate]));
  require(bytes.length <= MAX_CHAIN && chain.every(({ length }) => length > 0), "a certificate chain");
  return bytes;
}

function key({ scheme, key }: SealIdentity): Uint8Array {
  require(key.length === 32, "a key");
  return Buffer.concat([Uint8Array.of(scheme >> 8, scheme & 0xff), key]);
}

function field(type: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), u24(value.length), value]);
}

function u24(value: number): Uint8Array {
  return Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff);
}

function require(condition: boolean, what: string): void {
  if (!condition) throw new RangeError(`${what} does not fit a seal`);
}
