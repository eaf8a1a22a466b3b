/** The calls of maintainers: refused without the token, answers that fit their schemas, mistakes that are explained. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { overviewOf } from "../../../monitor/admin/overview.ts";
import { acknowledgement, annotation, apiError, keptAlerts, overview } from "../../../monitor/schema.ts";
import { breach } from "../support/bounty.ts";
import { settle } from "../support/fake-clock.ts";
import { waitFor } from "../support/wait.ts";
import { AdminRig, answer, NOBODY, TOKEN } from "./support.ts";

let rig: AdminRig;
beforeEach(async () => {
  rig = await AdminRig.start();
});
afterEach(() => rig.end());

describe("without the token", () => {
  const calls: [string, string][] = [
    ["GET", "/v1/admin"],
    ["GET", "/v1/admin/alerts?limit=nonsense"],
    ["POST", `/v1/alerts/${NOBODY}/ack`],
    ["POST", "/v1/annotations"],
  ];

  test.each(calls)("%s %s is refused before anything else is looked at, and counted", async (method, path) => {
    const of = (shown: string | null, headers = {}) => rig.call(path, { method, token: shown, headers });
    const none = await of(null);
    expect(none.headers.get("www-authenticate")).toBe("Bearer");
    expect((await answer(none, apiError, 401)).error).toBe(
      'an admin call: send the token of alerts.adminTokenFile as "Authorization: Bearer TOKEN"',
    );
    const wrong = await answer(await of(`${TOKEN}x`), apiError, 401);
    expect(wrong.error).toBe("the token is not the one in alerts.adminTokenFile");
    await answer(await of(null, { authorization: `Basic ${TOKEN}` }), apiError, 401);
    expect(rig.refusals).toBe(3);
    rig.serve(undefined);
    const off = await of(TOKEN);
    expect(off.headers.get("www-authenticate")).toBeNull();
    expect((await answer(off, apiError, 403)).error).toContain("this monitor has no admin token: put one into a file");
    expect(rig.refusals).toBe(4);
  });

  test("nothing is written, however good the rest of the call", async () => {
    await answer(await rig.annotate({ text: "hello" }, { token: null }), apiError, 401);
    const huge = await rig.annotate({ text: "x".repeat(1 << 20) }, { token: "wrong" });
    await answer(huge, apiError, 401);
    expect(await rig.texts()).toEqual([]);
  });

  test("what was annotated is there for everyone, and that is no refusal", async () => {
    await answer(await rig.annotate({ text: "hello" }), annotation, 201);
    expect(await rig.texts()).toEqual(["hello"]);
    expect(rig.refusals).toBe(0);
  });
});

/** Until what a channel answered last is in the store. */
const noted = () =>
  waitFor("the failure to be noted", async () => {
    await settle();
    const [, breachAlert] = (await rig.alerts.store.alerts({ limit: 10 })).toReversed();
    return breachAlert?.deliveries.find(({ channel }) => channel === "mail")?.attempts === 1;
  });

describe("the overview", () => {
  test("of a quiet piñata", async () => {
    await waitFor("a heartbeat", () => rig.alerts.alerts.stats().heartbeat!.taken !== null);
    expect(await rig.get("/v1/admin", overview)).toEqual({
      now: rig.alerts.clock.now(),
      problems: ["one", "two"],
      operatorsNeeded: 1,
      sources: [
        {
          name: "somewhere",
          kind: "esplora",
          healthy: true,
          lastAnswer: rig.alerts.clock.now(),
          tip: { height: 3, hash: rig.chain.tip.hash },
          problem: null,
          operator: "somewhere",
          own: false,
          behind: 0,
          coins: { agrees: 1, differs: 0, silent: 0 },
        },
      ],
      incidents: [],
      channels: ["mail", "pager"].map((name) => {
        return { name, sent: 1, failed: 0, refused: 0, waiting: 0, oldest: null, problem: null };
      }),
      heartbeat: { everySeconds: 60, taken: expect.any(Number), problem: null },
    });
  });

  test("of one that is broken, with a channel that fails", async () => {
    rig.alerts.receivers.mail!.behaviour = (response) => {
      response.writeHead(503).end("down for a while");
      return true;
    };
    rig.chain.add(breach({ from: [{ transaction: rig.coin }] }));
    await rig.alerts.round();
    await rig.alerts.until(2);
    await noted();
    const since = rig.alerts.pager.alerts[1]!.at;
    rig.alerts.alerts.outbox.pinata("probe", "does not answer");
    await rig.alerts.round();
    await rig.alerts.until(3);
    await rig.alerts.round();
    const { incidents, channels } = await rig.get("/v1/admin", overview);
    const told = incidents.filter(({ kind }) => kind !== "channel");
    expect(told.map(({ kind }) => kind)).toEqual(["pinata", "breach"]);
    expect(told[1]).toEqual({
      id: rig.alerts.pager.alerts[1]!.id,
      kind: "breach",
      severity: "critical",
      subject: rig.alerts.pager.alerts[1]!.subject,
      since,
      insists: true,
      acknowledged: null,
      reminders: 0,
    });
    const [mail, pager] = channels;
    expect(mail).toMatchObject({ name: "mail", sent: 1, waiting: 2, oldest: since });
    expect(mail!.problem).toBe("answered HTTP 503: down for a while");
    expect(mail!.failed).toBeGreaterThan(0);
    expect(pager).toMatchObject({ name: "pager", failed: 0, refused: 0, problem: null });
    expect(pager!.sent).toBeGreaterThanOrEqual(3);

    const acknowledged = await rig.call(`/v1/alerts/${told[1]!.id}/ack`, { method: "POST" });
    expect(await answer(acknowledged, acknowledgement)).toEqual({ acknowledged: true });
    const after = await rig.get("/v1/admin", overview);
    const seen = after.incidents.filter((each) => each.acknowledged !== null);
    expect(seen).toEqual([{ ...told[1]!, acknowledged: rig.alerts.clock.now() }]);
  });

  test("without alerts there are no incidents, channels or heartbeat", () => {
    const { incidents, channels, heartbeat } = overviewOf({
      ...rig.alerts.watch.report(),
      now: 1,
      problems: [],
      incidents: [],
      alerts: { channels: [] },
    });
    expect([incidents, channels, heartbeat]).toEqual([[], [], null]);
  });
});

describe("alerts", () => {
  test("page by page, newest first, each with what came of it", async () => {
    rig.alerts.receivers.mail!.behaviour = (response) => {
      response.writeHead(503).end();
      return true;
    };
    rig.chain.mine(1, [breach({ from: [{ transaction: rig.coin }] })]);
    await rig.alerts.round();
    await rig.alerts.until(3);
    await noted();
    const first = await rig.get("/v1/admin/alerts?limit=2", keptAlerts);
    expect(first.alerts.map(({ kind }) => kind)).toEqual(["confirmed", "breach"]);
    expect(first.next).toBe(2);
    const sentOnce = { channel: "pager", state: "sent", attempts: 1, nextTry: null, problem: null };
    expect(first.alerts[1]).toEqual({
      ...Object.fromEntries(
        Object.entries(rig.alerts.pager.alerts[1]!).filter(([key]) =>
          /^(sequence|id|incident|kind|phase|severity|at|subject|text)$/.test(key),
        ),
      ),
      deliveries: [
        {
          channel: "mail",
          state: "waiting",
          attempts: 1,
          nextTry: rig.alerts.clock.now() + 750,
          problem: "answered HTTP 503",
        },
        sentOnce,
      ],
    });
    // Behind the one that fails: not tried yet.
    expect(first.alerts[0]!.deliveries[0]).toEqual({
      channel: "mail",
      state: "waiting",
      attempts: 0,
      nextTry: null,
      problem: null,
    });
    const second = await rig.get("/v1/admin/alerts?limit=2&before=2", keptAlerts);
    expect(second.alerts.map(({ kind }) => kind)).toEqual(["funding-confirmed"]);
    expect(second.alerts[0]!.deliveries).toEqual([{ ...sentOnce, channel: "mail" }, sentOnce]);
    expect(second.next).toBeNull();
    expect(await rig.get("/v1/admin/alerts?before=1", keptAlerts)).toEqual({ alerts: [], next: null });
  });

  test("mistakes in a query are named", async () => {
    for (const wrong of ["limit=0", "limit=101", "limit=x", "limit=1.5", "limit="]) {
      expect((await rig.get(`/v1/admin/alerts?${wrong}`, apiError, 400)).error, wrong).toMatch(/^limit: /);
    }
    for (const wrong of ["before=0", "before=-1", "before=x", "before=9007199254740992", "before=1e99"]) {
      expect((await rig.get(`/v1/admin/alerts?${wrong}`, apiError, 400)).error, wrong).toMatch(/^before: /);
    }
  });

  test("what cannot be acknowledged is explained", async () => {
    const ack = (id: string) => rig.call(`/v1/alerts/${id}/ack`, { method: "POST" });
    expect((await answer(await ack(NOBODY), apiError, 404)).error).toBe(`alert ${NOBODY} is not known here`);
    const { id } = rig.alerts.pager.alerts[0]!;
    expect((await answer(await ack(id), apiError, 404)).error).toBe(
      `alert ${id} is over, or has nothing to acknowledge`,
    );
    for (const wrong of ["x", `${NOBODY}0`, "%00", NOBODY.toUpperCase().replace("0", "A")]) {
      expect((await answer(await ack(wrong), apiError, 400)).error).toBe("id: an id of 32 hex digits");
    }
  });
});

test("the OpenAPI document names the calls, what they take, and that they need the token", async () => {
  const document = (await (await rig.call("/openapi.json")).json()) as {
    paths: Record<string, Record<string, { security?: unknown; requestBody?: object; responses: object }>>;
    components: { securitySchemes: unknown };
  };
  const of = (method: string, path: string) => document.paths[path]![method]!;
  const admin = [
    of("get", "/v1/admin"),
    of("get", "/v1/admin/alerts"),
    of("post", "/v1/alerts/{id}/ack"),
    of("post", "/v1/annotations"),
  ];
  for (const { security, responses } of admin) {
    expect(security).toEqual([{ admin: [] }]);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(["401", "403"]));
  }
  expect(document.components.securitySchemes).toEqual({ admin: { type: "http", scheme: "bearer" } });
  expect(Object.keys(admin[3]!.responses)).toEqual(["200", "201", "400", "401", "403", "404", "413", "415"]);
  expect(JSON.stringify(admin[3]!.requestBody)).toContain('"maxLength":1000');
  expect(of("get", "/v1/annotations").security).toBeUndefined();
});
