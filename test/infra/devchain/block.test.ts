import { describe, expect, it } from "vitest";
import { equalBytes, hashBytes, showHash } from "../../../infra/bitcoin/bytes.ts";
import { Block, scripts, Transaction } from "../../../infra/bitcoin/ecc.ts";
import { makeBlock, type NewBlock } from "../../../infra/devchain/block.ts";
import { Chain } from "../../../infra/devchain/chain.ts";
import { merkleBlock, merkleBranch, merkleRoot } from "../../../infra/devchain/merkle.ts";
import { GENESIS, subsidy } from "../../../infra/devchain/params.ts";
import { Refused, Undecodable } from "../../../infra/devchain/refused.ts";
import { Bench, ready, rootOf, START, shaTwice } from "./fixtures.ts";

const TARGET = BigInt(`0x7fffff${"0".repeat(58)}`);
const hash = (raw: Uint8Array) => showHash(shaTwice(raw.subarray(0, 80)));

/** Changes a block's parsed form, makes its roots and proof of work right again, and returns the bytes. */
function altered(raw: Uint8Array, change: (block: Block) => void, roots: "remade" | "kept" = "remade"): Uint8Array {
  const block = Block.fromBuffer(raw);
  change(block);
  if (roots === "remade") block.merkleRoot = hashBytes(rootOf(block.transactions!.map((tx) => tx.getId())));
  while (BigInt(`0x${block.getId()}`) > TARGET) block.nonce++;
  return block.toBuffer();
}

/** The next block of `bench`, made but not submitted. */
function next(bench: Bench, change: Partial<NewBlock> = {}): Uint8Array {
  const { tip } = bench.chain;
  return makeBlock({
    previous: tip.hash,
    height: tip.height + 1,
    time: bench.now + 30,
    script: bench.wallet.script,
    value: subsidy(tip.height + 1),
    extra: Uint8Array.of(1, 2, 3),
    transactions: [],
    ...change,
  });
}

const refusal = (bench: Bench, raw: Uint8Array): string => {
  const before = bench.chain.tip.hash;
  try {
    bench.chain.submitBlock(raw, bench.now);
  } catch (error) {
    expect(error).toBeInstanceOf(Refused);
    expect(bench.chain.tip.hash).toBe(before);
    return (error as Refused).reason;
  }
  throw new Error("accepted");
};

describe("blocks", () => {
  it("start with regtest's real genesis block", () => {
    const { tip } = new Chain();
    expect(tip.hash).toBe("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206");
    expect(tip.merkleRoot).toBe("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
    expect(tip.time).toBe(1296688602);
    expect(hash(GENESIS)).toBe(tip.hash);
  });

  it("have work, roots, commitment and height right, by independent computation", () => {
    const bench = ready();
    bench.fund();
    bench.fund(5_000n);
    bench.mine();
    for (let height = 1; height <= bench.chain.height; height++) {
      const stored = bench.chain.blockAt(height)!;
      const block = Block.fromBuffer(stored.raw);
      expect(block.checkTxRoots()).toBe(true);
      expect(block.checkProofOfWork()).toBe(true);
      expect(BigInt(`0x${hash(stored.raw)}`) <= TARGET).toBe(true);
      expect(block.bits).toBe(0x207fffff);
      expect(showHash(block.prevHash!)).toBe(bench.chain.blockAt(height - 1)!.hash);
      const txs = block.transactions!;
      expect(rootOf(txs.map((tx) => tx.getId()))).toBe(showHash(block.merkleRoot!));
      // BIP-141: the last output that starts so commits to the witness root and the reserved value.
      const wtxids = txs.map((tx, i) => (i === 0 ? "00".repeat(32) : showHash(shaTwice(tx.toBuffer()))));
      const committed = shaTwice(hashBytes(rootOf(wtxids)), txs[0]!.ins[0]!.witness[0]!);
      const commitment = txs[0]!.outs[txs[0]!.outs.length - 1]!.script;
      expect(Buffer.from(commitment).toString("hex")).toBe(`6a24aa21a9ed${committed.toString("hex")}`);
      // BIP-34, read as a script: small numbers are opcodes.
      const [first] = scripts.decompile(txs[0]!.ins[0]!.script)!;
      expect(typeof first === "number" ? first - 0x50 : scripts.number.decode(first!)).toBe(height);
    }
    expect(bench.chain.contents(bench.chain.tip).txs).toHaveLength(3);
  });

  it("halve the subsidy every 150 blocks, and fees go to the miner", () => {
    const bench = new Bench();
    const paid = () => bench.chain.contents(bench.chain.tip).txs[0]!.parsed.outs[0]!.value;
    bench.mine(149);
    expect(paid()).toBe(5_000_000_000n);
    bench.mine();
    expect(paid()).toBe(2_500_000_000n);
    const { fee } = bench.chain.mempool.get(bench.fund().txid)!;
    bench.mine();
    expect(paid()).toBe(2_500_000_000n + fee);
    bench.mine(149);
    expect(paid()).toBe(1_250_000_000n);
    expect([0, 149, 150, 299, 300, 149 * 64, 150 * 64].map(subsidy)).toEqual(
      [50n, 50n, 25n, 25n, 12n, 0n, 0n].map((btc, i) => (i === 4 ? 1_250_000_000n : btc * 100_000_000n)),
    );
  });

  it("have times above the median and at least the clock's", () => {
    const bench = new Bench();
    for (let i = 0; i < 30; i++) bench.chain.mine({ script: bench.wallet.script, now: START, extra: Uint8Array.of(i) });
    for (let height = 1; height <= 30; height++) {
      const before = Array.from({ length: Math.min(11, height) }, (_, i) => bench.chain.blockAt(height - 1 - i)!.time);
      const median = before.sort((a, b) => a - b)[before.length >> 1]!;
      expect(bench.chain.blockAt(height)!.time).toBeGreaterThan(median);
      expect(bench.chain.blockAt(height)!.time).toBeGreaterThanOrEqual(START);
    }
  });
});

describe("a block is refused", () => {
  const bench = ready();
  const good = next(bench);
  it.each<[string, () => Uint8Array]>([
    ["bad-diffbits", () => altered(good, (block) => Object.assign(block, { bits: 0x207ffffe }))],
    ["time-too-old", () => altered(good, (block) => Object.assign(block, { timestamp: bench.chain.tip.medianTime }))],
    ["time-too-new", () => altered(good, (block) => Object.assign(block, { timestamp: bench.now + 7201 }))],
    ["bad-txnmrklroot", () => altered(good, (block) => block.merkleRoot!.fill(1), "kept")],
    ["bad-version(0x00000003)", () => altered(good, (block) => Object.assign(block, { version: 3 }))],
    ["prev-blk-not-found", () => altered(good, (block) => block.prevHash!.fill(1))],
    ["bad-cb-height", () => next(bench, { height: bench.chain.height + 2 })],
    ["bad-cb-amount", () => next(bench, { value: subsidy(bench.chain.height + 1) + 1n })],
    [
      "bad-witness-merkle-match",
      () => altered(good, (block) => block.transactions![0]!.outs[1]!.script.fill(7, 6, 38)),
    ],
    [
      "bad-witness-nonce-size",
      () => altered(good, (block) => block.transactions![0]!.setWitness(0, [new Uint8Array(31)])),
    ],
    ["unexpected-witness", () => altered(good, (block) => block.transactions![0]!.outs.pop())],
    ["bad-cb-multiple", () => altered(good, (block) => block.transactions!.push(coinbase(9)))],
    ["bad-cb-missing", () => altered(good, (block) => block.transactions!.splice(0, 1, payment()))],
    ["bad-txns-duplicate", () => altered(good, (block) => block.transactions!.push(payment(), payment()))],
    [
      "bad-txns-vout-toolarge",
      () => altered(good, (block) => block.transactions!.push(payment(2_100_000_000_000_001n))),
    ],
  ])("with %s", (reason, make) => {
    expect(refusal(bench, make())).toBe(reason);
  });
  it("with high-hash", () => {
    const block = Block.fromBuffer(good);
    while (BigInt(`0x${block.getId()}`) <= TARGET) block.nonce++;
    expect(refusal(bench, block.toBuffer())).toBe("high-hash");
  });
  it("with a transaction whose input is not there, and it is then known as invalid", () => {
    const raw = next(bench, { transactions: [payment()] });
    expect(refusal(bench, raw)).toBe("bad-txns-inputs-missingorspent");
    expect(refusal(bench, raw)).toBe("duplicate-invalid");
    const child = makeBlock({
      previous: hash(raw),
      height: bench.chain.height + 2,
      time: bench.now + 60,
      script: bench.wallet.script,
      value: 1n,
      extra: Uint8Array.of(1),
      transactions: [],
    });
    expect(refusal(bench, child)).toBe("bad-prevblk");
  });
  it("with a transaction that is locked until later", () => {
    const other = ready();
    const tx = Transaction.fromBuffer(other.wallet.pay(other.chain, other.wallet.script, 5_000n));
    tx.locktime = 500;
    expect(refusal(other, next(other, { transactions: [tx] }))).toBe("bad-txns-nonfinal");
  });
  it("with a wrong signature", () => {
    const other = ready();
    const tx = Transaction.fromBuffer(other.wallet.pay(other.chain, other.wallet.script, 5_000n));
    tx.ins[0]!.witness[0]![10]! ^= 1;
    expect(refusal(other, next(other, { transactions: [tx] }))).toBe(
      "mandatory-script-verify-flag-failed (Invalid Schnorr signature)",
    );
  });
  it("when it is there already", () => {
    const other = ready();
    const raw = next(other);
    other.chain.submitBlock(raw, other.now);
    expect(refusal(other, raw)).toBe("duplicate");
  });
  it("when its bytes are not one block", () => {
    for (const raw of [
      new Uint8Array(0),
      good.subarray(0, 80),
      good.subarray(0, good.length - 1),
      Buffer.concat([good, Uint8Array.of(0)]),
    ]) {
      expect(() => bench.chain.submitBlock(raw, bench.now)).toThrow(Undecodable);
    }
  });

  function payment(value = 1_000n): Transaction {
    const tx = new Transaction();
    tx.addInput(new Uint8Array(32).fill(5), 0);
    tx.addOutput(bench.wallet.script, value);
    return tx;
  }
  function coinbase(seed: number): Transaction {
    const tx = new Transaction();
    tx.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Uint8Array.of(seed, seed, seed));
    tx.addOutput(bench.wallet.script, 0n);
    return tx;
  }
});

describe("merkle proofs", () => {
  const txids = (count: number) => Array.from({ length: count }, (_, i) => shaTwice(Uint8Array.of(i)).toString("hex"));
  const fold = (txid: string, branch: string[], position: number) => {
    let node = hashBytes(txid);
    branch.forEach((sibling, level) => {
      const pair = (position >> level) & 1 ? [hashBytes(sibling), node] : [node, hashBytes(sibling)];
      node = new Uint8Array(shaTwice(...pair));
    });
    return showHash(node);
  };

  it("have the root that a second implementation finds", () => {
    for (let count = 1; count <= 33; count++) {
      expect(showHash(merkleRoot(txids(count).map(hashBytes)))).toBe(rootOf(txids(count)));
    }
  });
  it("lead from each transaction to the root", () => {
    for (let count = 1; count <= 33; count++) {
      const all = txids(count);
      all.forEach((txid, position) => {
        expect(fold(txid, merkleBranch(all, position), position)).toBe(rootOf(all));
      });
    }
  });
  it("as partial trees give the root and exactly the wanted transactions (BIP-37, read independently)", () => {
    for (let count = 1; count <= 20; count++) {
      const all = txids(count);
      for (const wanted of [[0], [count - 1], [0, count >> 1], all.map((_, i) => i)]) {
        const names = new Set(wanted.map((i) => all[i]!));
        const read = readPartial(merkleBlock(new Uint8Array(80).fill(4), all, names));
        expect(read.root).toBe(rootOf(all));
        expect(new Set(read.found)).toEqual(names);
      }
    }
  });

  function readPartial(raw: Uint8Array): { root: string; found: string[] } {
    const bytes = Buffer.from(raw);
    expect(equalBytes(bytes.subarray(0, 80), new Uint8Array(80).fill(4))).toBe(true);
    const total = bytes.readUInt32LE(80);
    const count = bytes[84]!;
    const hashes = Array.from({ length: count }, (_, i) => bytes.subarray(85 + 32 * i, 117 + 32 * i));
    const flagsAt = 85 + 32 * count;
    expect(bytes.length).toBe(flagsAt + 1 + bytes[flagsAt]!);
    let bit = 0;
    const found: string[] = [];
    const flag = () => (bytes[flagsAt + 1 + (bit >> 3)]! >> (bit++ & 7)) & 1;
    const walk = (level: number, at: number): Uint8Array => {
      const set = flag();
      if (level === 0 || !set) {
        const leaf = hashes.shift()!;
        if (set) found.push(showHash(leaf));
        return leaf;
      }
      const left = walk(level - 1, at * 2);
      const has = (at * 2 + 1) * 2 ** (level - 1) < total;
      return shaTwice(left, has ? walk(level - 1, at * 2 + 1) : left);
    };
    const root = showHash(walk(Math.ceil(Math.log2(total)), 0));
    expect(hashes).toHaveLength(0);
    return { root, found };
  }
});
