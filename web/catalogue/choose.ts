/**
 * Which language a visitor gets: the one asked for by `?lang=`, else the best of Accept-Language (RFC 9110 §12.5.4), else
 * English. No cookie: a language that was asked for is carried in the page's own links.
 */
import { de } from "./de.ts";
import { en } from "./en.ts";
import { fr } from "./fr.ts";
import { Language } from "./language.ts";
import { reasonsDe } from "./reasons-de.ts";
import { reasonsFr } from "./reasons-fr.ts";

export const english = new Language("en", "en-GB", en, null);
export const LANGUAGES: readonly Language[] = [
  english,
  new Language("de", "de", de, reasonsDe),
  new Language("fr", "fr", fr, reasonsFr),
];

export interface Chosen {
  language: Language;
  /** What the page's own links carry: `?lang=de` when it was asked for, else nothing. */
  query: "" | `?lang=${string}`;
}

export const byDefault: Chosen = { language: english, query: "" };

/** @param asked the query parameter `lang`; @param accept the Accept-Language header. What is not known is passed over. */
export function chooseLanguage(asked: string | undefined, accept: string | undefined): Chosen {
  const wanted = LANGUAGES.find(({ code }) => code === asked);
  if (wanted !== undefined) return { language: wanted, query: `?lang=${wanted.code}` };
  return accept === undefined ? byDefault : { language: ofHeader(accept), query: "" };
}

/** More entries than a browser sends are not looked at. */
const ENTRIES = 20;

function ofHeader(accept: string): Language {
  let best: { language: Language; weight: number } | undefined;
  for (const entry of accept.slice(0, 500).split(",").slice(0, ENTRIES)) {
    const [range = "", ...parameters] = entry
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    const language = range === "*" ? english : LANGUAGES.find(({ code }) => code === range.split("-")[0]);
    if (language === undefined || !(weight > 0 && weight <= 1)) continue;
    if (best === undefined || weight > best.weight) best = { language, weight };
  }
  return best?.language ?? english;
}
