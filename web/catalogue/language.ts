/**
 * A language of the page: its catalogue of texts, and numbers, amounts and times as its readers write them (ECMA-402,
 * Intl). Amounts stay whole satoshi up to here and are printed exactly. Times are UTC and say so. `ago` rounds down and
 * has a twin in assets/live.js that must say the same.
 */
import { refusedFor } from "../../monitor/trace/reasons.ts";
import { btc, iso } from "../text.ts";
import type { Catalogue, Forms } from "./en.ts";
import { isKnown, type Reasons, translated } from "./reasons.ts";

/** A text in the page's language, or one that is left in English. */
export interface Said {
  text: string;
  /** For the element's `lang`; undefined where it is the page's. */
  lang: "en" | undefined;
}

export class Language {
  /** `en`, as in `?lang=en`. */
  readonly code: string;
  /** BCP 47, for `lang` and Intl. */
  readonly tag: string;
  readonly says: Catalogue;
  /** null: English, which the monitor speaks. */
  readonly #reasons: Reasons | null;
  readonly #number: Intl.NumberFormat;
  readonly #amount: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #moment: Intl.DateTimeFormat;
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #soon: Intl.RelativeTimeFormat;
  readonly #plural: Intl.PluralRules;

  constructor(code: string, tag: string, says: Catalogue, reasons: Reasons | null) {
    this.code = code;
    this.tag = tag;
    this.says = says;
    this.#reasons = reasons;
    this.#number = new Intl.NumberFormat(tag);
    this.#amount = new Intl.NumberFormat(tag, { minimumFractionDigits: 2, maximumFractionDigits: 8 });
    this.#percent = new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 });
    this.#day = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeZone: "UTC" });
    this.#moment = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
    this.#relative = new Intl.RelativeTimeFormat(tag);
    this.#soon = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
    this.#plural = new Intl.PluralRules(tag);
  }

  number(n: number): string {
    return this.#number.format(n);
  }

  /** Satoshi (a safe, non-negative integer) as BTC, exact, without the unit. */
  btc(satoshi: number): string {
    return this.#amount.format(btc(satoshi).replaceAll("\u202f", "") as Intl.StringNumericLiteral);
  }

  /** `≈ €612,345 (Kraken, 1 Mar 2026, 12:00:00 UTC)`: about, whose word it is, and of when. */
  fiat(amount: number, { currency, source, at }: { currency: string; source: string; at: number }): string {
    const money = new Intl.NumberFormat(this.tag, { style: "currency", currency, maximumFractionDigits: 0 });
    return `≈ ${money.format(amount)} (${source}, ${this.moment(at)})`;
  }

  percent(fraction: number): string {
    return this.#percent.format(fraction);
  }

  /** `2 sources`: the form that the language has for `n`, with `#` replaced by the number. */
  count(n: number, forms: Forms): string {
    const form = this.#plural.select(n) === "one" ? forms.one : forms.other;
    return form.replace("#", this.number(n));
  }

  /** An ISO time as people read it: `1 Mar 2026, 12:00:00 UTC`; empty for empty. */
  utc(isoTime: string): string {
    return isoTime === "" ? "" : `${this.#moment.format(Date.parse(isoTime))} UTC`;
  }

  /** The same of milliseconds; empty for null. */
  moment(millis: number | null): string {
    return this.utc(iso(millis));
  }

  /** A day (`2026-03-01`) as people write it. */
  day(isoDay: string): string {
    return this.#day.format(Date.parse(`${isoDay}T00:00:00Z`));
  }

  /** How long before `now` (milliseconds) a moment was, in words; a moment in the future is now. */
  ago(isoTime: string, now: number): string {
    const seconds = Math.floor((now - Date.parse(isoTime)) / 1000);
    if (seconds < 10) return this.#soon.format(0, "second");
    if (seconds < 60) return this.#relative.format(-(seconds - (seconds % 10)), "second");
    if (seconds < 3600) return this.#relative.format(-Math.floor(seconds / 60), "minute");
    if (seconds < 172_800) return this.#relative.format(-Math.floor(seconds / 3600), "hour");
    return this.#relative.format(-Math.floor(seconds / 86_400), "day");
  }

  /** The monitor's reason; as it is, and said to be English, when it is one that we do not know. */
  reason(english: string): Said {
    const own = this.#reasons === null ? english : translated(this.#reasons, english);
    return own === undefined ? { text: english, lang: "en" } : { text: own, lang: undefined };
  }

  /** The reason of a failure by its number; `english`: what the monitor says, for a number that we do not know. */
  failure(number: number | undefined, english: string): Said {
    return this.reason(number !== undefined && isKnown(number) ? refusedFor(number) : english);
  }
}
