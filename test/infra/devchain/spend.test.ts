import { describe, expect, it } from "vitest";
import { ecc, hashes, payments, scripts, Transaction } from "../../../infra/bitcoin/ecc.ts";
import { buildRefund, buildSweep, type Utxo } from "../../../infra/bitcoin/sweep.ts";
import { publicKeyOf, tapLeafHash, taprootScript, tweakKey, tweakPrivateKey } from "../../../infra/bitcoin/taproot.ts";
import { makeBlock } from "../../../infra/devchain/block.ts";
import { Refused, Undecodable } from "../../../infra/devchain/refused.ts";
import { type Bench, candy, key, REFUND_HEIGHT, REFUND_KEY, ready, script, THIEF } from "./fixtures.ts";

/** A piñata that is funded and confirmed. */
function hung(): { bench: Bench; coin: Utxo } {
  const bench = ready();
  const coin = bench.fund();
  bench.mine();
  return { bench, coin };
}

const sweep = (coin: Utxo, feeRate = 2) => buildSweep({ candy, utxos: [coin], toAddress: THIEF, feeRate });
const refund = (coin: Utxo) =>
  buildRefund({
    terms: candy.terms,
    network: "regtest",
    refundPrivateKey: REFUND_KEY,
    utxos: [coin],
    toAddress: THIEF,
    feeRate: 20,
  });

const refusal = (bench: Bench, tx: Transaction | string): string => {
  const waiting = bench.chain.mempool.entries().map((entry) => entry.tx.txid);
  try {
    bench.submit(typeof tx === "string" ? tx : tx.toBuffer());
  } catch (error) {
    expect(error).toBeInstanceOf(Refused);
    expect(bench.chain.mempool.entries().map((entry) => entry.tx.txid)).toEqual(waiting);
    return (error as Refused).message;
  }
  throw new Error("accepted");
};
const INVALID = "mandatory-script-verify-flag-failed (Invalid Schnorr signature)";

describe("the key path", () => {
  it("takes the winner's sweep, and a block confirms it", () => {
    const { bench, coin } = hung();
    const { hex, txid } = sweep(coin);
    expect(bench.submit(hex)).toBe(txid);
    expect(bench.chain.spender(`${coin.txid}:0`)).toEqual({ txid, vin: 0 });
    bench.mine();
    expect(bench.chain.find(txid)!.block).toBe(bench.chain.tip);
    expect(bench.chain.coin(`${coin.txid}:0`)).toBeUndefined();
    expect(bench.chain.mempool.size).toBe(0);
  });
  it("refuses a signature with any one bit wrong", () => {
    const { bench, coin } = hung();
    const tx = Transaction.fromHex(sweep(coin).hex);
    const good = tx.ins[0]!.witness[0]!;
    for (let bit = 0; bit < 512; bit++) {
      const bad = Uint8Array.from(good);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      tx.setWitness(0, [bad]);
      expect(refusal(bench, tx), `bit ${bit}`).toContain(INVALID);
    }
    tx.setWitness(0, [good]);
    bench.submit(tx.toBuffer());
  });
  it("refuses an output changed by one satoshi", () => {
    const { bench, coin } = hung();
    const tx = Transaction.fromHex(sweep(coin).hex);
    tx.outs[0]!.value -= 1n;
    expect(refusal(bench, tx)).toBe(
      `${INVALID}, input 0 of ${tx.getId()} (wtxid ${Buffer.from(tx.getHash(true)).reverse().toString("hex")}), spending ${coin.txid}:0`,
    );
  });
  it.each<[string, (tx: Transaction) => void]>([
    ["another recipient", (tx) => Object.assign(tx.outs[0]!, { script: taprootScript(publicKeyOf(key(8))) })],
    ["another sequence", (tx) => Object.assign(tx.ins[0]!, { sequence: 0 })],
    ["another version", (tx) => Object.assign(tx, { version: 1 })],
    ["another lock time", (tx) => Object.assign(tx, { locktime: 1 })],
  ])("refuses %s", (_, change) => {
    const { bench, coin } = hung();
    const tx = Transaction.fromHex(sweep(coin).hex);
    change(tx);
    expect(refusal(bench, tx)).toContain(INVALID);
  });
  it("refuses the untweaked key's signature", () => {
    const { bench, coin } = hung();
    const tx = Transaction.fromHex(sweep(coin).hex);
    const message = tx.hashForWitnessV1(0, [candy.output.script], [100_000n], 0);
    tx.setWitness(0, [ecc.signSchnorr(message, candy.privateKey)]);
    expect(refusal(bench, tx)).toContain(INVALID);
  });

  const signed = (coin: Utxo, type: number, annex?: Uint8Array) => {
    const tx = Transaction.fromHex(sweep(coin).hex);
    const message = tx.hashForWitnessV1(0, [candy.output.script], [100_000n], type, undefined, annex);
    const signature = ecc.signSchnorr(message, tweakPrivateKey(candy.privateKey, candy.output.leafHash));
    tx.setWitness(0, [type === 0 ? signature : Uint8Array.of(...signature, type), ...(annex ? [annex] : [])]);
    return tx;
  };
  it.each([0, 1, 2, 3, 0x81, 0x82, 0x83])("takes hash type %i", (type) => {
    const { bench, coin } = hung();
    expect(bench.submit(signed(coin, type).toBuffer())).toHaveLength(64);
  });
  it("refuses impossible hash types and lengths", () => {
    const { bench, coin } = hung();
    const tx = signed(coin, 1);
    const signature = tx.ins[0]!.witness[0]!.subarray(0, 64);
    for (const type of [0, 4, 0x80, 0x84, 0xff]) {
      tx.setWitness(0, [Uint8Array.of(...signature, type)]);
      expect(refusal(bench, tx)).toContain("(Invalid Schnorr signature hash type)");
    }
    for (const length of [0, 1, 63, 66]) {
      tx.setWitness(0, [new Uint8Array(length)]);
      expect(refusal(bench, tx)).toContain("(Invalid Schnorr signature size)");
    }
    tx.setWitness(0, []);
    expect(refusal(bench, tx)).toContain("(Witness program was passed an empty witness)");
  });
  it("refuses SIGHASH_SINGLE without an output of that number", () => {
    const { bench, coin } = hung();
    const second = bench.fund(50_000n);
    const tx = Transaction.fromHex(buildSweep({ candy, utxos: [coin, second], toAddress: THIEF, feeRate: 2 }).hex);
    tx.setWitness(1, [Uint8Array.of(...tx.ins[1]!.witness[0]!, 3)]);
    expect(refusal(bench, tx)).toContain("(Invalid Schnorr signature hash type), input 1");
  });
  it("does not relay an annex, but takes one in a block when the signature covers it", () => {
    const { bench, coin } = hung();
    const annex = Uint8Array.of(0x50, 1, 2, 3);
    expect(refusal(bench, signed(coin, 0, annex))).toBe("bad-witness-nonstandard");
    expect(() => block(bench, unsignedAnnex(coin, annex))).toThrow("Invalid Schnorr signature");
    block(bench, signed(coin, 0, annex));
    expect(bench.chain.coin(`${coin.txid}:0`)).toBeUndefined();
  });
  const unsignedAnnex = (coin: Utxo, annex: Uint8Array) => {
    const tx = signed(coin, 0);
    tx.ins[0]!.witness.push(annex);
    return tx;
  };
});

/** Mines a block with a transaction that need not be relayed. */
function block(bench: Bench, tx: Transaction): void {
  const { tip } = bench.chain;
  const raw = makeBlock({
    previous: tip.hash,
    height: tip.height + 1,
    time: bench.now + 30,
    script: bench.wallet.script,
    value: 0n,
    extra: Uint8Array.of(9, 9),
    transactions: [tx],
  });
  bench.chain.submitBlock(raw, bench.now);
}
describe("the script path", () => {
  const late = () => {
    const { bench, coin } = hung();
    bench.mine(REFUND_HEIGHT - bench.chain.height);
    return { bench, coin };
  };
  it("is closed until the height has come, and open then", () => {
    const { bench, coin } = hung();
    const { hex, txid } = refund(coin);
    bench.mine(REFUND_HEIGHT - 1 - bench.chain.height);
    expect(refusal(bench, hex)).toBe("non-final");
    bench.mine();
    expect(bench.submit(hex)).toBe(txid);
    bench.mine();
    expect(bench.chain.find(txid)!.block!.height).toBe(REFUND_HEIGHT + 1);
  });

  const resigned = (coin: Utxo, change: (tx: Transaction) => void) => {
    const tx = Transaction.fromHex(refund(coin).hex);
    change(tx);
    const message = tx.hashForWitnessV1(0, [candy.output.script], [100_000n], 0, candy.output.leafHash);
    tx.setWitness(0, [ecc.signSchnorr(message, REFUND_KEY), candy.output.leaf, candy.output.controlBlock]);
    return tx;
  };
  const LOCKED = "mandatory-script-verify-flag-failed (Locktime requirement not satisfied)";
  it("does not believe a lower lock time, a final sequence or a time", () => {
    const { bench, coin } = late();
    expect(
      refusal(
        bench,
        resigned(coin, (tx) => Object.assign(tx, { locktime: REFUND_HEIGHT - 1 })),
      ),
    ).toContain(LOCKED);
    expect(
      refusal(
        bench,
        resigned(coin, (tx) => Object.assign(tx, { locktime: 0 })),
      ),
    ).toContain(LOCKED);
    expect(
      refusal(
        bench,
        resigned(coin, (tx) => Object.assign(tx.ins[0]!, { sequence: 0xffffffff })),
      ),
    ).toContain(LOCKED);
    expect(
      refusal(
        bench,
        resigned(coin, (tx) => Object.assign(tx, { locktime: 1_500_000_000 })),
      ),
    ).toContain(LOCKED);
  });

  const witness = (coin: Utxo, change: (stack: Uint8Array[]) => Uint8Array[]) => {
    const tx = Transaction.fromHex(refund(coin).hex);
    tx.setWitness(0, change(tx.ins[0]!.witness.map((item) => Uint8Array.from(item))));
    return tx;
  };
  const flip = (bytes: Uint8Array, at: number, bit = 1) => {
    bytes[at]! ^= bit;
    return bytes;
  };
  it.each<[string, (stack: Uint8Array[]) => Uint8Array[], string]>([
    ["a wrong signature", ([s, l, c]) => [flip(s!, 5), l!, c!], "Invalid Schnorr signature"],
    ["an empty signature", ([, l, c]) => [new Uint8Array(0), l!, c!], "Script failed an OP_CHECKSIGVERIFY operation"],
    ["another leaf", ([s, l, c]) => [s!, flip(l!, 36), c!], "Witness program hash mismatch"],
    ["another internal key", ([s, l, c]) => [s!, l!, flip(c!, 7)], "Witness program hash mismatch"],
    ["the other parity", ([s, l, c]) => [s!, l!, flip(c!, 0)], "Witness program hash mismatch"],
    ["another leaf version", ([s, l, c]) => [s!, l!, flip(c!, 0, 2)], "Witness program hash mismatch"],
    [
      "a branch that is not there",
      ([s, l, c]) => [s!, l!, Uint8Array.of(...c!, ...new Uint8Array(32))],
      "Witness program hash mismatch",
    ],
    ["a short control block", ([s, l, c]) => [s!, l!, c!.subarray(0, 32)], "Invalid Taproot control block size"],
    ["a crooked control block", ([s, l, c]) => [s!, l!, Uint8Array.of(...c!, 1)], "Invalid Taproot control block size"],
    [
      "one item too many",
      ([s, l, c]) => [Uint8Array.of(1), s!, l!, c!],
      "Stack size must be exactly one after execution",
    ],
    ["no signature", ([, l, c]) => [l!, c!], "Operation not valid with the current stack size"],
    ["a huge item", ([s, l, c]) => [s!, new Uint8Array(521), s!, l!, c!], "Push value size limit exceeded"],
  ])("refuses %s", (_, change, message) => {
    const { bench, coin } = late();
    expect(refusal(bench, witness(coin, change))).toContain(`(${message})`);
  });
  it("refuses a signature by another key, the candy's included", () => {
    const { bench, coin } = late();
    const tx = Transaction.fromHex(refund(coin).hex);
    const message = tx.hashForWitnessV1(0, [candy.output.script], [100_000n], 0, candy.output.leafHash);
    for (const other of [key(9), candy.privateKey, tweakPrivateKey(candy.privateKey, candy.output.leafHash)]) {
      tx.setWitness(0, [ecc.signSchnorr(message, other), candy.output.leaf, candy.output.controlBlock]);
      expect(refusal(bench, tx)).toContain(INVALID);
    }
  });
  it("refuses a refund signature that was made for the key path", () => {
    const { bench, coin } = late();
    const tx = Transaction.fromHex(refund(coin).hex);
    const message = tx.hashForWitnessV1(0, [candy.output.script], [100_000n], 0);
    tx.setWitness(0, [ecc.signSchnorr(message, REFUND_KEY), candy.output.leaf, candy.output.controlBlock]);
    expect(refusal(bench, tx)).toContain(INVALID);
  });

  /** Pays to an output with one leaf of opcodes and spends it through that leaf. */
  const throughLeaf = (
    leaf: Uint8Array,
    stack: (message: Uint8Array) => Uint8Array[],
    locktime = 0,
    siblings: Uint8Array[] = [],
  ) => {
    const bench = ready();
    const leafHash = tapLeafHash(leaf);
    const root = siblings.reduce(
      (node, sibling) => hashes.taggedHash("TapBranch", Buffer.concat([node, sibling].sort(Buffer.compare))),
      leafHash,
    );
    const internal = publicKeyOf(key(4));
    const tweaked = tweakKey(internal, root)!;
    const output = taprootScript(tweaked.key);
    const coin = bench.fund(100_000n, output);
    bench.mine();
    const tx = new Transaction();
    tx.version = 2;
    tx.locktime = locktime;
    tx.addInput(Buffer.from(coin.txid, "hex").reverse(), 0, 0xfffffffd);
    tx.addOutput(script(THIEF), 90_000n);
    const control = Uint8Array.of(0xc0 | tweaked.parity, ...internal, ...siblings.flatMap((sibling) => [...sibling]));
    tx.setWitness(0, [...stack(tx.hashForWitnessV1(0, [output], [100_000n], 0, leafHash)), leaf, control]);
    return { bench, tx };
  };
  const own = publicKeyOf(REFUND_KEY);
  const sign = (message: Uint8Array) => [ecc.signSchnorr(message, REFUND_KEY)];
  it("also runs the common order <height> CLTV DROP <key> CHECKSIG", () => {
    const leaf = scripts.compile([scripts.number.encode(100), 0xb1, 0x75, own, 0xac]);
    const { bench, tx } = throughLeaf(leaf, sign, 100);
    expect(bench.submit(tx.toBuffer())).toBe(tx.getId());
    const early = throughLeaf(leaf, sign, 99);
    expect(refusal(early.bench, early.tx)).toContain(LOCKED);
  });
  it("follows a merkle path of several leaves, and only the right one", () => {
    const leaf = scripts.compile([own, 0xac]);
    const siblings = [new Uint8Array(32).fill(200), new Uint8Array(32).fill(1), new Uint8Array(32).fill(90)];
    const { bench, tx } = throughLeaf(leaf, sign, 0, siblings);
    const wrong = Transaction.fromBuffer(tx.toBuffer());
    flip(wrong.ins[0]!.witness[2]!, 70);
    expect(refusal(bench, wrong)).toContain("(Witness program hash mismatch)");
    expect(bench.submit(tx.toBuffer())).toBe(tx.getId());
  });
  it.each<[string, Uint8Array, (message: Uint8Array) => Uint8Array[], string]>([
    [
      "a false result",
      scripts.compile([own, 0xac]),
      () => [new Uint8Array(0)],
      "finished with a false/empty top stack element",
    ],
    ["negative zero", Uint8Array.of(1, 0x80), () => [], "finished with a false/empty top stack element"],
    ["OP_VERIFY of false", Uint8Array.of(0x00, 0x69, 0x51), () => [], "Script failed an OP_VERIFY operation"],
    ["an opcode that is not run here", Uint8Array.of(0x51, 0x87), () => [], "does not run opcode 0x87"],
    ["a push past the end", Uint8Array.of(0x05, 1), () => [], "Opcode missing or not understood"],
    ["a long push past the end", Uint8Array.of(0x4d, 1), () => [], "Opcode missing or not understood"],
    ["a negative height", Uint8Array.of(0x01, 0x81, 0xb1), () => [], "Negative locktime"],
    ["a height with a needless byte", Uint8Array.of(0x02, 0x05, 0x00, 0xb1), () => [], "unknown error"],
    ["a height of six bytes", Uint8Array.of(0x06, 1, 1, 1, 1, 1, 1, 0xb1), () => [], "unknown error"],
    ["CLTV on nothing", Uint8Array.of(0xb1), () => [], "Operation not valid with the current stack size"],
    [
      "a key of another length",
      scripts.compile([new Uint8Array(33).fill(2), 0xac]),
      sign,
      "reserved for soft-fork upgrades",
    ],
    ["a key off the curve", scripts.compile([new Uint8Array(32).fill(255), 0xac]), sign, "Invalid Schnorr signature"],
  ])("refuses %s", (_, leaf, stack, message) => {
    const { bench, tx } = throughLeaf(leaf, stack);
    expect(refusal(bench, tx)).toContain(message);
  });
  it("runs as many signature checks as there are signatures", () => {
    const many = scripts.compile([...Array(30).fill([own, 0xad]).flat(), 0x51]);
    const { bench, tx } = throughLeaf(many, (message) => Array(30).fill(sign(message)[0]!));
    const missing = Transaction.fromBuffer(tx.toBuffer());
    missing.ins[0]!.witness.shift();
    expect(refusal(bench, missing)).toContain("Operation not valid with the current stack size");
    expect(bench.submit(tx.toBuffer())).toBe(tx.getId());
  });
});

describe("what else is refused", () => {
  it("a coinbase that is not a hundred deep", () => {
    const bench = ready();
    const young = bench.chain.blockAt(3)!.txids[0]!;
    const tx = new Transaction();
    tx.version = 2;
    tx.addInput(Buffer.from(young, "hex").reverse(), 0);
    tx.addOutput(script(THIEF), 1_000_000n);
    expect(refusal(bench, tx)).toBe("bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 99");
  });
  it("inputs that do not exist", () => {
    const bench = ready();
    expect(refusal(bench, sweep({ txid: "ab".repeat(32), vout: 0, value: 100_000 }).hex)).toBe(
      "bad-txns-inputs-missingorspent",
    );
  });
  it("an output spent in a block already", () => {
    const { bench, coin } = hung();
    const first = sweep(coin);
    bench.submit(first.hex);
    bench.mine();
    expect(refusal(bench, sweep(coin, 5).hex)).toBe("bad-txns-inputs-missingorspent");
    expect(refusal(bench, first.hex)).toBe("txn-already-known");
  });
  it("the same transaction twice, and one that differs in its witness only", () => {
    const { bench, coin } = hung();
    const { hex } = sweep(coin);
    bench.submit(hex);
    expect(refusal(bench, hex)).toBe("txn-already-in-mempool");
    const other = Transaction.fromHex(hex);
    flipFirst(other);
    expect(refusal(bench, other)).toBe("txn-same-nonwitness-data-in-mempool");
  });
  it("less than the least fee, with both numbers", () => {
    const { bench, coin } = hung();
    const { hex, vsize, fee } = sweep(coin, 0.5);
    expect(refusal(bench, hex)).toBe(`min relay fee not met, ${fee} < ${vsize}`);
  });

  const tx = (coin: Utxo, change: (tx: Transaction) => void) => {
    const made = Transaction.fromHex(sweep(coin).hex);
    change(made);
    return made;
  };
  it.each<[string, (tx: Transaction) => void, string]>([
    [
      "more out than in",
      (tx) => Object.assign(tx.outs[0]!, { value: 100_001n }),
      "bad-txns-in-belowout, value in (100000) < value out (100001)",
    ],
    [
      "more than all bitcoin",
      (tx) => Object.assign(tx.outs[0]!, { value: 2_100_000_000_000_001n }),
      "bad-txns-vout-toolarge",
    ],
    [
      "more than all bitcoin in sum",
      (tx) => Array.from({ length: 2 }, () => tx.addOutput(script(THIEF), 2_000_000_000_000_000n)),
      "bad-txns-txouttotal-toolarge",
    ],
    ["no outputs", (tx) => tx.outs.pop(), "bad-txns-vout-empty"],
    ["an input twice", (tx) => tx.addInput(tx.ins[0]!.hash, 0), "bad-txns-inputs-duplicate"],
    ["an input of nothing", (tx) => tx.addInput(new Uint8Array(32), 0xffffffff), "bad-txns-prevout-null"],
    ["version 4", (tx) => Object.assign(tx, { version: 4 }), "version"],
    ["version 0", (tx) => Object.assign(tx, { version: 0 }), "version"],
    ["dust", (tx) => tx.addOutput(script(THIEF), 329n), "dust"],
    ["an output of no known form", (tx) => tx.addOutput(Uint8Array.of(0x51), 1000n), "scriptpubkey"],
    [
      "a signature script",
      (tx) => tx.setInputScript(0, Uint8Array.of(0x51)),
      "mandatory-script-verify-flag-failed (Witness requires empty scriptSig)",
    ],
    ["too much weight", (tx) => Array.from({ length: 2400 }, () => tx.addOutput(script(THIEF), 330n)), "tx-size"],
  ])("%s", (_, change, message) => {
    const { bench, coin } = hung();
    expect(refusal(bench, tx(coin, change)).startsWith(message)).toBe(true);
  });
  it("values beyond 63 bits, which are negative to a node", () => {
    const { bench, coin } = hung();
    const raw = Buffer.from(sweep(coin).hex, "hex");
    const at = raw.indexOf(script(THIEF)) - 9;
    raw.fill(0xff, at, at + 8);
    expect(refusal(bench, raw.toString("hex"))).toBe("bad-txns-vout-negative");
  });
  it("coinbases and tiny transactions", () => {
    const bench = ready();
    const coinbase = new Transaction();
    coinbase.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Uint8Array.of(1, 2, 3));
    coinbase.addOutput(script(THIEF), 1000n);
    expect(refusal(bench, coinbase)).toBe("coinbase");
    const tiny = new Transaction();
    tiny.addInput(new Uint8Array(32).fill(1), 0);
    tiny.addOutput(Uint8Array.of(0x6a), 0n);
    expect(refusal(bench, tiny)).toBe("tx-size-small");
  });
  it("spending any other kind of output", () => {
    const bench = ready();
    const pay = payments.p2wpkh({ hash: new Uint8Array(20).fill(7) }).output!;
    const coin = bench.fund(100_000n, pay);
    expect(refusal(bench, sweep(coin).hex)).toMatch(/^bad-txns-nonstandard-inputs, .*only spends taproot outputs/);
    bench.mine();
    expect(() => block(bench, Transaction.fromHex(sweep(coin).hex))).toThrow(/only spends taproot outputs/);
  });
  it("a relative lock that has not passed (BIP-68), in blocks and in time", () => {
    const { bench, coin } = hung();
    const locked = (sequence: number) => {
      const made = Transaction.fromHex(sweep(coin).hex);
      made.ins[0]!.sequence = sequence;
      const message = made.hashForWitnessV1(0, [candy.output.script], [100_000n], 0);
      made.setWitness(0, [ecc.signSchnorr(message, tweakPrivateKey(candy.privateKey, candy.output.leafHash))]);
      return made;
    };
    // The coin is in the tip: the next block is one on top.
    expect(refusal(bench, locked(2))).toBe("non-BIP68-final");
    expect(refusal(bench, locked(0x400000 | 1))).toBe("non-BIP68-final");
    bench.mine();
    expect(bench.chain.test(locked(2).toBuffer(), bench.now).entry.fee).toBeGreaterThan(0n);
    expect(refusal(bench, locked(3))).toBe("non-BIP68-final");
    bench.mine(40);
    expect(bench.chain.test(locked(0x400000 | 1).toBuffer(), bench.now).entry.fee).toBeGreaterThan(0n);
  });
  it("a lock time that the median time has not passed (BIP-113)", () => {
    const { bench, coin } = hung();
    const locked = (locktime: number) => {
      const made = Transaction.fromHex(sweep(coin).hex);
      made.locktime = locktime;
      const message = made.hashForWitnessV1(0, [candy.output.script], [100_000n], 0);
      made.setWitness(0, [ecc.signSchnorr(message, tweakPrivateKey(candy.privateKey, candy.output.leafHash))]);
      return made.toBuffer();
    };
    const { medianTime, height } = bench.chain.tip;
    expect(() => bench.submit(locked(medianTime))).toThrow("non-final");
    expect(() => bench.submit(locked(height + 1))).toThrow("non-final");
    expect(bench.chain.test(locked(medianTime - 1), bench.now).evicted.size).toBe(0);
    expect(bench.chain.test(locked(height), bench.now).evicted.size).toBe(0);
  });
  it("bytes that are not exactly one transaction", () => {
    const { bench, coin } = hung();
    const { hex } = sweep(coin);
    for (const wrong of ["", "00", hex.slice(0, -2), `${hex}00`, "02000000000101"]) {
      expect(() => bench.submit(wrong)).toThrow(Undecodable);
    }
  });
  const flipFirst = (made: Transaction) => {
    made.ins[0]!.witness[0]![0]! ^= 1;
  };
});
