/**
 * How the page is reached from outside, as its operator tells: the public address (its path is the base path behind a reverse
 * proxy), the onion service, whether the proxy's X-Forwarded-* are to be believed. From these, and from nothing that a
 * visitor sends, come the absolute links; without them all links are relative.
 */
import type { Context } from "hono";

export interface Site {
  /** `https://pinata.example` or `https://example.org/pinata`; https says that visitors come over TLS. null: not known. */
  publicUrl: string | null;
  /** `http://….onion`: the same page as an onion service. */
  onionUrl: string | null;
  /** `x-forwarded`: the reverse proxy sets X-Forwarded-Proto and -Host itself. `none`: they are a visitor's words. */
  proxy: "x-forwarded" | "none";
  /** RFC 9116 Contact: a mailto:, https: or tel: URI; null: there is no security.txt. */
  securityContact: string | null;
  /** Asked for by /metrics; null: there are no metrics. */
  metricsToken: string | null;
}

export const UNKNOWN_SITE: Site = {
  publicUrl: null,
  onionUrl: null,
  proxy: "none",
  securityContact: null,
  metricsToken: null,
};

/** The path under which visitors see the page, without a slash at its end: "" or "/pinata". */
export function basePath({ publicUrl }: Site): string {
  return publicUrl === null ? "" : new URL(publicUrl).pathname.replace(/\/+$/, "");
}

/** What absolute links of an answer to this request begin with, without a slash at the end; null: links must be relative. */
export function originFor(c: Context, site: Site): string | null {
  const { publicUrl, onionUrl, proxy } = site;
  // So it is for most, and this is asked for each page.
  if (onionUrl === null && proxy === "none") return publicUrl === null ? null : withoutSlash(publicUrl);
  const forwarded = (name: string) => (proxy === "none" ? undefined : c.req.header(`x-forwarded-${name}`));
  const host = forwarded("host") ?? c.req.header("host") ?? "";
  if (onionUrl !== null && isOnion(host)) return withoutSlash(onionUrl);
  if (publicUrl !== null) return withoutSlash(publicUrl);
  const proto = forwarded("proto");
  if (!/^https?$/.test(proto ?? "") || !HOST.test(forwarded("host") ?? "")) return null;
  return `${proto}://${host.toLowerCase()}`;
}

/** The onion service's address of a page that was asked for by another name; null when there is none to point to. */
export function onionLocation(c: Context, site: Site): string | null {
  const { onionUrl, proxy } = site;
  const host = (proxy === "none" ? undefined : c.req.header("x-forwarded-host")) ?? c.req.header("host") ?? "";
  if (onionUrl === null || isOnion(host)) return null;
  return withoutSlash(onionUrl) + c.req.path;
}

/** Checks an address of this site. Throws one clear line that begins with `name`. */
export function siteUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (!url || !plain || !/^https?:$/.test(url.protocol)) {
    throw new Error(`${name} ${text} is not an http or https URL without user, query and fragment`);
  }
  if (!/^[\w./~-]*$/.test(url.pathname) || url.pathname.includes("//")) {
    throw new Error(`${name} ${text}: its path may hold letters, digits and . _ ~ - only`);
  }
  return withoutSlash(url.href);
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}

function isOnion(host: string): boolean {
  return /\.onion(:\d+)?$/i.test(host);
}

const HOST = /^(?=.{1,260}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i;
