/** Validity (RFC 5280 §4.1.2.5): when each certificate of a chain, the trust anchor included, is and is not valid; both ends are inside. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { NOT_AFTER, NOT_BEFORE, NOW } from "../../../support/certificates.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import type { Plan, World } from "../world.ts";

const { CertificateExpired, CertificateNotYetValid } = Failure;

const now = (seconds: number) => new Date(Number(NOW) * 1000 + seconds * 1000);
const shifted = (date: Date, seconds: number) => new Date(date.getTime() + seconds * 1000);

/** Where in a chain a certificate with this validity stands. */
const PLACES: [string, string, (w: World, plan: Plan) => Promise<Presented>][] = [
  ["leaf", "a leaf", (w, plan) => w.one(plan)],
  ["intermediate", "an intermediate", (w, plan) => w.below(plan)],
  ["anchor", "a trust anchor", (w, plan) => w.anchored(plan)],
];

const inEachPlace: Case[] = PLACES.flatMap(([place, words, make]) => {
  const rule = place === "anchor" ? R.anchorNow : R.inTime;
  return [
    right(`${place}-first-second`, `${words} in its first second`, R.validity, (w) => make(w, { notBefore: now(0) })),
    right(`${place}-last-second`, `${words} in its last second`, R.validity, (w) => make(w, { notAfter: now(0) })),
    right(`${place}-only-second`, `${words} that is valid for one second, this one`, R.validity, (w) =>
      make(w, { notBefore: now(0), notAfter: now(0) }),
    ),
    wrong(`${place}-one-second-late`, `${words} a second past its end`, CertificateExpired, rule, (w) =>
      make(w, { notAfter: now(-1) }),
    ),
    wrong(`${place}-one-second-early`, `${words} a second before its start`, CertificateNotYetValid, rule, (w) =>
      make(w, { notBefore: now(1) }),
    ),
    wrong(`${place}-long-expired`, `${words} that ended years ago`, CertificateExpired, rule, (w) =>
      make(w, { notBefore: new Date("1999-01-01T00:00:00Z"), notAfter: new Date("2001-01-01T00:00:00Z") }),
    ),
    wrong(`${place}-far-future`, `${words} that starts in 2049`, CertificateNotYetValid, rule, (w) =>
      make(w, { notBefore: new Date("2049-01-01T00:00:00Z"), notAfter: new Date("2049-12-31T23:59:59Z") }),
    ),
    right(`${place}-no-expiry`, `${words} without an end, 99991231235959Z`, R.noExpiry, (w) =>
      make(w, { notAfter: new Date("9999-12-31T23:59:59Z") }),
    ),
  ];
});

/** A plain leaf, judged at another time than the corpus's. */
const at = (date: Date) => async (w: World) => ({ ...(await w.one()), at: date });
/** A leaf from 1950 to 2060, with an anchor as old, judged at this time. */
const old = (date: string) => async (w: World) => {
  const validity = { notBefore: new Date("1950-01-01T00:00:00Z"), notAfter: new Date("2060-02-29T12:00:00Z") };
  return { ...(await w.anchored(validity, validity)), at: new Date(date) };
};

export const VALIDITY: Room = {
  id: "validity",
  title: "Validity",
  cases: [
    ...inEachPlace,
    right("chain-first-second", "the first second of all certificates of a chain", R.validity, at(NOT_BEFORE)),
    right("chain-last-second", "the last second of all certificates of a chain", R.validity, at(NOT_AFTER)),
    wrong("chain-too-early", "a second before that", CertificateNotYetValid, R.inTime, at(shifted(NOT_BEFORE, -1))),
    wrong("chain-too-late", "a second after that", CertificateExpired, R.inTime, at(shifted(NOT_AFTER, 1))),
    right(
      "before-2050",
      "a leaf that ends in 2060, in the last second of 2049",
      R.timeChoice,
      old("2049-12-31T23:59:59Z"),
    ),
    right("after-2050", "the same in the first second of 2050", R.timeChoice, old("2050-01-01T00:00:00Z")),
    right("leap-day", "the same in its last second, on February 29", R.validity, old("2060-02-29T12:00:00Z")),
    wrong("past-leap-day", "the same a second later", CertificateExpired, R.inTime, old("2060-02-29T12:00:01Z")),
    right("end-of-2024-leap-day", "the last second of February 29, 2024", R.validity, old("2024-02-29T23:59:59Z")),
    wrong(
      "ends-before-it-starts",
      "a leaf whose end lies before its start, between the two",
      CertificateNotYetValid,
      R.validity,
      (w) => w.one({ notBefore: now(60), notAfter: now(-60) }),
    ),
    wrong(
      "ended-before-it-started",
      "a leaf whose end lies before its start, past both",
      CertificateExpired,
      R.validity,
      (w) => w.one({ notBefore: now(-60), notAfter: now(-120) }),
    ),
    right("leaf-outlives-issuer", "a leaf that would outlive its issuer, while both are valid", R.inTime, (w) =>
      w.below({ notAfter: now(60) }, { notAfter: now(3600) }),
    ),
    right("leaf-older-than-issuer", "a leaf that is older than its issuer, while both are valid", R.inTime, (w) =>
      w.below({ notBefore: now(-60) }, { notBefore: now(-3600) }),
    ),
  ],
};
