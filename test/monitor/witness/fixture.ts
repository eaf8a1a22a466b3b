/** A witness's key that is not kept, and statements signed with it. */
import { generateKeyPairSync, sign } from "node:crypto";
import type { WitnessKey } from "../../../monitor/witness/key.ts";
import {
  type SignedStatement,
  type Statement,
  signStatement,
  statementHash,
} from "../../../monitor/witness/statement.ts";
import { PINATA } from "../support/bounty.ts";

export const START = 1_750_000_000_000;
export const HOUR = 3_600_000;

export function newKey(): WitnessKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url").toString("hex"),
    isNew: true,
    sign: (bytes) => sign(null, bytes, privateKey).toString("hex"),
  };
}

export const KEY = newKey();
const block = { height: 700, hash: "7f".repeat(32) };

/** A statement that follows on `before`. */
export function follow(
  before: SignedStatement | null,
  change: Partial<Statement> = {},
  key: WitnessKey = KEY,
): SignedStatement {
  const number = before ? before.statement.number + 1 : 1;
  return signStatement(
    {
      type: "pinata-statement",
      version: 1,
      number,
      time: START + (number - 1) * HOUR,
      reason: number === 1 ? "start" : "hour",
      network: "regtest",
      address: PINATA.address,
      descriptor: PINATA.descriptor,
      verdict: "sealed",
      since: START,
      checked: START + 5,
      tip: block,
      coins: [
        {
          outpoint: `${"c0".repeat(32)}:1`,
          value: 250_000,
          state: "spent",
          spend: { txid: "5d".repeat(32), kind: "refund", block },
        },
      ],
      sources: [{ name: "esplora.example", kind: "esplora", healthy: true, tip: block }],
      pinata: { image: "1a".repeat(32), boot: "b007b007b007b007", running: true },
      candy: { message: "pinata/1 …", signature: "smpAA==" },
      attempts: { total: 12, opened: 0 },
      previous: before && statementHash(before.statement),
      ...change,
    },
    key,
  );
}

/** `length` statements, each an hour after the one before. */
export function chainOf(length: number): [SignedStatement, ...SignedStatement[]] {
  const chain: [SignedStatement, ...SignedStatement[]] = [follow(null)];
  while (chain.length < length) chain.push(follow(chain.at(-1)!));
  return chain;
}
