/**
 * The page's server as a replica among others: one stream from the monitor for many viewers, who go on where they were after a
 * restart or at another replica; a viewer that does not read costs a bounded buffer; a monitor that goes away leaves BLIND.
 */
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { readEvents, type ServerEvent } from "../../web/event-stream.ts";
import { SILENT_AFTER, startFeed } from "../../web/feed.ts";
import { type RunningWeb, runWeb } from "../../web/main.ts";
import { compare } from "../bench/web/compare.ts";
import { FakeMonitor } from "./support/fake-monitor.ts";
import { HandClock } from "./support/hand-clock.ts";
import { INFO, NOW, sampleAttempt, sampleStatus } from "./support/samples.ts";

let monitor: FakeMonitor;
const running: RunningWeb[] = [];
const sockets: Socket[] = [];
beforeEach(async () => {
  monitor = new FakeMonitor(sampleStatus("sealed"));
  await monitor.start();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((web) => web.stop()));
  await monitor.stop();
});

/** A replica that has heard of its monitor. */
async function replica(): Promise<RunningWeb> {
  const opened = monitor.nextStream();
  const web = await runWeb({ monitorUrl: monitor.url, port: 0, host: "127.0.0.1", info: INFO });
  running.push(web);
  await opened;
  await expect.poll(async () => (await health(web)).monitor).toBe("answers");
  return web;
}

const health = async (web: RunningWeb) =>
  (await (await fetch(`${web.url}/healthz`)).json()) as { monitor: string; viewers: number };

/** The events of one viewer, one at a time. */
async function view(web: RunningWeb, lastEventId = ""): Promise<() => Promise<ServerEvent>> {
  const headers: Record<string, string> = lastEventId === "" ? {} : { "last-event-id": lastEventId };
  const response = await fetch(`${web.url}/api/v1/events`, { headers });
  const events = readEvents(response.body!);
  return async () => {
    for (;;) {
      const { value, done } = await events.next();
      if (done) throw new Error("the stream ended");
      if (value.event !== "alive") return value;
    }
  };
}

/** Waits for an event of a kind. */
async function until(next: () => Promise<ServerEvent>, event: string): Promise<ServerEvent> {
  for (;;) {
    const found = await next();
    if (found.event === event) return found;
  }
}

const keyOf = (event: ServerEvent) => (JSON.parse(event.data) as { id: string }).id;

describe("a replica", () => {
  it("holds one stream from the monitor for all its viewers, and tells each of them", async () => {
    const web = await replica();
    const viewers = await Promise.all(Array.from({ length: 60 }, () => view(web)));
    await Promise.all(viewers.map((next) => until(next, "status")));
    expect((await health(web)).viewers).toBe(60);
    monitor.send("attempt", sampleAttempt(1), 501);
    const told = await Promise.all(viewers.map((next) => until(next, "attempt")));
    expect(new Set(told.map(({ id }) => id))).toEqual(new Set(["501"]));
    expect(monitor.asked.filter((path) => path === "/v1/events")).toHaveLength(1);
  });

  it("goes on where another left off: a viewer's last id means the same there, and after a restart", async () => {
    const [one, other] = [await replica(), await replica()];
    const next = await view(one);
    await until(next, "status");
    monitor.send("attempt", sampleAttempt(1), 501);
    const { id } = await until(next, "attempt");
    expect(id).toBe("501");
    monitor.send("attempt", sampleAttempt(2), 502);
    await until(next, "attempt");
    const elsewhere = await view(other, id);
    expect(keyOf(await elsewhere())).toBe(sampleAttempt(2).id);
    expect((await elsewhere()).event).toBe("status");

    // The monitor remembers its events; a replica that has just started asks for them.
    await Promise.all(running.splice(0).map((web) => web.stop()));
    const remembered = monitor.nextStream();
    const third = replica();
    expect((await remembered).headers["last-event-id"]).toBe("0");
    monitor.attempts = [1, 2, 3].map((n) => sampleAttempt(n));
    for (const n of [1, 2, 3]) monitor.send("attempt", sampleAttempt(n), 500 + n);
    const web = await third;
    await expect.poll(async () => (await events(web, "502")).map(keyOf)).toEqual([sampleAttempt(3).id]);
  });

  it("cuts off a viewer that does not read, and holds no more than its buffer for it", async () => {
    const web = await replica();
    const stuck = connect(web.port, "127.0.0.1");
    sockets.push(stuck);
    const cut = new Promise((resolve) => stuck.once("close", resolve));
    stuck.on("error", () => {});
    stuck.write("GET /api/v1/events HTTP/1.1\r\nhost: x\r\n\r\n");
    stuck.pause();
    const reader = await view(web);
    await until(reader, "status");
    await expect.poll(async () => (await health(web)).viewers).toBe(2);
    // The system's own buffers take some megabytes before anything waits here.
    const reason = "x".repeat(30_000);
    let n = 0;
    while ((await health(web)).viewers === 2) {
      for (let more = 0; more < 20; more += 1) {
        n += 1;
        monitor.send("attempt", sampleAttempt(n % 40, { reason: `${n} ${reason}` }), 500 + n);
        await until(reader, "attempt");
      }
      if (n > 2_000) throw new Error("60 MB wait for a viewer that does not read");
    }
    stuck.resume();
    await cut;
    expect((await health(web)).viewers).toBe(1);
  });
});

/** The attempts that a viewer with this last id is told of at once. */
async function events(web: RunningWeb, lastEventId: string): Promise<ServerEvent[]> {
  const next = await view(web, lastEventId);
  const found: ServerEvent[] = [];
  for (;;) {
    const event = await next();
    if (event.event === "status") return found;
    if (event.event === "attempt") found.push(event);
  }
}

describe("a monitor that goes away", () => {
  it("leaves every address answering, marked BLIND with the time, and none says SEALED", async () => {
    const clock = new HandClock(NOW);
    const feed = startFeed({ monitorUrl: monitor.url, clock });
    const app = createApp({ feed, info: INFO, clock });
    try {
      const text = async (path: string) => (await app.request(path)).text();
      await expect
        .poll(async () => (JSON.parse(await text("/status.json")) as { verdict?: string }).verdict)
        .toBe("sealed");
      for (const path of ["/", "/badge.svg", "/feed.atom"]) expect(await text(path)).toMatch(/sealed/i);
      await monitor.stop();
      clock.advance(SILENT_AFTER + 1);
      for (const path of ["/badge.svg", "/feed.atom", "/feed.json"]) {
        expect(await text(path)).toContain("BLIND");
        expect(await text(path)).not.toContain("SEALED");
      }
      expect(await text("/")).toMatch(/<body data-state="blind" data-known="blind"/);
      expect(await text("/feed.json")).toContain("silent since 2026-03-01T12:00:00Z");
      expect(JSON.parse(await text("/api/v1/status"))).toMatchObject({ verdict: "blind", stale: true, heard: NOW });
      expect(JSON.parse(await text("/healthz"))).toMatchObject({ ok: true, monitor: "silent" });
    } finally {
      feed.stop();
      await monitor.start();
    }
  });
});

describe("npm run bench:web", () => {
  it("measures both servers in one run", async () => {
    const { page, stream } = await compare({ viewers: 20, rounds: 1, millis: 50 });
    expect(page.ours.requestsPerSecond).toBeGreaterThan(0);
    expect(page.plain.requestsPerSecond).toBeGreaterThan(0);
    expect(page.bytes).toBeGreaterThan(1_000);
    expect(stream.ours.last).toBeGreaterThanOrEqual(stream.ours.first);
    expect(stream.plain.worst).toBeGreaterThan(0);
  });
});
