/**
 * The vault's exports, on its shipped bytes: what the vault signs, whom it believes, and how it refuses everybody else.
 * Tickets and secrets are in vault-secrets.test.ts.
 */
import { randomBytes, webcrypto } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Failure as F } from "../../../unikernel/guest/failure.ts";
import { authority, chainBytes, type Issued, leaf, NOT_AFTER, NOW, sign } from "../../support/certificates.ts";
import { concat, decode } from "../../support/der.ts";
import {
  type Attempt,
  attempt,
  CANDY,
  CLIENT,
  certificateVerify,
  HASH,
  HASH384,
  makeVaultWorld,
  NO_TICKET,
  openVault,
  SERVER,
  sealOf,
  TestVault,
  type VaultWorld,
} from "../../support/vault.ts";

const ROLES = ["server", "client"] as const;

let w: VaultWorld;
let vault: TestVault;
beforeAll(async () => {
  w = await makeVaultWorld();
});
beforeEach(() => {
  vault = openVault(w, "p256");
});

/** Refused with `failure`, without a ticket; and the door has none afterwards either. */
function expectRefused(wrong: Attempt, failure: F, on = vault): void {
  const judged = on.authenticate(wrong);
  expect({ ...judged, subject: "" }).toEqual({ failure, ticket: NO_TICKET, subject: "" });
  expect(on.candy(wrong.door, NO_TICKET)).toBe("");
}

describe("the compartment", () => {
  it("imports nothing and exports the contract", () => {
    expect(WebAssembly.Module.imports(w.module)).toEqual([]);
    const names = WebAssembly.Module.exports(w.module).map(({ name }) => name);
    expect(names.sort()).toEqual(
      ["authenticate", "authority", "candy", "certificates", "forget", "inbox", "inboxSize", "memory", "outbox"].concat(
        ["outboxSize", "scheme", "seed", "sign", "unseal"],
      ),
    );
    expect(vault.raw.inboxSize!()).toBeGreaterThanOrEqual(24 * 1024);
    expect(vault.raw.outboxSize!()).toBeGreaterThanOrEqual(20 * 1024);
  });

  it("answers nothing before the seal, and proves and judges nothing before the seed", async () => {
    const right = await attempt(w.player);
    const sealed = new TestVault(w.module);
    sealed.seed(randomBytes(32));
    const unseeded = new TestVault(w.module);
    expect(unseeded.unseal(sealOf(w, "p256"))).toBe(0);
    for (const closed of [sealed, unseeded, new TestVault(w.module)]) {
      expectRefused(right, F.VaultUnavailable, closed);
      for (const role of [SERVER, CLIENT]) expect(closed.sign(role, HASH)).toHaveLength(0);
      expect(closed.candy(7, randomBytes(16))).toBe("");
      closed.forget(7);
    }
    expect([sealed.scheme(SERVER), sealed.certificates(SERVER).length, sealed.authority().length]).toEqual([0, 0, 0]);
    unseeded.seed(randomBytes(32));
    expect(unseeded.authenticate(right).failure).toBe(F.None);
  });

  it("traps on a seed that is too short or cannot be there", () => {
    for (const length of [0, 31, 24 * 1024 + 1, 0xffffffff]) {
      expect(() => new TestVault(w.module).raw.seed!(length)).toThrow(WebAssembly.RuntimeError);
    }
  });
});

describe("sign", () => {
  async function verifies(peer: Issued, content: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const ecdsa = peer.keys.kind !== "ed25519";
    const algorithm = ecdsa ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
    return webcrypto.subtle.verify(
      algorithm,
      peer.keys.pair.publicKey,
      ecdsa ? rawSignature(signature) : signature,
      content,
    );
  }
  function rawSignature(der: Uint8Array): Uint8Array {
    return concat(
      ...decode(der).children!.map(({ content }) => {
        const digits = content!.subarray(content!.length > 32 ? 1 : 0);
        return concat(new Uint8Array(32 - digits.length), digits);
      }),
    );
  }

  it("signs the CertificateVerify content of each role with that role's key", async () => {
    for (const kind of ["p256", "ed25519"] as const) {
      const opened = openVault(w, kind);
      for (const role of ROLES) {
        const other = role === "server" ? "client" : "server";
        for (const hash of [HASH, HASH384]) {
          const signature = opened.sign(role === "server" ? SERVER : CLIENT, hash);
          expect(await verifies(w.own[kind][role], certificateVerify(role, hash), signature)).toBe(true);
          expect(await verifies(w.own[kind][role], certificateVerify(other, hash), signature)).toBe(false);
          expect(await verifies(w.own[kind][other], certificateVerify(role, hash), signature)).toBe(false);
          expect(await verifies(w.own[kind][role], hash, signature)).toBe(false);
        }
      }
    }
  });

  it("is no oracle: other lengths and roles are refused", () => {
    vault.write(randomBytes(2000));
    for (const length of [0, 1, 31, 33, 47, 49, 64, 130, 24 * 1024, 0x80000020, 0xffffffff]) {
      expect(vault.raw.sign!(SERVER, length)).toBe(0);
      expect(vault.raw.sign!(CLIENT, length)).toBe(0);
    }
    for (const role of [2, 3, 256, 0x80000000, 0xffffffff]) expect(vault.sign(role, HASH)).toHaveLength(0);
  });

  it("adds randomness to ECDSA: no two signatures are alike, in one vault or in two", () => {
    const hex = (of: TestVault) => Buffer.from(of.sign(SERVER, HASH)).toString("hex");
    const other = openVault(w, "p256");
    expect(new Set([hex(vault), hex(vault), hex(other), hex(other)]).size).toBe(4);
  });
});

/** The player, and players with the other kinds of key. */
const peers = async () => [
  w.player,
  await leaf("client", { issuer: w.root, kind: "ed25519" }),
  await leaf("client", { issuer: w.root, kind: "p384" }),
];

describe("authenticate and candy", () => {
  it("give the candy once to a peer that proved itself, in either role, with either key and hash", async () => {
    for (const kind of ["p256", "p384", "ed25519"] as const) {
      for (const role of ROLES) {
        for (const hash of [HASH, HASH384]) {
          const peer = await leaf(role, { issuer: w.root, kind, subject: "CN=peer" });
          const judged = vault.authenticate(await attempt(peer, { role, hash }));
          expect(judged.failure).toBe(F.None);
          expect(judged.subject).toBe("CN=peer");
          expect(judged.ticket).not.toEqual(NO_TICKET);
          expect(vault.candy(7, judged.ticket)).toBe(CANDY);
          expect(vault.candy(7, judged.ticket)).toBe("");
        }
      }
    }
  });

  it("let the piñata prove itself to itself", () => {
    for (const kind of ["p256", "ed25519"] as const) {
      const opened = openVault(w, kind);
      for (const peerRole of [SERVER, CLIENT]) {
        const chain = opened.certificates(peerRole);
        const scheme = opened.scheme(peerRole);
        const signature = opened.sign(peerRole, HASH);
        const { failure, ticket } = opened.authenticate({
          door: 3,
          peerRole,
          now: NOW,
          scheme,
          chain,
          signature,
          hash: HASH,
        });
        expect(failure).toBe(F.None);
        expect(opened.candy(3, ticket)).toBe(CANDY);
      }
    }
  });

  it("refuse a proof in the other role's context", async () => {
    for (const role of ROLES) {
      const right = await attempt(w.player, { role });
      const other = await attempt(w.player, { role: role === "server" ? "client" : "server" });
      expectRefused({ ...right, signature: other.signature }, F.CertificateVerifyWrong);
      expectRefused({ ...right, peerRole: other.peerRole }, F.CertificateVerifyWrong);
    }
  });

  it("refuse a proof over another transcript", async () => {
    const right = await attempt(w.player);
    for (let at = 0; at < 32; at++) {
      const hash = Uint8Array.from(HASH);
      hash[at]! ^= 0x40;
      expectRefused({ ...right, hash }, F.CertificateVerifyWrong);
    }
    expectRefused({ ...right, hash: HASH384 }, F.CertificateVerifyWrong);
    const bare = await sign(w.player.keys, HASH);
    expectRefused({ ...right, signature: bare }, F.CertificateVerifyWrong);
  });

  it("refuse a scheme that is not the key's", async () => {
    for (const peer of await peers()) {
      const right = await attempt(peer);
      for (const scheme of [0, 0x0401, 0x0403, 0x0503, 0x0603, 0x0804, 0x0807, 0x0808, 0x10403, 0xffffffff]) {
        if (scheme !== right.scheme) expectRefused({ ...right, scheme }, F.CertificateVerifySchemeWrong);
      }
    }
  });

  it("refuse a signature that is cut, stretched, changed or another's", async () => {
    for (const peer of await peers()) {
      const right = await attempt(peer);
      const { signature } = right;
      for (let length = 0; length < signature.length; length++) {
        expectRefused({ ...right, signature: signature.subarray(0, length) }, F.CertificateVerifyWrong);
      }
      for (let at = 0; at < signature.length; at++) {
        const changed = signature.slice();
        changed[at]! ^= 1;
        expectRefused({ ...right, signature: changed }, F.CertificateVerifyWrong);
      }
      expectRefused({ ...right, signature: concat(signature, Uint8Array.of(0)) }, F.CertificateVerifyWrong);
      expectRefused({ ...right, signature: new Uint8Array(6000) }, F.CertificateVerifyWrong);
      const stranger = await leaf("client", { issuer: w.root, kind: peer.keys.kind });
      expectRefused({ ...right, signature: (await attempt(stranger)).signature }, F.CertificateVerifyWrong);
      expectRefused({ ...right, chain: chainBytes(stranger) }, F.CertificateVerifyWrong);
      expect(vault.authenticate(right).failure).toBe(F.None);
    }
  });

  it("refuse chains as x509/path says, before the proof is looked at", async () => {
    const right = await attempt(w.player);
    const twin = await authority({ pathLength: 1 });
    const stranger = await authority({ subject: "CN=stranger" });
    const client = await leaf("client", { issuer: w.root, keys: w.player.keys });
    const asServer = await attempt(client, { role: "server" });
    const none = new Uint8Array(0);
    const past = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2021-01-01T00:00:00Z") };
    const wrong: [Uint8Array, F][] = [
      [none, F.CertificateMissing],
      [right.chain.subarray(0, -1), F.CertificateMalformed],
      [chainBytes(await leaf("client", { issuer: stranger, keys: w.player.keys })), F.CertificateUnknownAuthority],
      [chainBytes(await leaf("client", { issuer: twin, keys: w.player.keys })), F.CertificateSignatureWrong],
      [chainBytes(await leaf("client", { issuer: w.root, keys: w.player.keys, ...past })), F.CertificateExpired],
      [chainBytes(await leaf("server", { issuer: w.root, keys: w.player.keys })), F.CertificatePurposeWrong],
      [
        chainBytes(await authority({ issuer: w.root, keys: w.player.keys, subject: "CN=ca" })),
        F.CertificateIsAuthority,
      ],
      [chainBytes(w.player, w.player, w.player, w.player, w.player), F.CertificatePathTooLong],
    ];
    for (const [chain, failure] of wrong) {
      expectRefused({ ...right, chain }, failure);
      expectRefused({ ...right, chain, signature: none }, failure);
    }
    expectRefused(asServer, F.CertificatePurposeWrong);
    expectRefused({ ...right, now: BigInt(NOT_AFTER.getTime() / 1000) + 1n }, F.CertificateExpired);
    expectRefused({ ...right, now: 0n }, F.CertificateNotYetValid);
    expectRefused({ ...right, now: 2n ** 64n - 1n }, F.CertificateExpired);
    expect(vault.authenticate(right).failure).toBe(F.None);
  });

  it("refuse roles and lengths that cannot be, without a trap", async () => {
    const { chain, signature, hash } = await attempt(w.player);
    const call = (role: number, ...lengths: number[]) => {
      vault.write(chain, signature, hash);
      return vault.raw.authenticate!(7, role, NOW, 0x0403, ...lengths) as F;
    };
    const [c, s] = [chain.length, signature.length];
    for (const role of [2, 3, 0x80000001, 0xffffffff]) expect(call(role, c, s, 32)).toBe(F.Internal);
    for (const length of [0, 31, 33, 47, 49, 64, 0xffffffff]) expect(call(CLIENT, c, s, length)).toBe(F.Internal);
    for (const length of [24 * 1024 - c - 31, 24 * 1024, 0x80000000, 0xffffffff, 0xffffffff - c + 1]) {
      expect(call(CLIENT, c, length, 32)).toBe(F.Internal);
    }
    for (const length of [16385, 24 * 1024, 0x80000000, 0xffffffff]) {
      expect(call(CLIENT, length, s, 32)).toBe(F.CertificatePathTooLong);
    }
    expect(call(CLIENT, c, s, 32)).toBe(F.None);
  });

  it("tell the leaf's subject as printable ASCII, accepted or not", async () => {
    const right = await attempt(w.player);
    const subject = async (chain: Uint8Array) => vault.authenticate({ ...right, chain }).subject;
    const self = (name: string) => leaf("client", { subject: name });
    expect(await subject(right.chain)).toBe("CN=player,O=Example");
    expect(await subject(chainBytes(await self("CN=Jos\u00e9")))).toBe("CN=Jos??");
    const long = await subject(chainBytes(await self(`CN=${"n".repeat(300)}`)));
    expect(long).toBe(`CN=${"n".repeat(125)}`);
    expect(await subject(new Uint8Array(0))).toBe("");
    expect(await subject(right.chain.subarray(0, 40))).toBe("");
    const broken = chainBytes(w.player, Uint8Array.of(0x30, 0));
    expect(await subject(broken)).toBe("CN=player,O=Example");
  });
});
