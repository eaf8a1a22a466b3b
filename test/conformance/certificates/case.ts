/**
 * What a case of the certificate corpus is: one chain with one thing right or wrong, the verdict that it has to get, and the sentence
 * that asks for it. `right` and `wrong` write one down; a room is a list of them under a heading.
 */
import { Failure } from "../../../unikernel/guest/failure.ts";
import type { Issued, Purpose } from "../../support/certificates.ts";
import type { Rule } from "./rules.ts";
import type { World } from "./world.ts";

/** A chain as a peer would present it, and how it is to be judged. */
export interface Presented {
  /** DER, the peer's own certificate first. */
  chain: Uint8Array[];
  anchor: Issued;
  /** Whose key signs the CertificateVerify; absent where the first certificate is of nobody. */
  peer?: Issued;
  /** The key in the first certificate is none that a signature can be right under. */
  keyUnusable?: true;
  /** The time of judging, where it is not `NOW`. */
  at?: Date;
}

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
