/** Headers: what one of them proves alone, and the first block of each network. */
import { describe, expect, test } from "vitest";
import { fromHex } from "../../../monitor/proofs/bytes.ts";
import { NETWORKS, parseHeader, workOf } from "../../../monitor/proofs/header.ts";
import { GENESIS } from "../support/fake-chain.ts";

/** Bitcoin's block 100,000: header. */
const BLOCK_100000 = fromHex(
  "0100000050120119172a610421a6c3011dd330d9df07b63616c2cc1f1cd00200000000006657a9252aacd5c0b2940996ecff952228c3067cc38d4885efb5a4ac4247e9f337221b4d4c86041b0f2b5710",
);
describe("headers", () => {
  test("bitcoin's block 100,000 and regtest's genesis are what they are", () => {
    const header = parseHeader(BLOCK_100000, NETWORKS.main);
    expect(header.hash).toBe("000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506");
    expect(header.previous).toBe("000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250");
    expect(parseHeader(GENESIS, NETWORKS.regtest).hash).toBe(NETWORKS.regtest.genesis);
    expect(workOf(parseHeader(GENESIS, NETWORKS.regtest))).toBe(2n);
  });

  test("a changed bit leaves no proof of work", () => {
    for (let bit = 0; bit < 72 * 8; bit += 7) {
      const forged = Uint8Array.from(BLOCK_100000);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => parseHeader(forged, NETWORKS.main)).toThrow("without proof of work");
    }
  });

  test("a target easier than the network allows, or not its fixed one, is refused", () => {
    expect(() => parseHeader(GENESIS, NETWORKS.main)).toThrow("too easy for main");
    expect(() => parseHeader(GENESIS, NETWORKS.signet)).toThrow("too easy for signet");
    expect(() => parseHeader(BLOCK_100000, NETWORKS.regtest)).toThrow("not regtest's");
  });

  test("80 bytes, no more and no less", () => {
    expect(() => parseHeader(GENESIS.subarray(0, 79), NETWORKS.regtest)).toThrow("79 bytes");
    expect(() => parseHeader(Buffer.concat([GENESIS, GENESIS]), NETWORKS.regtest)).toThrow("160 bytes");
  });

  test.each(Object.values(NETWORKS))("the genesis block of $name hashes to what the network calls it", (rules) => {
    const header = parseHeader(rules.genesisHeader, rules);
    expect(header.hash).toBe(rules.genesis);
    expect(header.previous).toBe("00".repeat(32));
    expect(header.target).toBe(rules.limit);
    const forged = Uint8Array.from(rules.genesisHeader);
    // Another time is another block, whose nonce is worth nothing (on regtest every other one is good enough).
    for (let at = 68; at < 72; at++) forged[at]! ^= 1;
    if (rules.name !== "regtest") expect(() => parseHeader(forged, rules)).toThrow("without proof of work");
  });
});
