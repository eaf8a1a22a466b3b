/**
 * The maintainers' pages before the monitor's own API, store and alerts: that both mean the same by the contract
 * (monitor/schema.ts), from signing in to what everybody then reads.
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { createAdminClient } from "../../web/maintain/admin-client.ts";
import { AdminRig, TOKEN } from "../monitor/admin/support.ts";
import { breach } from "../monitor/support/bounty.ts";
import { AskingFeed } from "./support/maintain.ts";
import { cookieOf, FORM, HERE, words } from "./support/maintain-rig.ts";
import { INFO } from "./support/samples.ts";

let rig: AdminRig;
let server: Server;
let app: ReturnType<typeof createApp>;

beforeEach(async () => {
  rig = await AdminRig.start();
  const fetch = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    const body = request.method === "POST" ? { body: await request.text() } : {};
    return rig.call(pathname + search, { method: request.method, token: null, headers, ...body });
  };
  server = await new Promise((resolve) => {
    const started = serve({ fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started)) as Server;
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  app = createApp({ feed: new AskingFeed({ url }), info: INFO, admin: createAdminClient({ monitorUrl: url }) });
});
afterEach(async () => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
  await rig.end();
});

async function get(path: string, cookie = cookieOf(TOKEN)) {
  const response = await app.request(path, { headers: { cookie } });
  return { status: response.status, page: await response.text() };
}

async function post(path: string, fields: Record<string, string>, cookie = cookieOf(TOKEN)) {
  const body = new URLSearchParams(fields).toString();
  const headers = { ...HERE, "content-type": FORM, cookie };
  const response = await app.request(path, { method: "POST", body, headers });
  return { status: response.status, location: response.headers.get("location") ?? "", page: await response.text() };
}

describe("before the monitor itself", () => {
  it("the right token signs in, a wrong one does not, and none at the monitor is told", async () => {
    expect((await post("/maintain/sign-in", { token: TOKEN }, "")).status).toBe(303);
    expect((await post("/maintain/sign-in", { token: `${TOKEN}x` }, "")).status).toBe(401);
    expect(rig.refusals).toBe(1);
    rig.serve(undefined);
    expect((await post("/maintain/sign-in", { token: TOKEN }, "")).status).toBe(403);
  });

  it("a breach is seen, acknowledged and annotated, and everybody reads the annotation", async () => {
    rig.chain.add(breach({ from: [{ transaction: rig.coin }] }));
    await rig.alerts.round();
    await rig.alerts.until(2);
    await rig.alerts.round();
    const { id, subject } = rig.alerts.pager.alerts[1]!;
    const { status, page } = await get("/maintain");
    expect(status).toBe(200);
    const text = words(page);
    for (const part of ["one", "two", "somewhere", "agrees on 1", subject, "pager: sent, 1 attempt", "Every 60 s."]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("The monitor does not tell where traces come from.");

    const acknowledged = await post("/maintain/acknowledge", { alert: id });
    expect(acknowledged.location).toBe(`/maintain?acknowledged=${id}`);
    expect(words((await get(acknowledged.location)).page)).toContain("Acknowledged: no more reminders of it.");
    expect((await post("/maintain/acknowledge", { alert: "f".repeat(32) })).status).toBe(404);

    const annotated = await post("/maintain/annotate", {
      text: "It was us.\r\nAll is well.",
      alert: id,
      do: "publish",
    });
    expect(annotated.status).toBe(303);
    expect((await get(annotated.location)).page).toContain('<bdi data-t="detail">It was us.\nAll is well.</bdi>');
    // Sent twice, because the answer was lost, it is there once.
    const again = await post("/maintain/annotate", { text: "It was us.\nAll is well.", alert: id, do: "publish" });
    expect(again.location).toBe(annotated.location);
    expect(await rig.texts()).toEqual(["It was us.\nAll is well."]);
    const unknown = await post("/maintain/annotate", { text: "x", alert: "f".repeat(32), do: "publish" });
    expect([unknown.status, words(unknown.page).includes("does not know that alert")]).toEqual([404, true]);
  });

  it("alerts are paged to the last one", async () => {
    expect((await get("/maintain/alerts")).page).not.toContain("before=");
    const { page } = await get("/maintain/alerts?before=1");
    expect(words(page)).toContain("There are none.");
  });
});
