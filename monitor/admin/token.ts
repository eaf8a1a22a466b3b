/**
 * Who may change something through the API: whoever shows the admin token (RFC 6750 §2.1), from this machine as from any
 * other. A web page in the operator's browser reaches loopback too, so that an address proves nothing.
 */
import { createHash, timingSafeEqual } from "node:crypto";

export interface Refused {
  status: 401 | 403;
  error: string;
}

/** Why the call is refused, in words that help; undefined when it is allowed. */
export function whyRefused(authorization: string | undefined, token: string | undefined): Refused | undefined {
  if (token === undefined) {
    return {
      status: 403,
      error: "this monitor has no admin token: put one into a file, name it as alerts.adminTokenFile, and start again",
    };
  }
  const shown = /^Bearer +([^\s]+) *$/i.exec(authorization ?? "")?.[1];
  if (shown === undefined) {
    return {
      status: 401,
      error: 'an admin call: send the token of alerts.adminTokenFile as "Authorization: Bearer TOKEN"',
    };
  }
  return same(shown, token) ? undefined : { status: 401, error: "the token is not the one in alerts.adminTokenFile" };
}

/** In a time that depends on neither. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
