/**
 * The page's static files, read once at start. Each is served under a name that holds the hash of its content, so that
 * it may be kept for ever; the plain name is unknown.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Name in the page → type, and the parts that it is made of, in order. */
const FILES = {
  "style.css": {
    type: "text/css; charset=utf-8",
    parts: ["base", "parts", "picture", "movement", "sizes"].map((part) => `style/${part}.css`),
  },
  "live.js": { type: "text/javascript; charset=utf-8", parts: ["live.js"] },
  "icon.svg": { type: "image/svg+xml", parts: ["icon.svg"] },
} as const;
type Name = keyof typeof FILES;

export interface Asset {
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
}

export interface Assets {
  /** The path of a file, hash included. */
  url(name: Name): string;
  /** By the last part of its path. */
  find(hashedName: string): Asset | undefined;
}

export function loadAssets(): Assets {
  const urls = new Map<string, string>();
  const assets = new Map<string, Asset>();
  for (const [name, { type, parts }] of Object.entries(FILES)) {
    const text = parts.map((part) => readFileSync(new URL(`assets/${part}`, import.meta.url), "utf8")).join("\n");
    const bytes = new TextEncoder().encode(name.endsWith(".css") ? squeezed(text) : text);
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    const hashedName = name.replace(".", `.${hash}.`);
    urls.set(name, `/assets/${hashedName}`);
    assets.set(hashedName, { type, bytes, gzipped: new Uint8Array(gzipSync(bytes, { level: 9 })) });
  }
  return {
    url: (name) => urls.get(name)!,
    find: (hashedName) => assets.get(hashedName),
  };
}

/** A style sheet without comments and the spaces that only people need. */
function squeezed(css: string): string {
  return css
    .replace(/\/\*.*?\*\//gs, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,]) ?/g, "$1")
    .replace(/: /g, ":")
    .replaceAll(";}", "}")
    .trim();
}
