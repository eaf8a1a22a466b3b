/**
 * Makes certificates for tests with @peculiar/x509 on Node's webcrypto, so that issuer and validator are independent:
 * authorities, leaves, and (through {@link alter}) certificates that are wrong in one place but properly signed.
 */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384 } from "@noble/curves/nist.js";
import * as x509 from "@peculiar/x509";
import { concat, constructed, decode, encode, type Node, primitive, signatureToDer, uint } from "./der.ts";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

export type KeyKind = "p256" | "p384" | "ed25519";
/** What a piñata's own keys may be; P-384 is verified only. */
export type OwnKeyKind = Exclude<KeyKind, "p384">;

export interface Keys {
  kind: KeyKind;
  pair: CryptoKeyPair;
  /** The private key's bytes: scalar of the curve, or Ed25519 seed. */
  secret: Uint8Array;
  /** SignatureScheme of TLS. */
  scheme: number;
}

/** A certificate and the keys in it. */
export interface Issued {
  der: Uint8Array;
  subject: string;
  keys: Keys;
}

export interface CertificateOptions {
  subject?: string;
  /** Who signs; absent: self-signed. */
  issuer?: Issued;
  /** The issuer's name to write, where it is not the issuer's subject. */
  issuerName?: string;
  kind?: KeyKind;
  keys?: Keys;
  serialNumber?: string;
  notBefore?: Date;
  notAfter?: Date;
  /** All extensions of the certificate, instead of those of {@link authority} or {@link leaf}. */
  extensions?: x509.Extension[];
}

export type Purpose = "server" | "client";

export const NOT_BEFORE = new Date("2024-01-01T00:00:00Z");
export const NOT_AFTER = new Date("2034-01-01T00:00:00Z");
/** A time at which everything with the default validity is valid, in seconds since 1970. */
export const NOW = BigInt(Date.parse("2026-06-01T12:00:00Z") / 1000);

export const { KeyUsageFlags } = x509;
export const PURPOSE_OIDS: Record<Purpose, string> = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" };

const KINDS = {
  p256: { algorithm: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, scheme: 0x0403 },
  p384: { algorithm: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }, scheme: 0x0503 },
  ed25519: { algorithm: { name: "Ed25519" }, scheme: 0x0807 },
} as const;
const CURVES = { p256, p384 };

export async function makeKeys(kind: KeyKind): Promise<Keys> {
  const { algorithm, scheme } = KINDS[kind];
  const pair = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const { d } = await webcrypto.subtle.exportKey("jwk", pair.privateKey);
  return { kind, pair, secret: Buffer.from(d!, "base64url"), scheme };
}

/** The keys of a private key that is given: the scalar of the curve, or the Ed25519 seed. */
export async function keysOf(kind: KeyKind, secret: Uint8Array): Promise<Keys> {
  const { algorithm, scheme } = KINDS[kind];
  const jwk = publicJwk(kind, secret);
  const d = Buffer.from(secret).toString("base64url");
  const publicKey = await webcrypto.subtle.importKey("jwk", jwk, algorithm, true, ["verify"]);
  const privateKey = await webcrypto.subtle.importKey("jwk", { ...jwk, d }, algorithm, true, ["sign"]);
  return { kind, pair: { publicKey, privateKey }, secret, scheme };
}

function publicJwk(kind: KeyKind, secret: Uint8Array): JsonWebKey {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  if (kind === "ed25519") return { kty: "OKP", crv: "Ed25519", x: text(ed25519.getPublicKey(secret)) };
  const point = CURVES[kind].getPublicKey(secret, false).subarray(1);
  const [x, y] = [point.subarray(0, point.length / 2), point.subarray(point.length / 2)];
  return { kty: "EC", crv: KINDS[kind].algorithm.namedCurve, x: text(x), y: text(y) };
}

/** As {@link sign}, but the same signature every time (RFC 6979, RFC 8032), so that what is signed can be made again. */
export function signAgain({ kind, secret }: Keys, message: Uint8Array): Uint8Array {
  if (kind === "ed25519") return ed25519.sign(message, secret);
  return signatureToDer(CURVES[kind].sign(message, secret, { lowS: false }));
}

/** Signs with the key's own algorithm; ECDSA signatures come as DER. */
export async function sign(keys: Keys, message: Uint8Array): Promise<Uint8Array> {
  const raw = new Uint8Array(await webcrypto.subtle.sign(KINDS[keys.kind].algorithm, keys.pair.privateKey, message));
  return keys.kind === "ed25519" ? raw : signatureToDer(raw);
}

/** A CA certificate: basicConstraints (with `pathLength` where given), keyCertSign and cRLSign, both critical. */
export async function authority(options: CertificateOptions & { pathLength?: number } = {}): Promise<Issued> {
  return issue({
    extensions: [
      basicConstraints(true, options.pathLength),
      keyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign),
    ],
    subject: "CN=Test CA,O=Example",
    ...options,
  });
}

/** A leaf for one or both purposes, with digitalSignature. */
export async function leaf(purpose: Purpose | Purpose[], options: CertificateOptions): Promise<Issued> {
  return issue({
    extensions: [keyUsage(KeyUsageFlags.digitalSignature), purposes(...[purpose].flat())],
    subject: `CN=${[purpose].flat()[0]},O=Example`,
    ...options,
  });
}

/** Any certificate; the keys are new unless given. */
export async function issue(options: CertificateOptions): Promise<Issued> {
  const keys = options.keys ?? (await makeKeys(options.kind ?? "p256"));
  const signer = options.issuer?.keys ?? keys;
  const subject = options.subject ?? "CN=Test";
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: options.serialNumber ?? "01",
    subject,
    issuer: options.issuerName ?? options.issuer?.subject ?? subject,
    notBefore: options.notBefore ?? NOT_BEFORE,
    notAfter: options.notAfter ?? NOT_AFTER,
    publicKey: keys.pair.publicKey,
    signingKey: signer.pair.privateKey,
    signingAlgorithm: KINDS[signer.kind].algorithm,
    extensions: options.extensions ?? [],
  });
  return { der: new Uint8Array(certificate.rawData), subject, keys };
}

/** The parts of a certificate that {@link alter} hands out, as nodes of its DER. */
export interface Parts {
  /** The certificate's own three children: tbsCertificate, signatureAlgorithm, signature. */
  outer: Node[];
  /** The children of tbsCertificate: version, serial, algorithm, issuer, validity, subject, key, extensions. */
  tbs: Node[];
}

/** A copy of `issued` with its DER changed by `change` and signed again by `signer`, whose algorithm it keeps. */
export async function alter(issued: Issued, signer: Issued, change: (parts: Parts) => void): Promise<Issued> {
  const certificate = decode(issued.der);
  const outer = certificate.children!;
  change({ outer, tbs: outer[0]!.children! });
  const signature = await sign(signer.keys, encode(outer[0]!));
  outer[2] = { tag: 0x03, content: concat(Uint8Array.of(0), signature) };
  return { ...issued, der: encode(certificate) };
}

/** A certificate with the same signed part and algorithm and another signature. */
export function withSignature({ der }: Issued, signature: Uint8Array): Uint8Array {
  const [tbs, algorithm] = decode(der).children!;
  return encode(constructed(0x30, tbs!, algorithm!, primitive(0x03, concat(Uint8Array.of(0), signature))));
}

export function signatureOf({ der }: Issued): Uint8Array {
  return decode(der).children![2]!.content!.subarray(1);
}

export function basicConstraints(isAuthority: boolean, pathLength?: number): x509.Extension {
  return new x509.BasicConstraintsExtension(isAuthority, pathLength, true);
}

export function keyUsage(flags: x509.KeyUsageFlags): x509.Extension {
  return new x509.KeyUsagesExtension(flags, true);
}

export function purposes(...list: (Purpose | string)[]): x509.Extension {
  return new x509.ExtendedKeyUsageExtension(list.map((item) => PURPOSE_OIDS[item as Purpose] ?? item));
}

/** An extension of any content: `value` is what the OCTET STRING holds. */
export function rawExtension(oid: string, critical: boolean, value: Uint8Array): x509.Extension {
  return new x509.Extension(oid, critical, value as Uint8Array<ArrayBuffer>);
}

/** The form in which doors hand chains to the vault: `u24 length ‖ DER` for each. */
export function chainBytes(...certificates: (Issued | Uint8Array)[]): Uint8Array {
  const ders = certificates.map((item) => (item instanceof Uint8Array ? item : item.der));
  return concat(...ders.flatMap((der) => [uint(3, der.length), der]));
}
