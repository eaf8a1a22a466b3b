/**
 * Wycheproof's cases for AES-GCM (SP 800-38D), ChaCha20-Poly1305 (RFC 8439), HMAC (RFC 2104) and HKDF (RFC 5869), on the guest's code.
 *
 * An AEAD takes a key, a 12-byte nonce and a 16-byte tag, as TLS 1.3 has them; anything else must trap. A valid case is opened and sealed again;
 * an invalid one must be refused and the data left as it was. HMAC makes whole tags: a case with a short one is held against their beginning
 * (RFC 2104 §5). HKDF must trap when asked for more than 255 blocks.
 */
import { z } from "zod";
import { loadHarness } from "../../support/harness.ts";
import { ACCEPTED, compared, type Finding, REFUSED, unlessTrapped, type VectorSuite, wrong } from "../vectors/case.ts";
import { bytes, type Check, wycheproof } from "../vectors/wycheproof.ts";

// Places in the input of the harness `aeads`.
const NONCE_AT = 32;
const TAG_AT = 64;
const AAD_AT = 128;

const AEAD_GROUP = z.object({ keySize: z.number(), ivSize: z.number(), tagSize: z.number() });
const AEAD_TEST = z.object({ key: bytes, iv: bytes, aad: bytes, msg: bytes, ct: bytes, tag: bytes });
type AeadCheck = Check<z.output<typeof AEAD_GROUP>, z.output<typeof AEAD_TEST>>;

/** `which` is the harness's number of the AEAD for a key of so many bits. */
async function checkAead(which: (keySize: number) => number): Promise<AeadCheck> {
  const h = await loadHarness("aeads");
  const call = (name: "open" | "seal", { key, iv, aad, tag }: z.output<typeof AEAD_TEST>, data: Uint8Array) => {
    h.write(iv, NONCE_AT);
    h.write(aad, AAD_AT);
    h.write(key);
    h.write(tag, TAG_AT);
    new Uint8Array(h.memory.buffer).set(data, h.call.output!());
    return unlessTrapped(() => {
      const aead = which(key.length * 8);
      h.call.rekey!(aead, key.length);
      return { answer: h.call[name]!(aead, iv.length, aad.length, data.length, tag.length) };
    });
  };
  const tagOf = () => h.read(16, h.call.input!() + TAG_AT - h.call.output!());
  return (test, { keySize, ivSize }) => {
    const opened = call("open", test, test.ct);
    if (!opened) return trapped(keySize, ivSize, test.flags);
    const data = h.read(test.ct.length);
    if (opened.answer !== 1) {
      return Buffer.compare(data, test.ct) === 0 ? REFUSED : wrong("refused, but the data is not what it was");
    }
    const read = compared({ "opened data": [data, test.msg] });
    if (read !== ACCEPTED) return read;
    call("seal", { ...test, tag: new Uint8Array(16) }, test.msg);
    return compared({ "sealed data": [h.read(test.msg.length), test.ct], tag: [tagOf(), test.tag] });
  };
}

/** What a trap means: a refusal of what is invalid by its length; nothing, where keys or nonces are of a kind that TLS 1.3 has not. */
function trapped(keySize: number, ivSize: number, flags: string[]): Finding {
  if (flags.includes("ZeroLengthIv") || flags.includes("InvalidNonceSize")) return REFUSED;
  if (keySize === 192) return { is: "outside", why: "a 192-bit key: no cipher suite of TLS 1.3 has one" };
  if (ivSize === 96) return wrong("trapped on a key and a nonce such as TLS 1.3 has");
  return { is: "outside", why: "a nonce of other than 96 bits: TLS 1.3 has none (RFC 8446 §5.3)" };
}

const MAC_GROUP = z.object({ keySize: z.number(), tagSize: z.number() });
const MAC_TEST = z.object({ key: bytes, msg: bytes, tag: bytes });

function hmac(bits: 256 | 384 | 512): VectorSuite {
  return wycheproof({
    name: `HMAC-SHA-${bits}`,
    file: `hmac_sha${bits}`,
    algorithm: `HMACSHA${bits}`,
    atLeast: 174,
    group: MAC_GROUP,
    test: MAC_TEST,
    computed: ["tag"],
    async check() {
      const h = await loadHarness("hashes");
      return ({ key, msg, tag }, { tagSize }) => {
        if (tag.length * 8 !== tagSize) return wrong(`a tag of ${tag.length} bytes in a group of ${tagSize} bits`);
        h.write(key);
        h.call.hmacInit!(bits, key.length);
        h.write(msg);
        h.call.hmacUpdate!(bits, 0, msg.length);
        h.call.hmacDigest!(bits, bits / 8);
        return Buffer.compare(h.read(tag.length), tag) === 0 ? ACCEPTED : REFUSED;
      };
    },
  });
}

const HKDF_TEST = z.object({ ikm: bytes, salt: bytes, info: bytes, size: z.number(), okm: bytes });

function hkdf(bits: 256 | 384 | 512, atLeast: number): VectorSuite {
  return wycheproof({
    name: `HKDF-SHA-${bits}`,
    file: `hkdf_sha${bits}`,
    algorithm: `HKDF-SHA-${bits}`,
    atLeast,
    group: z.object({ keySize: z.number() }),
    test: HKDF_TEST,
    computed: ["okm"],
    async check() {
      const h = await loadHarness("hashes");
      return ({ ikm, salt, info, size, okm }) => {
        h.write(salt);
        h.write(ikm, salt.length);
        h.call.extract!(bits, salt.length, ikm.length, bits / 8);
        const key = h.read(bits / 8);
        h.write(key);
        h.write(info, key.length);
        const made = unlessTrapped(() => {
          h.call.expand!(bits, key.length, info.length, size);
          return true;
        });
        return made ? compared({ okm: [h.read(size), okm] }) : REFUSED;
      };
    },
  });
}

export const symmetric: VectorSuite[] = [
  wycheproof({
    name: "AES-GCM",
    file: "aes_gcm",
    algorithm: "AES-GCM",
    atLeast: 316,
    group: AEAD_GROUP,
    test: AEAD_TEST,
    computed: ["msg", "ct", "tag"],
    check: () => checkAead((keySize) => (keySize === 256 ? 2 : 1)),
  }),
  wycheproof({
    name: "ChaCha20-Poly1305",
    file: "chacha20_poly1305",
    algorithm: "CHACHA20-POLY1305",
    atLeast: 325,
    group: AEAD_GROUP,
    test: AEAD_TEST,
    computed: ["msg", "ct", "tag"],
    check: () => checkAead(() => 0),
  }),
  hmac(256),
  hmac(384),
  hmac(512),
  hkdf(256, 86),
  hkdf(384, 83),
  hkdf(512, 83),
];
