/** The witness's key: made once, kept to itself, and refused when it cannot be trusted. */
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWitnessKey, WitnessKeyError } from "../../../monitor/witness/key.ts";
import { temporaryFolder } from "../support/rig.ts";

let folder: ReturnType<typeof temporaryFolder>;
let file: string;
beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder.path, "witness.pem");
});
afterEach(() => folder.remove());

const message = Buffer.from("what is said");

function isValid(publicKey: string, signature: string): boolean {
  const x = Buffer.from(publicKey, "hex").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, message, key, Buffer.from(signature, "hex"));
}

test("made at the first start, for its owner alone, and the same afterwards", () => {
  const first = openWitnessKey(file);
  expect(first.isNew).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.path)).toEqual(["witness.pem"]);
  expect(isValid(first.publicKey, first.sign(message))).toBe(true);
  const again = openWitnessKey(file);
  expect(again).toMatchObject({ publicKey: first.publicKey, isNew: false });
  expect(again.sign(message)).toBe(first.sign(message));
});

test("an umask that would open it to others does not", () => {
  const before = process.umask(0);
  try {
    openWitnessKey(file);
  } finally {
    process.umask(before);
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("openssl reads it", () => {
  const { publicKey } = openWitnessKey(file);
  const text = execFileSync("openssl", ["pkey", "-in", file, "-noout", "-text_pub"], { encoding: "utf8" });
  expect(text.replace(/[\s:]/g, "")).toContain(publicKey);
});

test("what is left of a start that was killed is no key, and in nobody's way", () => {
  writeFileSync(`${file}.0123456789ab.new`, "-----BEGIN PRIV");
  const { publicKey } = openWitnessKey(file);
  expect(openWitnessKey(file).publicKey).toBe(publicKey);
});

test.each([0o640, 0o604, 0o660, 0o620, 0o601])("mode %o is refused, and the file left as it is", (mode) => {
  openWitnessKey(file);
  const bytes = readFileSync(file, "utf8");
  chmodSync(file, mode);
  expect(() => openWitnessKey(file)).toThrow(WitnessKeyError);
  expect(() => openWitnessKey(file)).toThrow(
    `${file}: the witness key may be read or changed by others (mode ${mode.toString(8)})`,
  );
  expect(readFileSync(file, "utf8")).toBe(bytes);
  chmodSync(file, 0o600);
  expect(openWitnessKey(file).isNew).toBe(false);
});

const other = (type: "x25519" | "ed448") =>
  type === "ed448" ? generateKeyPairSync("ed448").privateKey : generateKeyPairSync("x25519").privateKey;
test.each([
  ["empty", ""],
  ["text", "a key"],
  ["longer than any key", "x".repeat(100_000)],
  ["of another kind", String(other("ed448").export({ type: "pkcs8", format: "pem" }))],
  ["for agreeing on keys", String(other("x25519").export({ type: "pkcs8", format: "pem" }))],
])("a file that is %s is refused, never replaced", (_what, content) => {
  writeFileSync(file, content, { mode: 0o600 });
  expect(() => openWitnessKey(file)).toThrow("is damaged or not an Ed25519 key in PEM");
  expect(readFileSync(file, "utf8")).toBe(content);
});

test("a key cut short is refused", () => {
  openWitnessKey(file);
  truncateSync(file, 60);
  expect(() => openWitnessKey(file)).toThrow("is damaged");
});

test("its folder is made too", () => {
  expect(openWitnessKey(join(folder.path, "a", "b", "witness.pem")).isNew).toBe(true);
});

test("a folder in its place, a file where its folder should be, a link to nowhere", () => {
  mkdirSync(file);
  expect(() => openWitnessKey(file)).toThrow("is not a file");
  rmSync(file, { recursive: true });
  writeFileSync(file, "");
  expect(() => openWitnessKey(join(file, "witness.pem"))).toThrow(WitnessKeyError);
  rmSync(file);
  symlinkSync(join(folder.path, "nowhere"), file);
  expect(() => openWitnessKey(file)).toThrow(WitnessKeyError);
});
