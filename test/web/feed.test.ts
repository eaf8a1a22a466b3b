import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Change, type Feed, PROBE_AFTER, SILENT_AFTER, startFeed } from "../../web/feed.ts";
import { FakeMonitor } from "./support/fake-monitor.ts";
import { HandClock } from "./support/hand-clock.ts";
import { NOW, sampleAttempt, sampleStatus } from "./support/samples.ts";

let monitor: FakeMonitor;
let clock: HandClock;
let feed: Feed;

beforeEach(async () => {
  monitor = new FakeMonitor(sampleStatus("sealed"));
  clock = new HandClock(NOW);
  await monitor.start();
});
afterEach(async () => {
  feed.stop();
  await monitor.stop();
});

const start = () => {
  feed = startFeed({ monitorUrl: monitor.url, clock });
};

/** Waits for the first change that makes `holds` true. */
function until(holds: () => boolean): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const leave = feed.subscribe(() => {
      if (!holds()) return;
      leave();
      resolve();
    });
  });
}

const verdict = () => feed.snapshot().status?.verdict;

/** Waits, by real time, for what no event tells of: a session that ended. */
async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("the feed", () => {
  it("takes the status and the latest attempts first", async () => {
    monitor.attempts = [sampleAttempt(2), sampleAttempt(1)];
    start();
    await until(() => verdict() === "sealed");
    const { attempts, fresh, heard, problem } = feed.snapshot();
    expect(attempts.map(({ id }) => id)).toEqual([sampleAttempt(2).id, sampleAttempt(1).id]);
    expect({ fresh, heard, problem }).toEqual({ fresh: true, heard: NOW, problem: null });
  });

  it("follows the stream", async () => {
    start();
    await until(() => verdict() === "sealed");
    monitor.send("status", sampleStatus("moving"), 1);
    await until(() => verdict() === "moving");
    const seen: Change[] = [];
    feed.subscribe((change) => seen.push(change));
    monitor.send("attempt", sampleAttempt(9), 2);
    await until(() => feed.snapshot().attempts.length === 1);
    expect(seen).toEqual([{ kind: "attempt", attempt: sampleAttempt(9), id: 2 }]);
  });

  it("asks at first for all events that the monitor remembers, and tells where they begin", async () => {
    monitor.attempts = [sampleAttempt(8)];
    const stream = monitor.nextStream();
    const seen: Change[] = [];
    start();
    feed.subscribe((change) => seen.push(change));
    expect((await stream).headers["last-event-id"]).toBe("0");
    await until(() => verdict() === "sealed");
    monitor.send("status", sampleStatus("moving"), 700);
    monitor.send("attempt", sampleAttempt(8), 701);
    monitor.send("attempt", sampleAttempt(9), 702);
    await until(() => feed.snapshot().attempts.length === 2);
    expect(seen.slice(-4)).toEqual([
      { kind: "gap", from: 700 },
      { kind: "status", id: 700 },
      { kind: "attempt", attempt: sampleAttempt(8), id: 701, again: true },
      { kind: "attempt", attempt: sampleAttempt(9), id: 702 },
    ]);
  });

  it("tells of a gap when it comes back to more than one event later, or to a monitor that counts anew", async () => {
    start();
    const gaps: Change[] = [];
    feed.subscribe((change) => change.kind === "gap" && gaps.push(change));
    await until(() => verdict() === "sealed");
    monitor.send("status", sampleStatus("moving"), 41);
    await until(() => verdict() === "moving");
    const comeBack = async (id: number, word: "sealed" | "moving" | "smashed" | "refunded") => {
      const again = monitor.nextStream();
      monitor.cut();
      await eventually(() => feed.snapshot().problem !== null);
      clock.advance(500);
      await again;
      await until(() => feed.snapshot().problem === null);
      monitor.send("status", sampleStatus(word), id);
      await until(() => verdict() === word);
    };
    await comeBack(42, "smashed");
    expect(gaps).toEqual([{ kind: "gap", from: 41 }]);
    await comeBack(50, "refunded");
    await comeBack(7, "smashed");
    expect(gaps.slice(1)).toEqual([
      { kind: "gap", from: 50 },
      { kind: "gap", from: 7 },
    ]);
  });

  it("comes back with the last event's id when the stream breaks", async () => {
    start();
    await until(() => verdict() === "sealed");
    monitor.send("status", sampleStatus("moving"), 41);
    await until(() => verdict() === "moving");
    const again = monitor.nextStream();
    monitor.cut();
    await eventually(() => feed.snapshot().problem !== null);
    monitor.status = sampleStatus("smashed");
    clock.advance(500);
    expect((await again).headers["last-event-id"]).toBe("41");
    await until(() => verdict() === "smashed");
  });

  it("waits longer after each failure in a row, up to eight seconds", async () => {
    let tries = 0;
    monitor.instead.set("/v1/events", (_, response) => {
      tries += 1;
      response.writeHead(500 + tries).end();
    });
    start();
    /** The n-th try has failed: its pause is the only timer. */
    const failed = (n: number) =>
      eventually(
        () => feed.snapshot().problem === `the monitor answered ${500 + n} to /v1/events` && clock.waiting === 1,
      );
    for (const [i, pause] of [500, 1_000, 2_000, 4_000, 8_000, 8_000].entries()) {
      await failed(i + 1);
      clock.advance(pause - 1);
      expect(clock.waiting).toBe(1);
      expect(tries).toBe(i + 1);
      clock.advance(1);
    }
    await failed(7);
    monitor.instead.clear();
    clock.advance(8_000);
    await until(() => verdict() === "sealed");
    monitor.cut();
    await eventually(() => feed.snapshot().problem !== null);
    const again = monitor.nextStream();
    clock.advance(500);
    await again;
  });

  it("names the trouble while nothing listens, and comes back when the monitor does", async () => {
    const { port } = monitor;
    start();
    await until(() => verdict() === "sealed");
    await monitor.stop();
    await eventually(() => feed.snapshot().problem !== null);
    clock.advance(500);
    await eventually(() => feed.snapshot().problem === "nothing listens at the monitor's address");
    monitor = new FakeMonitor(sampleStatus("smashed"));
    await monitor.start(port);
    clock.advance(SILENT_AFTER);
    expect(feed.snapshot().fresh).toBe(false);
    await until(() => verdict() === "smashed");
    expect(feed.snapshot()).toMatchObject({ fresh: true, problem: null });
  });

  it("is not fresh after ten seconds of silence, says so once, and keeps the last word", async () => {
    start();
    await until(() => verdict() === "sealed");
    for (const path of ["/v1/status", "/v1/events"]) monitor.instead.set(path, () => {});
    let told = 0;
    feed.subscribe(() => {
      told += 1;
    });
    clock.advance(SILENT_AFTER);
    expect(feed.snapshot().fresh).toBe(true);
    expect(told).toBe(0);
    clock.advance(1);
    expect(feed.snapshot()).toMatchObject({ fresh: false, heard: NOW, status: { verdict: "sealed" } });
    expect(told).toBe(1);
  });

  it("asks in a quiet stream, so that quiet is not taken for silence", async () => {
    start();
    await until(() => verdict() === "sealed");
    for (let round = 1; round <= 5; round += 1) {
      const heard = NOW + round * PROBE_AFTER;
      clock.advance(PROBE_AFTER);
      await until(() => feed.snapshot().heard === heard);
    }
    expect(feed.snapshot().fresh).toBe(true);
    expect(monitor.asked.filter((path) => path === "/v1/events")).toHaveLength(1);
  });

  it("takes no word of life from a stream that only sends comments", async () => {
    start();
    await until(() => verdict() === "sealed");
    monitor.instead.set("/v1/status", () => {});
    monitor.sendRaw(": still here\n\n");
    clock.advance(SILENT_AFTER + 1);
    expect(feed.snapshot().fresh).toBe(false);
  });

  it("gives up a session when the monitor does not answer in time", async () => {
    monitor.instead.set("/v1/status", () => {});
    start();
    await eventually(() => monitor.asked.includes("/v1/status"));
    clock.advance(5_000);
    await eventually(() => feed.snapshot().problem === "the monitor does not answer in time");
    expect(feed.snapshot().status).toBeNull();
  });

  it("ignores a replayed status that is older than the one in hand", async () => {
    start();
    await until(() => verdict() === "sealed");
    monitor.send("status", sampleStatus("awaited", { now: NOW - 60_000 }), 1);
    monitor.send("attempt", sampleAttempt(1), 2);
    await until(() => feed.snapshot().attempts.length === 1);
    expect(verdict()).toBe("sealed");
  });

  it("does not open an ended attempt again", async () => {
    monitor.attempts = [sampleAttempt(1)];
    start();
    await until(() => verdict() === "sealed");
    monitor.send("attempt", sampleAttempt(1, { ended: null, outcome: "open" }), 1);
    monitor.send("attempt", sampleAttempt(2), 2);
    await until(() => feed.snapshot().attempts.length === 2);
    expect(feed.snapshot().attempts[1]).toEqual(sampleAttempt(1));
  });

  it("keeps at most 500 attempts, the newest", async () => {
    monitor.attempts = Array.from({ length: 510 }, (_, i) => sampleAttempt(510 - i));
    start();
    await until(() => verdict() === "sealed");
    const { attempts } = feed.snapshot();
    expect(attempts).toHaveLength(500);
    expect(attempts[0]!.id).toBe(sampleAttempt(510).id);
    expect(attempts[499]!.id).toBe(sampleAttempt(11).id);
  });
});

describe("one attempt", () => {
  it("comes from memory, else from the monitor", async () => {
    monitor.attempts = [sampleAttempt(1)];
    monitor.old = [sampleAttempt(7)];
    start();
    await until(() => verdict() === "sealed");
    const before = monitor.asked.length;
    expect(await feed.attempt(sampleAttempt(1).id)).toEqual(sampleAttempt(1));
    expect(monitor.asked).toHaveLength(before);
    expect(await feed.attempt(sampleAttempt(7).id)).toEqual(sampleAttempt(7));
    expect(await feed.attempt(sampleAttempt(8).id)).toBeUndefined();
  });

  it("is not asked for by a name that cannot be one, and fails when the monitor fails", async () => {
    start();
    await until(() => verdict() === "sealed");
    const before = monitor.asked.length;
    expect(await feed.attempt("../status")).toBeUndefined();
    expect(monitor.asked).toHaveLength(before);
    const { id } = sampleAttempt(3);
    monitor.instead.set(`/v1/attempts/${id}`, (_, response) => response.end('{"id":1}'));
    await expect(feed.attempt(id)).rejects.toThrow("does not match its own schema");
  });
});

describe("a monitor that talks garbage", () => {
  const garbage: [string, string, (request: IncomingMessage, response: ServerResponse) => void, string][] = [
    [
      "a status that is no JSON",
      "/v1/status",
      (_, r) => r.end("<html>"),
      "the monitor's answer to /v1/status does not match its own schema",
    ],
    [
      "a status of another shape",
      "/v1/status",
      (_, r) => r.end('{"verdict":"sealed"}'),
      "the monitor's answer to /v1/status does not match its own schema",
    ],
    [
      "attempts of another shape",
      "/v1/attempts",
      (_, r) => r.end("[]"),
      "the monitor's answer to /v1/attempts?limit=50 does not match its own schema",
    ],
    ["an error", "/v1/status", (_, r) => r.writeHead(500).end(), "the monitor answered 500 to /v1/status"],
    ["a stream that is none", "/v1/events", (_, r) => r.end("{}"), "the monitor's /v1/events is no event stream"],
    [
      "an answer without end",
      "/v1/status",
      (_, r) => r.end("x".repeat(5 << 20)),
      "the monitor's answer is longer than 4 MiB",
    ],
    ["a broken connection", "/v1/status", (_, r) => r.destroy(), "the monitor cannot be reached (UND_ERR_SOCKET)"],
  ];
  it.each(garbage)("%s: nothing is shown, the problem is named", async (_, path, answer, problem) => {
    monitor.instead.set(path, answer);
    start();
    await eventually(() => feed.snapshot().problem !== null);
    expect(feed.snapshot()).toMatchObject({ status: null, fresh: false, problem });
    monitor.instead.clear();
    await eventually(() => clock.waiting > 0);
    clock.advance(500);
    await until(() => verdict() === "sealed");
  });

  it("events that do not match are passed over, the others still count", async () => {
    start();
    await until(() => verdict() === "sealed");
    monitor.send("status", "not JSON", 1);
    monitor.send("status", { ...sampleStatus("smashed"), hanging: -1 }, 2);
    monitor.send("attempt", { id: "x" }, 3);
    await eventually(
      () => feed.snapshot().problem === "the monitor sent an attempt that does not match its own schema",
    );
    expect(verdict()).toBe("sealed");
    monitor.send("status", sampleStatus("moving"), 4);
    await until(() => verdict() === "moving");
    expect(feed.snapshot().problem).toBeNull();
  });
});
