/**
 * Why attempts were turned away, in classes that can be laid beside what the first piñata's authors published: "Reviewing
 * the Bitcoin Piñata" by Hannes Mehnert, mirage.io/blog/bitcoin-pinata-results, 29 June 2015. They told shares of all TLS
 * connections (more than 20,000) for some classes and numbers for others; both stand here as they were told.
 */
import type { FunnelAnswer } from "../monitor/schema.ts";
import type { Language } from "./catalogue/language.ts";

type Class = keyof Language["says"]["funnel"]["classes"];

/** `causes`: numbers of failures (unikernel/failures.ts) as GET /v1/funnel names them. */
const CLASSES: readonly { name: Class; causes: readonly string[]; share2015?: number; count2015?: number }[] = [
  { name: "notTls", causes: ["11"], share2015: 0.1 },
  { name: "heartbeat", causes: ["1"], share2015: 0.06 },
  { name: "order", causes: ["20", "21", "43"], share2015: 0.03 },
  { name: "version", causes: ["60", "32", "44"], share2015: 0.02 },
  { name: "suite", causes: ["61"], share2015: 0.02 },
  { name: "renegotiation", causes: [], share2015: 0.02 },
  { name: "noCertificate", causes: ["80"], count2015: 1_200 },
  { name: "chain", causes: ["85"], count2015: 58 },
  {
    name: "certificate",
    causes: ["81", "82", "83", "84", "86", "87", "88", "89", "90", "91", "92"],
    // Of "another 100" that tested the validation, those that are not the 58 above.
    count2015: 42,
  },
  { name: "signature", causes: ["93", "94"], count2015: 22 },
  { name: "parse", causes: ["2", "3", "7", "8", "9", "10"], count2015: 31 },
];

export interface ReasonRow {
  name: string;
  /** Empty where the monitor has not told. */
  here: string;
  share: string;
  before: string;
}

export function reasonRows(funnel: FunnelAnswer | null, language: Language): ReasonRow[] {
  const { classes, others } = language.says.funnel;
  const counted = new Map((funnel?.reasons ?? []).map(({ cause, count }) => [cause, count]));
  const rows = CLASSES.map(({ name, causes, share2015, count2015 }) => {
    const count = causes.reduce((sum, cause) => sum + (counted.get(cause) ?? 0), 0);
    for (const cause of causes) counted.delete(cause);
    const before = share2015 === undefined ? language.number(count2015 ?? 0) : language.percent(share2015);
    const told = causes.length > 0;
    return { name: classes[name], ...here(told ? count : null, funnel, language), before };
  });
  const rest = [...counted.values()].reduce((sum, count) => sum + count, 0);
  return [...rows, { name: others, ...here(rest, funnel, language), before: "" }];
}

function here(count: number | null, funnel: FunnelAnswer | null, language: Language): { here: string; share: string } {
  if (funnel === null || count === null) return { here: "", share: "" };
  const share = funnel.total === 0 ? 0 : count / funnel.total;
  return { here: language.number(count), share: language.percent(share) };
}
