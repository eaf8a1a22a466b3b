/** What alerts say: every kind has a subject, facts and advice in one style; times, coins and acknowledging where they belong. */
import { describe, expect, test } from "vitest";
import { alertBody, KINDS } from "../../../monitor/alerts/kinds.ts";
import { render, type Spending, type Words, words } from "../../../monitor/alerts/texts.ts";
import { CONTEXT, testDraft, testMessage } from "./support.ts";

const spending: Spending = {
  money: "0.10000000 BTC",
  txid: "ab".repeat(32),
  kind: "breach",
  proof: "The signature is valid.",
  block: { height: 7, hash: "cd".repeat(32) },
};

const ALL: [string, Words][] = [
  ...(["breach", "unknown-spend", "refund", "replaced", "vanished", "returned", "confirmed", "final"] as const).map(
    (kind): [string, Words] => [kind, words[kind](spending)],
  ),
  ...(["reorged", "conflict", "fundingSeen", "fundingConfirmed", "fundingReorged", "fundingGone"] as const).map(
    (kind): [string, Words] => [kind, words[kind](spending)],
  ),
  ["fundingMany", words.fundingMany(20)],
  ["fundingFew", words.fundingFew()],
  ["blind", words.blind(31, ["Source a cannot be reached."])],
  ["sighted", words.sighted(["Source a answers."])],
  ["disagree", words.disagree(120, ["Source a is 5 blocks behind."])],
  ["agree", words.agree()],
  ["clockJumped", words.clockJumped(-30_400)],
  ["clockSteady", words.clockSteady(5)],
  ["storeFails", words.storeFails("disk full", ["BREACH"])],
  ["storeWorks", words.storeWorks()],
  ["pinataFails", words.pinataFails("does not answer")],
  ["pinataWorks", words.pinataWorks()],
  ["channelFails", words.channelFails("mail", "refuses connections")],
  ["channelWorks", words.channelWorks("mail")],
  ["test", words.test()],
];

test("no words are left out here", () => {
  expect(ALL.map(([name]) => name).sort()).toEqual(Object.keys(words).sort());
});

test.each(ALL)("%s: a short subject, facts, advice, all in plain lines", (_name, { subject, facts, advice }) => {
  expect(subject.length).toBeGreaterThan(10);
  expect(subject.length).toBeLessThan(90);
  expect(facts.length).toBeGreaterThan(0);
  expect(advice.length).toBeGreaterThan(0);
  for (const line of [subject, ...facts, ...advice]) expect(line).toMatch(/^[^\n\r<>]+$/);
  for (const line of [subject, ...facts, ...advice]) expect(line).not.toMatch(/undefined|null|NaN|\[object/);
});

describe("a refund is never called a breach, and nothing confirmed lacks its proof", () => {
  const refund: Spending = { ...spending, kind: "refund" };
  test.each(["replaced", "vanished", "returned", "confirmed", "final", "reorged", "conflict"] as const)(
    "%s",
    (kind) => {
      const { facts } = words[kind](refund);
      expect(facts.join(" ")).toContain("refund");
      expect(facts.join(" ")).not.toMatch(/breach|key is out/i);
    },
  );

  test.each(["confirmed", "conflict"] as const)("%s says what was verified", (kind) => {
    expect(words[kind](spending).facts).toEqual(
      expect.arrayContaining(["The signature is valid.", expect.stringContaining("merkle branch")]),
    );
  });
});

test("the whole text, as a person gets it", () => {
  const coin = { outpoint: `${"ef".repeat(32)}:1`, value: 10_000_000 };
  const draft = { kind: "breach" as const, coin, txid: spending.txid, sources: ["a.example", "core"] };
  const { body, json } = testMessage({ ...draft, ...words.breach(spending) });
  expect(body.text).toBe(`Transaction ${spending.txid} spends the coin by its key path.
The signature is valid.
The key is out whatever happens to this transaction: that does not go back.

Coin: ${coin.outpoint} (0.10000000 BTC of regtest)
Shown by: a.example, core. Verified by this monitor itself.
What to do:
- Treat the piñata's key as known to somebody else: do not put any more coins on this address.
- Keep the piñata's trace and image: they are the record of how it was done.
- If this was you, sweeping your own piñata, acknowledge this alert.

Piñata ${CONTEXT.address} (regtest). Alert ${body.id}, number 1, 2025-06-15T15:06:40.000Z.
It is repeated until somebody acknowledges it, on the monitor's machine:
curl -X POST -H "Authorization: Bearer $(cat TOKEN-FILE)" http://127.0.0.1:8081/v1/alerts/${body.id}/ack
`);
  expect(alertBody.parse(JSON.parse(json))).toEqual(body);
});

test("what is over is not urgent, and is not acknowledged; without a token nothing offers to", () => {
  const over = testMessage({ kind: "blind", phase: "recovered", incident: "ab".repeat(16) });
  expect(over.body.severity).toBe("info");
  expect(over.body.text).not.toContain("/ack");
  const { body } = render(testDraft({ kind: "blind" }), {
    id: "0".repeat(32),
    sequence: 1,
    ...CONTEXT,
    acknowledgeAt: null,
  });
  expect(body.severity).toBe("critical");
  expect(body.text).not.toContain("/ack");
});

test("only what nobody may overlook is repeated", () => {
  const repeated = Object.entries(KINDS).filter(([, { reminded }]) => reminded === "until acknowledged");
  expect(repeated.map(([kind]) => kind).sort()).toEqual(["blind", "breach", "pinata", "unknown-spend"]);
});

describe("the bytes of a breach", () => {
  const raw = "02".repeat(200);

  test("come with the fee and what it is for each virtual byte, and with where the whole proof is", () => {
    const { facts } = words.breach({ ...spending, bytes: { size: 111, fee: 1000, raw } });
    expect(facts).toContain(`Raw transaction: ${raw}`);
    expect(facts.join(" ")).toContain("a fee of 1000 satoshi, 9.0 for each of its 111 virtual bytes");
    expect(facts.join(" ")).toContain(`/v1/breach/${spending.txid}`);
  });

  test("are left out when they are long, and the fee when it is not known", () => {
    const said = words.replaced({ ...spending, bytes: { size: 5000, fee: null, raw: null } }).facts.join(" ");
    expect(said).toContain("a fee that is not known for 5000 virtual bytes");
    expect(said).not.toContain("Raw transaction");
  });
});
