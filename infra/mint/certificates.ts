/**
 * The certificates of a practice piñata (RFC 5280): a private authority and three leaves. Made with @peculiar/x509, so that the
 * issuer is independent of the piñata's own validator. The authority's key exists only while this function runs.
 */
import "reflect-metadata";
import { generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export type Scheme = "p256" | "ed25519";

export interface Identity {
  /** DER. */
  certificate: Uint8Array;
  /** 32 bytes: the P-256 scalar or the Ed25519 seed. */
  secret: Uint8Array;
  privateKey: KeyObject;
}

export interface Certificates {
  /** DER of the authority's own certificate. */
  authority: Uint8Array;
  /** The piñata as TLS server. */
  server: Identity;
  /** The piñata as TLS client. */
  client: Identity;
  /** The player: TLS client at the first door, TLS server at the others. */
  player: Identity;
}

const P256_SHA256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const YEARS = 10;
const DAY = 86_400_000;

/** `now` is when they become valid, less a day for clocks that are behind; they last ten years. */
export async function makeCertificates(now: Date, scheme: Scheme): Promise<Certificates> {
  const validity = { notBefore: new Date(now.getTime() - DAY), notAfter: new Date(now) };
  validity.notBefore.setUTCMilliseconds(0);
  validity.notAfter.setUTCMilliseconds(0);
  validity.notAfter.setUTCFullYear(now.getUTCFullYear() + YEARS);
  // Each piñata's names are its own, so that certificates of different ones are not taken for each other.
  const organisation = `pinata ${randomBytes(4).toString("hex")}`;
  const name = (common: string) => `CN=${common}, O=${organisation}`;
  const keys = (await webcrypto.subtle.generateKey(P256_SHA256, false, ["sign", "verify"])) as CryptoKeyPair;
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: name("practice authority"),
    ...validity,
    keys,
    signingAlgorithm: P256_SHA256,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issue = async (common: string, usages: string[], extra: x509.Extension[] = []): Promise<Identity> => {
    const pair = newKey(scheme);
    const spki = pair.publicKey.export({ type: "spki", format: "der" });
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: name(common),
      issuer: authority.subject,
      ...validity,
      publicKey: new x509.PublicKey(spki),
      signingKey: keys.privateKey,
      signingAlgorithm: P256_SHA256,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        ...extra,
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const secret = Buffer.from(pair.privateKey.export({ format: "jwk" }).d!, "base64url");
    return { certificate: new Uint8Array(certificate.rawData), secret, privateKey: pair.privateKey };
  };
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  const names = new x509.SubjectAlternativeNameExtension([
    { type: "dns", value: "localhost" },
    { type: "dns", value: "pinata" },
  ]);
  return {
    authority: new Uint8Array(authority.rawData),
    server: await issue("pinata server", [serverAuth], [names]),
    client: await issue("pinata client", [clientAuth]),
    player: await issue("player", [clientAuth, serverAuth]),
  };
}

/** PEM (RFC 7468) of a certificate. */
export function certificatePem(der: Uint8Array): string {
  return `${x509.PemConverter.encode(new Uint8Array(der).buffer, "CERTIFICATE")}\n`;
}

function newKey(scheme: Scheme): { publicKey: KeyObject; privateKey: KeyObject } {
  return scheme === "p256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
}

/** 16 random bytes, positive, and with the highest byte non-zero, so that DER needs neither padding nor cutting. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString("hex");
}
