import { describe, expect, it } from "vitest";
import type { Attempt } from "../../monitor/schema.ts";
import { readEvents, type ServerEvent } from "../../web/event-stream.ts";
import { ATTEMPTS_SHOWN, BUFFER, createHub, type Hub, type Viewer } from "../../web/hub.ts";
import { dataVoice } from "../../web/machine/data.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, type HandFeed, NOW, sampleAttempt } from "./support/samples.ts";

/** A viewer that keeps what it is sent; `stuck` is what its connection holds back. */
class Sink implements Viewer {
  text = "";
  stuck = 0;
  state: "open" | "cut" = "open";
  #read = 0;

  write(bytes: Uint8Array): void {
    this.text += new TextDecoder().decode(bytes);
  }

  waiting(): number {
    return this.stuck;
  }

  cut(): void {
    this.state = "cut";
  }

  /** The events since the last call. */
  async news(): Promise<ServerEvent[]> {
    const bytes = new TextEncoder().encode(this.text);
    async function* body() {
      yield bytes;
    }
    const events: ServerEvent[] = [];
    for await (const event of readEvents(body())) events.push(event);
    const news = events.slice(this.#read);
    this.#read = events.length;
    return news;
  }
}

interface Setup {
  feed: HandFeed;
  clock: HandClock;
  hub: Hub;
  join(after?: string, voice?: string): Sink;
  /** Lets the next round of news pass. */
  round(): void;
}

function setUp(attempts = 0, limit = 100): Setup {
  const feed = feedWith("sealed", attempts);
  const clock = new HandClock(NOW);
  const data = dataVoice(feed, clock);
  const shouting = { ...data, attempt: (attempt: Attempt) => ({ id: attempt.id.toUpperCase() }) };
  const hub = createHub({ feed, clock, voices: { data, shouting }, limit });
  const join = (after = "", voice = "data") => {
    const sink = new Sink();
    if (hub.join(sink, { voice, after }) === undefined) throw new Error("full");
    return sink;
  };
  return { feed, clock, hub, join, round: () => clock.advance(20) };
}

const names = (events: ServerEvent[]) => events.map(({ event }) => event);
const verdictOf = (event: ServerEvent) => (JSON.parse(event.data) as { verdict: string }).verdict;
const idOf = (event: ServerEvent) => (JSON.parse(event.data) as { id: string }).id;

describe("a viewer's stream", () => {
  it("begins with when to come back, the attempts and the present status", async () => {
    const { feed, join, hub } = setUp(30);
    feed.show("moving");
    const sink = join();
    expect(sink.text).toMatch(/^retry: \d{3,4}\n\n/);
    const [attempts, status] = await sink.news();
    expect(attempts!.event).toBe("attempts");
    expect(JSON.parse(attempts!.data)).toHaveLength(ATTEMPTS_SHOWN);
    expect([status!.event, verdictOf(status!), status!.id]).toEqual(["status", "moving", hub.lastId()]);
  });

  it("goes on after the last id with what came since, and nothing twice", async () => {
    const { feed, hub, join } = setUp();
    feed.hit(sampleAttempt(1));
    const seen = hub.lastId();
    feed.hit(sampleAttempt(2));
    feed.show("moving");
    feed.hit(sampleAttempt(3));
    const events = await join(seen).news();
    expect(names(events)).toEqual(["attempt", "attempt", "status"]);
    expect(events.slice(0, 2).map(idOf)).toEqual([sampleAttempt(2).id, sampleAttempt(3).id]);
    expect(events.map(({ id }) => id)).toEqual(["1001", "1003", "1003"]);
  });

  it.each(["0123456789ab-1", "nonsense", "-5", "1", "9".repeat(400)])(
    "starts afresh after the unknown id %s",
    async (id) => {
      const { feed, join } = setUp(1);
      feed.hit(sampleAttempt(2));
      expect(names(await join(id).news())).toEqual(["attempts", "status"]);
    },
  );

  it("starts afresh after an id that is too old, or from the future", async () => {
    const { feed, hub, join } = setUp();
    feed.hit(sampleAttempt(1));
    const old = hub.lastId();
    for (let n = 2; n <= 300; n += 1) feed.hit(sampleAttempt(n));
    expect(names(await join(old).news())).toEqual(["attempts", "status"]);
    expect(names(await join(String(Number(hub.lastId()) + 1)).news())).toEqual(["attempts", "status"]);
    expect(names(await join(hub.lastId()).news())).toEqual(["status"]);
  });

  it("starts afresh after an id from before a gap in what the monitor told", async () => {
    const { feed, hub, join } = setUp();
    feed.hit(sampleAttempt(1));
    const before = hub.lastId();
    feed.tell({ kind: "gap", from: 5_000 });
    expect(names(await join(before).news())).toEqual(["attempts", "status"]);
    feed.nextId = 5_000;
    feed.hit(sampleAttempt(2));
    feed.hit(sampleAttempt(3));
    expect((await join("5000").news()).map(({ id }) => id)).toEqual(["5001", "5001"]);
  });

  it("goes on at another replica that heard the same events", async () => {
    const [one, other] = [setUp(), setUp()];
    for (const { feed } of [one, other]) for (let n = 1; n <= 3; n += 1) feed.hit(sampleAttempt(n));
    other.feed.hit(sampleAttempt(4));
    const events = await other.join(one.hub.lastId()).news();
    expect(names(events)).toEqual(["attempt", "status"]);
    expect(idOf(events[0]!)).toBe(sampleAttempt(4).id);
  });

  it("goes on after events that were heard again, which nobody is told of twice", async () => {
    const { feed, join, round } = setUp();
    const sink = join();
    await sink.news();
    feed.tell({ kind: "gap", from: 7 });
    feed.tell({ kind: "status", id: 7 });
    feed.tell({ kind: "attempt", attempt: sampleAttempt(1), id: 8, again: true });
    round();
    expect(await sink.news()).toEqual([]);
    expect(names(await join("7").news())).toEqual(["attempt", "status"]);
  });
});

describe("news", () => {
  it("reaches every viewer, in its own voice, with the monitor's ids", async () => {
    const { feed, join, round } = setUp();
    const sinks = [join(), join(), join("", "shouting")];
    for (const sink of sinks) await sink.news();
    feed.hit(sampleAttempt(1));
    feed.show("moving");
    round();
    const [first, second, third] = await Promise.all(sinks.map((sink) => sink.news()));
    expect(names(first!)).toEqual(["attempt", "status"]);
    expect(second).toEqual(first);
    expect(first!.map(({ id }) => id)).toEqual(["1000", "1001"]);
    expect(idOf(third![0]!)).toBe(sampleAttempt(1).id.toUpperCase());
  });

  it("is told in rounds: much at once is one write, and too much is the present state", async () => {
    const { feed, hub, join, round } = setUp();
    const sink = join();
    await sink.news();
    for (let n = 1; n <= 20; n += 1) feed.hit(sampleAttempt(n));
    round();
    expect(await sink.news()).toHaveLength(20);
    expect(hub.counts().sent).toBe(1);
    for (let n = 21; n <= 221; n += 1) feed.hit(sampleAttempt(n));
    round();
    expect(names(await sink.news())).toEqual(["attempts"]);
    expect(hub.counts()).toEqual({ sent: 2, dropped: 0 });
  });

  it("waits for the next round in proportion to what the last one took", async () => {
    const { feed, clock, join } = setUp();
    const sink = join();
    await sink.news();
    const slow = join();
    slow.write = () => clock.advance(100);
    feed.hit(sampleAttempt(1));
    clock.advance(100);
    expect(await sink.news()).toHaveLength(1);
    feed.hit(sampleAttempt(2));
    clock.advance(399);
    expect(await sink.news()).toHaveLength(0);
    clock.advance(1);
    expect(await sink.news()).toHaveLength(1);
  });

  it("is nothing when a status changes nothing but the time", async () => {
    const { feed, join, round } = setUp();
    const sink = join();
    await sink.news();
    feed.show("sealed", { now: NOW + 5_000 });
    round();
    expect(await sink.news()).toEqual([]);
    feed.show("sealed", { now: NOW + 5_000, checked: NOW + 5_000 });
    round();
    expect(names(await sink.news())).toEqual(["status"]);
  });

  it("comes at once when the monitor falls silent, without an id of its own", async () => {
    const { feed, hub, clock, join } = setUp();
    feed.hit(sampleAttempt(1));
    const sink = join(hub.lastId());
    await sink.news();
    feed.state = { ...feed.state, fresh: false };
    feed.tell({ kind: "status" });
    clock.advance(0);
    const [status] = await sink.news();
    expect([verdictOf(status!), status!.id]).toEqual(["blind", hub.lastId()]);
  });
});

describe("a connection", () => {
  it("is kept alive with a comment and the time, only while somebody listens", async () => {
    const { clock, hub } = setUp();
    expect(clock.waiting).toBe(0);
    const sink = new Sink();
    const leave = hub.join(sink, { voice: "data", after: "" })!;
    sink.text = "";
    clock.advance(5_000);
    expect(sink.text).toBe(`: keep-alive\nevent: alive\ndata: ${NOW + 5_000}\n\n`);
    expect(hub.viewers()).toBe(1);
    leave();
    leave();
    expect([hub.viewers(), clock.waiting]).toEqual([0, 0]);
  });

  it("that does not take what is sent is cut off, and no other", async () => {
    const { feed, hub, join, round } = setUp();
    const [slow, quick] = [join(), join()];
    slow.stuck = BUFFER;
    feed.hit(sampleAttempt(1));
    round();
    expect(slow.state).toBe("open");
    slow.stuck = BUFFER + 1;
    feed.hit(sampleAttempt(2));
    round();
    expect([slow.state, quick.state]).toEqual(["cut", "open"]);
    expect([hub.viewers(), hub.counts().dropped]).toEqual([1, 1]);
    expect(slow.text).not.toContain(sampleAttempt(2).id);
  });

  it("more than the limit is refused, until another ends", () => {
    const { hub, join } = setUp(0, 1);
    const leave = hub.join(new Sink(), { voice: "data", after: "" })!;
    expect(() => join()).toThrow("full");
    leave();
    expect(() => join()).not.toThrow();
  });

  it("in a voice that does not exist is our own mistake", () => {
    expect(() => setUp().join("", "klingon")).toThrow("no such voice: klingon");
  });
});
