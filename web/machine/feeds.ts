/**
 * The entries as Atom (RFC 4287) and as JSON Feed 1.1. All of a stranger's text has been through `plain` and is escaped here.
 * Links are absolute when the page's address is known, else relative to the feed.
 */
import type { Entry, Tidings } from "./entries.ts";
import { escaped } from "./plain.ts";

/** @param origin what absolute links begin with; null: not known. */
export function atom({ id, title, subtitle, updated, entries }: Tidings, origin: string | null): string {
  const link = (path: string) => escaped(address(path, origin));
  const lines = [
    `<?xml version="1.0" encoding="utf-8"?>`,
    `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">`,
    `<id>${id}</id>`,
    `<title>${escaped(title)}</title>`,
    `<subtitle>${escaped(subtitle)}</subtitle>`,
    `<updated>${time(updated)}</updated>`,
    `<author><name>The piñata's monitor</name></author>`,
    `<link rel="self" type="application/atom+xml" href="${link("feed.atom")}"/>`,
    `<link rel="alternate" type="text/html" href="${link("")}"/>`,
    `<icon>${link("favicon.ico")}</icon>`,
  ];
  for (const entry of entries) {
    lines.push(
      "<entry>",
      `<id>${entry.id}</id>`,
      `<title>${escaped(entry.title)}</title>`,
      `<updated>${time(entry.at)}</updated>`,
      `<link rel="alternate" type="text/html" href="${link(entry.path)}"/>`,
      ...(entry.proof === undefined
        ? []
        : [
            `<link rel="related" type="application/json" title="${escaped(entry.proof.name)}" href="${link(entry.proof.path)}"/>`,
          ]),
      `<content type="text">${escaped(entry.text)}</content>`,
      "</entry>",
    );
  }
  return `${lines.join("\n")}\n</feed>\n`;
}

export function jsonFeed({ title, subtitle, entries }: Tidings, origin: string | null): string {
  const item = ({ id, title: name, text, at, path, proof }: Entry) => ({
    id,
    ...(origin === null ? {} : { url: address(path, origin) }),
    title: name,
    content_text: text,
    date_published: time(at),
    // An attachment's address must be whole.
    ...(origin === null || proof === undefined
      ? {}
      : { attachments: [{ url: address(proof.path, origin), mime_type: "application/json", title: proof.name }] }),
  });
  const links =
    origin === null
      ? {}
      : {
          home_page_url: address("", origin),
          feed_url: address("feed.json", origin),
          favicon: address("favicon.ico", origin),
        };
  const feed = {
    version: "https://jsonfeed.org/version/1.1",
    title,
    description: subtitle,
    ...links,
    language: "en",
    authors: [{ name: "The piñata's monitor" }],
    items: entries.map(item),
  };
  return `${JSON.stringify(feed)}\n`;
}

function address(path: string, origin: string | null): string {
  return origin === null ? `./${path}` : `${origin}/${path}`;
}

function time(millis: number): string {
  return new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
}
