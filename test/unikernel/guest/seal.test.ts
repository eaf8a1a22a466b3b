/**
 * guest/seal and vault/holdings, through `unseal` of the shipped vault: a right seal opens it once; anything else is
 * refused for what it is, and leaves nothing behind.
 */
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { SealError as E } from "../../../unikernel/guest/seal-error.ts";
import {
  authority,
  chainBytes,
  type Issued,
  type KeyKind,
  leaf,
  makeKeys,
  rawExtension,
  withSignature,
} from "../../support/certificates.ts";
import { concat, decode, encode, uint } from "../../support/der.ts";
import { keyField, SEAL_MAGIC, type SealField, type SealParts, sealBytes, sealFields } from "../../support/seal.ts";
import { loadVaultModule, TestVault } from "../../support/vault.ts";

const CANDY = "tr(secret descriptor of the candy)#checksum\nSweep it soon.\n";

let module: WebAssembly.Module;
let root: Issued;
let stranger: Issued;
let server: Issued;
let client: Issued;
let parts: SealParts;
beforeAll(async () => {
  module = await loadVaultModule();
  root = await authority();
  stranger = await authority();
  server = await leaf("server", { issuer: root });
  client = await leaf("client", { issuer: root, kind: "ed25519" });
  parts = { candy: CANDY, anchor: root, server: [server], client: [client] };
});

function unseal(file: Uint8Array): number {
  return new TestVault(module).unseal(file);
}
function unsealParts(changed: Partial<SealParts>): number {
  return unseal(sealBytes(sealFields({ ...parts, ...changed })));
}
/** The good seal with the value of one field replaced. */
function unsealWith(type: number, value: Uint8Array): number {
  return unseal(sealBytes(sealFields(parts).map(([t, v]): SealField => [t, t === type ? value : v])));
}
const field = (type: number) => sealFields(parts)[type - 1]![1];
const ascii = (text: string) => Buffer.from(text, "latin1");

describe("a right seal", () => {
  it("opens the vault once; a second one changes nothing", () => {
    const vault = new TestVault(module);
    expect(vault.unseal(sealBytes(sealFields(parts)))).toBe(E.None);
    expect([vault.scheme(0), vault.scheme(1), vault.scheme(2), vault.scheme(0xffffffff)]).toEqual([
      0x0403, 0x0807, 0, 0,
    ]);
    expect(vault.certificates(0)).toEqual(chainBytes(server));
    expect(vault.certificates(1)).toEqual(chainBytes(client));
    expect(vault.certificates(2)).toHaveLength(0);
    const subject = encode(decode(root.der).children![0]!.children![5]!);
    expect(vault.authority()).toEqual(subject);

    const other = { ...parts, server: [client], client: [server] };
    for (const file of [sealBytes(sealFields(parts)), sealBytes(sealFields(other)), new Uint8Array(0)]) {
      expect(vault.unseal(file)).toBe(E.AlreadyUnsealed);
    }
    expect(vault.certificates(0)).toEqual(chainBytes(server));
    expect(vault.authority()).toEqual(subject);
  });

  it("may hold keys of either kind for either role", async () => {
    const kinds: KeyKind[] = ["p256", "ed25519"];
    for (const top of kinds) {
      const anchor = await authority({ kind: top });
      for (const one of kinds) {
        for (const two of kinds) {
          const own = {
            server: [await leaf("server", { issuer: anchor, kind: one })],
            client: [await leaf("client", { issuer: anchor, kind: two })],
          };
          expect(unsealParts({ anchor, ...own })).toBe(E.None);
        }
      }
    }
  });

  it("may hold up to three certificates, the anchor among them", async () => {
    const a = await authority({ issuer: root, subject: "CN=a" });
    const b = await authority({ issuer: a, subject: "CN=b" });
    const c = await authority({ issuer: b, subject: "CN=c" });
    expect(unsealParts({ server: [server, root] })).toBe(E.None);
    expect(unsealParts({ server: [await leaf("server", { issuer: a }), a, root] })).toBe(E.None);
    expect(unsealParts({ client: [await leaf("client", { issuer: b }), b, a] })).toBe(E.None);
    expect(unsealParts({ client: [await leaf("client", { issuer: b }), b, a, root] })).toBe(E.ClientChainInvalid);
    expect(unsealParts({ server: [await leaf("server", { issuer: c }), c, b, a] })).toBe(E.ServerChainInvalid);
  });

  it("may hold the longest and shortest of each text", () => {
    for (const network of ["a", "regtest", "0123456789abcdef"]) expect(unsealParts({ network })).toBe(E.None);
    for (const candy of ["x", "\n", " ~\n".repeat(682), "c".repeat(2048)]) expect(unsealParts({ candy })).toBe(E.None);
  });

  it("is accepted whatever the time: certificates that are over are for the peers to refuse", async () => {
    const times = { notBefore: new Date("2001-01-01T00:00:00Z"), notAfter: new Date("2002-01-01T00:00:00Z") };
    expect(unsealParts({ server: [await leaf("server", { issuer: root, ...times })] })).toBe(E.None);
  });
});

describe("a seal of the wrong form", () => {
  it("is refused at every truncation", () => {
    const file = sealBytes(sealFields(parts));
    const vault = new TestVault(module);
    for (let length = 0; length < file.length; length++) {
      expect(vault.unseal(file.subarray(0, length))).toBe(length < SEAL_MAGIC.length ? E.NotASeal : E.Truncated);
    }
    expect(vault.unseal(file)).toBe(E.None);
  });

  it("is refused when another file, or another version", () => {
    for (const magic of ["pinata seal 2\n", "pinata seal 1 ", "Pinata seal 1\n", "pinata seal 1\r", "-----BEGIN CER"]) {
      expect(unseal(sealBytes(sealFields(parts), ascii(magic)))).toBe(E.NotASeal);
    }
    expect(unseal(new Uint8Array(24 * 1024))).toBe(E.NotASeal);
  });

  it("is refused when fields are missing, swapped, repeated or unknown, or something follows", () => {
    const good = sealFields(parts);
    for (let i = 0; i < 7; i++) {
      const without = good.filter((_, at) => at !== i);
      expect(unseal(sealBytes(without))).toBe(i === 6 ? E.Truncated : E.FieldOrder);
      const twice = [...good.slice(0, i + 1), ...good.slice(i)];
      expect(unseal(sealBytes(twice))).toBe(i === 6 ? E.TrailingBytes : E.FieldOrder);
      const unknown = good.map(([type, value], at): SealField => [at === i ? 0 : type, value]);
      expect(unseal(sealBytes(unknown))).toBe(E.FieldOrder);
    }
    expect(unseal(sealBytes([...good].reverse()))).toBe(E.FieldOrder);
    expect(unseal(concat(sealBytes(good), uint(1, 0)))).toBe(E.TrailingBytes);
    expect(unseal(sealBytes([...good, [8, ascii("x")]]))).toBe(E.TrailingBytes);
  });

  it("is refused when it is longer than the inbox, whatever the number", () => {
    const vault = new TestVault(module);
    vault.write(sealBytes(sealFields(parts)));
    for (const length of [24 * 1024 + 1, 0x7fffffff, 0xffffffff]) expect(vault.raw.unseal!(length)).toBe(E.TooLong);
  });

  it.each([
    ["an empty network", 1, E.NetworkInvalid, ""],
    ["a long network", 1, E.NetworkInvalid, "0123456789abcdefg"],
    ["a network in capitals", 1, E.NetworkInvalid, "Regtest"],
    ["a network with a blank", 1, E.NetworkInvalid, "reg test"],
    ["a network outside ASCII", 1, E.NetworkInvalid, "r\xe9gtest"],
    ["an empty candy", 2, E.CandyInvalid, ""],
    ["a long candy", 2, E.CandyInvalid, "c".repeat(2049)],
    ["a candy with a carriage return", 2, E.CandyInvalid, "a\r\n"],
    ["a candy with a zero", 2, E.CandyInvalid, "a\0"],
    ["a candy with DEL", 2, E.CandyInvalid, "a\x7f"],
    ["a candy outside ASCII", 2, E.CandyInvalid, "pi\xf1ata"],
    ["an empty anchor", 3, E.AnchorInvalid, ""],
    ["an anchor that is none", 3, E.AnchorInvalid, "not a certificate"],
    ["an anchor that is too long", 3, E.AnchorInvalid, "a".repeat(4097)],
    ["an empty server chain", 4, E.ServerChainInvalid, ""],
    ["a server chain that is none", 4, E.ServerChainInvalid, "not a chain"],
    ["a server chain that is too long", 4, E.ServerChainInvalid, "a".repeat(8193)],
    ["an empty server key", 5, E.ServerKeyInvalid, ""],
    ["a short server key", 5, E.ServerKeyInvalid, "\x04\x03".padEnd(33, "k")],
    ["a long server key", 5, E.ServerKeyInvalid, "\x04\x03".padEnd(35, "k")],
    ["an empty client chain", 6, E.ClientChainInvalid, ""],
    ["a client chain of an empty certificate", 6, E.ClientChainInvalid, "\0\0\0"],
    ["an empty client key", 7, E.ClientKeyInvalid, ""],
    ["a short client key", 7, E.ClientKeyInvalid, "\x08\x07".padEnd(33, "k")],
  ])("is refused with %s", (_, type, error, value) => {
    expect(unsealWith(type, ascii(value))).toBe(error);
  });
});

describe("a seal whose contents do not fit together", () => {
  const ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

  it("is refused when a P-256 key is no scalar, or a scheme is unknown", () => {
    const zero = new Uint8Array(32);
    const order = Uint8Array.from(Buffer.from(ORDER, "hex"));
    for (const secret of [zero, order, new Uint8Array(32).fill(0xff)]) {
      expect(unsealWith(5, keyField(0x0403, secret))).toBe(E.ServerKeyInvalid);
      expect(unsealWith(7, keyField(0x0403, secret))).toBe(E.ClientKeyInvalid);
    }
    for (const scheme of [0, 0x0401, 0x0503, 0x0804, 0x0808, 0xffff]) {
      expect(unsealWith(5, keyField(scheme, server.keys.secret))).toBe(E.ServerKeyInvalid);
      expect(unsealWith(7, keyField(scheme, client.keys.secret))).toBe(E.ClientKeyInvalid);
    }
  });

  it("is refused when a key is not the leaf's", async () => {
    const p256 = await makeKeys("p256");
    const ed25519 = await makeKeys("ed25519");
    expect(unsealWith(5, keyField(0x0403, p256.secret))).toBe(E.ServerKeyMismatch);
    expect(unsealWith(5, keyField(0x0807, server.keys.secret))).toBe(E.ServerKeyMismatch);
    expect(unsealWith(5, field(7))).toBe(E.ServerKeyMismatch);
    expect(unsealWith(7, keyField(0x0807, ed25519.secret))).toBe(E.ClientKeyMismatch);
    expect(unsealWith(7, keyField(0x0403, p256.secret))).toBe(E.ClientKeyMismatch);
    const negated = keyField(0x0403, negate(server.keys.secret));
    expect(unsealWith(5, negated)).toBe(E.ServerKeyMismatch);
  });

  /** n - k: its public key has the same x. */
  function negate(secret: Uint8Array): Uint8Array {
    const value = BigInt(`0x${ORDER}`) - BigInt(`0x${Buffer.from(secret).toString("hex")}`);
    return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
  }

  it("is refused when a chain does not lead to the anchor or is not for its role", async () => {
    const foreign = await leaf("server", { issuer: stranger });
    expect(unsealParts({ server: [foreign] })).toBe(E.ServerChainUntrusted);
    expect(unsealParts({ server: [foreign, stranger] })).toBe(E.ServerChainUntrusted);
    expect(unsealParts({ client: [await leaf("client", { issuer: stranger })] })).toBe(E.ClientChainUntrusted);
    expect(unsealParts({ server: [await leaf("client", { issuer: root })] })).toBe(E.ServerChainUntrusted);
    expect(unsealParts({ client: [await leaf("server", { issuer: root })] })).toBe(E.ClientChainUntrusted);
    expect(unsealParts({ server: [root] })).toBe(E.ServerChainUntrusted);
    expect(unsealParts({ anchor: stranger })).toBe(E.ServerChainUntrusted);
    const middle = await authority({ issuer: root, subject: "CN=middle" });
    const low = await leaf("client", { issuer: middle });
    expect(unsealParts({ client: [low] })).toBe(E.ClientChainUntrusted);
    expect(unsealParts({ client: [low, middle, middle] })).toBe(E.ClientChainUntrusted);
  });

  it("is refused when the anchor is no authority, or not its own", async () => {
    expect(unsealParts({ anchor: await leaf("server", {}) })).toBe(E.AnchorNotAuthority);
    expect(unsealParts({ anchor: await authority({ extensions: [] }) })).toBe(E.AnchorInvalid);
    expect(unsealParts({ anchor: await authority({ extensions: [rawExtension("1.2.3", true, uint(1, 0))] }) })).toBe(
      E.AnchorInvalid,
    );
    expect(unsealParts({ anchor: await authority({ issuer: root, subject: "CN=middle" }) })).toBe(
      E.AnchorNotSelfSigned,
    );
    expect(unsealParts({ anchor: await authority({ issuer: stranger }) })).toBe(E.AnchorNotSelfSigned);
    expect(unsealParts({ anchor: { ...root, der: withSignature(root, new Uint8Array(64)) } })).toBe(
      E.AnchorNotSelfSigned,
    );
  });

  it("is refused with any byte changed, but for letters of the two texts", () => {
    const file = sealBytes(sealFields(parts));
    const network = SEAL_MAGIC.length + 4;
    const candy = network + field(1).length + 4;
    const free = (at: number) =>
      (at >= network && at < network + field(1).length) || (at >= candy && at < candy + field(2).length);
    const vault = new TestVault(module);
    for (let at = 0; at < file.length; at++) {
      if (free(at)) continue;
      const changed = file.slice();
      changed[at]! ^= 1 << (at % 8);
      expect(E[vault.unseal(changed)], `byte ${at}`).toBeDefined();
      expect(vault.scheme(0), `byte ${at}`).toBe(0);
    }
  });
});

describe("a refused seal", () => {
  it("leaves nothing in the vault's memory, and the vault as it was", async () => {
    const vault = new TestVault(module);
    vault.seed(randomBytes(32));
    const good = sealFields(parts);
    const late = good.map(
      ([type, value]): SealField => [type, type === 7 ? keyField(0x0807, new Uint8Array(32)) : value],
    );
    expect(vault.unseal(sealBytes(late))).toBe(E.ClientKeyMismatch);
    expect(vault.unseal(concat(sealBytes(good), uint(1, 0)))).toBe(E.TrailingBytes);
    const memory = Buffer.from(vault.memory.buffer);
    for (const secret of [ascii(CANDY), server.keys.secret, client.keys.secret, root.der])
      expect(memory.indexOf(secret)).toBe(-1);

    expect([vault.scheme(0), vault.scheme(1)]).toEqual([0, 0]);
    expect(vault.authority()).toHaveLength(0);
    expect(vault.certificates(0)).toHaveLength(0);
    expect(vault.sign(0, randomBytes(32))).toHaveLength(0);
    expect(vault.unseal(sealBytes(good))).toBe(E.None);
    expect(vault.sign(0, randomBytes(32)).length).toBeGreaterThan(60);
  });
});
