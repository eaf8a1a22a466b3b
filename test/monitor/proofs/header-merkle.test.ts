/** Headers, proof of work, and both forms of merkle proof. */
import { Transaction } from "bitcoinjs-lib";
import { describe, expect, test } from "vitest";
import { fromHex, hashBytes, sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { NETWORKS, parseHeader, targetOf, workOf } from "../../../monitor/proofs/header.ts";
import { checkInclusion, readPartialTree, rootOfBranch } from "../../../monitor/proofs/merkle.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { fundBounty, parsed } from "../support/bounty.ts";
import { branchOf, FakeChain, GENESIS, merkleLevels, mineHeader, partialTree } from "../support/fake-chain.ts";

/** Bitcoin's block 100,000: header, and its four transactions. */
const BLOCK_100000 = fromHex(
  "0100000050120119172a610421a6c3011dd330d9df07b63616c2cc1f1cd00200000000006657a9252aacd5c0b2940996ecff952228c3067cc38d4885efb5a4ac4247e9f337221b4d4c86041b0f2b5710",
);
const TXIDS_100000 = [
  "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
  "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
  "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
  "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
];

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

  test.each([
    [0x1d00ffff, 0xffffn << 208n],
    [0x207fffff, 0x7fffffn << 232n],
    [0x03123456, 0x123456n],
    [0x02123456, 0x1234n],
    [0x01003456, undefined],
    [0x04923456, undefined],
    [0x20800001, undefined],
    [0xff123456, undefined],
    [0, undefined],
  ])("compact target %i", (bits, target) => {
    expect(targetOf(bits)).toBe(target);
  });
});

describe("merkle proofs", () => {
  test("all four transactions of block 100,000, in both forms", () => {
    const header = parseHeader(BLOCK_100000, NETWORKS.main);
    TXIDS_100000.forEach((txid, position) => {
      const { merkle } = branchOf(TXIDS_100000, position);
      expect(rootOfBranch(txid, merkle, position)).toBe(header.merkleRoot);
      const tree = readPartialTree(partialTree(BLOCK_100000, TXIDS_100000, position));
      expect(tree.root).toBe(header.merkleRoot);
      expect(tree.matches).toEqual([txid]);
    });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 33])(
    "a block of %i transactions: every position in both forms, none at another's place",
    (count) => {
      const transactions = Array.from({ length: count }, () => fundBounty());
      const txids = transactions.map((each) => each.getId());
      const root = merkleLevels(txids).at(-1)![0]!;
      const raw = mineHeader(NETWORKS.regtest.genesis, root, 1_700_000_000);
      const header = parseHeader(raw, NETWORKS.regtest);
      transactions.forEach((transaction, position) => {
        const { merkle } = branchOf(txids, position);
        checkInclusion(parsed(transaction), { form: "branch", siblings: merkle, position }, header);
        checkInclusion(parsed(transaction), { form: "partial-tree", raw: partialTree(raw, txids, position) }, header);
        const stranger = parsed(fundBounty());
        expect(() => checkInclusion(stranger, { form: "branch", siblings: merkle, position }, header)).toThrow("root");
        expect(() =>
          checkInclusion(stranger, { form: "partial-tree", raw: partialTree(raw, txids, position) }, header),
        ).toThrow("another transaction");
      });
    },
  );

  const chain = new FakeChain();
  const inside = [fundBounty(), fundBounty(), fundBounty(), fundBounty()];
  const block = chain.mine(1, inside);
  const header = parseHeader(block.header, NETWORKS.regtest);
  const txids = chain.txids(block);
  const { merkle } = branchOf(txids, 2);
  const transaction = parsed(inside[1]!);

  test("a branch with a sibling changed, missing or added, or another position, is refused", () => {
    const check = (siblings: string[], position: number) =>
      checkInclusion(transaction, { form: "branch", siblings, position }, header);
    check(merkle, 2);
    expect(() => check([...merkle.slice(0, -1), "00".repeat(32)], 2)).toThrow("root");
    expect(() => check(merkle.slice(0, -1), 2)).toThrow("root");
    expect(() => check([...merkle, merkle[0]!], 2)).toThrow("root");
    expect(() => check(merkle, 3)).toThrow("root");
    for (const wrong of [8, -1, 1.5, 2 ** 40]) expect(() => check(merkle, wrong)).toThrow("outside the tree");
    expect(() => check(Array(17).fill("00".repeat(32)), 0)).toThrow("too long");
  });

  test("a proof from another block is refused", () => {
    const next = chain.mine(1, [inside[1]!]);
    const raw = partialTree(next.header, chain.txids(next), 1);
    expect(() => checkInclusion(transaction, { form: "partial-tree", raw }, header)).toThrow("another block");
  });

  test("every truncation, and every addition to a partial tree, is refused", () => {
    const raw = partialTree(block.header, txids, 2);
    for (let length = 0; length < raw.length; length++) {
      expect(() => readPartialTree(raw.subarray(0, length)), `${length} bytes`).toThrow();
    }
    expect(() => readPartialTree(Buffer.concat([raw, Uint8Array.from([0])]))).toThrow("left over");
    const many = Uint8Array.from(raw);
    many.set([0xff, 0xff, 0xff, 0x7f], 80);
    expect(() => readPartialTree(many)).toThrow("impossible block");
  });

  test("no changed byte of a partial tree still proves the transaction", () => {
    const raw = partialTree(block.header, txids, 2);
    for (let at = 0; at < raw.length; at++) {
      // The unused high bits of the flags mean nothing.
      if (at === raw.length - 1) continue;
      const forged = Uint8Array.from(raw);
      forged[at]! ^= 0x81;
      expect(() => checkInclusion(transaction, { form: "partial-tree", raw: forged }, header), `byte ${at}`).toThrow();
    }
  });

  test("a 64-byte transaction could be an inner node and proves nothing", () => {
    const small = new Transaction();
    small.addInput(new Uint8Array(32).fill(1), 0);
    small.addOutput(Uint8Array.from([0x51, 0x52, 0x53, 0x54]), 1n);
    const bytes = parseTransaction(small.toBuffer());
    expect(bytes.strippedLength).toBe(64);
    const root = bytes.txid;
    const only = parseHeader(mineHeader(NETWORKS.regtest.genesis, root, 1_700_000_000), NETWORKS.regtest);
    expect(() => checkInclusion(bytes, { form: "branch", siblings: [], position: 0 }, only)).toThrow("64-byte");
  });

  test("a tree that repeats a node on the left (CVE-2012-2459) is refused", () => {
    const txid = transaction.txid;
    const root = showHash(sha256d(Buffer.concat([hashBytes(txid), hashBytes(txid)])));
    expect(rootOfBranch(txid, [txid], 0)).toBe(root);
    expect(() => rootOfBranch(txid, [txid], 1)).toThrow("repeated");
    const raw = partialTree(mineHeader(NETWORKS.regtest.genesis, root, 1), [txid, txid], 1);
    expect(() => readPartialTree(raw)).toThrow("equal siblings");
  });
});
