/**
 * What is checked: each function of the guest that handles a secret, as a call of the harness module (test/unikernel/guest/harness/ct.ts) with the
 * bytes of its input that are secret. Everything else of the input, and every length, is public. The values are the same in every run.
 */
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";

export interface Case {
  name: string;
  /** Exported function of the harness. */
  call: string;
  /** Its two public numbers. */
  parameters?: [number, number];
  /** Operands one after the other; those that {@link secret} made are marked. */
  input: Operand[];
  /** Bytes that come out. */
  output: number;
  /** How many of them depend on the secret: all of them when absent. */
  secretOutput?: number;
  /** What the function returns; absent: a secret, or not looked at. */
  returns?: number;
  /** What comes out, from elsewhere. */
  expected?: Uint8Array;
  /** Declassified on the way (patches.ts). */
  declassifies?: string[];
}

export interface Operand {
  bytes: Uint8Array;
  isSecret: boolean;
}

/** `length` bytes that follow from their label. */
function bytes(label: string, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, i) =>
    createHash("sha512").update(`${label} ${i}`).digest(),
  );
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}

const secret = (label: string | Uint8Array, length = 32): Operand => ({
  bytes: typeof label === "string" ? bytes(label, length) : label,
  isSecret: true,
});
const open = (label: string | Uint8Array, length = 32): Operand => ({ ...secret(label, length), isSecret: false });

const SCALAR = bytes("scalar", 32);
const PEER = p256.getPublicKey(bytes("another scalar", 32), false);
const U = bytes("u", 32);
const KEM_SEED = bytes("seed of ML-KEM", 64);
const KEM = ml_kem768.keygen(KEM_SEED);
const KEM_RANDOM = bytes("randomness of ML-KEM", 32);
const KEM_SENT = ml_kem768.encapsulate(KEM.publicKey, KEM_RANDOM);
const KEM_WRONG = KEM_SENT.cipherText.map((byte, i) => (i === 500 ? byte ^ 1 : byte));
/** The secret parts of a decapsulation key: the vector s and the seed z of rejection; between them is what is published. */
const DECAPSULATION: Operand[] = [
  secret(KEM.secretKey.subarray(0, 1152)),
  open(KEM.secretKey.subarray(1152, 2368)),
  secret(KEM.secretKey.subarray(2368)),
];
const IN_RANGE = "private key in range";
const USUAL_LENGTH = 333;
const MESSAGE = bytes("message", USUAL_LENGTH);

interface AeadNumbers {
  name: string;
  number: number;
  cipher: "chacha20-poly1305" | "aes-128-gcm" | "aes-256-gcm";
  key: number;
  verdict: string;
}
const AEADS: AeadNumbers[] = [
  {
    name: "ChaCha20-Poly1305",
    number: 0,
    cipher: "chacha20-poly1305",
    key: 32,
    verdict: "ChaCha20-Poly1305 tag's verdict",
  },
  { name: "AES-128-GCM", number: 1, cipher: "aes-128-gcm", key: 16, verdict: "AES-GCM tag's verdict" },
  { name: "AES-256-GCM", number: 2, cipher: "aes-256-gcm", key: 32, verdict: "AES-GCM tag's verdict" },
];
const KEY = bytes("key", 32);
const NONCE = bytes("nonce", 12);
const AAD = bytes("associated data", 5);

/** In TLS the nonce is made of a secret, so it is one here. The ciphertext is public, and a tag is until it is compared. */
function aeadCases({ name, number, cipher, key, verdict }: AeadNumbers, length: number): Case[] {
  const message = bytes("message", length);
  const sealing = createCipheriv(cipher as "aes-128-gcm", KEY.subarray(0, key), NONCE, { authTagLength: 16 });
  sealing.setAAD(AAD, { plaintextLength: length });
  const ciphertext = new Uint8Array(Buffer.concat([sealing.update(message), sealing.final()]));
  const tag = new Uint8Array(sealing.getAuthTag());
  const wrong = tag.map((byte, i) => (i === 7 ? byte ^ 0x10 : byte));
  const keyed = [secret(KEY), secret(NONCE), open(AAD)];
  const opening = { call: "ctOpen", parameters: [number, length] as [number, number], declassifies: [verdict] };
  return [
    {
      ...{ name: `${name} seal`, call: "ctSeal", parameters: [number, length], output: length + 16 },
      input: [...keyed, secret(message)],
      ...{ returns: 1, expected: new Uint8Array(Buffer.concat([ciphertext, tag])) },
    },
    {
      ...{ name: `${name} open`, ...opening, input: [...keyed, open(ciphertext), open(tag)] },
      ...{ output: length, returns: 1, expected: message },
    },
    {
      ...{ name: `${name} open, wrong tag`, ...opening, input: [...keyed, open(ciphertext), open(wrong)] },
      ...{ output: length, secretOutput: 0, returns: 0, expected: ciphertext },
    },
  ];
}

function hashCases(bits: number, length: number): Case[] {
  const message = bytes("message", length);
  const name = `sha${bits}`;
  return [
    {
      ...{ name: `SHA-${bits}`, call: "ctHash", parameters: [bits, length], input: [secret(message)] },
      ...{ output: bits / 8, expected: createHash(name).update(message).digest() },
      ...(length === 0 ? { secretOutput: 0 } : {}),
    },
    {
      ...{ name: `HMAC-SHA-${bits}`, call: "ctHmac", parameters: [bits, length], output: bits / 8 },
      input: [secret(SCALAR), secret("rest of the key", 16), secret(message)],
      expected: createHmac(name, Buffer.concat([SCALAR, bytes("rest of the key", 16)]))
        .update(message)
        .digest(),
    },
  ];
}

/** Functions of data of any length. */
function symmetricCases(length: number): Case[] {
  const message = bytes("message", length);
  return [
    {
      ...{ name: "GHASH", call: "ctGhash", parameters: [length, 0], output: 16 },
      input: [secret("hash key", 16), secret(message)],
      ...(length === 0 ? { secretOutput: 0 } : {}), // the hash of nothing is zero
    },
    {
      ...{ name: "ChaCha20", call: "ctChaCha20", parameters: [length, 0], output: length },
      input: [secret(KEY), secret(NONCE), secret(message)],
    },
    {
      ...{ name: "Poly1305", call: "ctPoly1305", parameters: [length, 0], output: 16 },
      input: [secret(KEY), secret(message)],
    },
    ...AEADS.flatMap((one) => aeadCases(one, length)),
    ...[256, 384, 512].flatMap((bits) => hashCases(bits, length)),
    ...["SHA3-256", "SHA3-512", "SHAKE256"].map(
      (name, i): Case => ({
        ...{ name: `Keccak: ${name}`, call: "ctKeccak", parameters: [i, length], output: [32, 64, 200][i]! },
        ...{ input: [secret(message)], ...(length === 0 ? { secretOutput: 0 } : {}) },
      }),
    ),
  ];
}

/** Around the blocks of each function: 0, 1, and the lengths beside multiples. */
const LENGTHS = [
  0, 1, 15, 16, 17, 31, 32, 33, 55, 56, 63, 64, 65, 111, 112, 127, 128, 135, 136, 137, 143, 144, 223, 224, 225, 255,
  256, 257, 480, 1000,
];

/** The long form: the functions of data, for lengths that take every way through them. */
export const LENGTH_CASES: Case[] = LENGTHS.flatMap((length) =>
  symmetricCases(length).map((one) => ({ ...one, name: `${one.name}, ${length} bytes` })),
);

export const CASES: Case[] = [
  { name: "X25519 public key", call: "ctX25519Base", input: [secret(SCALAR)], output: 32 },
  {
    ...{ name: "X25519", call: "ctX25519", input: [secret(SCALAR), open(U)], output: 32, returns: 1 },
    declassifies: ["share of small order"],
  },
  {
    ...{
      name: "P-256 range of a private key",
      call: "ctP256ValidScalar",
      input: [secret(SCALAR)],
      output: 0,
      returns: 1,
    },
    declassifies: [IN_RANGE],
  },
  {
    // The first byte says which form it is.
    ...{ name: "P-256 public key", call: "ctP256PublicKey", input: [secret(SCALAR)], output: 65, secretOutput: 64 },
    ...{ declassifies: [IN_RANGE], expected: p256.getPublicKey(SCALAR, false) },
  },
  {
    ...{
      name: "P-256 shared secret",
      call: "ctP256SharedSecret",
      input: [secret(SCALAR), open(PEER)],
      output: 32,
      returns: 1,
    },
    ...{ declassifies: [IN_RANGE], expected: p256.getSharedSecret(SCALAR, PEER, true).subarray(1) },
  },
  ...[0, 32].map(
    (extra): Case => ({
      ...{
        name: `ECDSA P-256 sign${extra ? ", with randomness" : ""}`,
        call: "ctEcdsaSign",
        parameters: [extra, 0],
        output: 64,
      },
      input: [secret(SCALAR), open("digest"), secret("extra", extra)],
      declassifies: ["signing key in range", "nonce accepted"],
    }),
  ),
  { name: "P-256 scalars: sum, product, inverse", call: "ctScalars", input: [secret(SCALAR), secret("b")], output: 32 },
  { name: "P-256 field: inverse", call: "ctFieldInvert", input: [secret(SCALAR)], output: 16, secretOutput: 8 },
  { name: "Ed25519 public key", call: "ctEd25519PublicKey", input: [secret(SCALAR)], output: 32 },
  {
    ...{ name: "Ed25519 sign", call: "ctEd25519Sign", parameters: [MESSAGE.length, 0], output: 64 },
    input: [secret(SCALAR), open("public key"), open(MESSAGE)],
  },
  { name: "Ed25519 scalars", call: "ctScalar25519", input: [secret("hash", 64), secret("factor")], output: 32 },
  ...[16, 32].map(
    (key): Case => ({
      ...{ name: `AES-${key * 8} key schedule, counter mode`, call: "ctAes", parameters: [key, 0], output: 256 },
      input: [secret("key", key), secret(NONCE)],
    }),
  ),
  ...symmetricCases(USUAL_LENGTH),
  ...[256, 384, 512].map(
    (bits): Case => ({
      ...{ name: `HKDF-SHA-${bits}`, call: "ctHkdf", parameters: [bits, 0], output: bits / 8 },
      input: [secret("salt"), secret("input keying material")],
    }),
  ),
  {
    // The seed of the matrix is public: 32 bytes of the encapsulation key, and of its copy in the decapsulation key.
    ...{ name: "ML-KEM-768 key generation", call: "ctMlKemKeyGen", input: [secret(KEM_SEED)], output: 3584 },
    ...{ secretOutput: 3584 - 64, declassifies: ["seed of ML-KEM's matrix"] },
    expected: new Uint8Array(Buffer.concat([KEM.publicKey, KEM.secretKey])),
  },
  {
    ...{ name: "ML-KEM-768 encapsulation", call: "ctMlKemEncaps", output: 1120, returns: 1 },
    input: [secret(KEM_RANDOM), open(KEM.publicKey)],
    expected: new Uint8Array(Buffer.concat([KEM_SENT.cipherText, KEM_SENT.sharedSecret])),
  },
  {
    ...{ name: "ML-KEM-768 decapsulation", call: "ctMlKemDecaps", output: 32 },
    ...{ input: [...DECAPSULATION, open(KEM_SENT.cipherText)], expected: KEM_SENT.sharedSecret },
  },
  {
    ...{ name: "ML-KEM-768 decapsulation, wrong ciphertext", call: "ctMlKemDecaps", output: 32 },
    ...{ input: [...DECAPSULATION, open(KEM_WRONG)], expected: ml_kem768.decapsulate(KEM_WRONG, KEM.secretKey) },
  },
  { name: "random generator", call: "ctGenerator", parameters: [100, 0], input: [secret("seed")], output: 200 },
  {
    name: "equals",
    call: "ctEquals",
    parameters: [100, 0],
    input: [secret("one", 100), secret("one", 100)],
    output: 0,
  },
  {
    name: "equals, different",
    call: "ctEquals",
    parameters: [32, 0],
    input: [secret("one"), secret("other")],
    output: 0,
  },
  ...[0x1301, 0x1302, 0x1303].map(
    (suite): Case => ({
      ...{
        name: `key schedule, suite ${suite.toString(16)}`,
        call: "ctKeySchedule",
        parameters: [suite, 64],
        output: 192,
      },
      input: [secret("shared secret", 64), open("transcript hash", 48)],
    }),
  ),
];

/** A case's line for the native program, under a name without blanks. */
export function scenarioLine(id: string, one: Case): string {
  let at = 0;
  const secrets: number[] = [];
  for (const { bytes: part, isSecret } of one.input) {
    if (isSecret && part.length > 0) secrets.push(at, part.length);
    at += part.length;
  }
  const [p, q] = one.parameters ?? [0, 0];
  const hex = Buffer.concat(one.input.map((operand) => operand.bytes)).toString("hex");
  return [id, one.call, p, q, one.output, secrets.length / 2, ...secrets, hex].join(" ");
}
