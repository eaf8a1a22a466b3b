/**
 * What machines look for in a page's head: the feeds, and the picture and words for who shares a link (Open Graph). Links
 * that leave the page's own tree are absolute, so they are there only when the operator told the page's address.
 */
import type { Snapshot } from "../feed.ts";
import { pictureTag } from "./og/picture-key.ts";
import { escaped, plain } from "./plain.ts";
import { summaryOf } from "./summary.ts";

/** @param base the base path; @param origin what absolute links begin with, or null. */
export function headFor(snapshot: Snapshot, base: string, origin: string | null): string {
  const { word, sentence } = summaryOf(snapshot);
  const feeds = `<link rel="alternate" type="application/atom+xml" title="piñata" href="${base}/feed.atom"/><link rel="alternate" type="application/feed+json" title="piñata" href="${base}/feed.json"/>`;
  if (origin === null) return feeds;
  const meta = (property: string, content: string) =>
    `<meta property="${property}" content="${escaped(plain(content))}"/>`;
  return [
    feeds,
    `<link rel="canonical" href="${escaped(origin)}/"/>`,
    meta("og:title", `${word} · piñata`),
    meta("og:description", sentence),
    meta("og:type", "website"),
    meta("og:url", `${origin}/`),
    meta("og:image", `${origin}/og.png?${pictureTag(snapshot)}`),
    meta("og:image:width", "1200"),
    meta("og:image:height", "630"),
    meta("og:image:alt", `A piñata, and the word ${word}.`),
    `<meta name="twitter:card" content="summary_large_image"/>`,
  ].join("");
}
