/**
 * The page's static files, read once at start. Each is served under a name that holds the hash of its content, so that
 * it may be kept for ever, packed as well as can be; the plain name is unknown. With them goes what else is the same on
 * every page.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { FOR_EVER, Prepared } from "./machine/answer.ts";
import type { Headers } from "./machine/headers.ts";

/** Name in the page → type, and the parts that it is made of, in order. */
const FILES = {
  "style.css": {
    type: "text/css; charset=utf-8",
    parts: ["base", "parts", "picture", "movement", "sizes"].map((part) => `style/${part}.css`),
  },
  "more.css": { type: "text/css; charset=utf-8", parts: ["style/more.css"] },
  "maintain.css": { type: "text/css; charset=utf-8", parts: ["style/maintain.css"] },
  "live.js": { type: "text/javascript; charset=utf-8", parts: ["live.js"] },
  "icon.svg": { type: "image/svg+xml", parts: ["icon.svg"] },
} as const;
type Name = keyof typeof FILES;

export type Maintainers = "linked" | "none";

export interface Assets {
  /** The path of a file, hash included. */
  url(name: Name): string;
  /** Whether pages link to those of the maintainers. */
  readonly maintainers: Maintainers;
  /** By the last part of its path. */
  find(hashedName: string): Prepared | undefined;
}

export function loadAssets(headers: Headers, maintainers: Maintainers): Assets {
  const urls = new Map<string, string>();
  const assets = new Map<string, Prepared>();
  for (const [name, { type, parts }] of Object.entries(FILES)) {
    const text = parts.map((part) => readFileSync(new URL(`assets/${part}`, import.meta.url), "utf8")).join("\n");
    const body = name.endsWith(".css") ? squeezed(text) : name.endsWith(".js") ? trimmed(text) : text;
    const hash = createHash("sha256").update(body).digest("hex").slice(0, 12);
    const hashedName = name.replace(".", `.${hash}.`);
    urls.set(name, `/assets/${hashedName}`);
    assets.set(hashedName, new Prepared({ type, body, cache: FOR_EVER, headers, lives: "long" }));
  }
  return {
    url: (name) => urls.get(name)!,
    maintainers,
    find: (hashedName) => assets.get(hashedName),
  };
}

/** A style sheet without comments and the spaces that only people need. */
function squeezed(css: string): string {
  return css
    .replace(/\/\*.*?\*\//gs, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,>]) ?/g, "$1")
    .replace(/(?<=[ ,(])0\./g, ".")
    .replace(/: /g, ":")
    .replaceAll(";}", "}")
    .trim();
}

/** A script without the lines that are comments and the indentation; none of its texts spans lines. */
function trimmed(script: string): string {
  return script.replace(/^\s*(?:\/\/.*|\/\*\*.*\*\/)$/gm, "").replace(/^\s+/gm, "");
}
