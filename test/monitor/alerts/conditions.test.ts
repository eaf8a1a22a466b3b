/** What is wrong for a while: told when it begins, reminded of until acknowledged, told when it is over; never by mistake. */
import { afterEach, describe, expect, test } from "vitest";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach, fundBounty } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";
import { AlertRig } from "./support.ts";

const rigs: AlertRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.end();
});

async function rigOf(sources: FakeSource[], options: Parameters<typeof AlertRig.start>[1] = {}): Promise<AlertRig> {
  const rig = await AlertRig.start(sources, options);
  rigs.push(rig);
  await rig.round();
  return rig;
}

function sourced(name = "fake", chain = new FakeChain()): { chain: FakeChain; source: FakeSource } {
  return { chain, source: new FakeSource(chain, name) };
}

const away = async () => {
  throw new SourceError("cannot be reached", { lost: true });
};

describe("blindness", () => {
  test("told once when no source was fresh for the time, with each source's trouble, and when it is over", async () => {
    const { source } = sourced();
    const rig = await rigOf([source]);
    source.lies.tip = away;
    await rig.round(28);
    expect(rig.pager.received).toEqual([]);
    await rig.round(4);
    await rig.until(1);
    const [blind] = rig.pager.alerts;
    expect(blind).toMatchObject({ kind: "blind", phase: "raised", severity: "critical", coin: null });
    expect(blind!.text).toContain("Source fake cannot be reached.");
    await rig.round(100);
    source.lies = {};
    await rig.round(16);
    await rig.until(2);
    expect(rig.pager.alerts[1]).toMatchObject({
      kind: "blind",
      phase: "recovered",
      severity: "info",
      incident: blind!.id,
    });
    await rig.round(10);
    expect(rig.pager.received.length).toBe(2);
  });

  test("a source that hangs for ever makes blind too", async () => {
    const { source } = sourced();
    const rig = await rigOf([source]);
    source.lies.tip = () => new Promise(() => {});
    await rig.round(32);
    await rig.until(1);
    expect(rig.pager.kinds).toEqual(["blind"]);
  });

  test("a restart neither ends it nor begins it anew; a second blindness is another alert", async () => {
    const { source } = sourced();
    const rig = await rigOf([source]);
    source.lies.tip = away;
    await rig.round(32);
    await rig.until(1);
    await rig.restart();
    await rig.round(40);
    expect(rig.pager.kinds).toEqual(["blind"]);
    source.lies = {};
    await rig.round(16);
    await rig.until(2);
    source.lies.tip = away;
    await rig.round(32);
    await rig.until(3);
    expect(rig.pager.kinds).toEqual(["blind", "blind recovered", "blind"]);
    expect(rig.pager.alerts[2]!.id).not.toBe(rig.pager.alerts[0]!.id);
  });
});

describe("reminders", () => {
  const reminded = { more: { remindSeconds: 60 } };

  test("blindness is repeated until it is over, numbered, as part of the same incident", async () => {
    const { source } = sourced();
    const rig = await rigOf([source], reminded);
    source.lies.tip = away;
    await rig.round(32);
    await rig.until(1);
    for (const count of [2, 3]) {
      await rig.round(61);
      await rig.until(count);
    }
    const [first, second, third] = rig.pager.alerts;
    expect(rig.pager.kinds).toEqual(["blind", "blind reminder", "blind reminder"]);
    expect([second!.incident, third!.incident]).toEqual([first!.id, first!.id]);
    expect(second!.subject).toMatch(/^\[Piñata\] Reminder 1: BLIND/);
    expect(third!.subject).toMatch(/^\[Piñata\] Reminder 2: BLIND/);
    expect(second!.text).toContain("nobody has acknowledged it");
    expect(second!.text).toContain(`/v1/alerts/${first!.id}/ack`);
    expect(new Set(rig.pager.alerts.map(({ id }) => id)).size).toBe(3);
    source.lies = {};
    await rig.round(16);
    await rig.until(4);
    await rig.round(200);
    expect(rig.pager.kinds.slice(3)).toEqual(["blind recovered"]);
  });

  test("a breach is repeated for ever, also after a restart, until acknowledged, which is kept", async () => {
    const { chain, source } = sourced();
    const coin = fundBounty();
    chain.mine(1, [coin]);
    const rig = await rigOf([source], reminded);
    chain.add(breach({ from: [{ transaction: coin }] }));
    await rig.round(2);
    await rig.until(2);
    await rig.round(61);
    await rig.until(3);
    await rig.restart();
    await rig.round(61);
    await rig.until(4);
    expect(rig.pager.kinds.slice(1)).toEqual(["breach", "breach reminder", "breach reminder"]);
    const [, raised, reminder] = rig.pager.alerts;
    const { outbox } = rig.alerts;
    expect(await outbox.acknowledge("0".repeat(32), 1)).toBe("unknown");
    expect(await outbox.acknowledge(rig.pager.alerts[0]!.id, 1)).toBe("over");
    // By the reminder's id as well as by the first alert's.
    expect(await outbox.acknowledge(reminder!.id, rig.clock.now())).toBe("acknowledged");
    expect(await outbox.acknowledge(raised!.id, rig.clock.now())).toBe("acknowledged");
    await rig.round(200);
    await rig.restart();
    await rig.round(200);
    expect(rig.pager.received.length).toBe(4);
    expect(await rig.alerts.outbox.acknowledge(raised!.id, 1)).toBe("acknowledged");
  });

  test("do not pile up behind an alert that has not arrived", async () => {
    const { source } = sourced();
    const rig = await rigOf([source], reminded);
    rig.pager.behaviour = (response) => {
      response.writeHead(503, { "retry-after": "600" }).end();
      return true;
    };
    source.lies.tip = away;
    await rig.round(32);
    await rig.until(1);
    await rig.round(400);
    rig.pager.behaviour = () => false;
    await rig.round(205);
    await rig.until(2);
    await rig.round(61);
    await rig.until(3);
    // Seven were due meanwhile.
    expect(rig.pager.kinds.slice(0, 3)).toEqual(["blind", "blind", "blind reminder"]);
    expect(rig.pager.received.length).toBeLessThanOrEqual(4);
    expect(rig.pager.alerts[0]!.id).toBe(rig.pager.alerts[1]!.id);
  });

  test("a clock that is set back does not silence them", async () => {
    const { source } = sourced();
    const rig = await rigOf([source], reminded);
    rig.alerts.outbox.pinata("probe", "does not answer");
    await rig.round();
    await rig.until(1);
    // As if the reminder's time were far in the future: the machine's clock goes back by a day.
    const real = rig.clock.now.bind(rig.clock);
    rig.clock.now = () => real() - 86_400_000;
    rig.monotonicLead = 86_400_000;
    await rig.round(62);
    await rig.until(3);
    expect(new Set(rig.pager.kinds.slice(1))).toEqual(new Set(["pinata reminder", "clock"]));
  });
});

describe("sources that disagree", () => {
  const patient = { more: { disagreeSeconds: 20 } };

  test("one stays behind for the time: told, with both views; and when they agree again", async () => {
    const { chain, source } = sourced("ahead");
    const stale = sourced("stale");
    source.own = true;
    const rig = await rigOf([source, stale.source], patient);
    chain.mine(5);
    await rig.round(18);
    expect(rig.pager.received).toEqual([]);
    await rig.round(20);
    await rig.until(1);
    expect(rig.pager.kinds).toEqual(["disagree"]);
    expect(rig.pager.alerts[0]!.text).toMatch(/Source stale is \w+ blocks behind.*; ahead tell otherwise\./);
    stale.source.lies.tip = () => source.tip();
    stale.source.lies.headers = (hash, height, count) => source.headers(hash, height, count);
    await rig.round(20);
    await rig.until(2);
    expect(rig.pager.kinds).toEqual(["disagree", "disagree recovered"]);
  });

  test("one never shows a spend that the other has in its mempool", async () => {
    const { chain, source } = sourced("open");
    const coin = fundBounty();
    chain.mine(1, [coin]);
    const blinkered = new FakeSource(chain, "blinkered");
    blinkered.lies.spender = async () => undefined;
    const rig = await rigOf([source, blinkered], patient);
    const spend = breach({ from: [{ transaction: coin }] });
    chain.add(spend);
    await rig.round(30);
    await rig.until(3);
    const [, , disagree] = rig.pager.alerts;
    expect(rig.pager.kinds).toEqual(["funding-confirmed", "breach", "disagree"]);
    expect(disagree!.text).toContain(`Source open shows transaction ${spend.getId()}`);
    expect(disagree!.text).toContain("Source blinkered shows no unconfirmed spend");
    expect(rig.pager.alerts[1]!.sources).toEqual(["open"]);
  });

  test("for less than the time, or with a source that does not answer at all, nothing is told", async () => {
    const { chain, source } = sourced("ahead");
    const stale = sourced("stale");
    source.own = true;
    const rig = await rigOf([source, stale.source], patient);
    chain.mine(5);
    await rig.round(15);
    stale.source.lies.tip = away;
    await rig.round(100);
    expect(rig.pager.received).toEqual([]);
  });
});

describe("the machine's clock", () => {
  test("a jump either way is told with its size; steady again after five minutes", async () => {
    const rig = await rigOf([sourced().source]);
    rig.monotonicLead -= 3_600_000;
    await rig.round(2);
    await rig.until(1);
    expect(rig.pager.alerts[0]).toMatchObject({ kind: "clock", severity: "warning" });
    expect(rig.pager.alerts[0]!.subject).toContain("jumped by 3600 seconds");
    await rig.round(290);
    expect(rig.pager.received.length).toBe(1);
    await rig.round(12);
    await rig.until(2);
    rig.monotonicLead += 30_000;
    await rig.round(2);
    await rig.until(3);
    expect(rig.pager.kinds).toEqual(["clock", "clock recovered", "clock"]);
    expect(rig.pager.alerts[2]!.subject).toContain("jumped by -30 seconds");
  });

  test("what a time service does little by little is no jump", async () => {
    const rig = await rigOf([sourced().source]);
    for (let i = 0; i < 60; i++) {
      rig.monotonicLead += 500;
      await rig.round();
    }
    expect(rig.pager.received).toEqual([]);
  });
});

describe("the piñata itself", () => {
  test("each reporter's finding is told and ended by itself; before the first report nothing is known", async () => {
    const rig = await rigOf([sourced().source]);
    const { outbox } = rig.alerts;
    outbox.pinata("trace", null);
    await rig.round(2);
    expect(rig.pager.received).toEqual([]);
    outbox.pinata("trace", "has stopped, as its trace says");
    await rig.round(2);
    await rig.until(1);
    outbox.pinata("probe", "does not answer");
    await rig.round(2);
    await rig.until(2);
    await rig.restart();
    await rig.round(5);
    rig.alerts.outbox.pinata("trace", null);
    await rig.round(2);
    await rig.until(3);
    await rig.round(5);
    expect(rig.pager.kinds).toEqual(["pinata", "pinata", "pinata recovered"]);
    expect(rig.pager.alerts[2]!.incident).toBe(rig.pager.alerts[0]!.id);
    expect(rig.pager.alerts[0]!.text).toContain("The piñata has stopped, as its trace says.");
  });
});
