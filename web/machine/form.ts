/**
 * The fields of a form that a page without script posted (HTML §4.10.21.8, application/x-www-form-urlencoded), and whether a
 * page of this site posted it. Nothing beyond a stated number of bytes is read.
 */
import type { Context } from "hono";
import { originFor, type Site } from "./site.ts";

/** Why a body was not read: longer than it may be, or no such form. */
export type Unread = 413 | 415;

/** @param most bytes of the body. */
export async function readForm(c: Context, most: number): Promise<URLSearchParams | Unread> {
  const [type = ""] = (c.req.header("content-type") ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/x-www-form-urlencoded") return 415;
  if (Number(c.req.header("content-length") ?? 0) > most) return 413;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    length += chunk.length;
    if (length > most) return 413;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

/**
 * Whether a page of this very site made the browser send this (Fetch Metadata's Sec-Fetch-Site; where a browser sends none,
 * RFC 6454 Origin). Neither header can be set by another site's page; a request without both is not taken for ours.
 */
export function isFromHere(c: Context, site: Site): boolean {
  const fetchSite = c.req.header("sec-fetch-site");
  if (fetchSite !== undefined) return fetchSite === "same-origin";
  const origin = c.req.header("origin");
  if (origin === undefined) return false;
  const known = originFor(c, site);
  if (known !== null) return origin === new URL(known).origin;
  const host = c.req.header("host")?.toLowerCase();
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
