/** The queue of each channel: order, repetition, patience, and what the other channels hear when one fails. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Channel, ChannelError } from "../../../monitor/alerts/channels/channel.ts";
import type { Condition } from "../../../monitor/alerts/conditions.ts";
import type { Message } from "../../../monitor/alerts/kinds.ts";
import { LONGEST_PAUSE, pauseAfter, REFUSED_AFTER, SEND_TIMEOUT, Sender } from "../../../monitor/alerts/sender.ts";
import type { Store } from "../../../monitor/store/store.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeSource } from "../support/fake-source.ts";
import { temporaryFolder } from "../support/rig.ts";
import { openTestStore } from "../support/store.ts";
import { AlertRig, testDraft } from "./support.ts";

/** A channel in memory that a test lets fail. */
class FakeChannel implements Channel {
  readonly name: string;
  readonly sent: { id: string; sequence: number; json: string; at: number }[] = [];
  fail: (message: Message, signal: AbortSignal) => Promise<void> = async () => {};
  readonly #clock: FakeClock;

  constructor(name: string, clock: FakeClock) {
    this.name = name;
    this.#clock = clock;
  }

  async send(message: Message, signal: AbortSignal): Promise<void> {
    const { id, sequence } = message.body;
    this.sent.push({ id, sequence, json: message.json, at: this.#clock.now() });
    await this.fail(message, signal);
  }

  get sequences(): number[] {
    return this.sent.map(({ sequence }) => sequence);
  }
}

let folder: ReturnType<typeof temporaryFolder>;
let clock: FakeClock;
let store: Store;
let sender: Sender | undefined;
let one: FakeChannel;
let two: FakeChannel;
let reported: Condition[];
let said: string[];

beforeEach(async () => {
  folder = temporaryFolder();
  clock = new FakeClock();
  one = new FakeChannel("one", clock);
  two = new FakeChannel("two", clock);
  reported = [];
  said = [];
  store = await openTestStore(join(folder.path, "store.sqlite"));
});
afterEach(async () => {
  await sender?.stop();
  sender = undefined;
  await store.close();
  folder.remove();
});

function start(commit: Store["commit"] = (step) => store.commit(step)): Sender {
  sender = new Sender({
    store: { waiting: (channel) => store.waiting(channel), commit },
    channels: [one, two],
    clock,
    random: () => 0.5,
    log: {
      info: (text) => void said.push(text),
      problem: (_about, text) => void said.push(text),
      recovered: () => {},
    },
    report: (condition) => void reported.push(condition),
  });
  sender.start();
  return sender;
}

async function add(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await store.commit({ alerts: [testDraft()] });
  sender?.wake();
  await clock.advance(0);
}

const broken = async () => {
  throw new ChannelError("answered HTTP 500");
};

describe("order", () => {
  test("each channel gets all, in order, once", async () => {
    start();
    await add(3);
    await add(2);
    expect(one.sequences).toEqual([1, 2, 3, 4, 5]);
    expect(two.sequences).toEqual([1, 2, 3, 4, 5]);
    expect(one.sent.map(({ json }) => json)).toEqual(two.sent.map(({ json }) => json));
    await clock.advance(3_600_000);
    expect(one.sent.length).toBe(5);
  });

  test("what fails holds up what comes after it, on that channel only, with pauses that grow and then do not", async () => {
    start();
    one.fail = broken;
    await add(3);
    await clock.advance(3_600_000);
    expect(two.sequences).toEqual([1, 2, 3]);
    expect(new Set(one.sequences)).toEqual(new Set([1]));
    const gaps = one.sent.slice(1).map(({ at }, i) => at - one.sent[i]!.at);
    expect(gaps.slice(0, 5)).toEqual([750, 1500, 3000, 6000, 12_000]);
    expect(Math.max(...gaps)).toBe(LONGEST_PAUSE * 0.75);
    one.fail = async () => {};
    await clock.advance(LONGEST_PAUSE);
    expect(one.sequences.slice(-3)).toEqual([1, 2, 3]);
    expect(new Set(one.sent.filter(({ sequence }) => sequence === 1).map(({ json }) => json)).size).toBe(1);
  });

  test("no jitter makes a pause shorter than half, or shorter than what was asked for", () => {
    expect(pauseAfter(1, undefined, 0)).toBe(500);
    expect(pauseAfter(1, undefined, 0.999)).toBe(1000);
    expect(pauseAfter(50, undefined, 0)).toBe(LONGEST_PAUSE / 2);
    expect(pauseAfter(1, 120_000, 0)).toBe(120_000);
    expect(pauseAfter(30, 1000, 0)).toBe(LONGEST_PAUSE / 2);
  });

  test("Retry-After is kept, also over a restart", async () => {
    start();
    one.fail = async () => {
      throw new ChannelError("answered HTTP 429", { retryAfter: 120_000 });
    };
    await add(1);
    await clock.advance(60_000);
    await sender!.stop();
    one.fail = async () => {};
    start();
    await clock.advance(59_000);
    expect(one.sent.length).toBe(1);
    await clock.advance(3000);
    expect(one.sent.length).toBe(2);
  });

  test("a clock that was set back by a day delays by minutes at most", async () => {
    start();
    one.fail = broken;
    await add(1);
    const before = one.sent.length;
    const real = clock.now.bind(clock);
    clock.now = () => real() - 86_400_000;
    one.fail = async () => {};
    await clock.advance(1_300_000);
    expect(one.sent.length).toBeGreaterThan(before);
  });
});

describe("what a channel never takes", () => {
  const refuse = async ({ body }: Message) => {
    if (body.sequence === 1) throw new ChannelError("answered HTTP 400", { about: "message" });
  };

  test("is set aside after some attempts, said so, and those behind it get their turn", async () => {
    start();
    one.fail = refuse;
    await add(2);
    await clock.advance(600_000);
    expect(one.sequences).toEqual([...Array<number>(REFUSED_AFTER).fill(1), 2]);
    expect(said.join("\n")).toMatch(/alert [0-9a-f]{32} is set aside for channel one: answered HTTP 400/);
    expect(reported.some(({ topic, state }) => topic === "channel one" && state === "on")).toBe(true);
    expect(two.sequences).toEqual([1, 2]);
  });

  test("is not set aside when it is the channel that fails, however often", async () => {
    start();
    one.fail = broken;
    await add(2);
    await clock.advance(86_400_000);
    expect(new Set(one.sequences)).toEqual(new Set([1]));
  });
});

describe("an attempt that does not end", () => {
  test("is ended after its time, even if the channel does not listen to the signal", async () => {
    start();
    one.fail = () => new Promise(() => {});
    await add(1);
    await clock.advance(SEND_TIMEOUT - 1);
    expect(said).toEqual([]);
    await clock.advance(1000);
    expect(said).toEqual(["channel one did not answer in time"]);
    one.fail = async () => {};
    await clock.advance(5000);
    expect(one.sent.length).toBe(2);
  });

  test("is given up when the monitor stops, and not counted against the channel", async () => {
    start();
    one.fail = () => new Promise(() => {});
    await add(1);
    await sender!.stop();
    expect(await store.waiting("one")).toMatchObject({ attempts: 0 });
    one.fail = async () => {};
    start();
    await clock.advance(0);
    expect(one.sent.length).toBe(2);
    expect(one.sent[0]!.json).toBe(one.sent[1]!.json);
  });
});

describe("killed or kept from writing between sending and noting it", () => {
  test("it is sent again: the same bytes", async () => {
    start(() => new Promise(() => {}));
    await add(1);
    expect(one.sent.length).toBe(1);
    // That sender is gone with its process.
    sender = undefined;
    start();
    await clock.advance(0);
    expect(one.sequences).toEqual([1, 1]);
    expect(one.sent[0]!.json).toBe(one.sent[1]!.json);
  });

  test("a store that fails for a while makes no repetition as long as the process lives", async () => {
    let fails = 3;
    start(async (step) => {
      if (step.deliveries?.[0]?.channel === "one" && fails-- > 0) throw new Error("disk full");
      return store.commit(step);
    });
    await add(2);
    await clock.advance(60_000);
    expect(one.sequences).toEqual([1, 2]);
    expect(said.filter((text) => text.includes("disk full")).length).toBe(3);
    expect(await store.waiting("one")).toBeUndefined();
  });
});

test("after three failures the channel is reported, and when it works again; a mistake of ours in one is a failure like others", async () => {
  start();
  one.fail = async () => {
    throw new TypeError("a mistake");
  };
  await add(1);
  await clock.advance(1000);
  expect(reported.filter(({ topic }) => topic === "channel one")).toEqual([]);
  expect(sender!.failing()).toEqual([]);
  const problems = () => sender!.stats().map(({ problem }) => problem);
  expect(problems()).toEqual(["could not be used: a mistake", null]);
  await clock.advance(5000);
  const last = () => reported.filter(({ topic }) => topic === "channel one").at(-1)!;
  expect(last()).toMatchObject({ kind: "channel", state: "on", except: "one" });
  expect(last().words().facts[0]).toContain('Channel "one" could not be used: a mistake');
  expect(sender!.failing()).toEqual(["one"]);
  one.fail = async () => {};
  await clock.advance(20_000);
  expect(last().state).toBe("off");
  expect(sender!.failing()).toEqual([]);
  expect(problems()).toEqual([null, null]);
});

describe("with the watch", () => {
  test("what waited for a channel that is not configured any more is dropped, and that is said", async () => {
    const rig = await AlertRig.start([new FakeSource(new FakeChain())], { names: ["mail", "pager"] });
    try {
      rig.receivers.mail!.behaviour = (response) => {
        response.writeHead(500).end();
        return true;
      };
      rig.alerts.outbox.pinata("probe", "does not answer");
      await rig.round(2);
      await rig.until(1, "mail");
      await rig.until(1, "pager");
      rig.leftOut = ["mail"];
      await rig.restart();
      expect(rig.said.join("\n")).toContain(
        "dropped because their channel is not configured any more: 1 waiting alert",
      );
      rig.leftOut = [];
      await rig.restart();
      rig.receivers.mail!.behaviour = () => false;
      rig.alerts.outbox.pinata("probe", null);
      await rig.round(2);
      await rig.until(2, "pager");
      await rig.round(5);
      expect(rig.receivers.mail!.kinds.at(-1)).toBe("pinata recovered");
      expect(rig.receivers.mail!.alerts.filter(({ phase }) => phase === "recovered").length).toBe(1);
    } finally {
      await rig.end();
    }
  });

  test("a channel that fails is told on the other one, once, and its recovery; what waited arrives in order", async () => {
    const chain = new FakeChain();
    const rig = await AlertRig.start([new FakeSource(chain)], { names: ["mail", "pager"] });
    try {
      const { mail, pager } = rig.receivers as Record<"mail" | "pager", (typeof rig)["pager"]>;
      mail.behaviour = (response) => {
        response.writeHead(500).end();
        return true;
      };
      rig.alerts.outbox.pinata("probe", "does not answer");
      await rig.round(2);
      await rig.until(1, "pager");
      for (let tries = 1; tries <= 4; tries++) {
        await rig.until(tries, "mail");
        await rig.round(2 ** tries);
      }
      await rig.until(2, "pager");
      expect(pager.kinds).toEqual(["pinata", "channel"]);
      expect(pager.alerts[1]!.text).toContain('Channel "mail" answered HTTP 500');
      rig.alerts.outbox.pinata("probe", null);
      await rig.round(2);
      await rig.until(3, "pager");
      const failures = mail.received.length;
      mail.behaviour = () => false;
      await rig.round(60);
      await rig.until(failures + 2, "mail");
      await rig.round(2);
      await rig.until(4, "pager");
      expect(pager.kinds).toEqual(["pinata", "channel", "pinata recovered", "channel recovered"]);
      // Not told on itself.
      expect(mail.kinds.slice(failures)).toEqual(["pinata", "pinata recovered"]);
    } finally {
      await rig.end();
    }
  });
});
