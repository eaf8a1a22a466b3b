/**
 * What the maintainers' pages show and do for who is signed in: the overview, alerts, acknowledging, annotating.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOSTILE } from "./support/hostile.ts";
import { BLIND, sampleAlerts, sampleOverview, TOKEN } from "./support/maintain.ts";
import { HERE, MaintainRig, words } from "./support/maintain-rig.ts";

const rig = new MaintainRig();

beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe("the overview", () => {
  it("says as of when, the state, what is wrong before all else, then everything", async () => {
    const { page } = await rig.get("/maintain");
    const text = words(page);
    const order = [
      "As of 1 Mar 2026, 12:00:00 UTC",
      "Sealed",
      "Standing since",
      "Wrong now",
      "the store cannot be written: disk full",
      "Source esplora two three blocks behind the others",
      "Source esplora three does not answer",
      "Channel pager answered 503",
      "Heartbeat withheld: the store fails",
      "Trace serial.log it cannot be opened",
      "Open incidents",
      "critical blind Began 1 Mar 2026, 11:40:00 UTC 20 minutes ago",
      "Reminds until it is acknowledged. 2 reminders so far.",
      "Acknowledged 1 Mar 2026, 11:20:00 UTC. 1 reminder so far.",
      "Sources",
      "2 independent operators must agree.",
      "node in the cellar esplora",
      "us our own",
      "agrees on 2",
      "differs on 1, silent on 1",
      "Alert channels",
      "1,003",
      "11 minutes ago",
      "Every 60 s. Last taken 5 minutes ago.",
      "Traces of the piñata",
      "1 minute ago",
      "Latest alerts",
      "mail: sent, 1 attempt",
      "pager: waiting, 3 attempts, next try 1 Mar 2026, 12:01:00 UTC – answered 503",
      "chat: set aside, 1 attempt – the chat is not known",
      "critical, over breach",
      "It went to no channel.",
    ];
    let from = 0;
    for (const part of order) {
      const at = text.indexOf(part, from);
      expect(at, part).toBeGreaterThanOrEqual(0);
      from = at;
    }
  });

  it("offers to acknowledge what insists and was not seen yet, and nothing else", async () => {
    const { page } = await rig.get("/maintain");
    expect(page.match(/action="\/maintain\/acknowledge"/g)).toHaveLength(1);
    expect(page).toContain(`<input type="hidden" name="alert" value="${BLIND}"/>`);
    expect(page.match(/href="\/maintain\/annotate\?alert=/g)).toHaveLength(5);
  });

  it("says that nothing is wrong where nothing is", async () => {
    const [own] = sampleOverview().sources;
    rig.kept.overview = sampleOverview({ problems: [], sources: [own!], incidents: [], channels: [], heartbeat: null });
    rig.monitor.instead.set("/v1/pinatas", (_, response) => response.end('{"pinatas":[],"inputs":[]}'));
    const text = words((await rig.get("/maintain")).page);
    for (const part of [
      "Nothing that the monitor knows of.",
      "None is open.",
      "No channel is configured: nobody is told.",
      "Heartbeat None is configured.",
      "No trace is configured.",
    ]) {
      expect(text).toContain(part);
    }
  });

  it("shows whatever strangers wrote as text", async () => {
    const evil = `${HOSTILE.replaceAll("\uD800", "")}<img src=x onerror=alert(1)>`;
    const { sources, incidents, channels } = sampleOverview();
    rig.kept.overview = sampleOverview({
      problems: [evil],
      sources: [{ ...sources[1]!, name: evil, operator: evil, problem: evil }],
      incidents: [{ ...incidents[0]!, subject: evil }],
      channels: [{ ...channels[1]!, name: evil, problem: evil }],
      heartbeat: { everySeconds: 60, taken: null, problem: evil },
    });
    const { alerts } = sampleAlerts();
    const deliveries = alerts[0]!.deliveries.map((each) => ({ ...each, channel: evil, problem: evil }));
    const list = JSON.stringify({ alerts: [{ ...alerts[0]!, subject: evil, text: evil, deliveries }], next: null });
    rig.monitor.instead.set("/v1/admin/alerts", (_, response) => response.end(list));
    const input = { name: evil, kind: "file", problem: evil, heard: null };
    rig.monitor.instead.set("/v1/pinatas", (_, response) =>
      response.end(JSON.stringify({ pinatas: [], inputs: [input] })),
    );
    for (const path of ["/maintain", "/maintain/alerts", `/maintain/annotate?alert=${BLIND}`]) {
      const { status, page } = await rig.get(path);
      expect(status).toBe(200);
      expect(page).not.toMatch(/<script|<img|onerror="/);
      expect(page.split("&lt;script&gt;alert(1)&lt;/script&gt;").length).toBeGreaterThan(1);
      // What turns text around stands in an element that keeps it in, or is heard only.
      for (const [, element] of page.matchAll(/<(\w+)[^<>]*>[^<>]*\u202E/g)) expect(["bdi", "span"]).toContain(element);
    }
  });

  it("is drawn anew each time", async () => {
    const app = rig.app();
    await rig.get("/maintain", { app });
    rig.kept.overview = sampleOverview({ problems: ["something else"] });
    expect(words((await rig.get("/maintain", { app })).page)).toContain("something else");
  });

  it.each(["de", "fr"])("speaks %s, and its own links and forms go on in it, under the base path", async (lang) => {
    const app = rig.app({ publicUrl: "https://example.org/pinata" });
    const { page } = await rig.get(`/maintain?lang=${lang}`, { app });
    const own = [...page.matchAll(/ (?:href|action)="(\/pinata\/maintain[^"]*)"/g)].map((match) => match[1]!);
    expect(own.length).toBeGreaterThan(8);
    expect(own.filter((link) => !link.includes(`lang=${lang}`))).toEqual([]);
    expect(page).not.toMatch(/ (?:href|action)="\/(?!pinata\/)/);
    expect(words(page)).not.toMatch(/Wrong now|Open incidents|Last answer/);
  });
});

describe("acknowledging", () => {
  it("asks the monitor with the token, and the page that follows says so", async () => {
    const app = rig.app();
    const { status, location } = await rig.post("/maintain/acknowledge?lang=de", { alert: BLIND }, { app });
    expect([status, location]).toEqual([303, `/maintain?acknowledged=${BLIND}&lang=de`]);
    expect(rig.kept.asked.at(-1)).toEqual({
      call: `POST /v1/alerts/${BLIND}/ack`,
      authorization: `Bearer ${TOKEN}`,
      body: "",
    });
    const { page } = await rig.get(`/maintain?acknowledged=${BLIND}`, { app });
    expect(words(page)).toContain("Acknowledged: no more reminders of it. BLIND: no source answers");
    expect(page).not.toContain('action="/maintain/acknowledge"');
  });

  it("is not said where it did not happen", async () => {
    expect(words((await rig.get(`/maintain?acknowledged=${BLIND}`)).page)).not.toContain("no more reminders of it");
  });

  it("of what is over, or is not known, is 404 and why", async () => {
    const { status, page } = await rig.post("/maintain/acknowledge", { alert: "f".repeat(32) });
    expect(status).toBe(404);
    expect(words(page)).toContain("That alert is over, or asks for nothing, or the monitor does not know it.");
  });

  it.each(["", "x", `${BLIND}0`, "../../v1/annotations", BLIND.toUpperCase()])(
    "of no alert (%j) is 400",
    async (alert) => {
      expect((await rig.post("/maintain/acknowledge", { alert })).status).toBe(400);
      expect(rig.kept.asked).toEqual([]);
    },
  );

  it("with a token that is not taken any more, or with a silent monitor, is refused as a page is", async () => {
    rig.kept.token = "another-token-since-today";
    const refused = await rig.post("/maintain/acknowledge", { alert: BLIND });
    expect([refused.status, refused.cookie?.includes("Max-Age=0")]).toEqual([401, true]);
    rig.kept.token = undefined;
    expect((await rig.post("/maintain/acknowledge", { alert: BLIND })).status).toBe(403);
    rig.monitor.instead.set(`/v1/alerts/${BLIND}/ack`, (_, response) => response.writeHead(500).end());
    expect((await rig.post("/maintain/acknowledge", { alert: BLIND })).status).toBe(503);
    expect(rig.kept.acknowledged).toEqual([]);
  });
});

describe("older alerts", () => {
  it("are paged by number, and a page that makes no sense is the newest", async () => {
    const app = rig.app();
    const newest = await rig.get("/maintain/alerts", { app });
    expect(newest.page).toContain('<a class="more" href="/maintain/alerts?before=7">');
    const older = await rig.get("/maintain/alerts?before=7", { app });
    expect(older.page).not.toContain("/maintain/alerts?before=");
    expect(older.page).toContain('href="?before=7&amp;lang=de"');
    expect(older.page).toContain('<a href="/maintain/alerts">The newest</a>');
    for (const before of ["0", "-1", "7x", "1e3", "9".repeat(20), "%27"])
      await rig.get(`/maintain/alerts?before=${before}`, { app });
    const calls = rig.kept.asked.map(({ call }) => call);
    expect(calls.filter((call) => call.includes("before"))).toEqual(["GET /v1/admin/alerts?limit=50&before=7"]);
    expect(calls).toHaveLength(8);
  });
});

describe("annotating", () => {
  const published = () => rig.kept.asked.filter(({ call }) => call === "POST /v1/annotations");
  const fieldOf = (page: string) => /<textarea[^>]*>\n([^<]*)<\/textarea>/.exec(page)?.[1];

  it("asks for a text, says that it is public for ever, about which alert, and how it will stand", async () => {
    const { status, page } = await rig.get(`/maintain/annotate?alert=${BLIND}`);
    expect(status).toBe(200);
    const text = words(page);
    expect(text).toContain("it can never be changed or taken back");
    expect(text).toContain("About this alert: BLIND: no source answers");
    expect(text).toContain(
      "The maintainers' own word about the alert “blind” of 1 Mar 2026, 11:40:00 UTC, unproven: (your text)",
    );
    expect(page).toContain(`<input type="hidden" name="alert" value="${BLIND}"/>`);
    expect(fieldOf(page)).toBe("");
    expect(page).toContain(`href="?alert=${BLIND}&amp;lang=fr"`);
    const plain = await rig.get("/maintain/annotate");
    expect(words(plain.page)).toContain("The maintainers' own word, unproven: (your text)");
    expect(plain.page).not.toContain('name="alert"');
  });

  it("about an incident that is not among the latest alerts, or about one that nobody knows", async () => {
    const [, second] = sampleOverview().incidents;
    expect(words((await rig.get(`/maintain/annotate?alert=${second!.id}`)).page)).toContain(second!.subject);
    const unknown = "f".repeat(32);
    expect((await rig.get(`/maintain/annotate?alert=${unknown}`)).page).toContain(`<code>${unknown}</code>`);
    expect((await rig.get("/maintain/annotate?alert=x")).status).toBe(400);
  });

  it("can be looked at first: nothing is published", async () => {
    const text = "\nfirst line\n\n  <b>second</b>";
    const { status, page } = await rig.post("/maintain/annotate", { text, do: "look" });
    expect(status).toBe(200);
    expect(fieldOf(page)).toBe("\nfirst line\n\n  &lt;b&gt;second&lt;/b&gt;");
    expect(page).toContain('<bdi data-t="detail">first line\n\n  &lt;b&gt;second&lt;/b&gt;</bdi>');
    expect(published()).toEqual([]);
  });

  it("publishes with the token, and the page that follows shows what the monitor has", async () => {
    const app = rig.app();
    const fields = { text: " one\r\ntwo ", alert: BLIND, do: "publish" };
    const { status, location } = await rig.post("/maintain/annotate?lang=fr", fields, { app });
    expect([status, location]).toEqual([303, "/maintain?published=1&lang=fr"]);
    expect(published()).toEqual([
      {
        call: "POST /v1/annotations",
        authorization: `Bearer ${TOKEN}`,
        body: JSON.stringify({ text: "one\ntwo", alert: BLIND }),
      },
    ]);
    const { page } = await rig.get("/maintain?published=1", { app });
    expect(words(page)).toContain("Published in the timeline:");
    expect(page).toContain('<bdi data-t="detail">one\ntwo</bdi>');
    for (const number of ["2", "0", "x", "-1"]) {
      expect(words((await rig.get(`/maintain?published=${number}`, { app })).page)).not.toContain("Published in");
    }
  });

  it("takes 1,000 characters of any language, as a form sends them", async () => {
    for (const letter of ["\u{1FA85}", "語"]) {
      const text = letter.repeat(1_000 / letter.length);
      expect((await rig.post("/maintain/annotate", { text, alert: BLIND, do: "publish" })).status).toBe(303);
    }
    expect(
      (await rig.post("/maintain/annotate", { text: "\n".repeat(998).padStart(999, "a").padEnd(1_000, "b") })).status,
    ).toBe(303);
  });

  it.each(["", "  \n ", "x".repeat(1_001), "a\u0007b", "a\u0000"])(
    "refuses a text that is none (%j) before the monitor is asked, and keeps it",
    async (text) => {
      const { status, page } = await rig.post("/maintain/annotate", { text, do: "publish" });
      expect(status).toBe(400);
      expect(words(page)).toContain("It was not published.");
      expect(fieldOf(page)?.replaceAll("\uFFFD", "\u0000")).toBe(text);
      expect(published()).toEqual([]);
    },
  );

  it("keeps the text, and says what is wrong, whatever goes wrong", async () => {
    const attempt = async (
      change: () => void,
      fields: Record<string, string> = {},
      headers?: Record<string, string>,
    ) => {
      change();
      const asked = headers === undefined ? {} : { headers };
      const answer = await rig.post("/maintain/annotate", { text: "my <text>", do: "publish", ...fields }, asked);
      expect(fieldOf(answer.page)).toBe("my &lt;text&gt;");
      return { ...answer, text: words(answer.page) };
    };
    const calm = () => {};
    const unknown = await attempt(calm, { alert: "f".repeat(32) });
    expect([unknown.status, unknown.text.includes("does not know that alert")]).toEqual([404, true]);
    const signedOut = await attempt(calm, { alert: BLIND }, HERE);
    expect([signedOut.status, signedOut.text.includes("Sign in in another window")]).toEqual([401, true]);
    expect(signedOut.page).toContain(`name="alert" value="${BLIND}"`);
    const broken = await attempt(() => {
      rig.monitor.instead.set("/v1/annotations", (_, response) => response.writeHead(500).end());
    });
    expect([broken.status, broken.text.includes("Nothing is known to be published")]).toEqual([503, true]);
    const unfit = await attempt(() => {
      rig.monitor.instead.set("/v1/annotations", (_, response) => response.writeHead(400).end("{}"));
    });
    expect([unfit.status, unfit.text.includes("It was not published.")]).toEqual([400, true]);
    const refused = await attempt(() => {
      rig.kept.token = "another-token-since-today";
    });
    expect([refused.status, refused.cookie?.includes("Max-Age=0")]).toEqual([401, true]);
    const none = await attempt(() => {
      rig.kept.token = undefined;
    });
    expect([none.status, none.text.includes("alerts.adminTokenFile")]).toEqual([403, true]);
  });

  it("about what can be no alert is 400", async () => {
    expect((await rig.post("/maintain/annotate", { text: "x", alert: "../x", do: "publish" })).status).toBe(400);
    expect(rig.kept.asked).toEqual([]);
  });
});
