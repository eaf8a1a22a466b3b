/** Statements and chains of them: what they prove, and that nothing in them can be changed, left out, doubled or moved. */
import { describe, expect, test } from "vitest";
import { ProofError } from "../../../monitor/proofs/bytes.ts";
import { canonical } from "../../../monitor/witness/canonical-json.ts";
import { checkStatements, type StatementPins } from "../../../monitor/witness/chain.ts";
import {
  type SignedStatement,
  signedStatement,
  signStatement,
  statementHash,
} from "../../../monitor/witness/statement.ts";
import { PINATA } from "../support/bounty.ts";
import { chainOf, follow, HOUR, KEY, newKey, START } from "./fixture.ts";

const chain = chainOf(4);
const OTHER = newKey();
const check = (list: readonly SignedStatement[], pins?: StatementPins) =>
  checkStatements(list as [SignedStatement, ...SignedStatement[]], pins);
const said = (...args: Parameters<typeof check>) => {
  const { headline, proven, notProven } = check(...args);
  return [headline, ...proven, ...notProven].join("\n");
};

describe("what is proven", () => {
  test("one statement", () => {
    const text = said([chain[0]]);
    expect(text).toContain(`statement 1 about ${PINATA.address} (regtest)`);
    expect(text).toContain(`signed by key ${KEY.publicKey}`);
    expect(text).toContain('Statement 1 of 2025-06-15T15:06:40.000Z says "sealed" of 1 coin, checked at');
    expect(text).toContain("it is its word");
    expect(text).toContain("give that with --key");
  });

  test("a chain, from anywhere in it, by the key and about the piñata that the reader knows", () => {
    const pins = { keys: [KEY.publicKey], pinata: { address: PINATA.address, network: "regtest" } };
    const text = said(chain, pins);
    expect(text).toContain("Numbers 1 to 4 follow on each other");
    expect(text).toContain("The key is one that you gave");
    expect(text).toContain("the piñata of the public.json");
    expect(text).not.toMatch(/SILENT|--key|--public/);
    expect(said(chain.slice(2))).toContain("What was said before number 3");
  });

  test("silence and a clock set back are told, not refused", () => {
    const late = follow(chain[0], { time: START + 3 * HOUR });
    const back = follow(late, { time: START });
    const text = said([chain[0], late, back]);
    expect(text).toContain("SILENT between 1 and 2: from 2025-06-15T15:06:40.000Z to 2025-06-15T18:06:40.000Z");
    expect(text).toContain("clock went back between 2 and 3");
    const many = [follow(null)];
    while (many.length < 30) many.push(follow(many.at(-1)!, { time: START + many.length * 9 * HOUR }));
    expect(said(many)).toContain("9 more such gaps");
  });

  test("a time that no calendar has", () => {
    const far = { time: Number.MAX_SAFE_INTEGER, checked: Number.MAX_SAFE_INTEGER };
    expect(said([follow(null, far)])).toContain("9007199254740991 ms");
  });

  test("the key changes only among keys that the reader gave", () => {
    const taken = follow(chain[1]!, {}, OTHER);
    const list = [chain[0], chain[1]!, taken];
    expect(() => check(list)).toThrow(
      `statement 3 signed by key ${OTHER.publicKey}, which is not ${KEY.publicKey} as before`,
    );
    expect(() => check(list, { keys: [KEY.publicKey] })).toThrow("none that you gave");
    expect(said(list, { keys: [KEY.publicKey, OTHER.publicKey] })).toContain("The key changes 1 times");
  });
});

describe("what is refused", () => {
  const [one, two, three, four] = chain as unknown as [
    SignedStatement,
    SignedStatement,
    SignedStatement,
    SignedStatement,
  ];
  const other = follow(one, { verdict: "smashed" });
  const rows: [string, SignedStatement[], string, StatementPins?][] = [
    ["one is missing", [one, three], "statement 3 after 1: 2 is missing"],
    ["several are missing", [one, four], "2 to 3 are missing"],
    ["out of order", [one, three, two].slice(1), "statement 2 after 3: they are out of order"],
    ["one is there twice", [one, two, two], "statement 2 twice"],
    ["two of one number", [one, two, other], "two different statements 2, both signed"],
    ["a fork", [one, other, three], "a fork"],
    ["the first follows on another", [follow(null, { previous: "ab".repeat(32) })], "that follows on another"],
    ["a later one follows on nothing", [follow(one, { previous: null })], "with nothing before it"],
    ["another piñata in the chain", [one, follow(one, { address: "bcrt1other" })], "another piñata than 1"],
    ["another network in the chain", [one, follow(one, { network: "signet" })], "another piñata than 1"],
    ["another descriptor in the chain", [one, follow(one, { descriptor: "tr(x)" })], "another piñata than 1"],
    ["another piñata", [one], "not your piñata bcrt1mine", { pinata: { address: "bcrt1mine", network: "regtest" } }],
    ["another network", [one], "not your piñata", { pinata: { address: PINATA.address, network: "main" } }],
    ["another key", [one], "which is none that you gave", { keys: [OTHER.publicKey] }],
    ["the signature of another statement", [{ ...one, signature: two.signature }], "not valid for the key it names"],
    [
      "a key that did not sign it",
      [{ ...one, statement: { ...one.statement, key: OTHER.publicKey } }],
      "not valid for the key it names",
    ],
    [
      "a key that is none",
      [{ ...one, statement: { ...one.statement, key: "ff".repeat(32) } }],
      "not valid for the key",
    ],
  ];
  test.each(rows)("%s", (_name, list, reason, pins) => {
    expect(() => check(list, pins)).toThrow(ProofError);
    expect(() => check(list, pins)).toThrow(reason);
  });

  test("any byte that was changed", () => {
    const text = canonical(one);
    for (let at = 0; at < text.length; at++) {
      const changed = `${text.slice(0, at)}${text[at] === "1" ? "2" : "1"}${text.slice(at + 1)}`;
      expect(() => check([signedStatement.parse(JSON.parse(changed))]), changed.slice(at - 20, at + 20)).toThrow();
    }
  });

  test("any field that was added or left out, at any depth", () => {
    const visit = (at: unknown, path: (string | number)[]): void => {
      if (Array.isArray(at) && at.length > 0) visit(at[0], [...path, 0]);
      if (typeof at !== "object" || at === null || Array.isArray(at)) return;
      for (const field of [...Object.keys(at), null]) {
        const value = structuredClone(one) as unknown;
        const there = path.reduce((inner, step) => (inner as Record<PropertyKey, unknown>)[step], value);
        if (field === null) (there as Record<string, unknown>).extra = 1;
        else delete (there as Record<string, unknown>)[field];
        expect(signedStatement.safeParse(value).success, [...path, field ?? "extra"].join(".")).toBe(false);
      }
      for (const [field, inner] of Object.entries(at)) visit(inner, [...path, field]);
    };
    visit(one, []);
  });
});

test("only statements are signed", () => {
  const { key: _key, ...fields } = chain[0].statement;
  for (const change of [
    { number: 0 },
    { number: 1.5 },
    { type: "pinata-transfer" },
    { extra: 1 },
    { value: undefined },
  ]) {
    expect(() => signStatement({ ...fields, ...(change as object) }, KEY)).toThrow();
  }
});

test("the hash is that of the bytes that are signed", () => {
  expect(chain[1]!.statement.previous).toBe(statementHash(chain[0].statement));
  expect(statementHash(chain[1]!.statement)).not.toBe(statementHash(chain[0].statement));
});
