import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { candyText } from "../../../infra/bitcoin/candy.ts";
import { withChecksum } from "../../../infra/bitcoin/descriptor.ts";
import { ECPair, Transaction } from "../../../infra/bitcoin/ecc.ts";
import { NETWORKS } from "../../../infra/bitcoin/networks.ts";
import {
  buildRefund,
  buildSweep,
  CandyError,
  parseCandy,
  SweepError,
  type Utxo,
} from "../../../infra/bitcoin/sweep.ts";
import { publicKeyOf } from "../../../infra/bitcoin/taproot.ts";
import { candy, key, REFUND_HEIGHT, REFUND_KEY, THIEF, taprootMessage, verifySchnorr } from "../devchain/fixtures.ts";

const terms = { refundKey: publicKeyOf(REFUND_KEY), refundHeight: REFUND_HEIGHT };
const text = candyText(key(2), terms, "regtest");
const lines = text.split("\n");
const descriptorLine = lines.findIndex((line) => line.startsWith("tr("));
const withDescriptor = (descriptor: string) => lines.with(descriptorLine, descriptor).join("\n");
const coin = (value: Utxo["value"], vout = 0): Utxo => ({ txid: "ab".repeat(32), vout, value });

describe("the candy", () => {
  it("is short plain text with the descriptor on a line of its own", () => {
    expect(text.length).toBeLessThanOrEqual(2048);
    expect(text).toMatch(/^[\x20-\x7e\n]+$/);
    expect(lines[descriptorLine]).toMatch(
      /^tr\(c[1-9A-HJ-NP-Za-km-z]{51},and_v\(v:pk\([0-9a-f]{64}\),after\(120\)\)\)#\w{8}$/,
    );
  });
  it("is read back", () => {
    const read = parseCandy(text);
    expect(toHex(read.privateKey)).toBe(toHex(key(2)));
    expect(read.network).toBe("regtest");
    expect(read.address).toBe(candy.address);
    expect(read.publicDescriptor).not.toContain(ECPair.fromPrivateKey(key(2), { network: NETWORKS.regtest }).toWIF());
    expect(read.publicDescriptor).toContain(toHex(publicKeyOf(key(2))));
    expect(parseCandy(text.replaceAll("\n", "\r\n")).descriptor).toBe(read.descriptor);
  });
  it("is read back on the other networks", () => {
    for (const network of ["testnet", "mainnet"] as const) {
      expect(parseCandy(candyText(key(2), terms, network)).network).toBe(network);
    }
  });
  it("is refused when any character of the descriptor is another", () => {
    const descriptor = lines[descriptorLine]!;
    for (let at = 0; at < descriptor.length; at++) {
      const wrong = descriptor.slice(0, at) + (descriptor[at] === "c" ? "d" : "c") + descriptor.slice(at + 1);
      expect(() => parseCandy(withDescriptor(wrong)), `character ${at}`).toThrow(CandyError);
    }
  });
  it("is refused when the key belongs to another address, though the checksum is right", () => {
    const other = candyText(key(9), terms, "regtest").split("\n")[descriptorLine]!;
    expect(() => parseCandy(withDescriptor(other))).toThrow("the candy's key does not belong to its address");
  });
  it.each([
    ["two descriptors", `${text}${lines[descriptorLine]}\n`, "more than one output descriptor"],
    ["no descriptor", withDescriptor("nothing"), "no output descriptor"],
    ["no address", text.replace("Address", "Adress"), "no address"],
    ["an unknown network", text.replace("Network: regtest", "Network: moon"), "unknown network"],
    [
      "a network of another key prefix",
      text.replace("Network: regtest", "Network: mainnet"),
      "not a private key for mainnet",
    ],
    ["control characters", `${text}\x07`, "not short plain text"],
    ["too much text", text + "a".repeat(2048), "not short plain text"],
    ["nothing", "", "no output descriptor"],
  ])("is refused with %s", (_, wrong, message) => {
    expect(() => parseCandy(wrong)).toThrow(message);
  });
  it("never tells a key in an error", () => {
    const body = `tr(${"c".repeat(52)},and_v(v:pk(${toHex(terms.refundKey)}),after(120)))`;
    expect(() => parseCandy(withDescriptor(withChecksum(body)))).toThrow(
      "the candy's key is not a private key for regtest",
    );
  });
});

describe("the sweep", () => {
  it("spends by the key path, signed for the output key over BIP-341's message", () => {
    const utxos = [coin(60_000), coin(40_000n, 7)];
    const sweep = buildSweep({ candy: text, utxos, toAddress: THIEF, feeRate: 3 });
    const tx = Transaction.fromHex(sweep.hex);
    expect(tx.getId()).toBe(sweep.txid);
    expect(tx.version).toBe(2);
    expect(tx.ins.map(({ sequence }) => sequence)).toEqual([0xfffffffd, 0xfffffffd]);
    expect(tx.virtualSize()).toBe(sweep.vsize);
    expect(sweep.fee).toBe(sweep.vsize * 3);
    expect(sweep.amount).toBe(100_000 - sweep.fee);
    expect(tx.outs.map(({ value }) => value)).toEqual([BigInt(sweep.amount)]);
    const spent = [60_000n, 40_000n].map((value) => ({ value, script: candy.output.script }));
    tx.ins.forEach(({ witness }, index) => {
      expect(witness).toHaveLength(1);
      expect(verifySchnorr(witness[0]!, taprootMessage(tx, index, spent), candy.output.outputKey)).toBe(true);
    });
  });
  it("pays exactly the fee asked for, to the satoshi, rounded up", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 100, noNaN: true }), fc.integer({ min: 1, max: 5 }), (feeRate, coins) => {
        const utxos = Array.from({ length: coins }, (_, vout) => coin(1_000_000, vout));
        const { fee, vsize, amount } = buildSweep({ candy, utxos, toAddress: THIEF, feeRate });
        expect(fee).toBe(Math.ceil(vsize * feeRate));
        expect(amount + fee).toBe(coins * 1_000_000);
      }),
      { numRuns: 30 },
    );
  });
  const sweep = (change: Partial<Parameters<typeof buildSweep>[0]>) => () =>
    buildSweep({ candy, utxos: [coin(100_000)], toAddress: THIEF, feeRate: 2, ...change });
  it.each([
    ["no coins", { utxos: [] }, "no coins"],
    ["the same coin twice", { utxos: [coin(5000), coin(5000)] }, "given twice"],
    ["a coin that is none", { utxos: [{ txid: "xy", vout: 0, value: 5000 }] }, "not an outpoint"],
    ["a negative output number", { utxos: [coin(5000, -1)] }, "not an outpoint"],
    ["a fraction of a satoshi", { utxos: [coin(0.5)] }, "not an amount"],
    ["nothing", { utxos: [coin(0)] }, "not an amount"],
    ["more than all bitcoin", { utxos: [coin(2_100_000_000_000_001n)] }, "not an amount"],
    ["an address of mainnet", { toAddress: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "not an address of regtest"],
    ["an address with a typo", { toAddress: `${THIEF.slice(0, -1)}q` }, "not an address"],
    ["the piñata's own address", { toAddress: candy.address }, "own address"],
    ["a fee rate of 0", { feeRate: 0 }, "fee rate"],
    ["a fee rate that is no number", { feeRate: Number.NaN }, "fee rate"],
    ["an absurd fee rate", { feeRate: 10_001 }, "fee rate"],
    ["a fee above a quarter", { utxos: [coin(1000)], feeRate: 3 }, "more than a quarter"],
    ["dust that is left", { utxos: [coin(430)], feeRate: 0.95 }, "dust"],
  ])("is refused for %s", (_, change, message) => {
    expect(sweep(change)).toThrow(SweepError);
    expect(sweep(change)).toThrow(message);
  });
  it("is allowed with a fee of exactly a quarter", () => {
    const { vsize } = buildSweep({ candy, utxos: [coin(100_000)], toAddress: THIEF, feeRate: 1 });
    const total = vsize * 10 * 4;
    expect(buildSweep({ candy, utxos: [coin(total)], toAddress: THIEF, feeRate: 10 }).fee * 4).toBe(total);
    expect(sweep({ utxos: [coin(total - 1)], feeRate: 10 })).toThrow("more than a quarter");
  });
});

describe("the refund", () => {
  const options = {
    terms: candy.terms,
    network: "regtest" as const,
    refundPrivateKey: REFUND_KEY,
    utxos: [coin(100_000)],
    toAddress: THIEF,
    feeRate: 2,
  };
  it("shows the leaf, locked until its height, signed by the refund key", () => {
    const refund = buildRefund(options);
    const tx = Transaction.fromHex(refund.hex);
    expect(tx.locktime).toBe(REFUND_HEIGHT);
    expect(tx.virtualSize()).toBe(refund.vsize);
    const [signature, leaf, control] = tx.ins[0]!.witness;
    expect(toHex(leaf!)).toBe(toHex(candy.output.leaf));
    expect(toHex(control!)).toBe(toHex(candy.output.controlBlock));
    const message = taprootMessage(tx, 0, [{ value: 100_000n, script: candy.output.script }], leaf);
    expect(verifySchnorr(signature!, message, candy.terms.refundKey)).toBe(true);
  });
  it("is refused for a key that is not the refund key", () => {
    expect(() => buildRefund({ ...options, refundPrivateKey: key(9) })).toThrow("not the refund key");
  });
});
