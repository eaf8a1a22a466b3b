/**
 * In which format a visitor is told of a mistake, by Accept (RFC 9110 §12.5.1): a page to people, JSON or a line of text to
 * programs that ask for these.
 */
export type Format = "html" | "json" | "text";

const TYPES: readonly (readonly [Format, RegExp])[] = [
  ["html", /^(text\/html|application\/xhtml\+xml)$/],
  ["json", /^application\/([\w.-]+\+)?json$/],
  ["text", /^text\/(plain|event-stream)$/],
];
/** More entries than a browser sends are not looked at. */
const ENTRIES = 20;

export function formatFor(accept: string | undefined): Format {
  let best: { format: Format; weight: number } | undefined;
  for (const entry of (accept ?? "").slice(0, 1_000).split(",").slice(0, ENTRIES)) {
    const [type = "", ...parameters] = entry
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const format = TYPES.find(([, known]) => known.test(type))?.[0];
    if (format === undefined) continue;
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    if (weight > 0 && (best === undefined || weight > best.weight)) best = { format, weight };
  }
  return best?.format ?? "html";
}
