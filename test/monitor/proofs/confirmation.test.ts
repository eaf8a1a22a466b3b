/** Confirmations as a whole: each part of the evidence is asked for. */
import { readFileSync } from "node:fs";
import { Transaction } from "bitcoinjs-lib";
import { describe, expect, test } from "vitest";
import { fromHex } from "../../../monitor/proofs/bytes.ts";
import { checkConfirmation } from "../../../monitor/proofs/confirmation.ts";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { customSignet } from "../../../monitor/proofs/networks.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { fundBounty, outpointOf, parsed, REFUND_HEIGHT, refund } from "../support/bounty.ts";
import { branchOf, FakeChain } from "../support/fake-chain.ts";

const { regtest, signet } = NETWORKS;

/** The transaction as the second of a block, with its evidence. */
function evidenceOf(transaction: Transaction, height = 700) {
  const chain = new FakeChain();
  const block = chain.mine(1, [transaction]);
  const txids = chain.txids(block);
  const branch = (position: number) => ({
    form: "branch" as const,
    siblings: branchOf(txids, position).merkle,
    position,
  });
  return {
    transaction: parsed(transaction),
    proof: branch(1),
    header: parseHeader(block.header, regtest),
    height,
    coinbase: { raw: block.transactions[0]!.toBuffer(), proof: branch(0) },
  };
}

describe("on a chain of work", () => {
  const coin = fundBounty();
  const back = refund({ from: [{ transaction: coin }] });

  test("merkle branch and coinbase are enough; the coinbase may be missing", () => {
    const evidence = evidenceOf(coin);
    checkConfirmation(evidence, regtest);
    const { coinbase: _, ...without } = evidence;
    checkConfirmation(without, regtest);
    expect(outpointOf(coin).txid).toBe(evidence.transaction.txid);
  });

  test("another place, or a coinbase of another depth, is refused", () => {
    const evidence = evidenceOf(coin);
    expect(() => checkConfirmation({ ...evidence, proof: { ...evidence.proof, position: 0 } }, regtest)).toThrow(
      "root",
    );
    const deeper = { ...evidence.coinbase, proof: { ...evidence.proof, siblings: [], position: 0 } };
    expect(() => checkConfirmation({ ...evidence, coinbase: deeper }, regtest)).toThrow("root");
  });

  test("a refund in a block that is too early for it cannot be", () => {
    for (const height of [1, REFUND_HEIGHT - 1, REFUND_HEIGHT]) {
      expect(() => checkConfirmation(evidenceOf(back, height), regtest)).toThrow(
        `no block at height ${height} may hold yet`,
      );
    }
    checkConfirmation(evidenceOf(back, REFUND_HEIGHT + 1), regtest);
  });

  test("a lock until a time is checked where the median time is known", () => {
    const timed = Transaction.fromBuffer(back.toBuffer());
    timed.locktime = 1_700_000_000;
    const evidence = evidenceOf(timed);
    checkConfirmation(evidence, regtest);
    checkConfirmation({ ...evidence, medianTime: 1_700_000_001 }, regtest);
    expect(() => checkConfirmation({ ...evidence, medianTime: 1_700_000_000 }, regtest)).toThrow("may hold yet");
  });
});

describe("on a signet", () => {
  const { blocks } = JSON.parse(readFileSync(new URL("../vectors/signet-blocks.json", import.meta.url), "utf8")) as {
    blocks: string[];
  };
  const raw = fromHex(blocks[0]!.slice(162));
  const evidence = {
    transaction: parseTransaction(raw),
    proof: { form: "branch", siblings: [], position: 0 } as const,
    header: parseHeader(fromHex(blocks[0]!.slice(0, 160)), signet),
    height: 1,
  };
  const coinbase = { raw, proof: evidence.proof };

  test("the block must answer the challenge, so its coinbase must be shown", () => {
    checkConfirmation({ ...evidence, coinbase }, signet);
    expect(() => checkConfirmation(evidence, signet)).toThrow("a block of signet without its coinbase");
    const strict = customSignet(Uint8Array.from(signet.challenge!, (byte, i) => (i === 0 ? 0x52 : byte)));
    expect(() => checkConfirmation({ ...evidence, coinbase }, strict)).toThrow("does not answer");
  });
});
