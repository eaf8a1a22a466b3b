/**
 * Taproot spends made apart from bitcoinjs-lib: messages put together by hand from BIP-341, signatures and tweaks by
 * @noble/curves. Every hash type, with and without annex, in both paths, and leaves at every depth.
 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, showHash, toHex } from "../../../monitor/proofs/bytes.ts";
import { prevoutsFromRaw } from "../../../monitor/proofs/prevouts.ts";
import {
  prevoutsNeeded,
  proveSpend,
  readRefundLeaf,
  refundLeaf,
  type WatchedOutput,
} from "../../../monitor/proofs/taproot-spend.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import {
  compact,
  join,
  leafHashOf,
  type PlainTransaction,
  serialise,
  signTaproot,
  tagged,
  taprootMessage,
} from "./reference.ts";

const TYPES = [0, 1, 2, 3, 0x81, 0x82, 0x83];
const HEIGHT = 800_000;
const bounty = sha256(Buffer.from("bounty"));
const sponsor = sha256(Buffer.from("sponsor"));
const refundKey = schnorr.getPublicKey(sponsor);
/** 32-byte push, CHECKSIGVERIFY, push of 800,000, CHECKLOCKTIMEVERIFY. */
const leaf = join(fromHex("20"), refundKey, fromHex("ad"), fromHex("0300350c"), fromHex("b1"));

interface Tree {
  output: WatchedOutput;
  control: Uint8Array;
  /** Signs for the output key. */
  secret: Uint8Array;
}

/** The refund leaf under these siblings, lowest first. */
function treeOf(siblings: readonly Uint8Array[], version = 0xc0, script = leaf): Tree {
  const { Point } = secp256k1;
  const order = Point.Fn.ORDER;
  const number = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes)}`);
  const internal = schnorr.getPublicKey(bounty);
  const root = siblings.reduce(
    (node, sibling) =>
      Buffer.compare(node, sibling) < 0 ? tagged("TapBranch", node, sibling) : tagged("TapBranch", sibling, node),
    leafHashOf(script, version),
  );
  const tweak = number(tagged("TapTweak", internal, root)) % order;
  const even = Point.BASE.multiply(number(bounty)).toBytes(true)[0] === 2 ? number(bounty) : order - number(bounty);
  const secret = (even + tweak) % order;
  const point = Point.BASE.multiply(secret).toBytes(true);
  const outputKey = point.slice(1);
  const output = { script: join(fromHex("5120"), outputKey), outputKey, refundKey, refundHeight: HEIGHT };
  const control = join(Uint8Array.of(version | (point[0]! & 1)), internal, [...siblings]);
  return { output, control, secret: fromHex(secret.toString(16).padStart(64, "0")) };
}

const single = treeOf([]);

interface Made {
  tx: PlainTransaction;
  index: number;
  previous: Uint8Array[];
}

/** A spend of `output` at input `index` of `inputs`, each from a previous transaction of its own. */
function spendOf(output: WatchedOutput, inputs: number, index: number, outputs: number, salt = 0): Made {
  const previous: Uint8Array[] = [];
  const ins = Array.from({ length: inputs }, (_, i) => {
    const script = i === index ? output.script : join(fromHex("0014"), new Uint8Array(20).fill(i + 1));
    const value = 1_000n + BigInt(i * 7 + salt);
    const from: PlainTransaction = {
      version: 1,
      locktime: salt,
      ins: [{ txid: new Uint8Array(32).fill(i + 1), vout: salt % 3, sequence: 0, script: new Uint8Array(), value: 0n }],
      outs: [
        { script: Uint8Array.of(0x51), value: 1n },
        { script, value },
      ],
    };
    const raw = serialise(from);
    previous.push(raw);
    return { txid: sha256(sha256(raw)), vout: 1, sequence: 0xfffffffd - i, script, value };
  });
  const outs = Array.from({ length: outputs }, (_, i) => ({
    script: join(compact(2), Uint8Array.of(i, 0x51)),
    value: BigInt(500 + i),
  }));
  return { tx: { version: 2, locktime: HEIGHT, ins, outs }, index, previous };
}

function prove({ tx, index, previous }: Made, output: WatchedOutput) {
  const spend = parseTransaction(serialise(tx));
  const outpoint = { txid: showHash(tx.ins[index]!.txid), vout: 1 };
  const needed = prevoutsNeeded(spend, outpoint);
  const wanted = new Set(needed.map(({ txid }) => txid));
  const raws = previous.filter((raw) => wanted.has(showHash(sha256(sha256(raw)))));
  return proveSpend(spend, outpoint, output, prevoutsFromRaw(needed, raws));
}

const annexes = [undefined, fromHex("50"), join(fromHex("50"), new Uint8Array(300).fill(7))];

describe("messages put together by hand", () => {
  const cases = TYPES.flatMap((type) => annexes.map((annex) => ({ type, annex, bytes: annex?.length ?? 0 })));

  test.each(cases)("key path, hash type $type, annex of $bytes bytes", ({ type, annex }) => {
    const made = spendOf(single.output, 3, 1, 3);
    const message = taprootMessage(made.tx, 1, { type, ...(annex ? { annex } : {}) });
    const signature = signTaproot(message, single.secret, type);
    made.tx.ins[1]!.witness = annex ? [signature, annex] : [signature];
    expect(prove(made, single.output).kind).toBe("breach");
    for (const other of annexes.filter((each) => each !== annex)) {
      made.tx.ins[1]!.witness = other ? [signature, other] : [signature];
      expect(() => prove(made, single.output)).toThrow("not valid");
    }
  });

  test.each(cases)("script path, hash type $type, annex of $bytes bytes", ({ type, annex }) => {
    const made = spendOf(single.output, 3, 1, 3);
    const message = taprootMessage(made.tx, 1, { type, leaf, ...(annex ? { annex } : {}) });
    const signature = signTaproot(message, sponsor, type);
    made.tx.ins[1]!.witness = [signature, leaf, single.control, ...(annex ? [annex] : [])];
    expect(prove(made, single.output).kind).toBe("refund");
    // A signature of the key path is none of the leaf.
    const elsewhere = taprootMessage(made.tx, 1, { type, ...(annex ? { annex } : {}) });
    made.tx.ins[1]!.witness[0] = signTaproot(elsewhere, sponsor, type);
    expect(() => prove(made, single.output)).toThrow("not valid");
  });

  test.each(TYPES)("hash type %i signs what BIP-341 says, and no more", (type) => {
    const holds = (alter: (tx: PlainTransaction) => void): boolean => {
      const made = spendOf(single.output, 3, 1, 3);
      const signature = signTaproot(taprootMessage(made.tx, 1, { type }), single.secret, type);
      made.tx.ins[1]!.witness = [signature];
      alter(made.tx);
      const spend = parseTransaction(serialise(made.tx));
      const prevouts = new Map(
        made.tx.ins.map(({ txid, vout, script, value }) => [`${showHash(txid)}:${vout}`, { script, value }]),
      );
      try {
        return (
          proveSpend(spend, { txid: showHash(made.tx.ins[1]!.txid), vout: 1 }, single.output, prevouts).kind ===
          "breach"
        );
      } catch (error) {
        expect((error as Error).message).toContain("not valid");
        return false;
      }
    };
    const [anyone, kind] = [type >= 0x80, type & 3];
    expect(holds(() => {})).toBe(true);
    expect(holds((tx) => (tx.outs[0]!.value += 1n))).toBe(kind === 2 || kind === 3);
    expect(holds((tx) => (tx.outs[1]!.value += 1n))).toBe(kind === 2);
    expect(holds((tx) => tx.outs.pop())).toBe(kind === 2 || kind === 3);
    expect(holds((tx) => (tx.ins[0]!.vout += 1))).toBe(anyone);
    expect(holds((tx) => (tx.ins[2]!.sequence += 1))).toBe(anyone);
    expect(holds((tx) => (tx.ins[0]!.value += 1n))).toBe(anyone);
    expect(holds((tx) => (tx.ins[2]!.script = Uint8Array.of(0x51)))).toBe(anyone);
    expect(holds((tx) => tx.ins.pop())).toBe(anyone);
    expect(holds((tx) => (tx.ins[1]!.value += 1n))).toBe(false);
    expect(holds((tx) => (tx.ins[1]!.sequence += 1))).toBe(false);
    expect(holds((tx) => (tx.locktime += 1))).toBe(false);
    expect(holds((tx) => (tx.version = 0xffffffff))).toBe(false);
  });

  test("property: any shape of transaction", () => {
    fc.assert(
      fc.property(
        fc.record({
          inputs: fc.integer({ min: 1, max: 5 }),
          outputs: fc.integer({ min: 1, max: 5 }),
          at: fc.nat(),
          type: fc.constantFrom(...TYPES),
          annex: fc.option(fc.uint8Array({ maxLength: 80 }), { nil: undefined }),
          salt: fc.nat(1000),
        }),
        ({ inputs, outputs, at, type, annex: tail, salt }) => {
          const index = at % inputs;
          const made = spendOf(single.output, inputs, index, outputs, salt);
          const annex = tail && join(fromHex("50"), tail);
          if ((type & 3) === 3 && index >= outputs) {
            made.tx.ins[index]!.witness = [signTaproot(new Uint8Array(32), single.secret, type)];
            expect(() => prove(made, single.output)).toThrow("without a matching output");
            return;
          }
          const message = taprootMessage(made.tx, index, { type, ...(annex ? { annex } : {}) });
          const signature = signTaproot(message, single.secret, type);
          made.tx.ins[index]!.witness = annex ? [signature, annex] : [signature];
          expect(prove(made, single.output).kind).toBe("breach");
          const needed = prevoutsNeeded(parseTransaction(serialise(made.tx)), {
            txid: showHash(made.tx.ins[index]!.txid),
            vout: 1,
          });
          expect(needed).toHaveLength(type >= 0x80 ? 1 : inputs);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("control blocks", () => {
  const sibling = (level: number) => sha256(Uint8Array.of(level & 0xff, level >> 8));

  function refundAt(tree: Tree, control = tree.control) {
    const made = spendOf(tree.output, 1, 0, 1);
    made.tx.ins[0]!.witness = [signTaproot(taprootMessage(made.tx, 0, { type: 0, leaf }), sponsor, 0), leaf, control];
    return prove(made, tree.output).kind;
  }

  test.each([0, 1, 2, 7, 127, 128])("a leaf %i levels down, and no other path of that length", (depth) => {
    const siblings = Array.from({ length: depth }, (_, level) => sibling(level));
    const tree = treeOf(siblings);
    expect(refundAt(tree)).toBe("refund");
    const wrong = [...siblings];
    if (depth > 0) wrong[depth - 1] = sibling(999);
    else wrong.push(sibling(999));
    expect(() => refundAt(tree, join(tree.control.subarray(0, 33), wrong))).toThrow("does not commit to");
    expect(() =>
      refundAt(
        tree,
        Uint8Array.from(tree.control, (byte, i) => (i === 0 ? byte ^ 1 : byte)),
      ),
    ).toThrow("does not commit to");
  });

  test("129 levels are too many, although the output key commits to them", () => {
    const tree = treeOf(Array.from({ length: 129 }, (_, level) => sibling(level)));
    expect(() => refundAt(tree)).toThrow(`a control block of ${33 + 129 * 32} bytes`);
  });

  test("the published leaf under another leaf version is another leaf: unknown, not a refund", () => {
    const tree = treeOf([], 0xc2);
    expect(refundAt(tree)).toBe("unknown");
    expect(() =>
      refundAt(
        tree,
        Uint8Array.from(tree.control, (byte, i) => (i === 0 ? (byte & 1) | 0xc0 : byte)),
      ),
    ).toThrow("does not commit to");
  });

  test("the refund needs its height in the lock time, as a height, and an input that is not final", () => {
    const refund = (alter: (tx: PlainTransaction) => void) => {
      const made = spendOf(single.output, 1, 0, 1);
      alter(made.tx);
      made.tx.ins[0]!.witness = [
        signTaproot(taprootMessage(made.tx, 0, { type: 0, leaf }), sponsor, 0),
        leaf,
        single.control,
      ];
      return prove(made, single.output).kind;
    };
    expect(refund((tx) => (tx.locktime = HEIGHT))).toBe("refund");
    expect(refund((tx) => (tx.locktime = 499_999_999))).toBe("refund");
    for (const locktime of [0, HEIGHT - 1, 500_000_000, 0xffffffff]) {
      expect(() => refund((tx) => (tx.locktime = locktime))).toThrow("not locked until height 800000");
    }
    expect(() => refund((tx) => (tx.ins[0]!.sequence = 0xffffffff))).toThrow("not locked until");
  });
});

describe("the refund leaf", () => {
  test("written and read back, for every height", () => {
    expect(refundLeaf({ refundKey, refundHeight: HEIGHT })).toEqual(leaf);
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 499_999_999 })),
        (refundHeight) => {
          expect(readRefundLeaf(refundLeaf({ refundKey, refundHeight }))).toEqual({ refundKey, refundHeight });
        },
      ),
    );
  });

  test("of no height is none", () => {
    for (const refundHeight of [0, -1, 1.5, 500_000_000, Number.NaN]) {
      expect(() => refundLeaf({ refundKey, refundHeight })).toThrow("a refund height of");
    }
  });

  test("is recognised exactly", () => {
    const key = toHex(refundKey);
    const none = [
      "",
      `20${key}adb1`,
      // Another opcode in each place; the common form that drops the height; a branch around it.
      `20${key}ac0300350cb1`,
      `20${key}ad0300350cb2`,
      `0300350cb17520${key}ac`,
      `20${key}ad0300350cb175`,
      `6320${key}ad0300350cb168`,
      // The number longer than needed, negative, zero, or a time.
      `20${key}ad0400350c00b1`,
      `20${key}ad0101b1`,
      `20${key}ad4c0300350cb1`,
      `20${key}ad0300358cb1`,
      `20${key}ad00b1`,
      `20${key}ad4fb1`,
      `20${key}ad0400 65cd1db1`.replace(" ", ""),
      // Compressed, or no point at all.
      `2102${key}ad0300350cb1`,
      `20${"ff".repeat(32)}ad0300350cb1`,
      `20${key}ad0300350cb1`.slice(0, -2),
    ];
    for (const hex of none) expect(readRefundLeaf(fromHex(hex)), hex).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(leaf.length * 8 - 1), (bit) => {
        const other = Uint8Array.from(leaf);
        other[bit >> 3]! ^= 1 << (bit & 7);
        const read = readRefundLeaf(other);
        // Another key or height may be read, but never this one.
        expect(read).not.toEqual({ refundKey, refundHeight: HEIGHT });
        if (read) expect(refundLeaf(read)).toEqual(other);
      }),
    );
  });
});

describe("previous outputs", () => {
  const made = spendOf(single.output, 3, 1, 1);
  const needed = made.tx.ins.map(({ txid }) => ({ txid: showHash(txid), vout: 1 }));

  test("are taken from raw transactions that hash to the txid of the input, in any order", () => {
    const prevouts = prevoutsFromRaw(needed, made.previous.toReversed());
    expect([...prevouts.values()].map(({ value }) => value)).toEqual(made.tx.ins.map(({ value }) => value));
  });

  test("one that is missing, is another, is not needed, or has no such output", () => {
    expect(() => prevoutsFromRaw(needed, made.previous.slice(1))).toThrow(`${needed[0]!.txid} is not known`);
    const stranger = spendOf(single.output, 1, 0, 1, 99).previous[0]!;
    expect(() => prevoutsFromRaw(needed, [...made.previous.slice(1), stranger])).toThrow("is not needed");
    expect(() => prevoutsFromRaw(needed, [...made.previous, stranger])).toThrow("more previous transactions");
    const changed = Uint8Array.from(made.previous[0]!);
    changed[changed.length - 30]! ^= 1;
    expect(() => prevoutsFromRaw(needed, [changed, ...made.previous.slice(1)])).toThrow("is not needed");
    const third = [{ txid: needed[0]!.txid, vout: 2 }];
    expect(() => prevoutsFromRaw(third, made.previous.slice(0, 1))).toThrow("has no output");
  });
});
