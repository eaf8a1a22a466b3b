import { describe, expect, it } from "vitest";
import { chooseLanguage, english, LANGUAGES } from "../../web/catalogue/choose.ts";
import { texts } from "./support/texts.ts";

const [, german, french] = LANGUAGES as [typeof english, typeof english, typeof english];

describe("the catalogue", () => {
  it.each(LANGUAGES.map((language) => [language.code, language] as const))(
    "has every text in %s, none empty",
    (_, { says }) => {
      const all = texts(says);
      expect([...all.keys()]).toEqual([...texts(english.says).keys()]);
      expect([...all].filter(([, text]) => text.trim() === "")).toEqual([]);
    },
  );

  it.each([german, french])("uses in $code every value that English uses", ({ says }) => {
    const own = texts(says);
    const slots = (text: string) => [...new Set(text.toLowerCase().match(/⟨\d⟩|#/g) ?? [])].sort();
    for (const [path, text] of texts(english.says)) {
      expect(slots(own.get(path)!), path).toEqual(slots(text));
    }
  });

  it("translates: few texts are the same in two languages", () => {
    for (const { says } of [german, french]) {
      const same = [...texts(says)].filter(([path, text]) => texts(english.says).get(path) === text);
      expect(same.length).toBeLessThan(30);
      expect(same.filter(([, text]) => text.split(" ").length > 4)).toEqual([]);
    }
  });
});

describe("choosing a language", () => {
  const code = (asked?: string, accept?: string) => chooseLanguage(asked, accept).language.code;

  it("takes what was asked for before what the browser accepts", () => {
    expect(chooseLanguage("de", "fr")).toEqual({ language: german, query: "?lang=de" });
    expect(chooseLanguage("xx", "fr")).toEqual({ language: french, query: "" });
  });

  it("weighs Accept-Language", () => {
    expect(code(undefined, undefined)).toBe("en");
    expect(code(undefined, "de-AT")).toBe("de");
    expect(code(undefined, "de;q=0.3, fr;q=0.8, en;q=0.5")).toBe("fr");
    expect(code(undefined, "ja, FR-ch;q=0.1")).toBe("fr");
    expect(code(undefined, "de;q=0")).toBe("en");
    expect(code(undefined, "*, de;q=0.9")).toBe("en");
    expect(code(undefined, "de;q=7, fr;q=x")).toBe("en");
    expect(code(undefined, `${"zz,".repeat(100_000)}de`)).toBe("en");
  });
});

describe("numbers and times", () => {
  it("are exact amounts in every language", () => {
    expect(english.btc(2_100_000_000_000_000)).toBe("21,000,000.00");
    expect(german.btc(1_000_012_345)).toBe("10,00012345");
    expect(french.btc(123_456_789_012)).toBe("1\u202f234,56789012");
    expect(english.btc(1)).toBe("0.00000001");
    expect(() => english.btc(-1)).toThrow(RangeError);
  });

  it("count in the forms that a language has", () => {
    const forms = { one: "# source", other: "# sources" };
    expect([0, 1, 2, 1_234].map((n) => english.count(n, forms))).toEqual([
      "0 sources",
      "1 source",
      "2 sources",
      "1,234 sources",
    ]);
    // French counts nought as one.
    expect(french.count(0, french.says.sourceForms)).toBe("0 source");
    expect(german.count(2, german.says.sourceForms)).toBe("2 Quellen");
  });

  it("are UTC and say so", () => {
    expect(english.utc("2026-11-24T13:48:23Z")).toBe("24 Nov 2026, 13:48:23 UTC");
    expect(german.moment(Date.UTC(2026, 10, 24, 13, 48, 23))).toBe("24.11.2026, 13:48:23 UTC");
    expect(english.utc("")).toBe("");
    expect(english.moment(null)).toBe("");
    expect(english.day("2026-03-01")).toBe("1 Mar 2026");
  });

  it("say how long ago, rounded down", () => {
    const said = (seconds: number, language = english) =>
      language.ago("2026-03-01T12:00:00Z", Date.UTC(2026, 2, 1, 12) + seconds * 1000);
    expect(said(-5)).toBe("now");
    expect(said(9.9)).toBe("now");
    expect(said(10)).toBe("10 seconds ago");
    expect(said(59)).toBe("50 seconds ago");
    expect(said(60)).toBe("1 minute ago");
    expect(said(3599)).toBe("59 minutes ago");
    expect(said(47.9 * 3600)).toBe("47 hours ago");
    expect(said(48 * 3600)).toBe("2 days ago");
    expect(said(60, german)).toBe("vor 1 Minute");
    expect(said(3, french)).toBe("maintenant");
  });

  it("say what it is worth, about, and whose word that is", () => {
    const rate = { currency: "EUR", source: "Somebody", at: Date.UTC(2026, 2, 1, 12) };
    expect(german.fiat(1_234.6, rate)).toBe("≈ 1.235\u00a0€ (Somebody, 01.03.2026, 12:00:00 UTC)");
  });
});
