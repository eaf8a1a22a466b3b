import { describe, expect, it } from "vitest";
import { english } from "../../web/catalogue/choose.ts";
import { explorersOf, readExplorer, transactionUrl } from "../../web/explorers.ts";
import { ASK_EVERY, followPast, NO_PAST } from "../../web/past.ts";
import { timelineEntries, timelineRows } from "../../web/timeline.ts";
import { createTraces } from "../../web/traces.ts";
import { HandClock } from "./support/hand-clock.ts";
import { givePast, giveTrace } from "./support/past.ts";
import { feedWith, HandFeed, NOW, SPEND, sampleAttempt, sampleStatus, TXID } from "./support/samples.ts";

/** A feed that counts what it is asked. */
class CountingFeed extends HandFeed {
  readonly asked: string[] = [];

  override ask<T>(path: string, schema: { parse(value: unknown): T }): Promise<T | undefined> {
    this.asked.push(path);
    return super.ask(path, schema);
  }
}

describe("the past", () => {
  it("is asked for when the monitor is first heard, then now and then, and at once when coins move", async () => {
    const feed = new CountingFeed();
    const clock = new HandClock(NOW);
    const past = followPast({ feed, clock });
    const funnels = () => feed.asked.filter((path) => path.startsWith("v1/funnel")).length;
    feed.set({});
    expect(feed.asked).toEqual([]);
    feed.show("sealed");
    givePast(feed);
    await past.idle();
    clock.advance(ASK_EVERY);
    feed.show("sealed");
    await past.idle();
    expect(past.now().coins).toHaveLength(1);
    expect(past.now().statements.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(funnels()).toBe(2);
    clock.advance(ASK_EVERY / 2);
    feed.show("sealed");
    expect(funnels()).toBe(2);
    feed.show("moving");
    expect(funnels()).toBe(3);
    await past.idle();
  });

  it("keeps what it has when the monitor cannot say, or answers nonsense", async () => {
    const feed = feedWith("sealed");
    const clock = new HandClock(NOW);
    const past = followPast({ feed, clock });
    givePast(feed);
    feed.show("sealed");
    await past.idle();
    const before = past.now();
    for (const path of feed.answers.keys()) feed.answers.set(path, new Error("no answer"));
    feed.answers.set("v1/funnel?days=30", { total: "many" });
    clock.advance(ASK_EVERY);
    feed.show("sealed");
    await past.idle();
    expect(past.now()).toEqual(before);
    expect(before.funnel?.total).toBe(1_234);
  });

  it("asks for the statements that came since, and for all when the monitor has fewer", async () => {
    const feed = new CountingFeed();
    const clock = new HandClock(NOW);
    const past = followPast({ feed, clock });
    givePast(feed);
    feed.show("sealed");
    await past.idle();
    const statement = { number: 5, time: NOW, reason: "hour", verdict: "sealed", since: NOW, pinata: null };
    feed.answers.set("v1/statements/latest", { statement });
    feed.answers.set("v1/statements?from=5&limit=100", { statements: [{ statement }], next: null });
    clock.advance(ASK_EVERY);
    feed.show("sealed");
    await past.idle();
    expect(past.now().statements.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    const first = { ...statement, number: 1 };
    feed.answers.set("v1/statements/latest", { statement: first });
    feed.answers.set("v1/statements?from=1&limit=100", { statements: [{ statement: first }], next: null });
    clock.advance(ASK_EVERY);
    feed.show("sealed");
    await past.idle();
    expect(past.now().statements).toEqual([first]);
  });
});

describe("the timeline", () => {
  it("has every row once, newest first, and says nothing of hourly statements", async () => {
    const feed = feedWith("smashed");
    const past = followPast({ feed, clock: new HandClock(NOW) });
    givePast(feed);
    feed.show("smashed");
    await past.idle();
    const rows = timelineRows(past.now(), sampleStatus("smashed"), english);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
    const times = rows.map(({ whenAt }) => Date.parse(whenAt!));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(rows.filter(({ mark }) => mark === "spend").map(({ proof }) => proof)).toEqual([
      `/api/v1/breach/${SPEND}`,
      `/api/v1/breach/${SPEND}`,
    ]);
    const hourly = { number: 5, time: NOW, reason: "hour", verdict: "sealed", since: NOW, pinata: null } as const;
    const calm = {
      coins: [],
      pinatas: [],
      funnel: null,
      statements: [{ ...hourly, number: 4, time: NOW - 3_600_000 }, hourly],
      annotations: [],
    };
    expect(timelineRows(calm, sampleStatus("sealed"), english)).toEqual([]);
  });

  it("tells a verdict at the time since when it is that, under a key of its own each time", () => {
    const hour = (i: number, verdict: "sealed" | "blind") => ({
      ...{ number: i, time: NOW + i * 1_000, reason: "verdict", verdict, since: NOW + i * 1_000 - 7, pinata: null },
    });
    const statements = [hour(1, "sealed"), hour(2, "blind"), hour(3, "sealed"), hour(4, "blind")];
    const entries = timelineEntries({ ...NO_PAST, statements }, sampleStatus("sealed"), english);
    expect(entries.map(({ at }) => at - NOW)).toEqual([3_993, 2_993, 1_993]);
    expect(new Set(entries.map(({ key }) => key)).size).toBe(3);
  });

  it("has a key for each time that a coin takes the same step, whatever else is found before it", () => {
    const [coin] = sampleStatus("smashed").coins;
    const step = (at: number, kind: "funded" | "funding-reorged" | "spend-seen") => ({
      ...{ at, kind, block: null, txid: kind === "spend-seen" ? SPEND : TXID },
    });
    const history = [step(1, "funded"), step(2, "funding-reorged"), step(3, "funded"), step(4, "spend-seen")];
    const keys = (steps: typeof history) =>
      timelineEntries(
        { ...NO_PAST, coins: [{ ...coin!, keyOut: true, history: steps }] },
        sampleStatus("smashed"),
        english,
      )
        .map(({ key }) => key)
        .reverse();
    const known = keys(history);
    expect(new Set(known).size).toBe(4);
    expect(keys(history.slice(0, 3))).toEqual(known.slice(0, 3));
    expect(keys([step(0, "spend-seen"), ...history.slice(0, 3)]).slice(1)).toEqual(known.slice(0, 3));
  });
});

describe("explorers", () => {
  it("are those of the network, or the operator's, three at most", () => {
    expect(explorersOf("mainnet", undefined)).toHaveLength(3);
    expect(explorersOf("regtest", undefined)).toEqual([]);
    const mine = readExplorer("https://mine.example/tx/{txid}?x=1");
    expect(explorersOf("mainnet", [mine, mine, mine, mine])).toHaveLength(3);
    expect(transactionUrl(mine, SPEND)).toBe(`https://mine.example/tx/${SPEND}?x=1`);
    expect(mine.name).toBe("mine.example");
  });

  it.each([
    "http://mine.example/{txid}",
    "https://mine.example/tx",
    "javascript:alert('{txid}')",
    "https://u@h/{txid}",
    "{txid}",
  ])("%s is refused, with what is right", (text) => {
    expect(() => readExplorer(text)).toThrow("is not an https URL with {txid} in it");
  });
});

describe("traces", () => {
  it("of ended attempts are asked for once; of open ones, and of unknown, each time", async () => {
    const feed = new CountingFeed();
    const traces = createTraces(feed);
    const ended = sampleAttempt(1);
    const open = sampleAttempt(2, { ended: null, outcome: "open" });
    giveTrace(feed, ended, []);
    giveTrace(feed, open, []);
    for (const id of [ended.id, ended.id, open.id, open.id]) expect((await traces.of(id))?.id).toBe(id);
    expect(feed.asked).toHaveLength(3);
    feed.answers.set(`v1/attempts/${open.id}`, new Error("no answer"));
    expect(await traces.of(open.id)).toBeUndefined();
    expect(await traces.of(sampleAttempt(3).id)).toBeUndefined();
  });
});
