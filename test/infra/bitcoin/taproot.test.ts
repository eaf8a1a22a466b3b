import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equalBytes, fromHex, hashBytes, showHash, toHex } from "../../../infra/bitcoin/bytes.ts";
import { payments } from "../../../infra/bitcoin/ecc.ts";
import { addressOfScript, dustLimit, NETWORKS, scriptOfAddress } from "../../../infra/bitcoin/networks.ts";
import {
  pinataAddress,
  pinataOutput,
  publicKeyOf,
  refundLeaf,
  tapLeafHash,
  tweakKey,
  tweakPrivateKey,
} from "../../../infra/bitcoin/taproot.ts";

const bytes = (hex: string) => fromHex(hex)!;

describe("taproot (vectors of BIP-341's wallet-test-vectors.json)", () => {
  it("tweaks a key without scripts", () => {
    const internal = bytes("d6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d");
    expect(toHex(tweakKey(internal)!.key)).toBe("53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343");
  });
  it("tweaks a key with one leaf", () => {
    const internal = bytes("187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27");
    const leaf = bytes("20d85a959b0290bf19bb89ed43c916be835475d013da4b362117393e25a48229b8ac");
    const hash = tapLeafHash(leaf);
    expect(toHex(hash)).toBe("5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21");
    expect(toHex(tweakKey(internal, hash)!.key)).toBe(
      "147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3",
    );
  });
  it("refuses what is not a key", () => {
    expect(tweakKey(new Uint8Array(32).fill(255))).toBeUndefined();
    expect(tweakKey(new Uint8Array(31))).toBeUndefined();
  });
});

describe("the piñata's output", () => {
  const scalar = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((k) => k[0]! < 255 && k.some((b) => b !== 0));
  const terms = fc.record({ wallet: scalar, refund: scalar, refundHeight: fc.integer({ min: 1, max: 499_999_999 }) });

  it("is what bitcoinjs-lib derives from the same leaf", () => {
    fc.assert(
      fc.property(terms, ({ wallet, refund, refundHeight }) => {
        const internalKey = publicKeyOf(wallet);
        const own = pinataOutput({ internalKey, refundKey: publicKeyOf(refund), refundHeight });
        const redeem = { output: own.leaf, redeemVersion: 0xc0 };
        const theirs = payments.p2tr({ internalPubkey: internalKey, scriptTree: { output: own.leaf }, redeem });
        expect(equalBytes(own.script, theirs.output!)).toBe(true);
        expect(toHex(own.controlBlock)).toBe(toHex(theirs.witness![theirs.witness!.length - 1]!));
        expect(toHex(own.leafHash)).toBe(toHex(theirs.hash!));
      }),
      { numRuns: 40 },
    );
  });
  it("is signed for by the tweaked private key", () => {
    fc.assert(
      fc.property(terms, ({ wallet, refund, refundHeight }) => {
        const output = pinataOutput({ internalKey: publicKeyOf(wallet), refundKey: publicKeyOf(refund), refundHeight });
        expect(toHex(publicKeyOf(tweakPrivateKey(wallet, output.leafHash)))).toBe(toHex(output.outputKey));
      }),
      { numRuns: 40 },
    );
  });
  it.each([
    [1, "51"],
    [16, "60"],
    [17, "0111"],
    [127, "017f"],
    [128, "028000"],
    [52_560, "0350cd00"],
    [499_999_999, "04ff64cd1d"],
  ])("writes height %i as %s", (refundHeight, encoded) => {
    const refundKey = publicKeyOf(new Uint8Array(32).fill(3));
    expect(toHex(refundLeaf({ refundKey, refundHeight }))).toBe(`20${toHex(refundKey)}ad${encoded}b1`);
  });
  it.each([0, -1, 1.5, 500_000_000, Number.NaN])("refuses height %d", (refundHeight) => {
    const refundKey = publicKeyOf(new Uint8Array(32).fill(3));
    expect(() => refundLeaf({ refundKey, refundHeight })).toThrow(/refund height/);
  });
  it("refuses keys that are none", () => {
    const refundKey = publicKeyOf(new Uint8Array(32).fill(3));
    expect(() => refundLeaf({ refundKey: new Uint8Array(32).fill(255), refundHeight: 5 })).toThrow(/refund key/);
    const internalKey = new Uint8Array(32).fill(255);
    expect(() => pinataOutput({ internalKey, refundKey, refundHeight: 5 })).toThrow(/internal key/);
  });
  it("has an address on each network that leads back to its script", () => {
    const terms = {
      internalKey: publicKeyOf(new Uint8Array(32).fill(2)),
      refundKey: publicKeyOf(new Uint8Array(32).fill(3)),
      refundHeight: 5,
    };
    for (const [network, prefix] of [
      ["regtest", "bcrt1p"],
      ["testnet", "tb1p"],
      ["mainnet", "bc1p"],
    ] as const) {
      const address = pinataAddress(terms, network);
      expect(address.startsWith(prefix)).toBe(true);
      expect(toHex(scriptOfAddress(address, network)!)).toBe(toHex(pinataOutput(terms).script));
      expect(addressOfScript(pinataOutput(terms).script, network)).toBe(address);
      for (const other of Object.keys(NETWORKS) as (keyof typeof NETWORKS)[]) {
        if (other !== network) expect(scriptOfAddress(address, other)).toBeUndefined();
      }
    }
  });
});

describe("small things", () => {
  it("knows Core's dust limits", () => {
    expect(dustLimit(new Uint8Array(34).fill(0x51, 0, 1))).toBe(330n);
    expect(dustLimit(Uint8Array.of(0, 20, ...new Uint8Array(20)))).toBe(294n);
    expect(dustLimit(Uint8Array.of(0x76, ...new Uint8Array(24)))).toBe(546n);
    expect(dustLimit(Uint8Array.of(0x6a, 1, 1))).toBe(0n);
  });
  it("turns hashes around, and hex only when it is hex", () => {
    const hash = `${"00".repeat(31)}ff`;
    expect(toHex(hashBytes(hash))).toBe(`ff${"00".repeat(31)}`);
    expect(showHash(hashBytes(hash))).toBe(hash);
    expect(() => hashBytes("ff")).toThrow(RangeError);
    expect(fromHex("0g")).toBeUndefined();
    expect(fromHex("abc")).toBeUndefined();
    expect(toHex(new Uint8Array([1, 2, 250]))).toBe("0102fa");
  });
});
