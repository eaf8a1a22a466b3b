/**
 * Reasons in the page's languages: whatever the monitor says of an attempt has a text in each, a text that nobody knows stays
 * English and is marked so, and no text of a peer is taken for one of the monitor's.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AttemptFold } from "../../monitor/trace/attempts.ts";
import { CLOSED_BY, FATES, REFUSALS, refusedFor } from "../../monitor/trace/reasons.ts";
import { ALERT_NAMES, explainFailure, FAILURES } from "../../unikernel/failures.ts";
import { createApp } from "../../web/app.tsx";
import { english, LANGUAGES } from "../../web/catalogue/choose.ts";
import { reasonsDe } from "../../web/catalogue/reasons-de.ts";
import { reasonsFr } from "../../web/catalogue/reasons-fr.ts";
import { conversationOf } from "../../web/conversation.ts";
import { attemptRowIn } from "../../web/view.ts";
import { accepted, BOOT, boot, closed, event } from "../monitor/support/trace-lines.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, INFO, NOW, sampleAttempt } from "./support/samples.ts";
import { texts } from "./support/texts.ts";

const OTHERS = LANGUAGES.filter((language) => language !== english);
const NEXT = "00000000000000bb";

/** Every reason that the monitor gives, each made by a trace. */
function everyReason(): Set<string> {
  const fold = new AttemptFold([], null, { sampling: { perSecond: 1_000_000, random: Math.random } });
  const reasons = new Set<string>();
  const told = () => {
    for (const { attempt } of fold.take().records) reasons.add(attempt.reason);
  };
  const apply = (fields: Record<string, unknown>) => fold.apply(event(fields));
  let conn = 0;
  /** One connection in which `fields` happened. */
  const attempt = (fields: Record<string, unknown>, end: Record<string, unknown> | null = {}) => {
    conn += 1;
    apply(JSON.parse(accepted(conn)));
    apply({ ...fields, conn });
    if (end !== null) apply(JSON.parse(closed(conn, end)));
  };
  apply(JSON.parse(boot()));
  const peer = { address: "203.0.113.77", port: 50_000 };
  for (const reason of Object.keys(REFUSALS)) apply({ event: "refused", conn: ++conn, door: "server", peer, reason });
  const sent = { event: "alert", direction: "sent", alert: 47 };
  for (const failure of Object.keys(FAILURES)) attempt({ ...sent, failure: Number(failure) });
  attempt({ ...sent, failure: 9_999 });
  attempt(sent);
  for (const alert of [...Object.keys(ALERT_NAMES).map(Number), 200]) {
    attempt({ ...sent, alert });
    attempt({ ...sent, direction: "received", alert });
  }
  attempt({ event: "certificate", subject: "CN=x", verdict: 85 });
  for (const compartment of ["net", "door", "vault"]) attempt({ event: "trap", compartment });
  for (const by of Object.keys(CLOSED_BY)) attempt({ event: "state", state: 1 }, { by });
  attempt({ event: "opened" });
  attempt({ event: "state", state: 1 }, null);
  told();
  // Its end never comes.
  const later = 1_750_000_000_000 + 7_200_000;
  apply({ ...JSON.parse(accepted(++conn)), time: later });
  told();
  apply({ event: "stopped", time: later, reason: "SIGTERM" });
  told();
  apply({ ...JSON.parse(boot()), boot: NEXT, time: later });
  apply({ ...JSON.parse(accepted(1)), boot: NEXT, time: later });
  apply({ ...JSON.parse(boot()), boot: "00000000000000cc", time: later });
  told();
  return reasons;
}
const REASONS = everyReason();

describe("the monitor's reasons", () => {
  it("are all made here, and none is written beside the tables that the page knows", () => {
    const numbers = Object.keys(FAILURES).filter((number) => number !== "0");
    const tables = [...Object.values(REFUSALS), ...Object.values(CLOSED_BY), ...Object.values(FATES)];
    // A trap has its compartment told, and is told before the connection closes by it.
    for (const reason of [...numbers.map((number) => refusedFor(Number(number))), ...tables])
      expect(REASONS).toContain(reason);
    for (const reason of ["the piñata stopped: SIGTERM", "failure 9999 (newer than this program)"])
      expect(REASONS).toContain(reason);
    const source = readFileSync(new URL("../../monitor/trace/attempts.ts", import.meta.url), "utf8");
    expect(source).not.toMatch(/reason(:| =) ["'`]/);
  });

  it.each(OTHERS)("have a text in $code, with the names that they hold", (language) => {
    for (const reason of REASONS) {
      const { text, lang } = language.reason(reason);
      expect(lang, reason).toBeUndefined();
      expect(text).not.toBe(reason);
      for (const [name] of reason.matchAll(
        /\(RFC[^)]+\)|\(docs[^)]+\)|\w+_\w+|SIGTERM|9999|0x\w+|HelloRetryRequest/g,
      )) {
        expect(text).toContain(name);
      }
    }
  });

  it("are English in English", () => {
    for (const reason of REASONS) expect(english.reason(reason)).toEqual({ text: reason, lang: undefined });
  });

  it("are said by the failure's number where it is known", () => {
    for (const number of Object.keys(FAILURES).map(Number)) {
      const expected = number === 0 ? "as told" : refusedFor(number);
      for (const language of LANGUAGES) expect(language.failure(number, "as told")).toEqual(language.reason(expected));
    }
    for (const language of LANGUAGES) {
      for (const number of [undefined, 9_999, -1, 1.5, Number.NaN]) {
        expect(language.failure(number, "as told")).toEqual(language.reason("as told"));
      }
    }
  });

  it("of a newer monitor, and texts that only look like one, stay as they are and are marked as English", () => {
    const unknown = [
      ...["", "a reason of tomorrow", "No certificate", "no certificate ", "constructor", "__proto__", "toString"],
      ...[
        "the piñata sent ",
        "the piñata stopped: ",
        `${explainFailure(120).reason}: `,
        "failure  (newer than this program)",
      ],
      "a fault in the piñata's own code was contained (a trap) in ",
    ];
    for (const language of OTHERS) {
      for (const text of unknown) expect(language.reason(text)).toEqual({ text, lang: "en" });
    }
    for (const text of unknown) expect(english.reason(text)).toEqual({ text, lang: undefined });
  });
});

describe("the tables of reasons", () => {
  it.each([
    ["de", reasonsDe],
    ["fr", reasonsFr],
  ])("have in %s no English left, and no text twice that is not one in English", (_, reasons) => {
    const said = texts(reasons);
    for (const [path, text] of said) {
      expect(text, path).not.toMatch(
        /(?<!\p{L})(the|that|with|which|wrong|closed|sent|than|after|before|does|is|of|not)(?!\p{L})/u,
      );
    }
    const failures = Object.values(reasons.failures);
    expect(new Set(failures).size).toBe(failures.length);
  });
});

describe("a page", () => {
  const attempt = sampleAttempt(1, { door: "server", reason: "no certificate (RFC 8446 §4.4.2.4)" });
  const draw = async (path: string, changes = {}) => {
    const feed = feedWith("sealed", 0);
    feed.hit({ ...attempt, ...changes });
    const events = [{ event: "alert", time: 1, direction: "sent", alert: 116, failure: 80, v: 1, boot: BOOT, conn: 1 }];
    feed.answers.set(`v1/attempts/${attempt.id}`, { ...attempt, ...changes, events });
    return (await createApp({ feed, info: INFO, clock: new HandClock(NOW + 2_000) }).request(path)).text();
  };

  it("has the reason in its language, in the list, on the attempt's page and in the conversation", async () => {
    const german = `<span data-t="reason">kein Zertifikat (RFC 8446 §4.4.2.4)</span>`;
    expect(await draw("/?lang=de")).toContain(german);
    const page = await draw(`/attempts/${attempt.id}?lang=de`);
    expect(page).toContain(german);
    expect(page).toContain("<span> kein Zertifikat (RFC 8446 §4.4.2.4)</span>");
    expect(page).toContain("Was der RFC sagt: RFC 8446 §4.4.2.4");
    expect(page).not.toContain("no certificate");
    const french = await draw(`/attempts/${attempt.id}?lang=fr`);
    expect(french).toContain(">pas de certificat (RFC 8446 §4.4.2.4)</span>");
    expect(french).toContain("Ce que dit la RFC\u202f: RFC 8446 §4.4.2.4");
    expect(await draw(`/attempts/${attempt.id}`)).toContain(">no certificate (RFC 8446 §4.4.2.4)</span>");
  });

  it("marks a reason that it does not know as English", async () => {
    const page = await draw("/?lang=fr", { reason: "<b>of tomorrow</b>" });
    expect(page).toContain('<span lang="en" data-t="reason">&lt;b&gt;of tomorrow&lt;/b&gt;</span>');
  });

  it("that is open is told of an attempt in its language", () => {
    for (const { language, reason } of [
      { language: english, reason: "no certificate (RFC 8446 §4.4.2.4)" },
      { language: LANGUAGES[1]!, reason: "kein Zertifikat (RFC 8446 §4.4.2.4)" },
      { language: LANGUAGES[2]!, reason: "pas de certificat (RFC 8446 §4.4.2.4)" },
    ]) {
      expect(attemptRowIn(language)(attempt)).toMatchObject({ reason, reasonLang: "" });
    }
    expect(attemptRowIn(LANGUAGES[1]!)({ ...attempt, reason: "new" })).toMatchObject({
      reason: "new",
      reasonLang: "en",
    });
  });

  it("tells a connection that had no door by the monitor's words for it", () => {
    const events = [{ event: "refused", time: 1, reason: "too-many-from-peer" }];
    const { steps } = conversationOf({ door: "server", reason: REFUSALS["too-many-from-peer"] }, events, LANGUAGES[1]!);
    expect(steps[0]).toMatchObject({ note: "zu viele Verbindungen von dieser Gegenseite", noteLang: undefined });
  });
});
