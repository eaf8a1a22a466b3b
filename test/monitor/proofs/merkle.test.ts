/** Merkle proofs: both forms, and every way of proving what a block does not hold. */
import { Transaction } from "bitcoinjs-lib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, hashBytes, sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { checkCoinbase, checkInclusion, readPartialTree, rootOfBranch } from "../../../monitor/proofs/merkle.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { fundBounty, parsed } from "../support/bounty.ts";
import { branchOf, FakeChain, merkleLevels, mineHeader, partialTree } from "../support/fake-chain.ts";

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

describe("merkle proofs", () => {
  test("all four transactions of block 100,000, in both forms", () => {
    const header = parseHeader(BLOCK_100000, NETWORKS.main);
    TXIDS_100000.forEach((txid, position) => {
      const { merkle } = branchOf(TXIDS_100000, position);
      expect(rootOfBranch(txid, merkle, position)).toBe(header.merkleRoot);
      const tree = readPartialTree(partialTree(BLOCK_100000, TXIDS_100000, position));
      expect(tree.root).toBe(header.merkleRoot);
      expect(tree.matches).toEqual([{ txid, siblings: merkle, position }]);
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

  describe("the coinbase tells the depth of the tree", () => {
    const coinbase = block.transactions[0]!.toBuffer();
    const first = branchOf(txids, 0).merkle;
    const branch = { form: "branch", siblings: merkle, position: 2 } as const;
    const tree = { form: "partial-tree", raw: partialTree(block.header, txids, 2) } as const;

    test("both proofs in either form", () => {
      for (const proof of [branch, tree]) {
        for (const of of [
          { form: "branch", siblings: first, position: 0 } as const,
          { form: "partial-tree", raw: partialTree(block.header, txids, 0) } as const,
        ]) {
          checkInclusion(transaction, proof, header, { raw: coinbase, proof: of });
        }
      }
    });

    test("another transaction, another place, or another block is no coinbase", () => {
      const check = (raw: Uint8Array, siblings: readonly string[], position: number) =>
        checkInclusion(transaction, branch, header, { raw, proof: { form: "branch", siblings, position } });
      expect(() => check(inside[0]!.toBuffer(), branchOf(txids, 1).merkle, 1)).toThrow("a coinbase that is none");
      expect(() => check(coinbase, first, 1)).toThrow("does not lead to");
      expect(() => check(chain.mine(1, []).transactions[0]!.toBuffer(), first, 0)).toThrow("does not lead to");
      expect(() => check(coinbase.subarray(1), first, 0)).toThrow();
      const placed = chain.side(block, [block.transactions[0]!, ...inside]);
      const again = chain.txids(placed).indexOf(txids[0]!);
      const there = parseHeader(placed.header, NETWORKS.regtest);
      const proof = { form: "branch", siblings: branchOf(chain.txids(placed), again).merkle, position: again } as const;
      expect(() => checkCoinbase({ raw: coinbase, proof }, there)).toThrow("not the first transaction");
    });

    test("a leaf that is not as deep as the coinbase is refused, above it and below it", () => {
      const [cb, other] = [showHash(sha256d(stripped(coinbase))), "ab".repeat(32)];
      const pair = (a: string, b: string) => showHash(sha256d(Buffer.concat([hashBytes(a), hashBytes(b)])));
      // The coinbase two levels down, the transaction one: no block has such a tree.
      const root = pair(pair(cb, other), transaction.txid);
      const odd = parseHeader(mineHeader(NETWORKS.regtest.genesis, root, 1_700_000_000), NETWORKS.regtest);
      const shallow = { form: "branch", siblings: [pair(cb, other)], position: 1 } as const;
      const deep = { form: "branch", siblings: [other, transaction.txid], position: 0 } as const;
      checkInclusion(transaction, shallow, odd);
      expect(() => checkInclusion(transaction, shallow, odd, { raw: coinbase, proof: deep })).toThrow("not as deep");

      const upside = pair(cb, pair(transaction.txid, other));
      const even = parseHeader(mineHeader(NETWORKS.regtest.genesis, upside, 1_700_000_000), NETWORKS.regtest);
      const below = { form: "branch", siblings: [other, cb], position: 2 } as const;
      const above = { form: "branch", siblings: [pair(transaction.txid, other)], position: 0 } as const;
      checkInclusion(transaction, below, even);
      expect(() => checkInclusion(transaction, below, even, { raw: coinbase, proof: above })).toThrow("not as deep");
    });
  });

  test("a 64-byte transaction in a block cannot be used as the node above a forged one", () => {
    // Any transaction whose hash has a 1 where the honest one counts its inputs.
    let forged = parsed(fundBounty());
    while (hashBytes(forged.txid)[4] !== 1) forged = parsed(fundBounty());
    const tail = Buffer.alloc(32);
    // Rest of the previous txid and its output; no script; sequence; one output of 7 satoshi and a four-byte script.
    tail.fill(0xee, 0, 9);
    tail.fill(0xff, 10, 14);
    tail.writeUInt8(1, 14);
    tail.writeBigUInt64LE(7n, 15);
    tail.set([4, 0x51, 0x51, 0x51, 0x51], 23);
    const honest = parseTransaction(Buffer.concat([hashBytes(forged.txid), tail]));
    expect(honest.strippedLength).toBe(64);
    const ids = [parsed(block.transactions[0]!).txid, honest.txid];
    const root = merkleLevels(ids).at(-1)![0]!;
    const raw = mineHeader(NETWORKS.regtest.genesis, root, 1_700_000_000);
    const there = parseHeader(raw, NETWORKS.regtest);
    const siblings = [showHash(tail), ids[0]!];
    const naive = siblings.reduce(
      (node, sibling, level) =>
        showHash(sha256d(Buffer.concat((level === 1 ? [sibling, node] : [node, sibling]).map(hashBytes)))),
      forged.txid,
    );
    expect(naive).toBe(root);
    expect(() => checkInclusion(forged, { form: "branch", siblings, position: 2 }, there)).toThrow(
      "a node that is a 64-byte transaction",
    );
  });

  test("property: in any block, each transaction is proven at its place and nowhere else", () => {
    const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(showHash);
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 70 }), fc.nat(), fc.nat(), (ids, one, two) => {
        const root = merkleLevels(ids).at(-1)![0]!;
        const [position, elsewhere] = [one % ids.length, two % ids.length];
        const { merkle: siblings } = branchOf(ids, position);
        expect(rootOfBranch(ids[position]!, siblings, position)).toBe(root);
        const tree = readPartialTree(partialTree(new Uint8Array(80), ids, position));
        expect(tree).toMatchObject({ root, matches: [{ txid: ids[position], position, siblings }] });
        if (elsewhere === position) return;
        expect(rootOrRefusal(ids[elsewhere]!, siblings, position)).not.toBe(root);
        expect(rootOrRefusal(ids[position]!, siblings, elsewhere)).not.toBe(root);
      }),
      { numRuns: 200 },
    );
  });
});

/** The root, or why there is none. */
function rootOrRefusal(leaf: string, siblings: readonly string[], position: number): string {
  try {
    return rootOfBranch(leaf, siblings, position);
  } catch (error) {
    return (error as Error).message;
  }
}

function stripped(raw: Uint8Array): Uint8Array {
  const transaction = Transaction.fromBuffer(raw);
  transaction.stripWitnesses();
  return transaction.toBuffer();
}
