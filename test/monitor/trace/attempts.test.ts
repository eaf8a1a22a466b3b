/** Trace events become attempts and totals. */
import { describe, expect, test } from "vitest";
import { AttemptFold, type AttemptRecord, BUCKET } from "../../../monitor/trace/attempts.ts";
import { funnelOf, lastDayOf } from "../../../monitor/trace/funnel.ts";
import { parseTraceLine } from "../../../unikernel/trace.ts";
import { accepted, BOOT, boot, closed, event, line, refusedAttempt } from "../support/trace-lines.ts";

function fold(lines: string[], known = new AttemptFold([], null)) {
  for (const each of lines) known.apply(parseTraceLine(each)!);
  const batch = known.take();
  return { ...batch, attempts: batch.records.map(({ attempt }) => attempt) };
}

describe("one attempt", () => {
  test("refused for want of a certificate: how far, why, in whose words", () => {
    const { attempts, counts } = fold([boot(), ...refusedAttempt(17)]);
    expect(attempts).toEqual([
      {
        id: `${BOOT}-17`,
        door: "server",
        peer: "203.0.113.77",
        started: 1_750_000_000_000,
        ended: 1_750_000_000_000,
        reached: { state: 3, name: "key exchange" },
        outcome: "refused",
        reason: "no certificate (RFC 8446 §4.4.2.4)",
        alert: { direction: "sent", name: "certificate_required", code: 116 },
        fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1",
        subject: null,
        bytesIn: 300,
        bytesOut: 1200,
      },
    ]);
    expect(counts).toMatchObject({ total: 1, "reached:0": 1, "reached:1": 1, "reached:2": 1, "reached:3": 1 });
    expect(counts["reached:4"]).toBeUndefined();
  });

  test("opened: the candy was given out, counted once, close_notify is not a reason", () => {
    const states = [1, 2, 3, 4, 5, 6].map((state) => line({ event: "state", conn: 1, state }));
    const { attempts, counts } = fold([
      accepted(1),
      ...states,
      line({ event: "certificate", conn: 1, subject: "CN=player", verdict: 0 }),
      line({ event: "opened", conn: 1 }),
      line({ event: "state", conn: 1, state: 7 }),
      line({ event: "alert", conn: 1, direction: "sent", alert: 0 }),
      closed(1, { by: "pinata" }),
    ]);
    expect(attempts[0]).toMatchObject({
      outcome: "opened",
      reason: "the candy was given out",
      subject: "CN=player",
      reached: { state: 7, name: "opened" },
      alert: { name: "close_notify" },
    });
    expect(counts.opened).toBe(1);
    expect(funnelOf(counts).map(({ count }) => count)).toEqual(Array(8).fill(1));
  });

  const end = (...lines: string[]) => fold([accepted(1), ...lines]).attempts[0]!;
  test.each([
    ["still open", [], "open", "still going on"],
    ["the peer leaves", [closed(1)], "closed", "the peer closed the connection"],
    ["shutdown", [closed(1, { by: "shutdown" })], "closed", "the piñata was shut down"],
    ["timeout", [closed(1, { by: "timeout" })], "refused", "the time for it was up"],
    ["limit", [closed(1, { by: "limit" })], "refused", "a limit was reached"],
    [
      "a trap",
      [line({ event: "trap", conn: 1, compartment: "door" }), closed(1, { by: "trap" })],
      "refused",
      "a fault in the piñata's own code was contained (a trap) in door",
    ],
    [
      "a certificate that was refused",
      [line({ event: "certificate", conn: 1, subject: "CN=x", verdict: 83 }), closed(1)],
      "refused",
      "a certificate that has expired (RFC 5280 §6.1.3)",
    ],
    [
      "the peer's alert",
      [line({ event: "alert", conn: 1, direction: "received", alert: 48 }), closed(1)],
      "closed",
      "the peer sent an alert: unknown_ca",
    ],
    [
      "an alert without a failure number, of a number that nobody knows",
      [line({ event: "alert", conn: 1, direction: "sent", alert: 99 }), closed(1)],
      "refused",
      "the piñata sent alert 99",
    ],
    [
      "a failure of a newer piñata",
      [line({ event: "alert", conn: 1, direction: "sent", alert: 40, failure: 999 }), closed(1)],
      "refused",
      "failure 999 (newer than this program)",
    ],
  ])("%s", (_name, lines, outcome, reason) => {
    expect(end(...(lines as string[]))).toMatchObject({ outcome, reason });
  });

  test("refused before it had a door", () => {
    const fields = { event: "refused", conn: 3, door: "dialback", peer: { address: "::1", port: 9 } };
    const { attempts, counts } = fold([line({ ...fields, reason: "dial-failed" })]);
    expect(attempts[0]).toMatchObject({
      outcome: "refused",
      ended: attempts[0]!.started,
      reason: expect.stringContaining("calling back failed"),
    });
    expect(counts).toMatchObject({ total: 1, "reached:0": 1 });
  });

  test("the first alert that says something is the one shown", () => {
    const alert = (code: number) => line({ event: "alert", conn: 1, direction: "sent", alert: code, failure: 9 });
    expect(end(alert(0), alert(50), alert(80)).alert?.name).toBe("decode_error");
  });

  test("its events are bounded", () => {
    const many = Array.from({ length: 200 }, (_, i) =>
      line({ event: "state", conn: 1, state: 1, time: 1_750_000_000_000 + i }),
    );
    const { records, counts } = fold([accepted(1), ...many]);
    expect(records[0]!.events.length).toBe(64);
    expect(counts["reached:1"]).toBe(1);
  });
});

describe("boots", () => {
  const NEXT = "00000000000000bb";

  test("a new boot ends what was open, and says so; events of it then are orphans", () => {
    const book = new AttemptFold([], null);
    fold([boot(), accepted(1), accepted(2), closed(2)], book);
    const { attempts, pinata, pinataChanged } = fold(
      [boot(NEXT, 1_750_000_009_000), accepted(1, { boot: NEXT })],
      book,
    );
    expect(attempts.map(({ id, outcome, reason }) => [id, outcome, reason])).toEqual([
      [`${BOOT}-1`, "closed", "the piñata was restarted"],
      [`${NEXT}-1`, "open", "still going on"],
    ]);
    expect(attempts[0]!.ended).toBe(1_750_000_009_000);
    expect([pinata?.boot, pinata?.running, pinataChanged]).toEqual([NEXT, true, true]);
    expect(fold([closed(1), closed(7)], book).counts).toEqual({ "lines:repeated": 1, orphans: 1 });
  });

  test("the same boot line twice is no restart", () => {
    const book = new AttemptFold([], null);
    fold([boot(), accepted(1)], book);
    const again = fold([boot()], book);
    expect([again.attempts, again.pinataChanged]).toEqual([[], false]);
  });

  test("stopped ends what was open; stopped of another boot does not", () => {
    const book = new AttemptFold([], null);
    fold([boot(), accepted(1)], book);
    expect(fold([line({ event: "stopped", boot: NEXT, reason: "x" })], book).attempts).toEqual([]);
    const { attempts, pinata } = fold([line({ event: "stopped", reason: "asked to" })], book);
    expect(attempts[0]).toMatchObject({ outcome: "closed", reason: "the piñata stopped: asked to" });
    expect(pinata?.running).toBe(false);
  });

  test("attempts that were open when last written go on", () => {
    const first = fold([boot(), accepted(1)]);
    const restored = JSON.parse(JSON.stringify(first.records)) as AttemptRecord[];
    const { attempts, counts } = fold([closed(1)], new AttemptFold(restored, first.pinata));
    expect(attempts[0]).toMatchObject({ id: `${BOOT}-1`, outcome: "closed" });
    expect(counts).toEqual({});
  });

  test("a trace that never ends its connections is bounded", () => {
    // Over half a minute, so that each is kept.
    const lines = Array.from({ length: 1100 }, (_, i) => accepted(i + 1, { time: 1_750_000_000_000 + i * 25 }));
    const { attempts } = fold(lines);
    expect(attempts.filter(({ outcome }) => outcome === "open").length).toBe(1024);
    expect(attempts[0]).toMatchObject({ outcome: "closed", reason: "its end is not in the trace" });
  });
});

test("events of a connection whose beginning is not there, or that begins twice, are counted and nothing else", () => {
  expect(fold([line({ event: "opened", conn: 5 }), closed(5)])).toMatchObject({ attempts: [], counts: { orphans: 2 } });
  expect(fold([accepted(5), accepted(5)]).counts).toMatchObject({ total: 1, "lines:repeated": 1 });
});

describe("counted exactly", () => {
  const DAY = "day:2025-06-15:";

  test("each refusal once, by its cause, in all and for its day; numbers that nobody knows are one cause", () => {
    const alert = (conn: number, failure: number) =>
      line({ event: "alert", conn, direction: "sent", alert: 40, failure });
    const { counts } = fold([
      ...[1, 2, 3, 4, 5].map((conn) => accepted(conn)),
      line({ event: "certificate", conn: 1, subject: "CN=x", verdict: 83 }),
      ...[alert(1, 80), closed(1, { by: "timeout" })],
      ...[alert(2, 900), alert(3, 901), closed(2), closed(3)],
      closed(4, { by: "limit" }),
      closed(5),
      line({
        event: "refused",
        conn: 6,
        door: "server",
        peer: { address: "::1", port: 9 },
        reason: "too-many-connections",
      }),
    ]);
    const refused = { refused: 5, "refused:83": 1, "refused:newer": 2, "refused:limit": 1 };
    expect(counts).toMatchObject({ total: 6, ...refused, "refused:too-many-connections": 1 });
    expect(counts["refused:80"]).toBeUndefined();
    for (const [name, count] of Object.entries(refused)) expect(counts[`${DAY}${name}`], name).toBe(count);
    expect(counts[`${DAY}reached:0`]).toBe(6);
  });

  test("an attempt that opened is not refused, whatever comes after; one that opens twice opened once", () => {
    const opened = (time: number) => line({ event: "opened", conn: 1, time });
    const after = [
      line({ event: "alert", conn: 1, direction: "sent", alert: 80, failure: 90 }),
      closed(1, { by: "limit" }),
    ];
    const { counts, attempts } = fold([accepted(1), opened(1_750_000_000_000), opened(1_750_000_000_001), ...after]);
    expect(counts).toMatchObject({ opened: 1, [`${DAY}opened`]: 1 });
    expect([counts.refused, attempts[0]!.outcome]).toEqual([undefined, "opened"]);
  });

  test("times that no calendar has do not stop the reading", () => {
    const time = Number.MAX_SAFE_INTEGER;
    const { counts } = fold([accepted(1, { time }), closed(1, { time })]);
    expect(counts["day:9999-12-31:reached:0"]).toBe(1);
  });
});

describe("traces with holes", () => {
  const HOUR = 3_600_000;
  const T = 1_750_000_000_000;

  test("an attempt whose end was lost is over after an hour of the piñata's time, so that nothing stays open for ever", () => {
    const book = new AttemptFold([], null);
    fold([boot(), accepted(1), accepted(2, { time: T + HOUR })], book);
    const { attempts } = fold([accepted(3, { time: T + HOUR + 1 })], book);
    expect(attempts.map(({ id, outcome, reason }) => [id.slice(-1), outcome, reason])).toEqual([
      ["3", "open", "still going on"],
      ["1", "closed", "its end is not in the trace"],
    ]);
    expect(attempts[1]!.ended).toBe(T + HOUR);
  });

  test("joined in the middle of a boot: what begins from then on counts, the rest are orphans", () => {
    const book = new AttemptFold([], null);
    const { counts } = fold([closed(41), accepted(42), closed(42)], book);
    expect(counts).toMatchObject({ orphans: 1, total: 1 });
    expect([book.boots[0]!.info, book.boots[0]!.seen.missing, book.pinata]).toEqual([null, 41, null]);
    expect(fold([line({ event: "stopped", reason: "x" })], book).counts).toEqual({});
  });

  test("a trace sent again from its start, older boots first, changes nothing", () => {
    const NEXT = "00000000000000bb";
    const lines = [
      boot(),
      ...refusedAttempt(1),
      boot(NEXT, T + 5),
      ...refusedAttempt(1, { boot: NEXT }),
      accepted(2, { boot: NEXT }),
    ];
    const book = new AttemptFold([], null);
    fold(lines, book);
    const { attempts, counts, pinataChanged } = fold(lines, book);
    expect([attempts, pinataChanged]).toEqual([[], false]);
    expect(counts).toEqual({ "lines:repeated": lines.length });
    expect(book.pinata).toMatchObject({ boot: NEXT, running: true });
  });

  test("what is remembered of boots comes back after a restart, and is bounded", () => {
    const book = new AttemptFold([], null);
    const name = (n: number) => n.toString(16).padStart(16, "0");
    for (let n = 1; n <= 100; n++)
      fold([boot(name(n), T + n), ...refusedAttempt(1, { boot: name(n), time: T + n })], book);
    const progress = JSON.parse(JSON.stringify({ cursors: {}, ...book.progress() }));
    expect([progress.boots.length, Object.keys(progress.lanes).length]).toEqual([64, 1]);
    const next = new AttemptFold([], book.pinata, { progress });
    expect(next.pinata).toEqual(book.pinata);
    const again = fold([boot(name(100), T + 100), ...refusedAttempt(1, { boot: name(100), time: T + 100 })], next);
    expect([again.counts.total, again.attempts]).toEqual([undefined, []]);
  });
});

test("the last day, by ten minutes", () => {
  const now = 1_750_000_000_000;
  const at = (ago: number) => `bucket:${Math.floor((now - ago) / BUCKET)}`;
  const counts = {
    [at(0)]: 1,
    [at(3_600_000)]: 10,
    [at(86_400_000 - BUCKET)]: 100,
    [at(86_400_000 + BUCKET)]: 1000,
    total: 5,
  };
  expect(lastDayOf(counts, now)).toBe(111);
  expect(event({ event: "opened", conn: 1 }).event).toBe("opened");
});
