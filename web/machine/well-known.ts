/** security.txt (RFC 9116) and robots.txt (RFC 9309), from what the operator told. */
import { LANGUAGES } from "../catalogue/choose.ts";

const DAY = 86_400_000;
/** The file says so much longer that it is good; RFC 9116 §2.5.5 wants less than a year. */
const VALID_DAYS = 180;

export interface SecurityFacts {
  contact: string;
  /** What absolute links begin with; null: the fields that need them are left out. */
  origin: string | null;
  /** Milliseconds since 1970. */
  now: number;
}

export function securityTxt({ contact, origin, now }: SecurityFacts): string {
  const expires = new Date((Math.floor(now / DAY) + VALID_DAYS) * DAY).toISOString().replace(/\.\d+Z$/, "Z");
  const lines = [
    "# Breaking the piñata itself needs no report: the coins are yours. This is for everything else: this page, the",
    "# monitor, the machine that they run on.",
    `Contact: ${contact}`,
    `Expires: ${expires}`,
    `Preferred-Languages: ${LANGUAGES.map(({ code }) => code).join(", ")}`,
  ];
  if (origin !== null) lines.push(`Canonical: ${origin}/.well-known/security.txt`, `Policy: ${origin}/#rules`);
  return `${lines.join("\n")}\n`;
}

/** Everything may be found but what never ends, and what is the same again as data. */
export function robotsTxt(base: string): string {
  return `User-agent: *\nDisallow: ${base}/events\nDisallow: ${base}/api/\nAllow: ${base}/\n`;
}
