/** How times are written (RFC 5280 §4.1.2.5.1 and .2): UTCTime through 2049, GeneralizedTime from 2050, seconds, "Z", real dates, nothing else. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { type Node, primitive } from "../../../support/der.ts";
import { type Room, right, wrong } from "../case.ts";
import { R, type Rule } from "../rules.ts";
import { FIELD, put, type World } from "../world.ts";

const { CertificateExpired, CertificateMalformed } = Failure;

const UTC = 0x17;
const GENERALIZED = 0x18;

/** A leaf with the time written so at the end that is named. */
function timed(which: "notBefore" | "notAfter", node: Node) {
  return (w: World) =>
    w.one({
      edit: ({ tbs }) => {
        tbs[FIELD.validity]!.children![which === "notBefore" ? 0 : 1] = node;
      },
    });
}
const starts = (text: string, tag = UTC) => timed("notBefore", primitive(tag, text));
const ends = (text: string, tag = UTC) => timed("notAfter", primitive(tag, text));

/** A time that is no time: `[id, what, text, rule]`, as the end of a leaf's validity. */
type Bad = [string, string, string, Rule];
const badUtc: Bad[] = [
  ["utc-no-seconds", "UTCTime without seconds", "3406010000Z", R.utcTime],
  ["utc-no-zulu", "UTCTime without Z", "340601000000", R.utcTime],
  ["utc-small-zulu", "UTCTime with a small z", "340601000000z", R.utcTime],
  ["utc-offset", "UTCTime with an offset", "340601000000+0100", R.utcTime],
  ["utc-zero-offset", "UTCTime with an offset of nothing", "340601000000+0000", R.utcTime],
  ["utc-fraction", "UTCTime with a fraction", "340601000000.5Z", R.utcTime],
  ["utc-four-digit-year", "UTCTime with the century", "20340601000000Z", R.utcTime],
  ["utc-empty", "an empty UTCTime", "", R.utcTime],
  ["utc-only-zulu", "UTCTime of a Z alone", "Z", R.utcTime],
  ["utc-trailing-space", "UTCTime with a blank behind", "340601000000Z ", R.utcTime],
  ["utc-leading-space", "UTCTime with a blank before", " 340601000000Z", R.utcTime],
  ["utc-space-for-zero", "UTCTime with a blank for a zero", "34 601000000Z", R.utcTime],
  ["utc-letters", "UTCTime with a letter among the digits", "34O601000000Z", R.utcTime],
  ["utc-sign", "UTCTime with a sign among the digits", "34+601000000Z", R.utcTime],
  ["utc-colon", "UTCTime with the character behind 9 for a digit", "34060:000000Z", R.utcTime],
  ["utc-nul", "UTCTime with a NUL behind", "340601000000Z\0", R.utcTime],
  ["utc-month-0", "the month 00", "340001000000Z", R.utcTime],
  ["utc-month-13", "the month 13", "341301000000Z", R.utcTime],
  ["utc-day-0", "the day 00", "340600000000Z", R.utcTime],
  ["utc-day-32", "the day 32", "340132000000Z", R.utcTime],
  ["utc-april-31", "April 31", "340431000000Z", R.utcTime],
  ["utc-february-30", "February 30", "340230000000Z", R.utcTime],
  ["utc-february-29", "February 29 of a year that has none", "340229000000Z", R.utcTime],
  ["utc-hour-24", "the hour 24", "340601240000Z", R.utcTime],
  ["utc-minute-60", "the minute 60", "340601006000Z", R.utcTime],
  ["utc-second-60", "a leap second", "340630235960Z", R.utcTime],
];
const badGeneralized: Bad[] = [
  ["generalized-before-2050", "GeneralizedTime for a date through 2049", "20340601000000Z", R.timeChoice],
  ["generalized-end-of-2049", "GeneralizedTime for the last second of 2049", "20491231235959Z", R.timeChoice],
  ["generalized-no-seconds", "GeneralizedTime without seconds", "205506010000Z", R.generalizedTime],
  ["generalized-no-zulu", "GeneralizedTime without Z", "20550601000000", R.generalizedTime],
  ["generalized-offset", "GeneralizedTime with an offset", "20550601000000+0100", R.generalizedTime],
  ["generalized-fraction", "GeneralizedTime with a fraction", "20550601000000.5Z", R.generalizedTime],
  ["generalized-zero-fraction", "GeneralizedTime with a fraction of nothing", "20550601000000.0Z", R.generalizedTime],
  ["generalized-comma", "GeneralizedTime with a comma and a fraction", "20550601000000,5Z", R.generalizedTime],
  ["generalized-two-digit-year", "GeneralizedTime without the century", "550601000000Z", R.generalizedTime],
  ["generalized-five-digit-year", "GeneralizedTime of the year 10000", "100000101000000Z", R.generalizedTime],
  ["generalized-empty", "an empty GeneralizedTime", "", R.generalizedTime],
  ["generalized-february-29-2100", "February 29, 2100, which is no leap year", "21000229000000Z", R.generalizedTime],
  ["generalized-second-60", "a leap second in GeneralizedTime", "20550630235960Z", R.generalizedTime],
];

export const TIME_FORMATS: Room = {
  id: "time-formats",
  title: "Time formats",
  cases: [
    right("utc", "UTCTime as it should be", R.utcTime, ends("340601000000Z")),
    right("utc-zero-seconds", "UTCTime with seconds, the number being zero", R.utcTime, starts("240601120000Z")),
    right("utc-49", "the year 49, which is 2049", R.utcCentury, ends("491231235959Z")),
    right("utc-50", "a start in the year 50, which is 1950", R.utcCentury, starts("500101000000Z")),
    wrong(
      "utc-end-in-50",
      "an end in the year 50, which is 1950",
      CertificateExpired,
      R.utcCentury,
      ends("500101000000Z"),
    ),
    right("utc-start-in-99", "a start in the year 99, which is 1999", R.utcCentury, starts("991231235959Z")),
    right("utc-february-29-2028", "February 29 of a leap year", R.utcTime, ends("280229000000Z")),
    right("utc-february-29-2000", "February 29, 2000, which is a leap year", R.utcTime, starts("000229000000Z")),
    ...badUtc.map(([id, what, text, rule]) => wrong(id, what, CertificateMalformed, rule, ends(text))),
    right(
      "generalized-2050",
      "GeneralizedTime for the first second of 2050",
      R.timeChoice,
      ends("20500101000000Z", GENERALIZED),
    ),
    right(
      "generalized-february-29",
      "February 29, 2400, which is a leap year",
      R.generalizedTime,
      ends("24000229000000Z", GENERALIZED),
    ),
    ...badGeneralized.map(([id, what, text, rule]) =>
      wrong(id, what, CertificateMalformed, rule, ends(text, GENERALIZED)),
    ),
    wrong(
      "generalized-start",
      "a start before 2050 in GeneralizedTime",
      CertificateMalformed,
      R.timeChoice,
      starts("20240101000000Z", GENERALIZED),
    ),
    wrong("no-time", "an INTEGER for a time", CertificateMalformed, R.tag, timed("notAfter", primitive(0x02, [1]))),
    wrong(
      "text-for-time",
      "a PrintableString for a time",
      CertificateMalformed,
      R.tag,
      timed("notAfter", primitive(0x13, "340601000000Z")),
    ),
    wrong("one-time", "a validity of one time", CertificateMalformed, R.validity, (w) =>
      w.one({ edit: ({ tbs }) => void tbs[FIELD.validity]!.children!.pop() }),
    ),
    wrong("three-times", "a validity of three times", CertificateMalformed, R.validity, (w) =>
      w.one({ edit: ({ tbs }) => void tbs[FIELD.validity]!.children!.push(primitive(UTC, "340601000000Z")) }),
    ),
    wrong(
      "intermediate-fraction",
      "an intermediate's time with a fraction",
      CertificateMalformed,
      R.generalizedTime,
      (w) =>
        w.below({
          edit: ({ tbs }) => put(tbs[FIELD.validity]!.children!, 1, primitive(GENERALIZED, "20550601000000.5Z")),
        }),
    ),
  ],
};
