/** A self-signed certificate for the Electrum server, as most of its kind have; clients pin its fingerprint. */
import "reflect-metadata";
import { createHash, KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export interface ServerCertificate {
  /** PEM. */
  key: string;
  cert: string;
  /** SHA-256 of the certificate's DER, 64 hex digits. */
  fingerprint: string;
}

const P256_SHA256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 86_400_000;

/** For "localhost", valid from a day before `now` for ten years. */
export async function makeCertificate(now: Date): Promise<ServerCertificate> {
  const keys = (await webcrypto.subtle.generateKey(P256_SHA256, true, ["sign", "verify"])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    notBefore: new Date(now.getTime() - DAY),
    notAfter: new Date(now.getTime() + 3650 * DAY),
    keys,
    signingAlgorithm: P256_SHA256,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  const key = KeyObject.from(keys.privateKey as webcrypto.CryptoKey).export({ type: "pkcs8", format: "pem" });
  const fingerprint = createHash("sha256").update(new Uint8Array(certificate.rawData)).digest("hex");
  return { key: key.toString(), cert: certificate.toString("pem"), fingerprint };
}
