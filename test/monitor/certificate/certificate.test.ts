/** Certificates of breaches and refunds: they prove what they say, and nothing in them can be changed. */
import { crypto, Transaction } from "bitcoinjs-lib";
import * as ecc from "tiny-secp256k1";
import { describe, expect, test } from "vitest";
import type { Certificate } from "../../../monitor/certificate/certificate.ts";
import { type CertificatePins, checkCertificate } from "../../../monitor/certificate/check.ts";
import { makeCertificate } from "../../../monitor/certificate/make.ts";
import { ProofError } from "../../../monitor/proofs/bytes.ts";
import {
  BOUNTY,
  breach,
  fundBounty,
  funding,
  key,
  outpointOf,
  PINATA,
  parsed,
  pay,
  refund,
  tweaked,
} from "../support/bounty.ts";
import { partialTree } from "../support/fake-chain.ts";
import {
  CONFIRMED,
  chain,
  coin,
  fundingBlock,
  headerAt,
  made,
  other,
  partsOf,
  proven,
  spendBlock,
  theft,
} from "./fixture.ts";

const valid = made(CONFIRMED);
const text = (...parts: (string | readonly string[])[]) => parts.flat().join("\n");
const said = (value: Certificate, pins?: CertificatePins) => {
  const { headline, proven: yes, notProven } = checkCertificate(value, pins);
  return text(headline, yes, notProven);
};

describe("what a certificate proves", () => {
  test("a breach in a block: signature, merkle branch, and headers from the genesis block on", () => {
    const { headline, proven: yes, notProven } = checkCertificate(valid);
    expect(headline).toContain(`breach of 0.02000000 BTC of regtest at ${PINATA.address} by ${theft.getId()}`);
    expect(text(yes)).toContain("Key path: the BIP-340 signature (SIGHASH_DEFAULT) of input 0");
    expect(text(yes)).toContain(`is in block ${spendBlock.height} (${spendBlock.hash})`);
    expect(text(yes)).toContain("descends from the genesis block of regtest");
    expect(text(notProven)).toContain("on regtest a block costs nothing");
    expect(text(notProven)).toContain("compare the address");
    expect(valid.headers!.raw).toHaveLength(chain.best.length);
  });

  test("a breach before it is in a block, which may still be replaced", () => {
    const early = made(partsOf(theft));
    expect(early.headers).toBeNull();
    expect(said(early)).toContain("That the spend is in a block: it may still be replaced");
  });

  test("nothing but the funding's bytes when its block is not known", () => {
    const bare = made({ ...CONFIRMED, coins: [{ outpoint: outpointOf(coin), funding: parsed(coin) }] });
    expect(said(bare)).toContain("ever was in a block: its transaction alone is shown");
  });

  test("a refund is called a refund, not a breach", () => {
    const back = refund({ from: [{ transaction: coin }] });
    const value = made(partsOf(back, { prevouts: new Map() }));
    expect(value.kind).toBe("refund");
    expect(said(value)).toContain("REFUND, not a breach");
    expect(said(value)).not.toContain("BREACH:");
  });

  test("several coins at once, most valuable first; each needs a signature of its own", () => {
    const second = fundBounty(7_000_000n);
    const coins = [coin, second].map((each) => ({ outpoint: outpointOf(each), funding: parsed(each) }));
    const value = made({ ...partsOf(breachOfAll([coin, second])), coins });
    expect(value.coins.map((each) => each.value)).toEqual([7_000_000, 2_000_000]);
    expect(said(value)).toContain("breach of 0.09000000 BTC");
    const half = breach({ from: [{ transaction: coin }, { transaction: second }] });
    expect(() => makeCertificate({ ...partsOf(half), coins })).toThrow("without a witness");
  });

  test("only its own output is needed where the signature commits to no other", () => {
    const single = breach({ from: [{ transaction: coin }, { transaction: other }], type: 0x81 });
    const value = made(partsOf(single, { prevouts: new Map() }));
    expect(value.spend.prevouts).toEqual([]);
    expect(said(value)).toContain("SIGHASH_ALL|ANYONECANPAY");
  });

  test("both forms of merkle proof become the same branch", () => {
    const txids = chain.txids(spendBlock);
    const raw = partialTree(spendBlock.header, txids, txids.indexOf(theft.getId()));
    const block = { ...proven(spendBlock, theft), proof: { form: "partial-tree", raw } as const };
    expect(makeCertificate({ ...CONFIRMED, block })).toBe(makeCertificate(CONFIRMED));
  });

  test("a run of headers that begins nowhere certain says so, unless the reader knows one of them", () => {
    const from = 5;
    const part = made({ ...CONFIRMED, headerAt: (height) => (height < from ? undefined : headerAt(height)) });
    expect(part.headers!.height).toBe(from);
    expect(said(part)).toContain(`That block ${spendBlock.height} is on the chain: look its hash up`);
    expect(said(part)).toContain(`block ${fundingBlock.hash}, which holds 2^1.0 hashes`);
    const below = said(part, { block: chain.best[6]!.hash });
    expect(below).toContain("descends from the block that you know");
    const above = said(part, { block: chain.tip.hash });
    expect(above).toContain("is, or is an ancestor of, the block that you know");
    expect(above).not.toContain("no other chain has more work");
    expect(() => said(part, { block: chain.best[2]!.hash })).toThrow("among which block");
    expect(() => said(made(partsOf(theft)), { block: chain.tip.hash })).toThrow("no headers");
  });

  test("it is about the reader's own piñata, or refused", () => {
    expect(said(valid, { pinata: { ...PINATA, network: "regtest" } })).toContain("It is the piñata of the public.json");
    const script = pay(key("another").point).script;
    expect(() => said(valid, { pinata: { output: { script }, network: "regtest", address: "bcrt1other" } })).toThrow(
      "than yours, bcrt1other",
    );
    expect(() => said(valid, { pinata: { ...PINATA, network: "signet" } })).toThrow("another piñata");
  });
});

describe("what is not made into a certificate", () => {
  test.each([
    ["a signature of another key", breach({ from: [{ transaction: coin }], secret: key("thief").secret }), "not valid"],
    ["a spend of another coin", breach({ from: [{ transaction: fundBounty() }] }), "does not spend"],
    ["a refund that is not locked", refund({ from: [{ transaction: coin }], locktime: 3 }), "not locked until"],
  ])("%s", (_name, spend, reason) => {
    expect(() => makeCertificate(partsOf(spend))).toThrow(reason);
  });

  test("a message that the piñata signed with its key (BIP-322), which has the form of a spend", () => {
    const toSpend = new Transaction();
    toSpend.version = 0;
    const tag = crypto.sha256(Buffer.from("BIP0322-signed-message"));
    const hash = crypto.sha256(Buffer.concat([tag, tag, Buffer.from("pinata/1 hello")]));
    toSpend.addInput(new Uint8Array(32), 0xffffffff, 0, Buffer.concat([Uint8Array.from([0x00, 0x20]), hash]));
    toSpend.addOutput(PINATA.output.script, 0n);
    const toSign = breach({ from: [{ transaction: toSpend }], fee: 0n });
    const coins = [{ outpoint: outpointOf(toSpend), funding: parsed(toSpend) }];
    expect(() => makeCertificate({ ...partsOf(toSign), coins })).toThrow("which any signed message is");
  });

  test("a spend whose other inputs are not known", () => {
    expect(() => makeCertificate({ ...CONFIRMED, prevouts: new Map() })).toThrow("is not known");
  });

  test("a block that is not the chain's", () => {
    const side = chain.side(chain.best[spendBlock.height - 1]!, [theft]);
    expect(() => makeCertificate({ ...CONFIRMED, block: proven(side, theft) })).toThrow(ProofError);
  });

  test("worthless coins whose transactions are huge are left out, their outputs are not", () => {
    const padding = { script: new Uint8Array(3_000_000).fill(0x6a), value: 0n };
    const dust = [3n, 2n].map((value) => funding({ script: PINATA.output.script, value }, padding));
    const spend = breachOfAll([coin, ...dust]);
    const value = made({
      ...partsOf(spend, { prevouts: new Map() }),
      coins: [...dust, coin].map((each) => ({ outpoint: outpointOf(each), funding: parsed(each) })),
    });
    expect(value.coins.map((each) => each.value)).toEqual([2_000_000, 3]);
    expect(value.spend.prevouts.map((each) => each.value)).toEqual([2]);
    expect(said(value)).toContain("breach of 0.02000003 BTC");
  });
});

/** Every input by the key path. */
function breachOfAll(transactions: readonly Transaction[]): Transaction {
  const spend = breach({ from: transactions.map((transaction) => ({ transaction })) });
  const [scripts, values] = [
    transactions.map(({ outs }) => outs[0]!.script),
    transactions.map(({ outs }) => outs[0]!.value),
  ];
  transactions.forEach((_, index) => {
    spend.setWitness(index, [ecc.signSchnorr(spend.hashForWitnessV1(index, scripts, values, 0), tweaked(BOUNTY))]);
  });
  return spend;
}
