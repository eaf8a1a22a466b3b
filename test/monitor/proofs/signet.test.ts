/** Signet blocks: real ones, and of signets of our own with each form of challenge; signatures by @noble/curves. */
import { readFileSync } from "node:fs";
import { ripemd160 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Transaction } from "bitcoinjs-lib";
import { describe, expect, test } from "vitest";
import { fromHex, hashBytes, sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { type Header, NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { customSignet, type NetworkRules } from "../../../monitor/proofs/networks.ts";
import { checkSignetBlock } from "../../../monitor/proofs/signet.ts";
import { pushOf, readOps } from "../../../monitor/proofs/signet-solution.ts";
import { branchOf, merkleLevels, partialTree } from "../support/fake-chain.ts";
import { compact, ecdsaKey, join, segwitMessage, signEcdsa, u32, withLength } from "./reference.ts";

const { signet, main } = NETWORKS;

interface Block {
  header: Header;
  coinbase: Uint8Array;
}

const { blocks } = JSON.parse(readFileSync(new URL("../vectors/signet-blocks.json", import.meta.url), "utf8")) as {
  blocks: string[];
};
const real: Block[] = blocks.map((hex) => ({
  header: parseHeader(fromHex(hex.slice(0, 160)), signet),
  // One transaction: its count is a single byte.
  coinbase: fromHex(hex.slice(162)),
}));

const alone = { form: "branch", siblings: [], position: 0 } as const;
const check = ({ header, coinbase }: Block, rules: NetworkRules) =>
  checkSignetBlock(header, { raw: coinbase, proof: alone }, rules);

/** A header over this merkle root; nobody here asks for its proof of work. */
function over(header: Header, merkleRoot: string): Header {
  const raw = Uint8Array.from(header.raw);
  raw.set(hashBytes(merkleRoot), 36);
  return { ...header, raw, merkleRoot, hash: showHash(sha256d(raw)) };
}

const txidOf = (transaction: Transaction) => transaction.getId();

/** The block with its coinbase changed and its root put right. */
function changed(block: Block, change: (coinbase: Transaction) => void): Block {
  const coinbase = Transaction.fromBuffer(block.coinbase);
  change(coinbase);
  return { coinbase: coinbase.toBuffer(), header: over(block.header, txidOf(coinbase)) };
}

describe("the default signet", () => {
  test.each([0, 1])("its real block (%i)", (index) => {
    check(real[index]!, signet);
  });

  test("its genesis block needs no solution", () => {
    const header = parseHeader(signet.genesisHeader, signet);
    checkSignetBlock(header, { raw: real[0]!.coinbase, proof: alone }, signet);
  });

  test("the coinbase must be this block's", () => {
    const mixed = { header: real[0]!.header, coinbase: real[1]!.coinbase };
    expect(() => check(mixed, signet)).toThrow("does not lead to the block's root");
  });

  test("a block with anything changed that the solution signs", () => {
    const refused = (block: Block) =>
      expect(() => check(block, signet)).toThrow("does not answer the signet's challenge");
    refused(changed(real[0]!, (coinbase) => (coinbase.outs[0]!.value -= 1n)));
    refused(changed(real[0]!, (coinbase) => (coinbase.outs[0]!.script[5]! ^= 1)));
    for (const at of [0, 4, 68]) {
      const raw = Uint8Array.from(real[0]!.header.raw);
      raw[at]! ^= 1;
      refused({ ...real[0]!, header: { ...real[0]!.header, raw, hash: showHash(sha256d(raw)) } });
    }
    // Bits and nonce are not signed: work is done last.
    const worked = Uint8Array.from(real[0]!.header.raw);
    worked[76]! ^= 1;
    check({ ...real[0]!, header: { ...real[0]!.header, raw: worked, hash: showHash(sha256d(worked)) } }, signet);
  });

  test("another block's solution, or one that is damaged", () => {
    const solutionOf = (block: Block) => Transaction.fromBuffer(block.coinbase).outs[1]!.script;
    const swapped = changed(real[0]!, (coinbase) => (coinbase.outs[1]!.script = solutionOf(real[1]!)));
    expect(() => check(swapped, signet)).toThrow("does not answer");
    const damaged = changed(real[0]!, (coinbase) => (coinbase.outs[1]!.script[90]! ^= 1));
    expect(() => check(damaged, signet)).toThrow("does not answer");
  });

  test("no witness commitment, or none with a solution", () => {
    expect(() =>
      check(
        changed(real[0]!, (coinbase) => coinbase.outs.pop()),
        signet,
      ),
    ).toThrow("without a witness commitment");
    const bare = changed(real[0]!, (coinbase) => (coinbase.outs[1]!.script = coinbase.outs[1]!.script.slice(0, 38)));
    expect(() => check(bare, signet)).toThrow("does not answer");
  });

  test("the two keys together are another challenge", () => {
    const both = Uint8Array.from(signet.challenge!);
    both[0] = 0x52;
    expect(() => check(real[0]!, customSignet(both))).toThrow("does not answer");
    expect(() => check(real[0]!, main)).toThrow("main has no signet challenge");
  });
});

const [ann, bob, eve] = ["ann", "bob", "eve"].map(ecdsaKey) as [
  ReturnType<typeof ecdsaKey>,
  ReturnType<typeof ecdsaKey>,
  ReturnType<typeof ecdsaKey>,
];
const multisig = (required: number, ...keys: (typeof ann)[]) =>
  join(
    Uint8Array.of(0x50 + required),
    keys.map(({ point }) => pushOf(point)),
    Uint8Array.of(0x50 + keys.length, 0xae),
  );
const hash160 = (bytes: Uint8Array) => ripemd160(sha256(bytes));

interface Solved {
  scriptSig?: Uint8Array;
  witness?: Uint8Array[];
}

/** What BIP-325 has signed, written out by hand: message by hash type, for bare scripts and for programs. */
interface ToSign {
  bare(type: number): Uint8Array;
  program(scriptCode: Uint8Array, type: number): Uint8Array;
}

/** A block of a signet of our own, of `count` transactions. */
function blockOf(challenge: Uint8Array, solve: (toSign: ToSign) => Solved, count = 1) {
  const coinbase = (solution: Uint8Array) => {
    const transaction = new Transaction();
    transaction.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Uint8Array.of(1, 7));
    transaction.addOutput(Uint8Array.of(0x51), 5_000_000_000n);
    const commitment = join(Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed), new Uint8Array(32).fill(9));
    transaction.addOutput(join(commitment, pushOf(join(fromHex("ecc7daa2"), solution))), 0n);
    return transaction;
  };
  const others = Array.from({ length: count - 1 }, (_, i) =>
    String(i + 1)
      .padStart(2, "0")
      .repeat(32),
  );
  const rootOver = (first: string) => merkleLevels([first, ...others]).at(-1)![0]!;
  const plain = parseHeader(signet.genesisHeader, signet);
  const block = join(
    plain.raw.subarray(0, 36),
    hashBytes(rootOver(txidOf(coinbase(new Uint8Array())))),
    plain.raw.subarray(68, 72),
  );
  const none = new Uint8Array(32);
  const toSpend = join(
    u32(0),
    [Uint8Array.of(1), none, u32(0xffffffff), withLength(join(Uint8Array.of(0, block.length), block)), u32(0)],
    [Uint8Array.of(1), new Uint8Array(8), withLength(challenge), u32(0)],
  );
  const spent = sha256(sha256(toSpend));
  const { scriptSig = new Uint8Array(), witness = [] } = solve({
    bare: (type) =>
      sha256(
        sha256(
          join(
            u32(0),
            [Uint8Array.of(1), spent, u32(0), withLength(challenge), u32(0)],
            [Uint8Array.of(1), new Uint8Array(8), Uint8Array.of(1, 0x6a), u32(0), u32(type)],
          ),
        ),
      ),
    program: (scriptCode, type) =>
      segwitMessage(
        {
          version: 0,
          locktime: 0,
          ins: [{ txid: spent, vout: 0, sequence: 0, script: challenge, value: 0n }],
          outs: [{ script: Uint8Array.of(0x6a), value: 0n }],
        },
        0,
        scriptCode,
        type,
      ),
  });
  const done = coinbase(join(withLength(scriptSig), compact(witness.length), witness.map(withLength)));
  const txids = [txidOf(done), ...others];
  const header = over(plain, rootOver(txids[0]!));
  return { header, coinbase: done.toBuffer(), txids, rules: customSignet(challenge) };
}

function verify({ header, coinbase, txids, rules }: ReturnType<typeof blockOf>): void {
  const { merkle } = branchOf(txids, 0);
  checkSignetBlock(header, { raw: coinbase, proof: { form: "branch", siblings: merkle, position: 0 } }, rules);
  const tree = { form: "partial-tree", raw: partialTree(header.raw, txids, 0) } as const;
  checkSignetBlock(header, { raw: coinbase, proof: tree }, rules);
}

describe("signets of our own", () => {
  const bare =
    (...keys: (typeof ann)[]) =>
    (toSign: ToSign): Solved => ({
      scriptSig: join(
        Uint8Array.of(0),
        keys.map(({ secret }) => pushOf(signEcdsa(toSign.bare(1), secret, 1))),
      ),
    });

  test.each([1, 2, 3, 6])("two of three keys, in a block of %i transactions", (count) => {
    verify(blockOf(multisig(2, ann, bob, eve), bare(ann, eve), count));
    verify(blockOf(multisig(2, ann, bob, eve), bare(bob, eve), count));
  });

  test("four of five keys: a solution of more than 252 bytes", () => {
    const many = ["ann", "bob", "cid", "dan", "eve"].map(ecdsaKey);
    verify(blockOf(multisig(4, ...many), bare(...many.slice(1)), 2));
    expect(() => verify(blockOf(multisig(5, ...many), bare(...many.slice(1))))).toThrow("does not answer");
  });

  test("one key too few, one twice, in another order, or a stranger's", () => {
    const challenge = multisig(2, ann, bob, eve);
    const outsider = ecdsaKey("outsider");
    for (const keys of [[ann], [ann, ann], [bob, ann], [ann, outsider], [outsider, ann], [ann, bob, eve], []]) {
      expect(() => verify(blockOf(challenge, bare(...keys))), `${keys.length}`).toThrow("does not answer");
    }
  });

  test("the item too many must be empty, and nothing but pushes may come", () => {
    const challenge = multisig(1, ann);
    const signature = (toSign: ToSign) => pushOf(signEcdsa(toSign.bare(1), ann.secret, 1));
    verify(blockOf(challenge, bare(ann)));
    for (const begin of [[1, 1], [0x51], [0x61, 0], [0, 0]]) {
      const odd = (toSign: ToSign) => ({ scriptSig: join(Uint8Array.from(begin), signature(toSign)) });
      expect(() => verify(blockOf(challenge, odd))).toThrow("does not answer");
    }
    const cut = (toSign: ToSign) => ({ scriptSig: join(Uint8Array.of(0), signature(toSign), Uint8Array.of(5, 1)) });
    expect(() => verify(blockOf(challenge, cut))).toThrow("does not answer");
    const both = (toSign: ToSign) => ({ ...bare(ann)(toSign), witness: [Uint8Array.of(1)] });
    expect(() => verify(blockOf(challenge, both))).toThrow("does not answer");
  });

  test("each hash type says what it is; a signature with another proves nothing", () => {
    const challenge = multisig(1, ann);
    for (const type of [1, 0x81]) {
      const solve = (toSign: ToSign) => ({
        scriptSig: join(Uint8Array.of(0), pushOf(signEcdsa(toSign.bare(type), ann.secret, type))),
      });
      verify(blockOf(challenge, solve));
    }
    const wrong = (toSign: ToSign) => ({
      scriptSig: join(Uint8Array.of(0), pushOf(signEcdsa(toSign.bare(1), ann.secret, 0x81))),
    });
    expect(() => verify(blockOf(challenge, wrong))).toThrow("does not answer");
    const junk = () => ({ scriptSig: join(Uint8Array.of(0), pushOf(new Uint8Array(70).fill(1))) });
    expect(() => verify(blockOf(challenge, junk))).toThrow("not DER");
  });

  test("one key alone", () => {
    const challenge = join(pushOf(ann.point), Uint8Array.of(0xac));
    const by = (key: typeof ann) => (toSign: ToSign) => ({
      scriptSig: pushOf(signEcdsa(toSign.bare(1), key.secret, 1)),
    });
    verify(blockOf(challenge, by(ann), 4));
    expect(() => verify(blockOf(challenge, by(bob)))).toThrow("does not answer");
    expect(() => verify(blockOf(challenge, () => ({})))).toThrow("does not answer");
  });

  test("the hash of a key (P2WPKH)", () => {
    const program = hash160(ann.point);
    const challenge = join(Uint8Array.of(0, 20), program);
    const code = join(Uint8Array.of(0x76, 0xa9, 20), program, Uint8Array.of(0x88, 0xac));
    const by =
      (key: typeof ann, shown = key) =>
      (toSign: ToSign) => ({
        witness: [signEcdsa(toSign.program(code, 1), key.secret, 1), shown.point],
      });
    verify(blockOf(challenge, by(ann), 3));
    expect(() => verify(blockOf(challenge, by(bob)))).toThrow("does not answer");
    expect(() => verify(blockOf(challenge, by(bob, ann)))).toThrow("does not answer");
    expect(() => verify(blockOf(challenge, () => ({ witness: [ann.point] })))).toThrow("does not answer");
    const bothSides = (toSign: ToSign) => ({ ...by(ann)(toSign), scriptSig: Uint8Array.of(0) });
    expect(() => verify(blockOf(challenge, bothSides))).toThrow("does not answer");
  });

  test("the hash of a script (P2WSH)", () => {
    const script = multisig(2, ann, bob);
    const challenge = join(Uint8Array.of(0, 32), sha256(script));
    const by = (keys: (typeof ann)[], shown: Uint8Array) => (toSign: ToSign) => ({
      witness: [new Uint8Array(), ...keys.map(({ secret }) => signEcdsa(toSign.program(script, 1), secret, 1)), shown],
    });
    verify(blockOf(challenge, by([ann, bob], script), 2));
    expect(() => verify(blockOf(challenge, by([ann], script)))).toThrow("does not answer");
    expect(() => verify(blockOf(challenge, by([ann, bob], multisig(1, ann, bob))))).toThrow("does not answer");
    expect(() => verify(blockOf(challenge, () => ({})))).toThrow("does not answer");
    const odd = Uint8Array.of(0x51);
    expect(() => verify(blockOf(join(Uint8Array.of(0, 32), sha256(odd)), () => ({ witness: [odd] })))).toThrow(
      "cannot be judged",
    );
  });

  test("no challenge at all (OP_TRUE)", () => {
    verify(blockOf(Uint8Array.of(0x51), () => ({}), 2));
    expect(() => verify(blockOf(Uint8Array.of(0x51), () => ({ witness: [Uint8Array.of(1)] })))).toThrow("not answer");
  });

  test("challenges that cannot be judged are refused, and say so", () => {
    const taproot = join(Uint8Array.of(0x51, 32), ann.point.subarray(1));
    const odd = [taproot, Uint8Array.of(0x52), Uint8Array.of(0, 5, 1, 2, 3, 4, 5), multisig(1).subarray(1)];
    const tooMany = multisig(3, ann, bob);
    const hidden = join(multisig(1, ann).subarray(0, 1), Uint8Array.of(0x4c, 33), ann.point, Uint8Array.of(0x51, 0xae));
    for (const challenge of [...odd, tooMany, hidden, new Uint8Array()]) {
      expect(() => verify(blockOf(challenge, () => ({})))).toThrow("cannot be judged");
    }
  });
});

describe("solutions as bytes", () => {
  test.each(["", "00", "0001", "01", "000000", "fdfc00", "fe00000000", "0000ff", "00fd0100", "fd01004400"])(
    "%s is none",
    (hex) => {
      const block = blockOf(Uint8Array.of(0x51), () => ({}));
      const forged = changed(block, (coinbase) => {
        const begin = coinbase.outs[1]!.script.slice(0, 38);
        coinbase.outs[1]!.script = join(begin, pushOf(join(fromHex("ecc7daa2"), fromHex(hex))));
      });
      // Nothing after the four bytes is no solution, which OP_TRUE does not ask for.
      if (hex === "") return check(forged, block.rules);
      expect(() => check(forged, block.rules)).toThrow("not a script and a witness");
    },
  );

  test("operations are read as Core reads them, up to the first that is cut short", () => {
    const read = (hex: string) => readOps(fromHex(hex)).map(({ opcode, data }) => [opcode, data.length]);
    expect(read("0051024444")).toEqual([
      [0, 0],
      [0x51, 0],
      [2, 2],
    ]);
    expect(read("4c0255554d0100664e0100000077")).toEqual([
      [0x4c, 2],
      [0x4d, 1],
      [0x4e, 1],
    ]);
    for (const cut of ["51024444"]) expect(read(`${cut}05aabb`)).toEqual(read(cut));
    for (const end of ["4c", "4d00", "4e000000", "4c0511", "4d050011"]) expect(read(`51${end}`)).toEqual([[0x51, 0]]);
  });

  test("pushes are as short as their length allows", () => {
    for (const length of [1, 75, 76, 255, 256, 65_535]) {
      const [op] = readOps(pushOf(new Uint8Array(length)));
      expect(op!.data.length).toBe(length);
      expect(pushOf(new Uint8Array(length)).length - length).toBe(length < 76 ? 1 : length < 256 ? 2 : 3);
    }
    expect(() => pushOf(new Uint8Array(65_536))).toThrow("more than 65,535");
  });
});
