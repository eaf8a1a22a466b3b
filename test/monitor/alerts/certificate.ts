/** A certificate for 127.0.0.1 and its authority, made with OpenSSL's rules by @peculiar/x509, as PEM. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export interface ServerCertificate {
  key: string;
  cert: string;
  ca: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** `names`: what the certificate is for. */
export async function serverCertificate(
  names: x509.JsonGeneralName[] = [{ type: "ip", value: "127.0.0.1" }],
): Promise<ServerCertificate> {
  const usages: ["sign", "verify"] = ["sign", "verify"];
  const authorityKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, usages);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, usages);
  const notBefore = new Date(Date.now() - 3_600_000);
  const notAfter = new Date(Date.now() + 86_400_000);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Test authority",
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    notBefore,
    notAfter,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    subject: "CN=Test server",
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    notBefore,
    notAfter,
    extensions: [new x509.SubjectAlternativeNameExtension(names)],
  });
  const secret = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`,
    cert: leaf.toString("pem"),
    ca: authority.toString("pem"),
  };
}
