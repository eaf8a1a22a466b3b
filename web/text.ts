/**
 * Amounts, times and hashes in no language: for machines, and as what the page's languages (catalogue/language.ts) start
 * from. Amounts are whole satoshi from end to end: no floating point, so what is printed is exact. Times are UTC.
 */

/** Satoshi (a safe, non-negative integer) as BTC: at least two decimals, at most eight, exact. */
export function btc(satoshi: number): string {
  if (!Number.isSafeInteger(satoshi) || satoshi < 0) throw new RangeError(`not an amount in satoshi: ${satoshi}`);
  const digits = String(satoshi).padStart(9, "0");
  const whole = grouped(digits.slice(0, -8));
  const fraction = digits.slice(-8).replace(/0{1,6}$/, "");
  return `${whole}.${fraction}`;
}

/** Digits with thin groups of three: 1 234 567. */
function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Milliseconds since 1970 as `2026-11-24T13:48:23Z`, for `<time datetime>`; empty for null. */
export function iso(millis: number | null): string {
  return millis === null ? "" : new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The first and last characters of a long hexadecimal text. */
export function short(hex: string): string {
  return hex.length > 20 ? `${hex.slice(0, 8)}…${hex.slice(-8)}` : hex;
}
