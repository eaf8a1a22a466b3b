/**
 * The headers of every answer: nothing inline, nothing from elsewhere, no frames, no referrer, no powers that a page of text
 * does not need (CSP 3, Fetch §3.7 CORP, HTML §7.1.3 COOP, Permissions Policy, RFC 6797).
 */
import type { Site } from "./site.ts";

/** `page`: for visitors of this site alone. `shared`: pictures, feeds and data that others may embed and read. */
export type Audience = "page" | "shared";

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const ALL = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "permissions-policy":
    "accelerometer=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=(), browsing-topics=()",
  "cross-origin-opener-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

/** A year. Without includeSubDomains: what else is under the name is not this page's to decide. */
const HSTS = "max-age=31536000";

export type Headers = Readonly<Record<string, string>>;

/** Made once for each audience. HSTS only where the public address says that visitors come over TLS. */
export function securityHeaders({ publicUrl }: Site): Readonly<Record<Audience, Headers>> {
  const always = { ...ALL, ...(publicUrl?.startsWith("https:") ? { "strict-transport-security": HSTS } : {}) };
  return {
    page: { ...always, "cross-origin-resource-policy": "same-origin" },
    shared: { ...always, "cross-origin-resource-policy": "cross-origin", "access-control-allow-origin": "*" },
  };
}
