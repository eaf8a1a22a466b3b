/** The heartbeat: signed, at its pace, withheld when the monitor is of no use, ended with the monitor. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Heartbeat } from "../../../monitor/alerts/heartbeat.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { FakeSource } from "../support/fake-source.ts";
import { waitFor } from "../support/wait.ts";
import { isSigned, Receiver } from "./receiver.ts";
import { AlertRig, SECRET } from "./support.ts";

let receiver: Receiver;
let clock: FakeClock;
let heartbeat: Heartbeat | undefined;
let why: string | null;
let said: string[];
beforeEach(async () => {
  receiver = await new Receiver().start();
  clock = new FakeClock();
  why = null;
  said = [];
});
afterEach(async () => {
  await heartbeat?.stop();
  heartbeat = undefined;
  await receiver.stop();
});

function start(): Heartbeat {
  heartbeat = new Heartbeat({
    url: receiver.url,
    secret: SECRET,
    everyMillis: 60_000,
    address: "bcrt1p",
    clock,
    log: {
      info: () => {},
      problem: (_about, text) => void said.push(text),
      recovered: (_about, text) => void said.push(text),
    },
    pulse: () => ({ verdict: "sealed", checked: 7 }),
    withheld: () => why,
  });
  heartbeat.start();
  return heartbeat;
}

async function until(count: number): Promise<void> {
  await waitFor(`${count} heartbeats`, async () => {
    await settle();
    return receiver.received.length >= count;
  });
}

test("comes at its pace, says what is, and is signed", async () => {
  start();
  await until(1);
  await clock.advance(60_000);
  await until(2);
  await clock.advance(59_000);
  expect(receiver.received.length).toBe(2);
  expect(JSON.parse(receiver.received[0]!.body)).toEqual({
    version: 1,
    at: 1_750_000_000_000,
    everySeconds: 60,
    address: "bcrt1p",
    verdict: "sealed",
    checked: 7,
  });
  for (const request of receiver.received) expect(isSigned(request, SECRET, clock.now())).toBe(true);
});

test("is withheld while there is a reason, which is said", async () => {
  why = "no channel takes alerts";
  const beating = start();
  await clock.advance(180_000);
  expect(receiver.received).toEqual([]);
  expect(said[0]).toBe("the heartbeat is withheld: no channel takes alerts");
  expect(beating.stats()).toEqual({
    everySeconds: 60,
    taken: null,
    problem: "is withheld: no channel takes alerts",
  });
  why = null;
  await clock.advance(60_000);
  await until(1);
  await waitFor("its end", () => beating.stats().problem === null);
  expect(beating.stats().taken).toBe(clock.now());
});

test("a receiver that fails or hangs does not change the pace, and is said without the address", async () => {
  receiver.behaviour = (response) => {
    response.writeHead(500).end();
    return true;
  };
  const beating = start();
  expect(beating.stats()).toEqual({ everySeconds: 60, taken: null, problem: null });
  await until(1);
  await waitFor("the complaint", () => said.length > 0);
  expect(said).toEqual(["the heartbeat's receiver answered HTTP 500"]);
  expect(beating.stats()).toMatchObject({ taken: null, problem: "was not taken: its receiver answered HTTP 500" });
  receiver.behaviour = () => true;
  await clock.advance(60_000);
  await until(2);
  await clock.advance(60_000);
  await until(3);
});

test("ends with the monitor, also in the middle of one", async () => {
  receiver.behaviour = () => true;
  const beating = start();
  await until(1);
  await beating.stop();
  await clock.advance(600_000);
  expect(receiver.received.length).toBe(1);
  expect(clock.waiting).toBe(0);
});

test("of a whole monitor: beats; withheld when its loop hangs, its store fails or no channel works; ends when it stops", async () => {
  const more = { heartbeat: { url: receiver.url, secret: SECRET, seconds: 60 } };
  const rig = await AlertRig.start([new FakeSource(new FakeChain())], { more });
  try {
    await until(1);
    const { clock: time } = rig;
    const beats = async (withheld: string | null): Promise<void> => {
      const before = receiver.received.length;
      const lines = rig.said.length;
      await time.advance(60_000);
      if (withheld === null) await until(before + 1);
      else {
        expect(receiver.received.length).toBe(before);
        expect(rig.said.slice(lines).join("\n")).toContain(withheld);
      }
    };
    await beats(null);
    expect(JSON.parse(receiver.received[1]!.body)).toMatchObject({ verdict: "awaited" });

    rig.broken = new Error("disk full");
    rig.alerts.outbox.pinata("probe", "does not answer");
    await time.advance(2000);
    await beats("withheld: the store cannot be written");
    rig.broken = undefined;
    await time.advance(2000);
    await rig.until(2);

    rig.pager.behaviour = (response) => {
      response.writeHead(500).end();
      return true;
    };
    rig.alerts.outbox.pinata("probe", null);
    const told = rig.pager.received.length;
    for (let tries = 1; tries <= 4; tries++) {
      await time.advance(2 ** tries * 1000);
      await rig.until(told + tries);
    }
    await beats("withheld: no channel takes alerts");
    rig.pager.behaviour = () => false;
    await time.advance(60_000);
    await waitFor("the channel to work", async () => {
      await settle();
      return rig.said.some((line) => line.includes("channel pager takes alerts"));
    });
    await beats(null);

    const { moved } = rig;
    Object.defineProperty(rig, "moved", { get: () => moved - 31_000, set: () => {} });
    await beats("withheld: the monitor's loop does not move");

    const before = receiver.received.length;
    await rig.stop();
    await time.advance(600_000);
    expect(receiver.received.length).toBe(before);
  } finally {
    await rig.end();
  }
});
