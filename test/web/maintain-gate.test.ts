/**
 * Floods of wrong tokens: how many are tried on the monitor, and that the maintainers are not locked out by them.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BURST, REFILL } from "../../web/maintain/gate.ts";
import { TOKEN } from "./support/maintain.ts";
import { COOKIE, cookieOf, HERE, MaintainRig, words } from "./support/maintain-rig.ts";

const rig = new MaintainRig();
const questions = () => rig.kept.asked.length;
const wrong = (n: number) => `wrong-token-of-somebody-${n}`;

beforeEach(() => rig.start());
afterEach(() => rig.stop());

/** Tries as many wrong tokens as there is room for. */
async function flood(app: ReturnType<MaintainRig["app"]>): Promise<void> {
  for (let n = 0; n < BURST; n += 1) expect((await rig.signIn(wrong(n), { app })).status).toBe(401);
}

describe("a flood of wrong tokens", () => {
  it("is 429 with Retry-After when the room is used up, and the monitor is not asked", async () => {
    const app = rig.app();
    await flood(app);
    rig.clock.advance(REFILL - 1_500);
    const { status, response, page } = await rig.signIn(wrong(99), { app });
    expect([status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(words(page)).toContain("Too many wrong tokens came. Try again in 2 s.");
    expect(questions()).toBe(BURST);
  });

  it("gets one more each six seconds, and never more than the burst", async () => {
    const app = rig.app();
    await flood(app);
    rig.clock.advance(REFILL);
    expect((await rig.signIn(wrong(1), { app })).status).toBe(401);
    expect((await rig.signIn(wrong(2), { app })).status).toBe(429);
    rig.clock.advance(REFILL * 1_000);
    await flood(app);
    expect((await rig.signIn(wrong(3), { app })).status).toBe(429);
    expect(questions()).toBe(2 * BURST + 1);
  });

  it("has no more room when it comes as cookies, or all at once", async () => {
    const app = rig.app();
    const answers = await Promise.all(
      Array.from({ length: 3 * BURST }, (_, n) =>
        n % 2 === 0
          ? rig.signIn(wrong(n), { app })
          : rig.get("/maintain/alerts", { app, headers: { cookie: cookieOf(wrong(n)) } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(BURST);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(2 * BURST);
    expect(questions()).toBe(BURST);
  });

  it("locks nobody out whose token the monitor took before: neither the session nor a new one", async () => {
    const app = rig.app();
    await rig.signIn(TOKEN, { app });
    await flood(app);
    expect((await rig.signIn(wrong(99), { app })).status).toBe(429);
    expect((await rig.get("/maintain", { app })).status).toBe(200);
    expect((await rig.signIn(TOKEN, { app })).status).toBe(303);
    // Neither makes room for the flood.
    expect((await rig.signIn(wrong(98), { app })).status).toBe(429);
  });

  it("makes the right token wait that was never taken here, and a cookie with it stays", async () => {
    const app = rig.app();
    await flood(app);
    const waits = await rig.get("/maintain", { app });
    expect(waits.status).toBe(429);
    expect(waits.response.headers.get("set-cookie")).toBeNull();
    const text = await rig.post("/maintain/annotate", { text: "kept", do: "publish" }, { app });
    expect([text.status, text.page.includes("kept</textarea>")]).toEqual([429, true]);
    rig.clock.advance(REFILL);
    expect((await rig.get("/maintain", { app })).status).toBe(200);
  });

  it("is waited out also when the clock is set back", async () => {
    const app = rig.app();
    await flood(app);
    rig.clock.advance(-3_600_000);
    expect((await rig.signIn(wrong(1), { app })).status).toBe(429);
    rig.clock.advance(REFILL);
    expect((await rig.signIn(wrong(1), { app })).status).toBe(401);
  });
});

describe("a token that is not wrong", () => {
  it("takes no room: right ones, silence, a monitor without a token", async () => {
    const app = rig.app();
    for (let n = 0; n < 2 * BURST; n += 1) expect((await rig.get("/maintain", { app })).status).toBe(200);
    rig.kept.token = undefined;
    for (let n = 0; n < 2 * BURST; n += 1) expect((await rig.signIn(wrong(n), { app })).status).toBe(403);
    rig.monitor.instead.set("/v1/admin", (_, response) => response.writeHead(500).end());
    for (let n = 0; n < 2 * BURST; n += 1) expect((await rig.signIn(wrong(n), { app })).status).toBe(503);
  });

  it("is forgotten when the monitor refuses it, and waits then like any other", async () => {
    const app = rig.app();
    await rig.signIn(TOKEN, { app });
    rig.kept.token = "another-token-since-today";
    expect((await rig.get("/maintain", { app })).status).toBe(401);
    await flood(app);
    expect((await rig.get("/maintain", { app, headers: { ...HERE, cookie: COOKIE } })).status).toBe(429);
  });
});
