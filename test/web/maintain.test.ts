/**
 * Who gets to the maintainers' pages and what may be posted to them, before a monitor that answers the admin calls, with each
 * refusal. What the pages show is in maintain-pages.test.ts, floods in maintain-gate.test.ts, browsers in
 * browser-maintain.test.ts.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { BLIND, TOKEN } from "./support/maintain.ts";
import { COOKIE, FORM, HERE, MaintainRig, words } from "./support/maintain-rig.ts";
import { feedWith, INFO } from "./support/samples.ts";

const ONION = `http://${"a".repeat(56)}.onion`;
const rig = new MaintainRig();

beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe("without admin calls", () => {
  it("there are no such pages, and nothing links to them", async () => {
    const app = createApp({ feed: feedWith("sealed"), info: INFO, clock: rig.clock });
    for (const path of ["/maintain", "/maintain/alerts", "/maintain/annotate"]) {
      expect((await app.request(path)).status).toBe(404);
    }
    expect((await rig.signIn(TOKEN, { app, headers: HERE })).status).toBe(404);
    expect(await (await app.request("/")).text()).not.toContain("/maintain");
  });
});

describe("every answer", () => {
  it.each(["/maintain", "/maintain/alerts", "/maintain/annotate", "/maintain/annotate?alert=x"])(
    "%s is kept by no cache and no index, and tells its own pages alone where a form came from",
    async (path) => {
      for (const cookie of [COOKIE, ""]) {
        const { response } = await rig.get(path, { headers: { cookie } });
        expect(response.headers.get("cache-control")).toBe("no-store");
        expect(response.headers.get("x-robots-tag")).toBe("noindex");
        expect(response.headers.get("referrer-policy")).toBe("same-origin");
        expect(response.headers.get("content-security-policy")).toContain("form-action 'self'");
        expect(response.headers.get("etag")).toBeNull();
      }
    },
  );

  it("is linked from every page's foot, and sets no cookie elsewhere", async () => {
    const app = rig.app();
    const { page, response } = await rig.get("/?lang=de", { app, headers: {} });
    expect(page).toContain('<a href="/maintain?lang=de">Betreuung</a>');
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(words(page)).toContain("kein Cookie");
    expect(words((await rig.get("/maintain?lang=de", { app })).page)).toContain("Diese Seiten haben ein Cookie");
  });

  it("holds no script and nothing inline", async () => {
    for (const path of ["/maintain", "/maintain/alerts", `/maintain/annotate?alert=${BLIND}`]) {
      const { page } = await rig.get(path);
      expect(page).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=|http-equiv/);
    }
  });

  it("is counted by its status and by nothing else", async () => {
    const app = rig.app({ metricsToken: "0123456789abcdef" });
    await rig.signIn("wrong-token-of-somebody", { app, headers: HERE });
    await rig.get("/maintain?published=1&before=2", { app });
    const metrics = await rig.get("/metrics", { app, headers: { authorization: "Bearer 0123456789abcdef" } });
    const labels = [...metrics.page.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]);
    expect(labels.sort()).toEqual(['status="200"', 'status="401"']);
  });
});

describe("signing in", () => {
  it("begins with one field and where the token is; nobody is asked, and it is no refusal", async () => {
    const { response, status, page } = await rig.get("/maintain", { headers: {} });
    expect(status).toBe(200);
    expect(page).toContain('<label for="token">Admin token</label><input id="token" name="token" type="password"');
    expect(page).toContain("<code>alerts.adminTokenFile</code>");
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(rig.kept.asked).toEqual([]);
  });

  it("asks the monitor, and the right token is a cookie of these pages; no page shows it", async () => {
    const app = rig.app();
    const signed = await rig.signIn(` ${TOKEN}\r\n`, { app, headers: HERE });
    expect([signed.status, signed.location]).toEqual([303, "/maintain"]);
    expect(signed.cookie).toBe(`${COOKIE}; Path=/maintain; Max-Age=43200; HttpOnly; SameSite=Strict`);
    expect(rig.kept.asked).toEqual([{ call: "GET /v1/admin", authorization: `Bearer ${TOKEN}`, body: "" }]);
    const { status, page } = await rig.get("/maintain", { app });
    expect(status).toBe(200);
    expect(words(page)).toContain("Open incidents");
    expect(page).not.toContain(TOKEN);
    expect(page).not.toContain(COOKIE.split("=")[1]);
  });

  it.each([
    [{ publicUrl: "https://pinata.example" }, {}, "/maintain", true],
    [{ publicUrl: "https://example.org/deep/pinata" }, {}, "/deep/pinata/maintain", true],
    [{ publicUrl: "http://pinata.example" }, {}, "/maintain", false],
    [{ proxy: "x-forwarded" }, { "x-forwarded-proto": "https", "x-forwarded-host": "a.example" }, "/maintain", true],
    [{ proxy: "x-forwarded" }, { "x-forwarded-proto": "https" }, "/maintain", true],
    [{ proxy: "x-forwarded" }, { "x-forwarded-proto": "http", "x-forwarded-host": "a.example" }, "/maintain", false],
    [{}, { "x-forwarded-proto": "https", "x-forwarded-host": "a.example" }, "/maintain", false],
    [{ publicUrl: "https://pinata.example", onionUrl: ONION }, { host: new URL(ONION).host }, "/maintain", false],
  ] as const)("with %j and %j the cookie has %s and Secure: %s", async (site, headers, path, secure) => {
    const app = rig.app(site);
    const { cookie, location } = await rig.signIn(TOKEN, { app, headers: { ...HERE, ...headers } });
    expect(cookie).toContain(`; Path=${path};`);
    expect(/; Secure$/.test(cookie!)).toBe(secure);
    expect(location).toBe(path);
  });

  it("with a wrong token is 401, without a dialog of the browser's and without a cookie", async () => {
    const { status, page, cookie, response } = await rig.signIn("wrong-token-of-somebody");
    expect(status).toBe(401);
    expect(words(page)).toContain("The monitor does not take this token.");
    expect(page).not.toContain("wrong-token");
    expect(cookie).toBeNull();
    expect(response.headers.get("www-authenticate")).toMatch(/^Cookie /);
  });

  it.each(["", " ", "two words", "schlüssel-mit-umlaut", "x".repeat(1_001), "a\nb"])(
    "with what can be no token (%j) is 401 without a question",
    async (token) => {
      expect((await rig.signIn(token)).status).toBe(401);
      expect(rig.kept.asked).toEqual([]);
    },
  );

  it.each(["x y", "%00", "ä", "", "!!!", "A".repeat(5_000), Buffer.from("a\nb").toString("base64url")])(
    "a cookie that can be none (%j) is none",
    async (value) => {
      const { status, page } = await rig.get("/maintain", { headers: { cookie: `pinata-maintainer=${value}` } });
      expect([status, page.includes('id="token"')]).toEqual([200, true]);
      expect(rig.kept.asked).toEqual([]);
    },
  );

  it("is asked for again, with the reason, when the monitor does not take the token any more", async () => {
    rig.kept.token = "another-token-since-today";
    for (const path of ["/maintain", "/maintain/alerts", "/maintain/annotate"]) {
      const { response, status, page } = await rig.get(path);
      expect(status).toBe(401);
      expect(words(page)).toContain("does not take the token that you signed in with any more");
      expect(response.headers.get("set-cookie")).toMatch(/^pinata-maintainer=; Path=\/maintain; Max-Age=0; HttpOnly/);
    }
  });

  it("ends with the cookie", async () => {
    const { status, location, cookie } = await rig.post("/maintain/sign-out", {});
    expect([status, location]).toEqual([303, "/maintain"]);
    expect(cookie).toMatch(/^pinata-maintainer=; Path=\/maintain; Max-Age=0; HttpOnly; SameSite=Strict$/);
    expect(rig.kept.asked).toEqual([]);
  });

  it("tells who came by another site's link that the cookie stayed behind", async () => {
    const { page } = await rig.get("/maintain", { headers: { "sec-fetch-site": "cross-site" } });
    expect(words(page)).toContain("You came from another site");
    expect(words((await rig.get("/maintain", { headers: {} })).page)).not.toContain("You came from another site");
  });

  it("is sent to the form from every other page", async () => {
    const app = rig.app({ publicUrl: "https://example.org/pinata" });
    for (const path of ["/maintain/alerts", "/maintain/annotate", "/maintain/sign-in", "/maintain/sign-out"]) {
      const { response, status } = await rig.get(`${path}?lang=fr`, { app, headers: {} });
      expect([status, response.headers.get("location")]).toEqual([303, "/pinata/maintain?lang=fr"]);
    }
    const { status, location } = await rig.post("/maintain/acknowledge", { alert: BLIND }, { app, headers: HERE });
    expect([status, location]).toEqual([303, "/pinata/maintain"]);
    expect(rig.kept.acknowledged).toEqual([]);
  });
});

describe("a monitor", () => {
  it("without an admin token is 403 and how to set one, and the cookie goes", async () => {
    rig.kept.token = undefined;
    const { status, page } = await rig.signIn(TOKEN);
    expect(status).toBe(403);
    expect(words(page)).toContain("name it in the monitor's configuration as alerts.adminTokenFile");
    const later = await rig.get("/maintain");
    expect(later.status).toBe(403);
    expect(later.response.headers.get("set-cookie")).toContain("Max-Age=0");
  });

  it("that does not answer is 503, and the session stays", async () => {
    const app = rig.app();
    const { port } = rig.monitor;
    await rig.monitor.stop();
    for (const { status, page, response } of [
      await rig.signIn(TOKEN, { app, headers: HERE }),
      await rig.get("/maintain", { app }),
    ]) {
      expect([status, response.headers.get("retry-after")]).toEqual([503, "10"]);
      expect(words(page)).toContain(
        "The monitor does not answerWhat is wrong: nothing listens at the monitor's address",
      );
      expect(response.headers.get("set-cookie")).toBeNull();
    }
    await rig.monitor.start(port);
  });

  it("that hangs is given up after five seconds", async () => {
    rig.monitor.instead.set("/v1/admin", () => rig.clock.advance(5_000));
    const { status, page } = await rig.get("/maintain");
    expect(status).toBe(503);
    expect(words(page)).toContain("the monitor does not answer in time");
  });

  it.each([
    ["nonsense", 200, '{"now":"soon"}', "does not match its own schema"],
    ["no JSON", 200, "<html>", "does not match its own schema"],
    ["a fault of its own", 500, "{}", "the monitor answered 500 to /v1/admin"],
    ["an older version", 404, '{"error":"nothing there"}', "it is older than this page"],
  ])("that answers %s is 503 and says so", async (_, code, body, why) => {
    rig.monitor.instead.set("/v1/admin", (_request, response) => response.writeHead(code).end(body));
    const { status, page } = await rig.get("/maintain");
    expect(status).toBe(503);
    expect(words(page)).toContain(why);
  });

  it("that sends the page elsewhere is not followed: the token goes nowhere else", async () => {
    const seen: string[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization ?? "none");
      response.end("{}");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    rig.monitor.instead.set("/v1/admin", (_, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end(),
    );
    expect((await rig.get("/maintain")).status).toBe(503);
    expect(seen).toEqual([]);
    await new Promise((resolve) => other.close(resolve));
  });

  it("that tells only a part is shown as far as it tells", async () => {
    rig.monitor.instead.set("/v1/admin/alerts", (_, response) => response.writeHead(500).end());
    rig.monitor.instead.set("/v1/pinatas", (_, response) => response.end("{}"));
    const { status, page } = await rig.get("/maintain");
    expect(status).toBe(200);
    expect(words(page)).toContain("The monitor does not tell its alerts.");
    expect(words(page)).toContain("The monitor does not tell where traces come from.");
  });
});

describe("a form", () => {
  const paths = ["sign-in", "sign-out", "acknowledge", "annotate"].map((name) => `/maintain/${name}`);

  it.each(paths)("to %s from another site, or from nowhere, is 403 and changes nothing", async (path) => {
    const app = rig.app({ publicUrl: "https://pinata.example" });
    for (const headers of [
      {},
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: "https://pinata.example" },
      { "sec-fetch-site": "none" },
      { origin: "https://evil.example" },
      { origin: "http://pinata.example" },
      { origin: "null" },
      { origin: "https://evil.example", host: "evil.example" },
    ]) {
      const fields = { token: TOKEN, alert: BLIND, text: "x", do: "publish" };
      const { status, page, cookie } = await rig.post(path, fields, { app, headers: { ...headers, cookie: COOKIE } });
      expect(status, JSON.stringify(headers)).toBe(403);
      expect(words(page)).toContain("Only a page of this very site may send that.");
      expect(cookie).toBeNull();
    }
    expect(rig.kept.asked).toEqual([]);
  });

  it.each([
    [{ publicUrl: "https://pinata.example/deep" }, { origin: "https://pinata.example" }],
    [
      { proxy: "x-forwarded" },
      { origin: "https://a.example", "x-forwarded-host": "a.example", "x-forwarded-proto": "https" },
    ],
    [{ onionUrl: ONION }, { origin: ONION, host: new URL(ONION).host }],
    [{}, { origin: "http://127.0.0.1:8080", host: "127.0.0.1:8080" }],
    [{}, { origin: "https://front.example", host: "front.example" }],
    [{ publicUrl: "https://pinata.example" }, { ...HERE, origin: "http://127.0.0.1:8080" }],
  ] as const)("with %j from here (%j) is taken", async (site, headers) => {
    expect((await rig.signIn(TOKEN, { app: rig.app(site), headers: { ...headers } })).status).toBe(303);
  });

  it.each([undefined, "text/plain", "multipart/form-data; boundary=x", "application/json", ""])(
    "of type %j is 415",
    async (type) => {
      const headers = { ...HERE, cookie: COOKIE, ...(type === undefined ? {} : { "content-type": type }) };
      const body = new TextEncoder().encode(`token=${TOKEN}`);
      const response = await rig.app().request("/maintain/sign-in", { method: "POST", body, headers });
      expect(response.status).toBe(415);
    },
  );

  it("that is too long is 413, whether it says so or not, and the rest is not read", async () => {
    const long = `token=${"x".repeat(13_000)}`;
    const headers = { ...HERE, "content-type": FORM };
    const said = await rig.app().request("/maintain/sign-in", {
      method: "POST",
      body: long,
      headers: { ...headers, "content-length": String(long.length) },
    });
    expect(said.status).toBe(413);
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(4_096).fill(120));
        if (pulled === 20) controller.close();
      },
    });
    const half = { duplex: "half" } as object;
    const unsaid = new Request("http://x/maintain/sign-in", { method: "POST", body, headers, ...half });
    expect((await rig.app().request(unsaid)).status).toBe(413);
    expect(pulled).toBeLessThan(8);
    expect(rig.kept.asked).toEqual([]);
  });

  it("with another method is 405, and says which are answered", async () => {
    const response = await rig.app().request("/maintain/annotate", { method: "PUT" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
    const onPage = await rig.app().request("/maintain", { method: "POST" });
    expect([onPage.status, onPage.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});
