/** The alert around a broken store: when it is told, when again, what it holds, and when the store counts as failing. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Channel, ChannelError } from "../../../monitor/alerts/channels/channel.ts";
import { Emergency } from "../../../monitor/alerts/emergency.ts";
import type { Message } from "../../../monitor/alerts/kinds.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { CONTEXT } from "./support.ts";

let clock: FakeClock;
let sent: Message[];
let fail: () => void;
let emergency: Emergency;
beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  fail = () => {};
  const channel: Channel = {
    name: "pager",
    send: async (message) => {
      sent.push(message);
      fail();
    },
  };
  const log = { info: () => {}, problem: () => {}, recovered: () => {} };
  emergency = new Emergency({ channels: [channel], clock, random: () => 0.5, log, context: CONTEXT, patience: 10_000 });
});
afterEach(() => emergency.stop());

test("told when it has lasted, or at once when something cannot be kept; again only when more cannot be", async () => {
  emergency.failed("disk full", []);
  await clock.advance(9000);
  emergency.failed("disk full", []);
  await clock.advance(0);
  expect(sent).toEqual([]);
  await clock.advance(1000);
  emergency.failed("disk full", []);
  await clock.advance(0);
  expect(sent.length).toBe(1);
  for (const unkept of [["BREACH a"], [], ["BREACH a"], ["BREACH b"], ["BREACH a", "BREACH b"], []]) {
    emergency.failed("disk full", unkept);
    await clock.advance(1000);
  }
  expect(sent.length).toBe(3);
  expect(sent[1]!.body.text).toContain("Found but not kept: BREACH a");
  expect(sent[2]!.body.text).toContain("Found but not kept: BREACH a\nFound but not kept: BREACH b");
  expect(new Set(sent.map(({ body }) => body.id)).size).toBe(3);
});

test("a later failure is another alert; in between nothing is told any more", async () => {
  emergency.failed("disk full", ["BREACH a"]);
  fail = () => {
    throw new ChannelError("answered HTTP 500");
  };
  await clock.advance(60_000);
  const tries = sent.length;
  expect(new Set(sent.map(({ json }) => json)).size).toBe(1);
  expect(emergency.told).toBe(true);
  emergency.worked();
  expect(emergency.told).toBe(false);
  await clock.advance(600_000);
  expect(sent.length).toBe(tries);
  emergency.failed("disk full", ["BREACH a"]);
  await clock.advance(0);
  expect(sent.at(-1)!.body.id).not.toBe(sent[0]!.body.id);
});

test("what failed once and is not tried again does not count as failing, nor as having lasted", async () => {
  emergency.failed("busy", []);
  expect(emergency.failing).toBe(true);
  await clock.advance(60_000);
  expect(emergency.failing).toBe(false);
  emergency.failed("busy", []);
  await clock.advance(0);
  expect([emergency.failing, emergency.told]).toEqual([true, false]);
  expect(sent).toEqual([]);
});
