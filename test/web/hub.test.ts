import { afterEach, describe, expect, it } from "vitest";
import { readEvents, type ServerEvent } from "../../web/event-stream.ts";
import { createHub, type Hub } from "../../web/hub.ts";
import { type View, viewOf } from "../../web/view.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, type HandFeed, INFO, NOW, sampleAttempt } from "./support/samples.ts";

const readers: AsyncGenerator<ServerEvent>[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.return(undefined);
});

function setUp(attempts = 0): { feed: HandFeed; hub: Hub; clock: HandClock } {
  const feed = feedWith("sealed", attempts);
  const clock = new HandClock(NOW);
  const view = () => viewOf(feed.snapshot(), INFO, clock.now());
  return { feed, clock, hub: createHub({ feed, view, clock }) };
}

/** A viewer: `next()` is its next event. */
function viewer(hub: Hub, after = ""): { next(): Promise<ServerEvent> } {
  const events = readEvents(hub.open(after));
  readers.push(events);
  return {
    async next() {
      const { value, done } = await events.next();
      if (done) throw new Error("the stream ended");
      return value;
    },
  };
}

const stateOf = (event: ServerEvent) => (JSON.parse(event.data) as View).state;

describe("the stream to open pages", () => {
  it("begins for a new viewer with the attempts and the present status", async () => {
    const { hub } = setUp(30);
    const { next } = viewer(hub);
    const first = await next();
    expect(first.event).toBe("attempts");
    expect(JSON.parse(first.data)).toHaveLength(10);
    const second = await next();
    expect([second.event, stateOf(second), second.id]).toEqual(["status", "sealed", hub.lastId()]);
  });

  it("replays what came after the last id, and nothing twice", async () => {
    const { hub, feed } = setUp();
    feed.hit(sampleAttempt(1));
    const seen = hub.lastId();
    feed.hit(sampleAttempt(2));
    feed.show("moving");
    feed.hit(sampleAttempt(3));
    const { next } = viewer(hub, seen);
    const events = [await next(), await next(), await next(), await next()];
    expect(events.map(({ event }) => event)).toEqual(["attempt", "status", "attempt", "status"]);
    expect(events.map(({ data }) => (JSON.parse(data) as { key?: string }).key)).toEqual([
      sampleAttempt(2).id,
      undefined,
      sampleAttempt(3).id,
      undefined,
    ]);
    expect(events[2]!.id).toBe(hub.lastId());
  });

  it.each(["0123456789ab-1", "nonsense", "-5", "x-x", "9".repeat(400)])(
    "starts afresh after the unknown id %s",
    async (id) => {
      const { hub } = setUp(1);
      expect((await viewer(hub, id).next()).event).toBe("attempts");
    },
  );

  it("starts afresh after an id of its own that is too old, or from the future", async () => {
    const { hub, feed } = setUp();
    const old = hub.lastId();
    for (let n = 1; n <= 300; n += 1) feed.hit(sampleAttempt(n));
    expect((await viewer(hub, old).next()).event).toBe("attempts");
    expect((await viewer(hub, hub.lastId().replace(/\d+$/, "301")).next()).event).toBe("attempts");
    expect((await viewer(hub, hub.lastId()).next()).event).toBe("status");
  });

  it("tells every viewer, with ids that count up", async () => {
    const { hub, feed } = setUp();
    const viewers = [viewer(hub), viewer(hub)];
    for (const { next } of viewers) {
      await next();
      await next();
    }
    feed.show("moving");
    feed.show("smashed");
    for (const { next } of viewers) {
      const [first, second] = [await next(), await next()];
      expect([stateOf(first), stateOf(second)]).toEqual(["moving", "smashed"]);
      expect(Number(second.id.split("-")[1])).toBe(Number(first.id.split("-")[1]) + 1);
    }
  });

  it("is silent about a status that changes nothing but the time", async () => {
    const { hub, feed } = setUp();
    feed.show("sealed");
    const id = hub.lastId();
    feed.show("sealed", { now: NOW + 5_000 });
    expect(hub.lastId()).toBe(id);
    feed.show("sealed", { now: NOW + 5_000, checked: NOW + 5_000 });
    expect(hub.lastId()).not.toBe(id);
  });

  it("tells at once when the monitor falls silent", async () => {
    const { hub, feed } = setUp();
    const { next } = viewer(hub, hub.lastId());
    await next();
    feed.set({ fresh: false });
    expect(stateOf(await next())).toBe("blind");
  });

  it("keeps the line alive with a comment and the time, only while somebody listens", async () => {
    const { hub, clock } = setUp();
    expect(clock.waiting).toBe(0);
    const stream = hub.open(hub.lastId());
    const reader = stream.getReader();
    await reader.read();
    await reader.read();
    clock.advance(5_000);
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe(`: keep-alive\nevent: alive\ndata: ${NOW + 5_000}\n\n`);
    expect(hub.viewers()).toBe(1);
    await reader.cancel();
    expect([hub.viewers(), clock.waiting]).toEqual([0, 0]);
  });

  it("cuts off a viewer that reads nothing, and no other", async () => {
    const { hub, feed } = setUp();
    const slow = hub.open(hub.lastId()).getReader();
    const quick = viewer(hub, hub.lastId());
    await quick.next();
    for (let n = 1; n <= 200; n += 1) {
      feed.hit(sampleAttempt(n));
      await quick.next();
    }
    expect(hub.viewers()).toBe(1);
    await expect(slow.read()).rejects.toThrow("the viewer is too slow");
  });
});
