/**
 * The page's quotes of RFC 8446 are the RFC's words: each stands in a paragraph of its section (data/rfc8446-quotes.txt), and
 * every refusal of docs/refusals.md has a quote that names its alert, or is listed here with why it has none. Given the RFC's
 * text (RFC8446_TEXT: its path), the paragraphs are held against that as well.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ALERT_NAMES, FAILURES } from "../../unikernel/failures.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { alertName, groupName, type Offender, type Quote, quoteFor, suiteName } from "../../web/rfc.ts";

const normalised = (text: string) => text.replace(/\s+/g, " ").trim();

/** The sections of the data file: their paragraphs. */
function paragraphsOf(data: string): Map<string, string[]> {
  const [, ...sections] = data.split(/^== /m);
  return new Map(
    sections.map((section) => {
      const [number = "", ...paragraphs] = section.split(/\n\s*\n/);
      return [number.trim(), paragraphs.map(normalised).filter((paragraph) => paragraph !== "")];
    }),
  );
}

/** The text of each section of an RFC as the RFC Editor prints it, without the furniture of its pages. */
function sectionsOf(rfc: string): Map<string, string> {
  const found = new Map<string, string>();
  let section = "";
  for (const line of rfc.split(/[\r\n\f]+/)) {
    if (/\[Page \d+\]$/.test(line) || /^RFC \d+ .* \d{4}$/.test(line)) continue;
    section = /^((?:\d+)(?:\.\d+)*)\. +\S/.exec(line)?.[1] ?? section;
    found.set(section, normalised(`${found.get(section) ?? ""} ${line}`));
  }
  return found;
}

const PARAGRAPHS = paragraphsOf(readFileSync(new URL("data/rfc8446-quotes.txt", import.meta.url), "utf8"));

/** What is wrong with a quote; undefined when its section has it. */
function wrong({ section, text }: Quote): string | undefined {
  const found = PARAGRAPHS.get(section)?.some((paragraph) => paragraph.includes(text));
  return found ? undefined : `not in §${section}: ${text}`;
}

/** Everything that can be shown. */
const OFFENDERS: readonly Offender[] = ["client", "server"];
const NUMBERS = [undefined, ...Array(256).keys()];
const QUOTES = new Map(
  NUMBERS.flatMap((failure) =>
    NUMBERS.flatMap((alert) => OFFENDERS.map((offender) => quoteFor({ failure, alert, offender }))),
  ).flatMap((quote): [string, Quote][] => (quote === undefined ? [] : [[`${quote.section} ${quote.text}`, quote]])),
);

interface Refused {
  failure: number;
  alert: number | undefined;
  offender: Offender;
}

/** The rows of docs/refusals.md: what a peer can do wrong, at which doors. */
function refusals(): Refused[] {
  const page = readFileSync(new URL("../../docs/refusals.md", import.meta.url), "utf8");
  const alerts = new Map(Object.entries(ALERT_NAMES).map(([number, name]) => [name, Number(number)]));
  let offenders = OFFENDERS;
  return page.split("\n").flatMap((line) => {
    if (/^(## The client door|On the client door)/.test(line)) offenders = ["server"];
    else if (/^(## The server door|On the server door)/.test(line)) offenders = ["client"];
    else if (line.startsWith("## ")) offenders = OFFENDERS;
    const cells = line.startsWith("| ") ? line.slice(2, -2).split(" | ") : [];
    const name = cells.find((cell) => Object.hasOwn(Failure, cell) && Number.isNaN(Number(cell)));
    if (name === undefined) return [];
    const alert = alerts.get(cells[1] ?? "");
    const failure = Failure[name as keyof typeof Failure];
    return offenders.map((offender) => ({ failure, alert, offender }));
  });
}
const REFUSALS = refusals();

/** Failures without a sentence. */
const NONE: Readonly<Record<string, string>> = {
  None: "is no failure",
  MessageTooLong: "the limit is ours",
  TooMuchBeforeAuthentication: "the limit is ours",
  TooManyRecords: "the limit is ours",
  TooMuchAfterCandy: "the limit is ours",
  CertificateIsAuthority: "the rule is ours",
  TicketRefused: "is between our own compartments",
  VaultUnavailable: "is between our own compartments",
  PeerAlert: "the peer refused, not we",
  PeerClosed: "the peer ended it, and nothing was refused",
};

describe("the quotes of RFC 8446", () => {
  it("are the RFC's words, in the section that they name", () => {
    expect(QUOTES.size).toBeGreaterThan(40);
    expect([...QUOTES.values()].map(wrong).filter((text) => text !== undefined)).toEqual([]);
  });

  it("would not pass with a word changed, in another section, or run together from two paragraphs", () => {
    const quote = quoteFor({ failure: 20, offender: "client" })!;
    expect(wrong(quote)).toBeUndefined();
    expect(wrong({ ...quote, text: quote.text.replace("MUST", "SHOULD") })).toContain("not in §4");
    expect(wrong({ ...quote, section: "4.1.4" })).toContain("not in §4.1.4");
    expect(wrong({ ...quote, section: "99" })).toContain("not in §99");
    const [first, second] = PARAGRAPHS.get("5.1")!;
    expect(wrong({ section: "5.1", text: `${first} ${second}` })).toContain("not in §5.1");
  });

  it("are all that the paragraphs are kept for", () => {
    const all = [...QUOTES.values()];
    for (const [section, paragraphs] of PARAGRAPHS) {
      for (const paragraph of paragraphs) {
        expect(
          all.some((quote) => quote.section === section && paragraph.includes(quote.text)),
          paragraph,
        ).toBe(true);
      }
    }
  });

  const path = process.env.RFC8446_TEXT;
  if (path !== undefined) {
    it("come from paragraphs of the RFC's own text", () => {
      const rfc = sectionsOf(readFileSync(path, "utf8"));
      for (const [section, paragraphs] of PARAGRAPHS) {
        for (const paragraph of paragraphs) expect(rfc.get(section), section).toContain(paragraph);
      }
    });
  }

  it("are looked for in the RFC's text across its pages", () => {
    const rfc = `
4.  Handshake Protocol

   A peer which receives a
   handshake message

Rescorla                     Standards Track                   [Page 25]
\f
RFC 8446                           TLS                       August 2018

   MUST abort.

4.1.  Key Exchange Messages

   More.
`;
    expect(sectionsOf(rfc).get("4")).toContain("A peer which receives a handshake message MUST abort.");
    expect(sectionsOf(rfc).get("4")).not.toContain("More.");
    expect(sectionsOf(rfc).get("4.1")).toContain("More.");
  });
});

describe("a refusal", () => {
  it("has a quote, or is listed as having none", () => {
    const nameOf = (failure: number) => Failure[failure]!;
    const without = REFUSALS.filter((refusal) => quoteFor(refusal) === undefined).map(({ failure }) => nameOf(failure));
    expect(REFUSALS.length).toBeGreaterThan(300);
    expect(new Set([...without, "None"])).toEqual(new Set(Object.keys(NONE)));
    const played = new Set(REFUSALS.map(({ failure }) => failure));
    expect(Object.keys(FAILURES).filter((number) => number !== "0" && !played.has(Number(number)))).toEqual([]);
  });

  it("is quoted with the alert that is sent for it, where the sentence names one", () => {
    const names = new Set(Object.values(ALERT_NAMES));
    const quoted = ({ text }: Quote) => [...text.matchAll(/"(\w+)"/g)].map(([, name]) => name!);
    let compared = 0;
    for (const refusal of REFUSALS) {
      const quote = quoteFor(refusal);
      const named = quote === undefined ? [] : quoted(quote).filter((name) => names.has(name));
      if (refusal.alert === undefined || named.length === 0) continue;
      expect(named, Failure[refusal.failure]).toContain(alertName(refusal.alert));
      compared++;
    }
    expect(compared).toBeGreaterThan(200);
  });

  it("of one role is not quoted a rule for the other", () => {
    const of = (failure: number, offender: Offender) => quoteFor({ failure, alert: 47, offender })?.section;
    expect([of(33, "client"), of(33, "server")]).toEqual(["4.1.2", "4.1.3"]);
    expect([of(27, "client"), of(27, "server")]).toEqual(["4.2.8", "6.2"]);
    expect([of(24, "client"), of(24, "server")]).toEqual(["6.2", "4.2"]);
    expect([of(42, "client"), of(42, "server")]).toEqual(["4.4.2", "6.2"]);
    for (const { text } of [...new Set(REFUSALS.filter(({ offender }) => offender === "server").map(quoteFor))].flatMap(
      (quote) => quote ?? [],
    )) {
      expect(text).not.toMatch(
        /^(A client|Clients|If the client|For every TLS 1.3 ClientHello).*MUST (NOT )?(include|offer|send)/,
      );
    }
  });

  it("is quoted by the failure, else by the alert, and not at all for rules of our own", () => {
    const offender = "client";
    expect(quoteFor({ failure: 80, alert: 116, offender })).toMatchObject({ section: "4.4.2.4" });
    expect(quoteFor({ failure: 85, alert: 48, offender })).toMatchObject({ section: "6.2" });
    expect(quoteFor({ alert: 50, offender })?.text).toMatch(/^decode_error: A message could not be decoded/);
    expect(quoteFor({ failure: 110, alert: 10, offender })).toBeUndefined();
    expect(quoteFor({ failure: 88, alert: 43, offender })).toBeUndefined();
    expect(quoteFor({ failure: 999, alert: 99, offender })).toBeUndefined();
    // After our close_notify there is no alert.
    expect(quoteFor({ failure: 41, offender })).toMatchObject({ section: "4.6.3" });
    expect(quoteFor({ failure: 85, offender })).toBeUndefined();
  });
});

describe("numbers of the trace", () => {
  it("have the registries' names, and stay numbers where they are not known", () => {
    expect([suiteName(0x1301), suiteName(0xabcd)]).toEqual(["AES-128-GCM-SHA256", "0xabcd"]);
    expect([groupName(0x11ec), groupName(0x0a)]).toEqual(["X25519MLKEM768", "0x000a"]);
    expect([alertName(48), alertName(99)]).toEqual(["unknown_ca", "alert 99"]);
  });
});
