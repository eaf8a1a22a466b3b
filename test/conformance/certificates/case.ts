/**
 * What a case of the certificate corpus is: one chain with one thing right or wrong, the verdict that it has to get, and the sentence
 * that asks for it. `right` and `wrong` write one down; a room is a list of them under a heading.
 */
import { Failure } from "../../../unikernel/guest/failure.ts";
import type { Purpose } from "../../support/certificates.ts";
import type { Presented } from "./presented.ts";
import type { Rule } from "./rules.ts";
import type { World } from "./world.ts";

export interface Case {
  /** Unique in its room. */
  id: string;
  /** What is wrong with it, or what about it must not matter. */
  what: string;
  verdict: Failure;
  rule: Rule;
  /** The role of the peer; a client unless given. */
  role?: Purpose;
  make(world: World): Presented | Promise<Presented>;
}

export interface Room {
  id: string;
  title: string;
  cases: Case[];
}

type Make = Case["make"];

export function right(id: string, what: string, rule: Rule, make: Make, particulars: Pick<Case, "role"> = {}): Case {
  return { id, what, verdict: Failure.None, rule, make, ...particulars };
}

export function wrong(
  id: string,
  what: string,
  verdict: Failure,
  rule: Rule,
  make: Make,
  particulars: Pick<Case, "role"> = {},
): Case {
  return { id, what, verdict, rule, make, ...particulars };
}
