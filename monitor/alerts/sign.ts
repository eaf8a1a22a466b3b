/**
 * The signature that webhook and heartbeat carry: HMAC-SHA256 (RFC 2104) over `timestamp "." body`, the timestamp in
 * seconds. A receiver computes the same, compares in constant time, and refuses a timestamp that is more than some
 * minutes from its own clock, so that a recorded request cannot be played again for ever.
 */
import { createHmac } from "node:crypto";

const TIMESTAMP_HEADER = "pinata-timestamp";
const SIGNATURE_HEADER = "pinata-signature";

/** `now`: milliseconds. */
export function signedHeaders(secret: string, body: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const mac = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return { [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: `v1=${mac}` };
}
