/** What every store does, whatever keeps it: one suite, which sqlite.test.ts and postgres.test.ts run. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { alertId, baseOf, type Draft } from "../../../monitor/alerts/kinds.ts";
import type { Committed, Delivery, Incident, Step, Store, StoreOptions } from "../../../monitor/store/store.ts";
import { NOTHING_READ } from "../../../monitor/trace/progress.ts";
import { testDraft } from "../alerts/support.ts";
import { PINATA } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { STORE_OPTIONS } from "../support/store.ts";
import { BOOT } from "../support/trace-lines.ts";

export interface Subject {
  /** The same store again, after the one before was closed. */
  open(options: StoreOptions): Promise<Store>;
  /** A statement past the store, as someone does who changes it from outside; its rows. Only while no store is open. */
  tamper(statement: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

const OUTPOINT = `${"ab".repeat(32)}:0`;
const HASH = "ab".repeat(32);
const DAY = 86_400_000;
const NOW = 1_750_000_000_000;
const transition = { at: 1, kind: "funded" as const, txid: HASH, block: { height: 7, hash: "cd".repeat(32) } };
const step: Step = { transitions: [{ outpoint: OUTPOINT, transition }] };
const badTransition = { at: 1, kind: undefined as unknown as "funded", txid: HASH, block: null };

export function conformance(make: () => Promise<Subject>): void {
  let subject: Subject;
  let store: Store;
  const add = async (...alerts: Draft[]): Promise<Incident[]> => (await store.commit({ alerts })).opened;
  const sent = (channel: string, sequence: number): Promise<Committed> =>
    store.commit({ deliveries: [{ channel, sequence, state: "sent" }] });

  async function reopen(more: Partial<StoreOptions> = {}): Promise<void> {
    await store.close();
    store = await subject.open({ ...STORE_OPTIONS, ...more });
  }

  beforeEach(async () => {
    subject = await make();
    store = await subject.open(STORE_OPTIONS);
    await store.load();
  });
  afterEach(async () => {
    await store.close();
    await subject.remove();
  });

  describe("a step", () => {
    test("is there after closing and opening, to the last part", async () => {
      const chain = new FakeChain();
      chain.mine(3);
      const headers = chain.best.map(({ height, hash, header }) => ({ block: { height, hash }, raw: header }));
      const coin = {
        outpoint: { txid: HASH, vout: 1 },
        value: 2_100_000_000_000_000,
        fundingBlocks: [],
        candidates: [],
        keyOut: true,
        position: { state: "awaited" as const, funding: null, spend: null, confirmations: 0, dormant: false },
      };
      const verdict = { verdict: "awaited" as const, since: NOW, checked: null };
      const { opened } = await store.commit({
        ...step,
        chain: { headers, best: chain.tip.hash },
        coins: [coin],
        verdict,
        evidence: [{ txid: HASH, body: '{"é":"\\u0000"}' }],
        statement: { number: 1, at: NOW, body: "{}" },
        alerts: [testDraft({ topic: "blind", kind: "blind" })],
      });
      await reopen();
      const saved = await store.load();
      expect(saved.headers.map(({ height, header }) => [height, header.hash]).sort()).toEqual(
        chain.best.map(({ height, hash }) => [height, hash]).sort(),
      );
      expect(saved).toMatchObject({ best: chain.tip.hash, coins: [coin], verdict, incidents: opened, dropped: 0 });
      expect(saved.statement).toEqual({ number: 1, at: NOW, body: "{}" });
      expect(saved.events.id).toBe(2);
      expect(await store.history(OUTPOINT)).toEqual([transition]);
      expect(await store.evidence(HASH)).toBe('{"é":"\\u0000"}');
      await store.commit({ dropped: [`${HASH}:1`] });
      expect((await store.load()).coins).toEqual([]);
    });

    test.each([
      [
        "an alert",
        { ...step, alerts: [testDraft({ topic: "blind" }), testDraft({ at: undefined as unknown as number })] },
      ],
      ["a transition", { ...step, transitions: [...step.transitions!, { outpoint: "b", transition: badTransition }] }],
      ["a statement", { ...step, statement: { number: 1, at: undefined as unknown as number, body: "" } }],
    ] satisfies [string, Step][])("with %s that cannot be written leaves nothing behind", async (_what, bad) => {
      const before = await store.load();
      const all: Step = { chain: { headers: [], best: HASH }, alerts: [testDraft()], ...bad };
      await expect(store.commit(all)).rejects.toThrow();
      expect(await store.load()).toEqual(before);
      expect(await store.history(OUTPOINT)).toEqual([]);
      expect(await store.waiting("one")).toBeUndefined();
      // And what is written afterwards has the id that the lost one would have had.
      await add(testDraft());
      expect((await store.waiting("one"))!.body).toMatchObject({ id: alertId(baseOf(testDraft()), 1), sequence: 1 });
    });

    test("steps at once do not mix: numbers have no gaps and no repetitions", async () => {
      const steps = Array.from({ length: 20 }, (_, i) => ({ ...step, alerts: [testDraft({ at: NOW + i })] }));
      await Promise.all(steps.map((each) => store.commit(each)));
      expect((await store.load()).events.id).toBe(20);
      for (let sequence = 1; sequence <= 20; sequence++) {
        expect((await store.waiting("one"))!.sequence).toBe(sequence);
        await sent("one", sequence);
      }
    });
  });

  test("another piñata's store is refused", async () => {
    await reopen({ identity: "another" });
    await expect(store.load()).rejects.toThrow("the store belongs to another piñata (regtest)");
  });

  describe("the event log", () => {
    const fill = async (): Promise<void> => {
      for (let at = 1; at <= 3; at++) {
        await store.commit({ transitions: [{ outpoint: OUTPOINT, transition: { ...transition, at } }] });
      }
      await store.close();
    };

    test.each([
      ["changed", "update events set at = 9 where id = 2", "event 2 is not the one that was written"],
      ["removed", "delete from events where id = 2", "event 3 is not the one that was written"],
      [
        "removed at the end",
        "delete from events where id = 3",
        "it ends with event 2, and the latest one written is 3",
      ],
      ["added", "insert into events values (4, 1, 'x', 'funded', '{}', '')", "event 4 is not the one that was written"],
    ])("tells when an event was %s", async (_what, statement, said) => {
      await fill();
      await subject.tamper(statement);
      store = await subject.open(STORE_OPTIONS);
      await expect(store.load()).rejects.toThrow(`the store's event log was changed from outside: ${said}`);
    });

    test("goes on with its chain after it was opened again", async () => {
      await fill();
      store = await subject.open(STORE_OPTIONS);
      const { events } = await store.load();
      await store.commit(step);
      const later = (await store.load()).events;
      expect([events.id, later.id]).toEqual([3, 4]);
      expect(later.hash).not.toBe(events.hash);
    });
  });

  describe("annotations", () => {
    const about = { alert: "ab".repeat(16), kind: "blind" as const, at: NOW };
    const write = (text: string, at = NOW, of: typeof about | null = null) =>
      store.commit({ annotation: { at, text, about: of } });

    test("are events of the log: numbered there, kept with it, newest first", async () => {
      await store.commit(step);
      const odd = "é\u{1f4a5}\0\u2028\n'\\\"<b>";
      expect(await write(odd, NOW, about)).toEqual({
        opened: [],
        annotation: { number: 2, at: NOW, text: odd, about },
      });
      await store.commit(step);
      await write("second", NOW - 5);
      await reopen();
      const saved = await store.load();
      expect(saved.annotations).toEqual([
        { number: 4, at: NOW - 5, text: "second", about: null },
        { number: 2, at: NOW, text: odd, about },
      ]);
      expect(saved.events.id).toBe(4);
      expect((await store.history(OUTPOINT)).length).toBe(2);
    });

    test("the latest 200 are loaded; all are kept", async () => {
      for (let n = 1; n <= 203; n++) await write(`${n}`);
      const { annotations, events } = await store.load();
      expect(annotations.map(({ text }) => text)).toEqual(Array.from({ length: 200 }, (_, i) => `${203 - i}`));
      expect(events.id).toBe(203);
    });

    test.each([
      ["changed", `update events set detail = '{"text":"other","about":null}' where subject = 'annotation'`, 2],
      ["taken to another time", "update events set at = 9 where subject = 'annotation'", 2],
      ["removed", "delete from events where subject = 'annotation'", 3],
    ])("one that was %s is told like any event", async (_what, statement, event) => {
      await store.commit(step);
      await write("first");
      await store.commit(step);
      await store.close();
      await subject.tamper(statement);
      store = await subject.open(STORE_OPTIONS);
      await expect(store.load()).rejects.toThrow(
        `the store's event log was changed from outside: event ${event} is not the one that was written`,
      );
    });

    test("are written with their step or not at all", async () => {
      const bad = testDraft({ at: undefined as unknown as number });
      const annotation = { at: NOW, text: "lost", about: null };
      await expect(store.commit({ ...step, annotation, alerts: [bad] })).rejects.toThrow();
      const { annotations, events } = await store.load();
      expect([annotations, events.id]).toEqual([[], 0]);
      expect(await write("kept")).toMatchObject({ annotation: { number: 1 } });
    });
  });

  test("statements count up and are never written over; evidence is", async () => {
    for (const number of [1, 2, 3]) await store.commit({ statement: { number, at: number, body: `s${number}` } });
    await expect(store.commit({ statement: { number: 3, at: 3, body: "other" } })).rejects.toThrow();
    expect(await store.statements(2, 10)).toEqual([2, 3].map((number) => ({ number, at: number, body: `s${number}` })));
    expect((await store.statements(1, 2)).length).toBe(2);
    expect((await store.load()).statement!.body).toBe("s3");
    await store.commit({ evidence: [{ txid: HASH, body: "small" }] });
    await store.commit({ evidence: [{ txid: HASH, body: "grown" }] });
    expect(await store.evidence(HASH)).toBe("grown");
    expect(await store.evidence("cd".repeat(32))).toBeUndefined();
  });

  describe("alerts", () => {
    test("count how often a thing happened, for as long as the store lives", async () => {
      await reopen({ alertRows: 1, channels: ["one"] });
      const draft = testDraft({ kind: "confirmed", coin: { outpoint: OUTPOINT, value: 5 }, txid: HASH });
      for (let i = 0; i < 4; i++) {
        await add(draft);
        const head = (await store.waiting("one"))!;
        expect(head.body.id).toBe(alertId(baseOf(draft), i + 1));
        await sent("one", head.sequence);
      }
    });

    test("go when every channel has taken them; what waits stays, however old", async () => {
      await reopen({ alertRows: 3 });
      const ids: string[] = [];
      for (let i = 0; i < 10; i++) {
        await add(testDraft({ at: NOW + i }));
        ids.push((await store.waiting("one"))!.body.id);
        await sent("one", i + 1);
        if (i !== 2) await sent("two", i + 1);
      }
      const known = await store.alerts({ limit: 100 });
      expect(known.map(({ body }) => [body.sequence, body.id])).toEqual([10, 9, 8, 3].map((n) => [n, ids[n - 1]]));
      expect(await store.alerts({ id: ids[3]! })).toEqual([]);
      expect((await store.waiting("two"))!.sequence).toBe(3);
      expect(await store.waiting("one")).toBeUndefined();
      await sent("two", 3);
      await add(testDraft());
      expect((await store.waiting("two"))!.sequence).toBe(11);
    });

    test("are for every channel but the one that is broken; a channel that is gone is forgotten", async () => {
      await add(testDraft({ except: "two" }));
      expect(await store.waiting("one")).toBeDefined();
      expect(await store.waiting("two")).toBeUndefined();
      await add(testDraft(), testDraft());
      await reopen({ channels: ["one"] });
      expect((await store.load()).dropped).toBe(2);
      expect(await store.waiting("two")).toBeUndefined();
      expect((await store.waiting("one"))!.sequence).toBe(1);
    });

    test("what came of sending is kept, with whatever the other side said", async () => {
      await add(testDraft(), testDraft());
      const failed: Delivery = {
        channel: "one",
        sequence: 1,
        state: "waiting",
        problem: "no\0 \u{1f4a5}",
        nextTry: NOW,
      };
      await store.commit({ deliveries: [failed] });
      await reopen();
      expect(await store.waiting("one")).toMatchObject({ sequence: 1, attempts: 1, nextTry: NOW });
      await store.commit({
        deliveries: [
          { ...failed, state: "refused" },
          { channel: "two", sequence: 1, state: "sent" },
        ],
      });
      expect(await store.waiting("one")).toMatchObject({ sequence: 2, attempts: 0 });
      expect(await store.waiting("two")).toMatchObject({ sequence: 2 });
    });

    test("are answered newest first, page by page, with what came of them at each channel", async () => {
      await add(testDraft({ except: "two" }));
      await add(testDraft({ topic: "blind", kind: "blind" }), testDraft({ at: NOW + 1 }));
      await sent("one", 1);
      await store.commit({
        deliveries: [
          { channel: "one", sequence: 2, state: "waiting", problem: "no", nextTry: 7 },
          { channel: "two", sequence: 2, state: "refused", problem: "bad", nextTry: 8 },
        ],
      });
      await sent("one", 3);
      const fresh = { state: "waiting", attempts: 0, nextTry: 0, problem: null };
      const all = await store.alerts({ limit: 10 });
      expect(all.map(({ body: { sequence, kind, at } }) => [sequence, kind, at])).toEqual([
        [3, "test", NOW + 1],
        [2, "blind", NOW],
        [1, "test", NOW],
      ]);
      expect(all.map(({ deliveries }) => deliveries)).toEqual([
        [
          { channel: "one", state: "sent", attempts: 1, nextTry: 0, problem: null },
          { channel: "two", ...fresh },
        ],
        [
          { channel: "one", state: "waiting", attempts: 1, nextTry: 7, problem: "no" },
          { channel: "two", state: "refused", attempts: 1, nextTry: 8, problem: "bad" },
        ],
        [{ channel: "one", state: "sent", attempts: 1, nextTry: 0, problem: null }],
      ]);
      expect(await store.alerts({ limit: 2 })).toEqual(all.slice(0, 2));
      expect(await store.alerts({ limit: 2, before: 3 })).toEqual(all.slice(1));
      expect(await store.alerts({ limit: 2, before: 1 })).toEqual([]);
      expect(await store.alerts({ id: all[1]!.body.id })).toEqual([all[1]]);
      await reopen({ channels: [] });
      await add(testDraft());
      expect((await store.alerts({ limit: 1 }))[0]!.deliveries).toEqual([]);
    });

    test("an incident is kept with what its reminders say, found by its alerts' ids, and ended", async () => {
      const blind = testDraft({ topic: "blind", kind: "blind" });
      const [opened] = await add(blind);
      const reminder: Draft = { ...blind, phase: "reminder", incident: opened!.id, number: 1, at: 9 };
      // Behind an alert that has not arrived a reminder says nothing new.
      await sent("one", 1);
      await add(reminder);
      expect((await store.waiting("two"))!.sequence).toBe(1);
      await sent("two", 1);
      expect(await store.waiting("two")).toBeUndefined();
      expect((await store.load()).incidents).toEqual([{ ...opened, reminded: 9, reminders: 1 }]);
      const reminderId = (await store.waiting("one"))!.body.id;
      const incidentOf = async (id: string) => (await store.alerts({ id })).map(({ body }) => body.incident);
      expect(await incidentOf(reminderId)).toEqual([opened!.id]);
      expect(await incidentOf(opened!.id)).toEqual([null]);
      expect(await incidentOf("0".repeat(32))).toEqual([]);
      await store.commit({ acknowledged: { topic: "blind", at: 12 } });
      expect((await store.load()).incidents[0]!.acknowledged).toBe(12);
      await add({ ...blind, phase: "recovered", incident: opened!.id });
      expect((await store.load()).incidents).toEqual([]);
    });
  });

  describe("attempts", () => {
    const record = (number: number, more: object = {}, token: string | null = null) => ({
      attempt: {
        id: `${BOOT}-${number}`,
        door: "server" as const,
        peer: "203.0.113.77",
        started: NOW,
        ended: NOW,
        reached: { state: 0, name: "start" },
        outcome: "closed" as const,
        reason: "ended",
        alert: null,
        fingerprint: null,
        subject: null,
        bytesIn: 0,
        bytesOut: 0,
        ...more,
      },
      boot: BOOT,
      refused: false,
      token,
      events: [],
    });
    const write = (numbers: number[], at = NOW, more: object = {}): Promise<Committed> => {
      const records = numbers.map((number) => record(number, more));
      const counts = { total: numbers.length, [`bucket:${Math.floor(at / 600_000)}`]: numbers.length };
      const batch = { records, counts, pinata: null, pinataChanged: false };
      return store.commit({ trace: { batch, cursor: { ...NOTHING_READ, lanes: { a: `${at}` } }, at } });
    };
    const numbers = async (limit = 100, before?: number): Promise<number[] | undefined> => {
      const found = await store.attempts(limit, before === undefined ? {} : { before: `${BOOT}-${before}` });
      return found?.map(({ attempt }) => Number(attempt.id.split("-")[1]));
    };

    test("are paged, newest first, and written over by what became of them", async () => {
      await write([1, 2, 3], NOW, { ended: null, outcome: "open" });
      await write([2, 4]);
      expect(await numbers()).toEqual([4, 3, 2, 1]);
      expect(await numbers(2, 4)).toEqual([3, 2]);
      expect(await numbers(2, 9)).toBeUndefined();
      expect((await store.attempt(`${BOOT}-2`))!.attempt.outcome).toBe("closed");
      expect(await store.attempt(`${BOOT}-9`)).toBeUndefined();
      const { trace } = await store.load();
      expect(trace.open.map(({ attempt }) => attempt.id)).toEqual([`${BOOT}-1`, `${BOOT}-3`]);
      expect(trace.counts.total).toBe(5);
      expect(trace.cursor!.lanes).toEqual({ a: `${NOW}` });
    });

    test("are found by their token, newest first, however many have it", async () => {
      const [one, other] = ["1a".repeat(32), "2b".repeat(32)];
      const rows = [
        record(1, {}, one),
        record(2, { ended: null, outcome: "open" }),
        record(3, {}, other),
        record(4, {}, one),
        record(5),
      ];
      const commit = (records: typeof rows): Promise<Committed> =>
        store.commit({
          trace: { batch: { records, counts: {}, pinata: null, pinataChanged: false }, cursor: NOTHING_READ, at: NOW },
        });
      await commit(rows);
      const found = async (limit: number, token: string): Promise<(string | null)[]> =>
        (await store.attempts(limit, { token }))!.flatMap(({ attempt, token: kept }) => [attempt.id, kept]);
      expect(await found(9, one)).toEqual([`${BOOT}-4`, one, `${BOOT}-1`, one]);
      expect(await found(1, one)).toEqual([`${BOOT}-4`, one]);
      expect(await found(9, "3c".repeat(32))).toEqual([]);
      expect((await store.attempt(`${BOOT}-5`))!.token).toBeNull();
      // The hello comes after the connection; and the token stays when the rest is written over.
      await commit([record(2, { ended: null, outcome: "open" }, one)]);
      await reopen();
      const [open] = (await store.load()).trace.open;
      expect(open).toMatchObject({ attempt: { id: `${BOOT}-2` }, token: one });
      await commit([{ ...open!, attempt: { ...record(2).attempt } }] as typeof rows);
      expect(await found(9, one)).toEqual([4, 2, 1].flatMap((number) => [`${BOOT}-${number}`, one]));
    });

    test("are bounded by number and by age as the monitor saw it, their totals are not", async () => {
      await reopen({ attemptRows: 1000, attemptDays: 2 });
      const many = Array.from({ length: 1500 }, (_, i) => i + 1);
      await write(many, NOW, { started: 5 });
      expect((await numbers(2000))!.length).toBe(1000);
      expect(await numbers(1)).toEqual([1500]);
      await write([1501], NOW + 3 * DAY);
      expect(await numbers()).toEqual([1501]);
      expect((await store.load()).trace.counts).toEqual({
        total: 1501,
        [`bucket:${Math.floor((NOW + 3 * DAY) / 600_000)}`]: 1,
      });
    });
  });

  test("holds nothing of a network's headers that its rules do not read", async () => {
    await store.close();
    await subject.tamper(`insert into headers values ('${HASH}', 1, '00')`);
    store = await subject.open({ ...STORE_OPTIONS, rules: PINATA.rules });
    await expect(store.load()).rejects.toThrow();
  });
}
