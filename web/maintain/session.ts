/**
 * A maintainer's session: one cookie (RFC 6265) that holds the admin token itself, so that this server keeps nothing and every
 * replica knows the session. It goes to these pages only, never to a script, never along from another site, and over TLS only
 * where visitors come over TLS.
 */
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import { basePath, originFor, type Site } from "../machine/site.ts";

const NAME = "pinata-maintainer";
/** Seconds: twelve hours. */
const LIVES = 43_200;
/** What an Authorization header can carry as one word; the monitor's own rule (alerts.adminTokenFile), and a bound. */
const TOKEN = /^[!-~]{1,1000}$/;

/** The token as somebody gave it, without space around it; undefined when it cannot be one. */
export function readToken(text: string): string | undefined {
  const token = text.trim();
  return TOKEN.test(token) ? token : undefined;
}

/** The token of the request's session; undefined when there is none. */
export function sessionToken(c: Context): string | undefined {
  const value = getCookie(c, NAME);
  return value === undefined || !/^[\w-]{1,1400}$/.test(value)
    ? undefined
    : readToken(Buffer.from(value, "base64url").toString("latin1"));
}

/** Set-Cookie that begins a session. */
export function sessionCookie(c: Context, site: Site, token: string): string {
  return cookie(c, site, Buffer.from(token, "latin1").toString("base64url"), LIVES);
}

/** Set-Cookie that ends it. */
export function noSession(c: Context, site: Site): string {
  return cookie(c, site, "", 0);
}

function cookie(c: Context, site: Site, value: string, seconds: number): string {
  const secure = comesOverTls(c, site) ? "; Secure" : "";
  return `${NAME}=${value}; Path=${basePath(site)}/maintain; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** As the public address says, or the proxy that is to be trusted; an onion service is reached without TLS. */
function comesOverTls(c: Context, site: Site): boolean {
  const origin = originFor(c, site);
  if (origin !== null) return origin.startsWith("https:");
  return site.proxy === "x-forwarded" && c.req.header("x-forwarded-proto") === "https";
}
