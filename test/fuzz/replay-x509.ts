/** What harness/x509.c does with an input, in Node. */
import type { TestVault } from "../support/vault.ts";

/** The first byte of an input; see harness/x509.c. */
export const X509_FLAG = { server: 1, sha384: 2, early: 4, late: 8, raw: 16 } as const;
const HASH_BYTE = 0xa5;
const EARLY = 946684800n;
const LATE = 4102444800n;
/** Seconds since 1970, as FUZZ_NOW of harness/vault.h. */
const FUZZ_NOW = 1780315200n;
const DOOR_NUMBER = 7;
const MOST_BYTES = 65536;

/** The hash that is signed. */
export function x509Hash(flags: number): Buffer {
  return Buffer.alloc(flags & X509_FLAG.sha384 ? 48 : 32, HASH_BYTE);
}

/** Replays an input; returns the vault's `Failure`. A trap is thrown. */
export function replayX509(vault: TestVault, input: Uint8Array): number {
  let at = 0;
  const uint = (width: number) => {
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (input[at++] ?? 0);
    return value;
  };
  const chunk = () => {
    const length = uint(2);
    at += length;
    return input.subarray(at - length, at);
  };
  const flags = uint(1);
  const scheme = uint(2);
  const signature = chunk();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (at < input.length) {
    const certificate = chunk();
    if (certificate.length + 3 > MOST_BYTES - length) break;
    const framed = (flags & X509_FLAG.raw) === 0;
    if (framed) parts.push(Uint8Array.of(0, certificate.length >> 8, certificate.length & 0xff));
    parts.push(certificate);
    length += certificate.length + (framed ? 3 : 0);
    if (!framed) break;
  }
  const hash = x509Hash(flags);
  const all = Buffer.concat([...parts, signature, hash]);
  vault.write(all.subarray(0, vault.raw.inboxSize!()));
  const now = flags & X509_FLAG.early ? EARLY : flags & X509_FLAG.late ? LATE : FUZZ_NOW;
  const role = flags & X509_FLAG.server ? 0 : 1;
  return vault.raw.authenticate!(DOOR_NUMBER, role, now, scheme, length, signature.length, hash.length);
}

export function x509Input(flags: number, scheme: number, signature: Uint8Array, certificates: Uint8Array[]): Buffer {
  const chunk = (bytes: Uint8Array) => [Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes];
  const head = Buffer.from([flags, scheme >> 8, scheme & 0xff]);
  return Buffer.concat([head, ...chunk(signature), ...certificates.flatMap(chunk)]);
}
