/**
 * Numbers and times as the page prints them. Amounts are whole satoshi from end to end: no floating point, so what is
 * printed is exact. Times are UTC; `ago` rounds down and has a twin in assets/live.js that must say the same.
 */

/** Satoshi (a safe, non-negative integer) as BTC: at least two decimals, at most eight, exact. */
export function btc(satoshi: number): string {
  if (!Number.isSafeInteger(satoshi) || satoshi < 0) throw new RangeError(`not an amount in satoshi: ${satoshi}`);
  const digits = String(satoshi).padStart(9, "0");
  const whole = grouped(digits.slice(0, -8));
  const fraction = digits.slice(-8).replace(/0{1,6}$/, "");
  return `${whole}.${fraction}`;
}

/** A whole number, or a string of digits, with thin groups of three: 1 234 567. */
export function grouped(value: number | string): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Milliseconds since 1970 as `2026-11-24T13:48:23Z`, for `<time datetime>`; empty for null. */
export function iso(millis: number | null): string {
  return millis === null ? "" : new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The same moment for people: `2026-11-24 13:48:23 UTC`. */
export function utc(isoTime: string): string {
  return isoTime.replace("T", " ").replace("Z", " UTC");
}

/** The same moment inside a sentence: `13:48:23 UTC on 24 November 2026`. */
export function spoken(isoTime: string): string {
  const day = new Date(isoTime).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
  return `${isoTime.slice(11, 19)} UTC on ${day}`;
}

/** How long before `now` (milliseconds) a moment was, in words; a moment in the future is `just now`. */
export function ago(isoTime: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(isoTime)) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${seconds - (seconds % 10)} seconds ago`;
  if (seconds < 3600) return `${count(Math.floor(seconds / 60), "minute")} ago`;
  if (seconds < 172_800) return `${count(Math.floor(seconds / 3600), "hour")} ago`;
  return `${count(Math.floor(seconds / 86_400), "day")} ago`;
}

/** `1 minute`, `2 minutes`, `1 234 attempts`. */
export function count(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** The first and last characters of a long hexadecimal text. */
export function short(hex: string): string {
  return hex.length > 20 ? `${hex.slice(0, 8)}…${hex.slice(-8)}` : hex;
}
