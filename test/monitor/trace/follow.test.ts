/** Traces in the store: exactly once across restarts and failures where a file is read, bounded in a flood, counted exactly. */
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../../monitor/store/store.ts";
import { daysOf, reasonsOf } from "../../../monitor/trace/funnel.ts";
import { accepted, BOOT, boot, closed, line, refusedAttempt } from "../support/trace-lines.ts";
import { waitFor } from "../support/wait.ts";
import { Reading, START } from "./support.ts";

const NEXT = "00000000000000bb";
let reading: Reading;
let trace: string;

beforeEach(async () => {
  reading = new Reading();
  trace = reading.path("trace.jsonl");
  await reading.open();
});
afterEach(() => reading.end());

const write = (lines: string[], path = trace) => appendFileSync(path, `${lines.join("\n")}\n`);
const text = (lines: string[]) => `${lines.join("\n")}\n`;

describe("one file", () => {
  test("an attempt is told as it goes on, and is there with its events", async () => {
    const follower = await reading.start(trace);
    write([boot(), accepted(1)]);
    await waitFor("the attempt", () => reading.told.length > 0);
    expect(reading.told.at(-1)!.attempt.outcome).toBe("open");
    write(refusedAttempt(1).slice(1));
    await waitFor("its end", () => reading.told.at(-1)!.attempt.outcome === "refused");
    const [record] = (await reading.store.attempts(10))!;
    expect(record).toEqual(reading.told.at(-1));
    expect(record!.events.map((each) => each.event)).toEqual([
      ...["accepted", "state", "hello", "state", "negotiated", "state", "alert", "state", "closed"],
    ]);
    expect(follower.totals().pinata).toMatchObject({ boot: BOOT, running: true });
    expect(follower.totals().inputs).toMatchObject([{ name: "trace.jsonl", kind: "file", problem: null }]);
    expect(reading.count("total")).toBe(1);
  });

  test("lines that are none are counted and skipped", async () => {
    writeFileSync(
      trace,
      `garbage\n{"v":2}\n${boot()}\n${"x".repeat(20_000)}\n{"v":1,"event":"boot"}\n${accepted(1)}\n`,
    );
    await reading.start(trace);
    await waitFor("the attempt", () => reading.count("total") === 1);
    expect([reading.count("lines:unreadable"), reading.count("lines:too-long")]).toEqual([3, 1]);
  });

  test("stopped and started again at many places, with a rotation: every attempt once, totals exact", async () => {
    const lines = [boot(), ...Array.from({ length: 60 }, (_, i) => refusedAttempt(i + 1)).flat()];
    for (let at = 0; at < lines.length; at += 37) {
      await reading.start(trace);
      // Half a line at the end, which the next round completes.
      const piece = lines.slice(at, at + 37).join("\n");
      appendFileSync(trace, piece.slice(0, -10));
      await reading.stop();
      await reading.open();
      appendFileSync(trace, `${piece.slice(-10)}\n`);
      if (at === 37 * 5) renameSync(trace, `${trace}.1`);
    }
    await reading.start(trace);
    await waitFor("all attempts", () => reading.count("reached:3") === 60);
    await waitFor("their ends", async () => {
      return (await reading.store.attempts(100))!.every(({ attempt }) => attempt.ended !== null);
    });
    expect((await reading.store.attempts(100))!.map(({ attempt }) => attempt.id)).toEqual(
      Array.from({ length: 60 }, (_, i) => `${BOOT}-${60 - i}`),
    );
    const counts = await reading.counts();
    expect(counts).toMatchObject({ total: 60, "reached:0": 60, "reached:3": 60, refused: 60, "refused:80": 60 });
    for (const name of ["orphans", "lines:unreadable", "lines:torn", "lines:repeated", "gaps"])
      expect(counts[name], name).toBeUndefined();
    expect(counts).toEqual(reading.follower!.totals().counts);
  });

  test("a store that cannot be written loses nothing and counts nothing twice", async () => {
    let failing = 3;
    reading.commit = async (step) => {
      if (failing-- > 0) throw new Error("disk full");
      return reading.store.commit(step);
    };
    await reading.start(trace);
    write([boot(), ...refusedAttempt(1), ...refusedAttempt(2)]);
    await waitFor("both attempts", () => reading.count("total") === 2);
    await waitFor("both to be said", () => reading.said.length === 2);
    expect(failing).toBeLessThan(0);
    expect(reading.said.map((each) => each.replace(/^\S+ /, ""))).toEqual([
      "attempts cannot be kept: disk full",
      "attempts can be kept again",
    ]);
    expect((await reading.store.attempts(10))!.length).toBe(2);
    expect((await reading.counts()).total).toBe(2);
    expect(reading.told.length).toBe(2);
  });

  test("where an older monitor stopped: its cursor counts for the file", async () => {
    writeFileSync(trace, text([boot(), ...refusedAttempt(1)]));
    await reading.start(trace);
    await waitFor("the attempt", () => reading.count("refused") === 1);
    const { cursor } = (await reading.store.load()).trace;
    const old: Parameters<Store["commit"]>[0] = {
      trace: {
        batch: { records: [], counts: {}, pinata: null, pinataChanged: false },
        cursor: { ...cursor!, cursors: { "": cursor!.cursors[trace]! }, boots: [] },
        at: START,
      },
    };
    await reading.follower!.stop();
    await reading.store.commit(old);
    await reading.start(trace);
    write(refusedAttempt(2));
    await waitFor("the next one", () => reading.count("refused") === 2);
    expect(reading.count("total")).toBe(2);
  });

  test("a file that cannot be read is said, and the others go on", async () => {
    const other = reading.path("other.jsonl");
    // A name longer than any file's.
    const follower = await reading.start(reading.path("x".repeat(300)), other);
    write([boot(), ...refusedAttempt(1)], other);
    await waitFor("the other's attempt", () => reading.count("total") === 1);
    await waitFor("the problem", () => reading.said.length > 0);
    expect(reading.said[0]).toContain("ENAMETOOLONG");
    expect(follower.totals().inputs!.map(({ problem }) => problem === null)).toEqual([false, true]);
  });
});

describe("several piñatas", () => {
  test("each has its own boots and totals; a restart of one ends nothing of the other", async () => {
    const other = reading.path("other.jsonl");
    const follower = await reading.start(trace, other);
    write([boot(), accepted(1)]);
    write([boot(NEXT, START + 5000), accepted(1, { boot: NEXT }), ...refusedAttempt(2, { boot: NEXT })], other);
    await waitFor("all three", () => reading.count("total") === 3);
    expect(follower.totals().pinata?.boot).toBe(NEXT);
    write([line({ event: "stopped", boot: NEXT, reason: "asked to" })], other);
    await waitFor("the end of one", () => follower.totals().pinata?.boot === BOOT);
    expect((await reading.store.attempt(`${BOOT}-1`))!.attempt.outcome).toBe("open");
    expect((await reading.store.attempt(`${NEXT}-1`))!.attempt.reason).toContain("asked to");
    const boots = Object.fromEntries(follower.totals().boots!.map((each) => [each.boot, each]));
    expect([boots[BOOT]!.reached[0], boots[NEXT]!.reached[0], boots[NEXT]!.reached[3]]).toEqual([1, 2, 1]);
    expect([boots[BOOT]!.info!.running, boots[NEXT]!.info!.running]).toEqual([true, false]);
    expect(follower.totals().stopped).toEqual([NEXT]);
    // Where its trace is not read any more, it is not missed.
    const rest = await reading.restart(trace);
    expect([rest.totals().stopped, rest.totals().pinata?.boot]).toEqual([[], BOOT]);
  });

  test("the same trace over two inputs, one behind the other, counts once, and what one lost the other has", async () => {
    const copy = reading.path("copy.jsonl");
    const lines = [boot(), ...refusedAttempt(1), ...refusedAttempt(2), ...refusedAttempt(3), accepted(4)];
    await reading.start(trace, copy);
    // The second attempt's lines are not in the first file.
    write([boot(), ...refusedAttempt(1), ...refusedAttempt(3), accepted(4)]);
    await waitFor("three", () => reading.count("total") === 3);
    write(lines, copy);
    await waitFor("the fourth", () => reading.count("total") === 4);
    await waitFor("the rest", () => reading.count("lines:repeated") >= 20);
    expect(await reading.counts()).toMatchObject({ total: 4, "reached:3": 3, refused: 3, "lines:repeated": 20 });
    expect((await reading.store.attempts(10))!.length).toBe(4);
    write([closed(4)], copy);
    await waitFor("its end", async () => (await reading.store.attempt(`${BOOT}-4`))!.attempt.outcome === "closed");
    expect(reading.follower!.totals().boots![0]!.seen.missing).toBe(0);
  });
});

test("the funnel by day and the reasons, at midnight UTC, over a restart", async () => {
  const midnight = Date.UTC(2025, 5, 15);
  const at = (conn: number, time: number) => refusedAttempt(conn, { time });
  await reading.start(trace);
  write([
    boot(),
    ...at(1, midnight - 1),
    ...at(2, midnight),
    accepted(3, { time: midnight + 5 }),
    closed(3, { by: "timeout", time: midnight + 9 }),
  ]);
  await waitFor("all of it", () => reading.count("refused") === 3);
  await reading.restart(trace);
  write([accepted(4, { time: midnight + 86_400_000 }), closed(4, { time: midnight + 86_400_001 })]);
  await waitFor("the last one", () => reading.count("total") === 4);
  const days = daysOf(reading.follower!.totals().counts, midnight + 86_400_000, 4);
  expect(days.map(({ day, total, refused, funnel }) => [day, total, refused, funnel[3]!.count])).toEqual([
    ["2025-06-16", 1, 0, 0],
    ["2025-06-15", 2, 2, 1],
    ["2025-06-14", 1, 1, 1],
    ["2025-06-13", 0, 0, 0],
  ]);
  expect(days[1]!.reasons).toEqual([
    { cause: "80", reason: "no certificate", source: "RFC 8446 §4.4.2.4", count: 1 },
    { cause: "timeout", reason: "the time for it was up", source: "", count: 1 },
  ]);
  expect(reasonsOf(reading.follower!.totals().counts).map(({ cause, count }) => [cause, count])).toEqual([
    ["80", 2],
    ["timeout", 1],
  ]);
});

describe("a flood", () => {
  const SECONDS = 5;
  /** `count` attempts of four lines each within some seconds; one of them gets far, one opens the piñata. */
  function flood(count: number): string[] {
    const lines: string[] = [boot()];
    const like = (made: string) => made.replace(`"time":${START}`, '"time":TIME').replace('"conn":1', '"conn":CONN');
    const [begin, record, far, open, alert, end] = [
      accepted(1),
      line({ event: "state", conn: 1, state: 1 }),
      line({ event: "state", conn: 1, state: 4 }),
      line({ event: "opened", conn: 1 }),
      line({ event: "alert", conn: 1, direction: "sent", alert: 70, failure: 20 }),
      closed(1),
    ].map(like) as [string, string, string, string, string, string];
    for (let conn = 1; conn <= count; conn++) {
      const time = START + Math.floor((conn * SECONDS * 1000) / count);
      const middle = conn === count - 20 ? far : conn === count - 10 ? open : alert;
      for (const each of [begin, record, middle, end])
        lines.push(each.replace("TIME", String(time)).replace("CONN", String(conn)));
    }
    return lines;
  }

  test("200,000 lines: counted exactly, kept in bounds with who got furthest, said once, and others get their turn", async () => {
    const count = 50_000;
    writeFileSync(trace, text(flood(count)));
    reading.sampling = { perSecond: 50, random: Math.random };
    let turns = 0;
    const turn = setInterval(() => turns++, 1);
    await reading.start(trace);
    await waitFor("the whole flood", () => reading.count("total") === count && reading.count("opened") === 1, 120_000);
    await waitFor("the end", () => reading.count("refused") === count - 2);
    clearInterval(turn);
    expect(turns).toBeGreaterThan(10);
    const counts = await reading.counts();
    expect(counts).toMatchObject({
      total: count,
      "reached:1": count,
      "reached:4": 2,
      opened: 1,
      "refused:20": count - 2,
    });
    const rows = (await reading.store.attempts(100_000))!;
    expect(rows.length + counts["sampled-out"]!).toBe(count);
    expect(rows.length).toBeGreaterThanOrEqual(40 * SECONDS);
    expect(rows.length).toBeLessThanOrEqual(70 * (SECONDS + 1));
    for (const [conn, outcome] of [
      [count - 20, "closed"],
      [count - 10, "opened"],
    ] as const) {
      expect((await reading.store.attempt(`${BOOT}-${conn}`))?.attempt.outcome).toBe(outcome);
    }
    expect(reading.said).toEqual([expect.stringContaining("a sample of them")]);
    expect(reading.follower!.totals().boots![0]!.reached.slice(0, 2)).toEqual([count, count]);
  });

  test("stopped in the middle of attempts that are counted without being kept: still exact", async () => {
    reading.sampling = { perSecond: 1, random: Math.random };
    await reading.start(trace);
    const conns = Array.from({ length: 20 }, (_, i) => i + 1);
    write([boot(), ...conns.map((conn) => accepted(conn)), ...conns.map((conn) => refusedAttempt(conn)[1]!)]);
    await waitFor("their beginnings", () => reading.count("reached:1") === 20);
    await reading.restart(trace);
    write(conns.flatMap((conn) => refusedAttempt(conn).slice(2)));
    await waitFor("their ends", () => reading.count("refused") === 20);
    await waitFor("the last line", () => reading.count("sampled-out") > 0);
    const counts = await reading.counts();
    expect(counts).toMatchObject({ total: 20, "reached:3": 20, refused: 20, "refused:80": 20 });
    expect([counts.orphans, counts["lines:repeated"]]).toEqual([undefined, undefined]);
    expect((await reading.store.attempts(100))!.length + counts["sampled-out"]!).toBe(20);
  });
});
