/**
 * A badge for other people's pages: the state and the amount, as an SVG picture that needs no font file, style sheet or
 * script. Its name for screen readers says the same as its text.
 */
import type { Verdict } from "../../monitor/schema.ts";
import { escaped } from "./plain.ts";
import type { Summary } from "./summary.ts";

/** Dark enough for white text (WCAG AA). */
const COLOURS: Readonly<Record<Verdict, string>> = {
  awaited: "#6b5636",
  sealed: "#08736b",
  moving: "#a04400",
  smashed: "#b20d5b",
  refunded: "#3f4bb0",
  blind: "#5c5666",
};
const LABEL = "piñata";
const HEIGHT = 20;
const PADDING = 7;

export function badge({ state, known, word, amount, note }: Summary): string {
  const before = state === "blind" && known !== "blind" ? `last seen ${known}` : "";
  const says = [word, amount ?? before, note === "" ? "" : "play money"].filter((part) => part !== "").join(" · ");
  const [left, right] = [widthOf(LABEL), widthOf(says)];
  const [split, width] = [left + 2 * PADDING, left + right + 4 * PADDING];
  const text = (content: string, x: number, length: number) =>
    `<text x="${x}" y="14" textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(content)}</text>`;
  const name = escaped(`${LABEL}: ${says}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${name}">`,
    `<title>${name}</title>`,
    `<clipPath id="r"><rect width="${width}" height="${HEIGHT}" rx="4"/></clipPath>`,
    `<g clip-path="url(#r)"><rect width="${split}" height="${HEIGHT}" fill="#3a2a40"/><rect x="${split}" width="${width - split}" height="${HEIGHT}" fill="${COLOURS[state]}"/></g>`,
    `<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">`,
    text(LABEL, PADDING, left),
    text(says, split + PADDING, right),
    `</g></svg>\n`,
  ].join("");
}

/** About as wide as Verdana sets it at 11 pixels; `textLength` makes it exactly so in every font. */
function widthOf(text: string): number {
  const units = [...text].map((character) => {
    if (/[iIl.,:·' ]/.test(character)) return 4.1;
    if (/[MWmw]/.test(character)) return 10;
    return /[A-Z]/.test(character) ? 8 : 7;
  });
  return Math.ceil(units.reduce((sum, unit) => sum + unit, 0));
}
