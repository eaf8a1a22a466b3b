/** Types of tcb.mjs, for the test that reads it. */
export interface TrustedPart {
  part: string;
  group: "guest" | "metal" | "node";
  lines: number;
  code: number;
}
export const BUDGETS: { guest: number; metal: number };
export function countTrusted(): TrustedPart[];
export function sum(rows: TrustedPart[], ...groups: string[]): { lines: number; code: number };
