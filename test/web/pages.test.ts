/**
 * The pages that people look at, as the server draws them: what each state says, what is never claimed, what is never markup.
 */
import { describe, expect, it } from "vitest";
import { type Status, verdict as verdicts } from "../../monitor/schema.ts";
import { createApp } from "../../web/app.tsx";
import type { Snapshot } from "../../web/feed.ts";
import type { Info } from "../../web/info.ts";
import { HandClock } from "./support/hand-clock.ts";
import { givePast, giveTrace, sampleEvents } from "./support/past.ts";
import { feedWith, HandFeed, INFO, NOW, SPEND, sampleAttempt, sampleStatus } from "./support/samples.ts";

const clock = new HandClock(NOW + 2_000);
const appOf = (feed: HandFeed, info = INFO) => createApp({ feed, info, clock });
const stale = (verdict: "sealed" | "moving" | "smashed" | "refunded", changes: Partial<Snapshot> = {}) => {
  const feed = feedWith(verdict, 0);
  feed.set({ fresh: false, problem: "nothing listens at the monitor's address", ...changes });
  return feed;
};

async function html(feed: HandFeed, path = "/", headers: Record<string, string> = {}): Promise<string> {
  return await (await appOf(feed).request(path, { headers })).text();
}

/** An app that has heard the past, and its clock: a page is drawn again when two seconds are over. */
async function withPast(
  feed: HandFeed,
  { info = INFO, changes = {} }: { info?: Info; changes?: Partial<Status> } = {},
) {
  const own = new HandClock(NOW + 2_000);
  givePast(feed);
  const app = createApp({ feed, info, clock: own });
  feed.show(feed.snapshot().status!.verdict, changes);
  await expect
    .poll(async () => {
      own.advance(2_001);
      return await (await app.request("/timeline")).text();
    })
    .toContain("Coins put in");
  own.advance(2_001);
  return app;
}

/** The text of a page, tags and templates taken out. */
function words(page: string): string {
  return page
    .replace(/<template.*?<\/template>/gs, "")
    .replace(/<[^>]+>/g, "")
    .replace(/[ \n]+/g, " ");
}

const wordOf = (page: string) => /data-t="word"[^>]*>([^<]*)</.exec(page)?.[1];
const lastOf = (page: string) => /<span data-t="last">([^<]*)</.exec(page)?.[1];

describe("the front page", () => {
  it.each(verdicts.options)("says %s in a word, a sentence, a title and a picture", async (verdict) => {
    const page = await html(feedWith(verdict));
    const word = verdict[0]!.toUpperCase() + verdict.slice(1);
    expect(page.startsWith('<!doctype html><html lang="en-GB">')).toBe(true);
    expect(wordOf(page)).toBe(word);
    expect(page).toContain(`<title>${word} · piñata</title>`);
    expect(page).toMatch(new RegExp(`<body data-state="${verdict}"`));
    expect(words(page)).toContain(sampleStatus(verdict).sentence);
    expect(page).toMatch(/<title id="pinata-title" data-t="picture">(The donkey piñata|A )/);
    expect(/data-if="asOf" hidden/.test(page)).toBe(verdict !== "blind");
  });

  it("shows amounts, times, counts and sources exactly", async () => {
    const text = words(await html(feedWith("sealed")));
    for (const part of [
      "10.00012345 BTC",
      "all that was ever put in",
      "Standing since17 Feb 2026, 12:00:00 UTC 12 days ago",
      "Attempts so far1,234 57 in 24 hours, 2 opened it",
      "1 Mar 2026, 11:59:56 UTC now by 1 of 2 sources",
      "three blocks behind the others",
      "worth nothing",
      "pinata.example:10002",
    ]) {
      expect(text).toContain(part);
    }
    expect(await html(feedWith("sealed"))).toContain(
      '<time datetime="2026-02-17T12:00:00Z">17 Feb 2026, 12:00:00 UTC</time>',
    );
  });

  it("shows a spend with what was checked", async () => {
    const text = words(await html(feedWith("smashed")));
    expect(text).toContain(
      "Smashed: moved by the key. Checked: a key-path signature that verifies against the output key",
    );
    expect(text).toContain(SPEND);
    expect(text).toContain("In block 204,122");
    expect(words(await html(feedWith("moving")))).toContain("On the move, by the key.");
    expect(words(await html(feedWith("refunded")))).toContain("Refunded: moved by the published refund script.");
    const unknown = feedWith("smashed");
    const [coin] = sampleStatus("smashed").coins;
    unknown.show("smashed", { coins: [{ ...coin!, spend: { ...coin!.spend!, kind: "unknown" } }] });
    expect(words(await html(unknown))).toContain("Moved, and nobody could prove how.");
  });

  it("lists the latest eight attempts, and the funnel", async () => {
    const page = await html(feedWith("sealed", 30));
    expect(page.match(/<li data-key="5f3a09c1d2e4b687-/g)).toHaveLength(8);
    expect(words(page)).toContain("Reached key exchange – no certificate (RFC 8446 §4.4.2.4)");
    expect(page).toContain('width="51.8%"');
    expect(words(await html(feedWith("awaited", 0)))).toContain("Nobody has tried yet.");
  });

  it("gives the exact commands, with the practice files quoted for a shell", async () => {
    const info = { ...INFO, practiceDir: "/home/o'neil/my piñata" };
    const app = createApp({ feed: feedWith("sealed", 0), info, clock });
    const page = (await (await app.request("/guide")).text()).replaceAll("&#39;", "'");
    expect(page).toContain(
      "openssl s_client -connect pinata.example:10000 -tls1_3 -quiet -cert '/home/o'\\''neil/my piñata/player.pem'",
    );
    const text = words(await html(feedWith("sealed", 0), "/guide"));
    expect(text).toContain("-Verify 3 -CAfile /home/player/.pinata/practice/ca.pem");
    expect(text).toContain("socat TCP:pinata.example:10000 TCP:pinata.example:10002");
    expect(text).toContain("npx pinata smash");
    expect(text).toContain("-----BEGIN CERTIFICATE-----");
  });

  it("does without what the operator did not give", async () => {
    const app = createApp({
      feed: feedWith("sealed", 0),
      info: { ...INFO, practiceDir: null, trustAnchor: null },
      clock,
    });
    const text = words(await (await app.request("/guide")).text());
    expect(text).not.toContain("BEGIN CERTIFICATE");
    expect(text).toContain("Nobody was given a certificate for this piñata.");
    expect(text).toContain("-cert player.pem -key player.key");
  });

  it("says nothing of practice on the real network", async () => {
    const feed = feedWith("sealed", 0);
    feed.show("sealed", { network: "mainnet" });
    expect(words(await html(feed))).not.toContain("worth nothing");
  });

  it("says when the piñata does not run, or was never seen", async () => {
    const feed = feedWith("sealed", 0);
    feed.show("sealed", { pinata: { ...sampleStatus("sealed").pinata!, running: false } });
    expect(words(await html(feed))).toContain("The piñata is not running just now");
    feed.show("sealed", { pinata: null });
    expect(words(await html(feed))).toContain("has not been seen running yet");
  });

  it("reloads by itself where there is no script, and only there", async () => {
    expect(await html(feedWith("sealed"))).toContain('<noscript><meta http-equiv="refresh" content="10"/></noscript>');
  });

  it.each(["en", "de", "fr"])(
    "weighs less than 50 KB in %s with all it needs, unpacked, and less than 16 KB packed",
    async (lang) => {
      const app = await withPast(feedWith("smashed", 50));
      const root = `/?lang=${lang}`;
      const page = await (await app.request(root)).text();
      expect(page).toContain('data-mark="spend"');
      const assets = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
      expect(assets).toHaveLength(3);
      const weigh = async (path: string, coding: string) => {
        const response = await app.request(path, { headers: { "accept-encoding": coding } });
        return (await response.arrayBuffer()).byteLength;
      };
      const sum = async (coding: string) =>
        (await Promise.all([root, ...assets].map((path) => weigh(path, coding)))).reduce((total, size) => total + size);
      expect(await sum("identity")).toBeLessThan(50_000);
      expect(await sum("gzip")).toBeLessThan(16_000);
      expect(await weigh(assets.find((path) => path.includes("live"))!, "identity")).toBeLessThan(6 * 1024);
    },
  );
});

describe("a silent monitor", () => {
  it.each(["sealed", "refunded"] as const)(
    "turns %s to BLIND, with since when and the last word as such",
    async (verdict) => {
      const page = await html(stale(verdict));
      expect(wordOf(page)).toBe("Blind");
      expect(page).toMatch(/<body data-state="blind" data-known="blind"/);
      expect(words(page)).toContain(
        "The monitor has been silent since 1 Mar 2026, 12:00:00 UTC: nothing is claimed about now.",
      );
      expect(lastOf(page)).toBe(
        `It was ${verdict} as of 1 Mar 2026, 12:00:00 UTC. Whether it still is, nobody here can say.`,
      );
      expect(words(page)).toContain(
        "Everything below is as of 1 Mar 2026, 12:00:00 UTC, the last word of the monitor.",
      );
      expect(words(page)).toContain("What is wrong: nothing listens at the monitor&#39;s address.");
      expect(words(page)).not.toContain(sampleStatus(verdict).sentence);
    },
  );

  it("leaves a proven smash named, with the time", async () => {
    const page = await html(stale("smashed"));
    expect(wordOf(page)).toBe("Blind");
    expect(page).toMatch(/<body data-state="blind" data-known="smashed"/);
    expect(lastOf(page)).toBe("A smash was proven: SMASHED as of 1 Mar 2026, 12:00:00 UTC.");
    expect(lastOf(await html(stale("moving")))).toBe(
      "A spend by the key was proven, not yet in a block: MOVING as of 1 Mar 2026, 12:00:00 UTC.",
    );
  });

  it("so does a monitor that is blind itself", async () => {
    const feed = feedWith("blind", 0);
    expect(lastOf(await html(feed))).toBe("");
    feed.show("blind", { coins: sampleStatus("smashed").coins });
    expect(lastOf(await html(feed))).toBe("A smash was proven: SMASHED as of 1 Mar 2026, 11:59:56 UTC.");
  });

  it("and one that is blind says of when the coins are, and of nothing before the first check", async () => {
    const feed = feedWith("blind", 0);
    expect(words(await html(feed))).toContain("The coins below are as of 1 Mar 2026, 11:59:56 UTC.");
    feed.show("blind", { checked: null, coins: [], hanging: 0, funded: 0 });
    const page = await html(feed);
    expect(words(page)).toContain("Hanging in itunknown not checked yet");
    expect(page).toMatch(/data-if="asOf" hidden/);
  });

  it("from the start: nothing is known, and the page says so", async () => {
    const page = await html(new HandFeed({ problem: "nothing listens at the monitor's address" }));
    expect(wordOf(page)).toBe("Blind");
    expect(words(page)).toContain(
      "The monitor has not answered since this page&#39;s server started at 1 Mar 2026, 11:59:00 UTC: nothing is known.",
    );
    expect(words(page)).toContain("Hanging in itunknown");
  });
});

describe("texts that peers chose", () => {
  const evil = `</span><script>alert(1)</script><img src=x onerror="alert(2)"> & 'x' "y"`;
  const hostile = sampleAttempt(1, { subject: evil, fingerprint: evil, reason: evil, peer: evil });

  it.each(["/", `/attempts/${hostile.id}`])("are text on %s", async (path) => {
    const feed = feedWith("sealed", 0);
    feed.hit(hostile);
    feed.show("sealed", { sources: [{ ...sampleStatus("sealed").sources[0]!, name: evil }] });
    const page = await html(feed, path);
    expect(page).not.toContain("<script>");
    expect(page).not.toContain("<img");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });
});

describe("an attempt's own page", () => {
  it("tells how far it got and why it ended", async () => {
    const feed = feedWith("sealed", 3);
    feed.hit(sampleAttempt(4, { subject: "CN=mallory" }));
    const page = await html(feed, `/attempts/${sampleAttempt(4).id}`);
    const text = words(page);
    for (const part of [
      "no certificate (RFC 8446 §4.4.2.4)",
      "The piñata sent certificate_required (116)",
      "CN=mallory",
      "203.0.x.x",
      "517 bytes in, 1,402 bytes out",
    ]) {
      expect(text).toContain(part);
    }
    expect(page.match(/class="rung done"/g)).toHaveLength(4);
    expect(page.match(/class="rung not"/g)).toHaveLength(4);
    expect(page).not.toContain("http-equiv");
  });

  it("reloads while it is open", async () => {
    const feed = feedWith("sealed", 0);
    feed.hit(sampleAttempt(1, { ended: null, outcome: "open" }));
    expect(await html(feed, `/attempts/${sampleAttempt(1).id}`)).toContain("http-equiv");
  });

  it("is a helpful 404 when there is none, and a 503 when nobody can say", async () => {
    const feed = feedWith("sealed", 0);
    const response = await appOf(feed).request("/attempts/%3Cb%3E");
    expect(response.status).toBe(404);
    expect(words(await response.text())).toContain("Names look like");
    feed.attempt = () => Promise.reject(new Error("no answer"));
    expect((await appOf(feed).request(`/attempts/${sampleAttempt(1).id}`)).status).toBe(503);
  });
});

describe("languages", () => {
  it("come by ?lang=, else by Accept-Language, else are English, and what was asked for goes on in the links", async () => {
    const feed = feedWith("sealed", 1);
    const asked = await html(feed, "/?lang=de");
    expect(asked).toContain('<html lang="de">');
    expect(wordOf(asked)).toBe("Intakt");
    expect(asked).toContain(`href="/attempts/${sampleAttempt(1).id}?lang=de"`);
    expect(asked).toContain('href="/guide?lang=de"');
    expect(asked).toContain('href="/?lang=de#attempts"');
    const accepted = await html(feed, "/", { "accept-language": "fr-CA,en;q=0.5" });
    expect(wordOf(accepted)).toBe("Intacte");
    expect(accepted).toContain('href="/guide"');
    for (const headers of [{}, { "accept-language": "eo, x-klingon;q=1" }] as Record<string, string>[]) {
      expect(wordOf(await html(feed, "/?lang=zz", headers))).toBe("Sealed");
    }
  });

  it("say amounts, numbers and times as their readers write them, and link to each other", async () => {
    const german = await html(feedWith("sealed"), "/?lang=de");
    expect(words(german)).toContain("10,00012345 BTC");
    expect(words(german)).toContain("1.234");
    expect(words(german)).toContain("17.02.2026, 12:00:00 UTC vor 12 Tagen");
    expect(german).toContain('<a href="?lang=fr" lang="fr" hreflang="fr" rel="alternate">Français</a>');
    expect(words(await html(feedWith("sealed"), "/?lang=fr"))).toContain("1\u202f234");
  });

  it.each(["de", "fr"])("never call a stale piñata whole, in %s either", async (lang) => {
    const page = await html(stale("sealed"), `/?lang=${lang}`);
    expect(page).toMatch(/<body data-state="blind"/);
    expect(wordOf(page)).toBe({ de: "Blind", fr: "Aveugle" }[lang]);
    expect(words(page)).not.toContain(sampleStatus("sealed").sentence);
  });

  it("keep the monitor's own sentence below the page's, marked as English", async () => {
    const page = await html(feedWith("smashed"), "/?lang=fr");
    expect(words(page)).toContain("Quelqu’un a sorti la clé et déplacé les pièces.");
    expect(page).toContain(`<q lang="en" data-t="monitorSays">${sampleStatus("smashed").sentence}</q>`);
  });

  it("tell mistakes too", async () => {
    const app = appOf(feedWith("sealed"));
    expect(await (await app.request("/nowhere?lang=de")).text()).toContain("Hier hängt nichts");
    const posted = await app.request("/?lang=fr", { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(words(await posted.text())).toContain("Rien ne peut être modifié ici par POST");
  });
});

describe("money", () => {
  const rated = { ...INFO, rate: () => ({ perBitcoin: 61_234.5, currency: "EUR", source: "Test", at: NOW }) };

  it("is told beside the coins only with a source of rates, on the real network, and with whose word it is", async () => {
    const feed = feedWith("sealed", 0);
    expect(await (await appOf(feed, rated).request("/")).text()).toContain('<small data-if="fiat" hidden="">');
    feed.show("sealed", { network: "mainnet" });
    expect(await html(feed)).toContain('<small data-if="fiat" hidden="">');
    const page = await (await appOf(feed, rated).request("/")).text();
    expect(words(page)).toContain("≈ €612,353 (Test, 1 Mar 2026, 12:00:00 UTC)");
  });
});

describe("the proof that the key is inside", () => {
  it("is said to be missing while there is none", async () => {
    expect(words(await html(feedWith("sealed")))).toContain("Key last shown insidenot yet offered");
  });
});

describe("the timeline", () => {
  it("tells fundings, spends, starts, images, verdicts and absences, newest first, with proofs to take home", async () => {
    const app = await withPast(feedWith("smashed"), { changes: { network: "mainnet" } });
    const page = await (await app.request("/timeline")).text();
    const text = words(page);
    const order = [
      "The spend is in a block",
      "A spend was seen",
      "The piñata runs another image",
      "Coins put in",
      "The monitor was away",
      "Coins on their way in",
    ];
    const places = order.map((what) => text.indexOf(what));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(page).toContain(`href="/api/v1/breach/${SPEND}"`);
    expect(page).toContain('href="/api/v1/statements/2"');
    expect(page).toContain(`<a href="https://mempool.space/tx/${SPEND}">mempool.space</a>`);
    expect(text).toContain("The verdict became SEALED");
  });

  it("links no explorer where the chain is nobody else's, and those that the operator chose", async () => {
    const app = await withPast(feedWith("smashed"));
    expect(await (await app.request("/timeline")).text()).not.toContain("https://mempool.space");
    const info = { ...INFO, explorers: [{ name: "mine", transaction: "https://mine.example/{txid}?a=b" }] };
    const chosen = await withPast(feedWith("smashed"), { info });
    expect(await (await chosen.request("/timeline")).text()).toContain(
      `<a href="https://mine.example/${SPEND}?a=b">mine</a>`,
    );
  });

  it("says since when the coins have hung, which a blind hour in between does not change", async () => {
    const app = await withPast(feedWith("sealed"), { changes: { since: NOW - 60_000 } });
    expect(words(await (await app.request("/")).text())).toContain(
      "Standing since20 Jan 2026, 12:10:00 UTC 39 days ago",
    );
  });

  it("is empty, and says so, while the monitor has told nothing", async () => {
    expect(words(await html(feedWith("sealed"), "/timeline"))).toContain("Nothing has happened yet.");
    expect(words(await html(new HandFeed(), "/timeline"))).toContain("Nothing has happened yet.");
  });
});

describe("the funnel's page", () => {
  it("lays the reasons beside the first piñata's, and the days below", async () => {
    const app = await withPast(feedWith("sealed"));
    const page = await (await app.request("/funnel")).text();
    const cells = (name: string) =>
      new RegExp(`<th scope="row">${name}</th><td>([^<]*)</td><td>([^<]*)</td>`).exec(page)?.slice(1);
    expect(cells("not TLS, or an unknown record version")).toEqual(["400 (32.4%)", "10%"]);
    expect(cells("no certificate")).toEqual(["190 (15.4%)", "1,200"]);
    expect(cells("any other fault in a certificate")).toEqual(["7 (0.6%)", "42"]);
    expect(cells("all other reasons")).toEqual(["20 (1.6%)", "–"]);
    expect(page).toContain("1 Mar 2026");
    expect(page).toContain('href="https://mirage.io/blog/bitcoin-pinata-results"');
  });

  it("leaves our column empty where the monitor has not told", async () => {
    const page = await html(feedWith("sealed"), "/funnel");
    expect(page).toContain('<th scope="row">no certificate</th><td>–</td><td>1,200</td>');
    expect(words(page)).not.toContain("Day by day");
  });
});

describe("a conversation", () => {
  const attempt = sampleAttempt(1, { door: "server", reason: "a certificate that does not lead to our trust anchor" });
  const texts = { subject: "CN=mallory", fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1" };

  it("is drawn and told in words, with the RFC's sentence", async () => {
    const feed = feedWith("sealed", 0);
    feed.hit(attempt);
    giveTrace(feed, attempt, sampleEvents(attempt, texts));
    const page = await html(feed, `/attempts/${attempt.id}`);
    expect(page).toContain('<svg class="sequence"');
    const text = words(page);
    for (const part of ["ClientHello", "AES-128-GCM-SHA256, X25519MLKEM768", "alert unknown_ca", "CN=mallory"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("RFC 8446 §6.2");
    expect(text).toContain("could not be matched with a known trust anchor");
  });

  it("with markup and marks of direction in it is text, in the picture and beside it", async () => {
    const evil = `</text></svg><script>alert(1)</script><img src=x onerror="alert(2)">\u202e & "x"`;
    const feed = feedWith("sealed", 0);
    const hostile = sampleAttempt(1, { reason: evil, subject: evil, fingerprint: evil });
    feed.hit(hostile);
    giveTrace(feed, hostile, sampleEvents(hostile, { subject: evil, fingerprint: evil }));
    const page = await html(feed, `/attempts/${hostile.id}`);
    expect(page).not.toMatch(/<script>|<img/);
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(page.match(/<\/svg>/g)).toHaveLength(page.match(/<svg/g)!.length);
  });

  it("that cannot be had leaves the attempt's page as it is, and says why", async () => {
    const feed = feedWith("sealed", 0);
    feed.hit(attempt);
    feed.answers.set(`v1/attempts/${attempt.id}`, new Error("no answer"));
    expect(words(await html(feed, `/attempts/${attempt.id}`))).toContain("The trace of this attempt is not at hand");
    feed.hit(sampleAttempt(2, { ended: null, outcome: "open" }));
    expect(words(await html(feed, `/attempts/${sampleAttempt(2).id}`))).toContain("drawn when it is over");
  });
});

describe("the guide", () => {
  it("has rules, limits, safe harbour, practice, trust anchor and how to build the image", async () => {
    const text = words(await html(feedWith("sealed", 0), "/guide"));
    for (const part of [
      "Safe harbour",
      "Out of scope",
      "64 KiB, 1,024 records",
      "npx pinata start",
      "npx pinata image --check",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toContain(sampleStatus("sealed").pinata!.image);
    expect(words(await html(new HandFeed(), "/guide"))).toContain("The piñata has not been seen running yet.");
  });
});
