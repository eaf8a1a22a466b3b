/**
 * Times of a certificate's validity (RFC 5280 §4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050, both with
 * seconds and "Z", no fraction, no offset, no leap second. Only real dates pass.
 *
 * A time is seconds since 1950-01-01T00:00:00Z (the first that UTCTime can say), so that it is never negative.
 */
import { Bytes } from "bytes";
import { Der, GENERALIZED_TIME, UTC_TIME } from "./der";

/** Seconds from 1950 to 1970. */
const UNIX_EPOCH: u64 = 631_152_000;
/** 9999-12-31T23:59:59Z in seconds since 1970: the last time that can be written, and RFC 5280's "no expiry". */
const LAST: u64 = 253_402_300_799;

/** Reads a `Time`; 0, and the cursor failed, when it is not exactly as above. */
export function readTime(der: Der): u64 {
  const text = TEXT;
  let year: u32 = 0;
  let at: u32 = 0;
  if (der.peek() == UTC_TIME) {
    der.value(UTC_TIME, text);
    if (text.length != 13) return refuse(der);
    year = number(text, 0, 2);
    year += year >= 50 ? 1900 : 2000;
    at = 2;
  } else {
    der.value(GENERALIZED_TIME, text);
    if (text.length != 15) return refuse(der);
    year = number(text, 0, 4);
    if (year < 2050) return refuse(der);
    at = 4;
  }
  const month = number(text, at, 2);
  const day = number(text, at + 2, 2);
  const hour = number(text, at + 4, 2);
  const minute = number(text, at + 6, 2);
  const second = number(text, at + 8, 2);
  if (year > 9999 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return refuse(der);
  if (hour > 23 || minute > 59 || second > 59 || text[at + 10] != 0x5a /* Z */) return refuse(der);
  return ((<u64>daysSince1950(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

/** A time of the board (seconds since 1970) as a time of this file; what lies after the year 9999 counts as its end. */
export function fromUnixSeconds(now: u64): u64 {
  return (now > LAST ? LAST : now) + UNIX_EPOCH;
}

/** `digits` decimal digits at `at`, or a number above every limit here when one is no digit. */
function number(text: Bytes, at: u32, digits: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < digits; i++) {
    const digit = <u32>text[at + i] - 0x30;
    if (digit > 9) return NOT_A_NUMBER;
    value = value * 10 + digit;
  }
  return value;
}

function daysInMonth(year: u32, month: u32): u32 {
  if (month == 2) return isLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

function isLeap(year: u32): bool {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/** Days from 1950-01-01, counted with years that start in March, so that the leap day is a year's last. */
function daysSince1950(year: u32, month: u32, day: u32): u32 {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400;
  return marchYear * 365 + leapDays + (marchMonth * 153 + 2) / 5 + day - MARCH_DAYS_TO_1950;
}

function refuse(der: Der): u64 {
  der.fail();
  return 0;
}

/** `daysSince1950(1950, 1, 1)` before this is taken off: 1949 × 365 + 472 leap days + 306 + 1. */
const MARCH_DAYS_TO_1950: u32 = 1949 * 365 + 472 + 306 + 1;
const NOT_A_NUMBER: u32 = 0xffff;
const TEXT = Bytes.empty();
