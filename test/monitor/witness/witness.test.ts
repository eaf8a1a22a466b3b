/** When the witness signs, what it signs, and that its chain goes on over restarts, failures and other keys. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Log } from "../../../monitor/log.ts";
import { type Status, status as statusSchema } from "../../../monitor/schema.ts";
import type { Step, Store } from "../../../monitor/store/store.ts";
import { readPlainJson } from "../../../monitor/witness/canonical-json.ts";
import { checkStatements } from "../../../monitor/witness/chain.ts";
import type { WitnessKey } from "../../../monitor/witness/key.ts";
import { type SignedStatement, signedStatement } from "../../../monitor/witness/statement.ts";
import { CHANGES_AN_HOUR, Witness } from "../../../monitor/witness/witness.ts";
import { PINATA } from "../support/bounty.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { temporaryFolder } from "../support/rig.ts";
import { openTestStore } from "../support/store.ts";
import { HOUR, KEY, newKey } from "./fixture.ts";

const block = { height: 7, hash: "77".repeat(32) };
let folder: ReturnType<typeof temporaryFolder>;
let store: Store;
let clock: FakeClock;
let now: Omit<Status, "now">;
let said: string[];
let broken: Error | undefined;
/** The write is done, but its answer is an error. */
let lost: Error | undefined;
let witness: Witness;
const log: Log = {
  info: (text) => void said.push(text),
  problem: (_about, text) => void said.push(text),
  recovered: () => {},
};

beforeEach(async () => {
  folder = temporaryFolder();
  store = await openTestStore(join(folder.path, "store.sqlite"));
  clock = new FakeClock();
  said = [];
  broken = undefined;
  lost = undefined;
  now = {
    verdict: "sealed",
    sentence: "Sealed.",
    network: "regtest",
    address: PINATA.address,
    descriptor: PINATA.descriptor,
    refundHeight: 500,
    hanging: 5000,
    funded: 5000,
    coins: [
      {
        outpoint: `${"c0".repeat(32)}:0`,
        value: 5000,
        state: "spent-unconfirmed",
        funding: block,
        spend: { txid: "5d".repeat(32), kind: "breach", proof: "a sentence", firstSeen: 5 },
        confirmations: 0,
      },
    ],
    tip: block,
    sources: [{ name: "node", kind: "core", healthy: true, lastAnswer: 4, tip: block, problem: null }],
    checked: 4,
    since: 3,
    attempts: { total: 9, last24h: 1, opened: 0, funnel: [] },
    pinata: null,
  };
  await start(KEY);
});
afterEach(async () => {
  await witness.stop();
  await store.close();
  folder.remove();
});

async function start(key: WitnessKey): Promise<void> {
  const commit = async (step: Step) => {
    if (broken) throw broken;
    const answer = await store.commit(step);
    if (lost) throw lost;
    return answer;
  };
  witness = new Witness({
    key,
    store: { commit, statements: (from, limit) => store.statements(from, limit) },
    latest: (await store.load()).statement,
    clock,
    log,
    status: () => statusSchema.parse({ ...now, now: clock.now() }),
  });
  witness.start();
  await clock.advance(0);
}

async function restart(key = KEY): Promise<void> {
  await witness.stop();
  await start(key);
}

async function kept(): Promise<SignedStatement[]> {
  return (await store.statements(1, 1000)).map(({ body }) => signedStatement.parse(readPlainJson(body)));
}
const reasons = async () => (await kept()).map(({ statement }) => `${statement.reason} ${statement.verdict}`);
const check = async (keys?: string[]) =>
  checkStatements((await kept()) as [SignedStatement, ...SignedStatement[]], keys ? { keys } : {});

async function turn(verdict: Status["verdict"]): Promise<void> {
  now = { ...now, verdict };
  witness.touch();
  await settle();
}

describe("when", () => {
  test("at the start, each hour, and when the verdict becomes another; an hour is counted from the latest", async () => {
    await clock.advance(HOUR / 2);
    await turn("moving");
    await clock.advance(HOUR - 1);
    expect(await reasons()).toEqual(["start sealed", "verdict moving"]);
    await clock.advance(1);
    await clock.advance(HOUR);
    expect(await reasons()).toEqual(["start sealed", "verdict moving", "hour moving", "hour moving"]);
    await check();
  });

  test("nothing when nothing changed, nor after the end", async () => {
    for (let i = 0; i < 5; i++) witness.touch();
    await settle();
    await witness.stop();
    await turn("smashed");
    await clock.advance(5 * HOUR);
    expect(await reasons()).toEqual(["start sealed"]);
    expect(clock.waiting).toBe(0);
  });

  test("several steps while one statement is written are one statement", async () => {
    now = { ...now, verdict: "smashed" };
    for (let i = 0; i < 5; i++) witness.touch();
    await settle();
    expect(await reasons()).toEqual(["start sealed", "verdict smashed"]);
  });

  test("a verdict that flutters is told so often an hour, and then by the hour", async () => {
    for (let i = 0; i < CHANGES_AN_HOUR + 20; i++) await turn(i % 2 === 0 ? "blind" : "sealed");
    expect(await reasons()).toHaveLength(1 + CHANGES_AN_HOUR);
    expect(said.filter((text) => text.includes("too often"))).not.toEqual([]);
    await clock.advance(HOUR);
    await turn("smashed");
    expect((await reasons()).slice(-2)).toEqual(["hour sealed", "verdict smashed"]);
    await check();
  }, 60_000);
});

describe("what", () => {
  test("the facts of the status, without its sentences", async () => {
    const [first] = await kept();
    expect(first!.statement).toMatchObject({
      number: 1,
      key: KEY.publicKey,
      time: clock.now(),
      address: PINATA.address,
      coins: [{ outpoint: `${"c0".repeat(32)}:0`, spend: { txid: "5d".repeat(32), kind: "breach", block: null } }],
      sources: [{ name: "node", kind: "core", healthy: true, tip: block }],
      pinata: null,
      candy: null,
      attempts: { total: 9, opened: 0 },
      previous: null,
    });
    expect(JSON.stringify(first)).not.toMatch(/sentence|Sealed/);
    expect(witness.about()).toEqual({ key: KEY.publicKey, latest: 1 });
  });
});

describe("the chain", () => {
  test("goes on after a restart; the time between is a gap that shows", async () => {
    await witness.stop();
    await clock.advance(5 * HOUR);
    await start(KEY);
    expect(await reasons()).toEqual(["start sealed", "start sealed"]);
    expect((await check()).proven.join()).toContain("SILENT between 1 and 2");
  });

  test("goes on under another monitor's key, which names itself", async () => {
    const other = newKey();
    await restart(other);
    await restart(KEY);
    expect((await kept()).map(({ statement }) => statement.key)).toEqual([KEY, other, KEY].map((key) => key.publicKey));
    expect(said.join()).toContain(`statement 2 is signed by key ${other.publicKey}`);
    await expect(check()).rejects.toThrow("statement 2 signed by key");
    await check([KEY.publicKey, other.publicKey]);
  });

  test("what cannot be written is not said; a minute later it is tried again", async () => {
    broken = new Error("disk full");
    await turn("smashed");
    expect(await reasons()).toEqual(["start sealed"]);
    expect(said.at(-1)).toBe("no statement was signed: disk full");
    broken = undefined;
    await clock.advance(60_000);
    expect(await reasons()).toEqual(["start sealed", "verdict smashed"]);
    await check();
  });

  test("a write whose answer was lost is gone on from, not done twice", async () => {
    lost = new Error("connection lost");
    await turn("moving");
    lost = undefined;
    await clock.advance(60_000);
    await turn("smashed");
    expect((await kept()).map(({ statement }) => statement.number)).toEqual(
      [1, 2, 3, 4].slice(0, (await kept()).length),
    );
    expect((await reasons()).at(-1)).toBe("verdict smashed");
    await check();
  });

  test.each([
    ["not JSON", "{"],
    ["no statement", "{}"],
    ["read in two ways", '{"a":1,"a":1}'],
  ])("nothing is built on a statement in the store that is %s", async (_what, body) => {
    await witness.stop();
    await store.commit({ statement: { number: 2, at: clock.now(), body } });
    await start(KEY);
    expect(said.at(-1)).toContain("statement 2 in the store is damaged");
    await clock.advance(2 * HOUR);
    expect(await store.statements(3, 1)).toEqual([]);
  });

  test("nor on one whose signature is not valid, or whose number is another", async () => {
    await witness.stop();
    const [first] = await store.statements(1, 1);
    await store.commit({ statement: { number: 2, at: 5, body: first!.body } });
    await start(KEY);
    expect(said.at(-1)).toContain("statement 2 in the store is damaged");
    await witness.stop();
    await store.commit({ statement: { number: 3, at: 5, body: first!.body.replace('"total":9', '"total":8') } });
    await start(KEY);
    expect(said.at(-1)).toContain("statement 3 in the store is damaged");
  });
});
