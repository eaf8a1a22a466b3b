/**
 * The positive controls of the fuzz targets: guests with a bug put in, and within how many executions it must be found, by trying and not by
 * a seed. They are bounded by executions and not by time, and libFuzzer's random numbers are fixed, so that a slow machine finds the same.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Report, runTarget } from "./run-target.ts";
import { buildTarget, FUZZ, type Patch, TARGETS, type Target, type TargetName } from "./targets.ts";

export interface Bug {
  what: string;
  target: TargetName;
  patch: Patch;
  /** Executions at most. */
  runs: number;
  /** What the program must say. */
  says: RegExp;
  /** Takes a minute: left out of `npm test`. */
  slow?: true;
}

export const BUGS: Bug[] = [
  {
    what: "a count of the peer's is taken for an index, behind the key exchange",
    target: "door-server-plain",
    patch: {
      name: "bug-padding",
      file: "unikernel/guest/tls/record/reader.ts",
      replace: [["while (end > 0 && inner[end - 1] == 0) end--;", "while (inner[end - 1] == 0) end--;"]],
    },
    runs: 400_000,
    says: /trap/,
  },
  {
    what: "an ICMP message that is refused costs memory for good",
    target: "net",
    patch: {
      name: "bug-leak",
      file: "unikernel/guest/tcpip/icmp.ts",
      replace: [["this.counters.add(Count.IcmpRefused);", "this.counters.add(Bytes.alloc(1)[0] + Count.IcmpRefused);"]],
    },
    runs: 100_000,
    says: /allocated after its start/,
  },
  {
    what: "the reader's bounds check adds, and the sum comes round to zero",
    target: "wire",
    patch: {
      name: "bug-reader",
      file: "unikernel/guest/wire/reader.ts",
      replace: [["length > this.bytes.length - this.position", "this.position + length > this.bytes.length"]],
    },
    runs: 400_000,
    says: /trap/,
  },
  {
    what: "a view's bounds check adds, and the sum comes round to zero",
    target: "wire",
    patch: {
      name: "bug-view",
      file: "unikernel/guest/prim/bytes.ts",
      replace: [["length > this.size || start > this.size - length", "start + length > this.size"]],
    },
    runs: 400_000,
    says: /outside of a view does not trap/,
  },
  {
    what: "a reader goes on after a vector of a forbidden length",
    target: "wire",
    patch: {
      name: "bug-vector",
      file: "unikernel/guest/wire/reader.ts",
      replace: [["length < min || length > max", "length > max"]],
    },
    runs: 400_000,
    says: /a reader or a writer is not as far|a view is not where/,
  },
  {
    what: "an alert's length is not checked",
    target: "door-server",
    patch: {
      name: "bug-alert",
      file: "unikernel/guest/tls/engine.ts",
      replace: [["if (content.length != 2) return Failure.AlertMalformed;", ""]],
    },
    runs: 400_000,
    says: /trap/,
    slow: true,
  },
  {
    what: "an ARP frame's length is not checked",
    target: "net",
    patch: {
      name: "bug-arp",
      file: "unikernel/guest/tcpip/arp.ts",
      replace: [["frame.length < HEADER_LENGTH + ARP_LENGTH ||", "frame.length < HEADER_LENGTH ||"]],
    },
    runs: 400_000,
    says: /trap/,
    slow: true,
  },
];

/** Builds the guest with the bug and runs its target. */
export async function fuzzBug({ target: name, patch, runs }: Bug): Promise<Report> {
  const target: Target = TARGETS[name];
  const broken: Target = { ...target, optimize: "-O0", patches: [...(target.patches ?? []), patch] };
  const program = await buildTarget(`${name}-${patch.name}`, broken);
  return runTarget(name, program, broken, { seconds: 0, runs, learnt: "forgotten", seed: 1, minimizeSeconds: 0 });
}

/** Why a control does not hold; undefined when the bug was found as it must be. */
export function whyMissed(bug: Bug, { finding, executions }: Report): string | undefined {
  if (finding === undefined) return `nothing was found in ${executions} executions`;
  if (!bug.says.test(finding.says)) return `something else was found: ${finding.says}`;
  // libFuzzer begins with the empty input.
  if (executions <= seedsOf(bug.target) + 1) return "a seed finds it: that says nothing about the search";
  return undefined;
}

export function seedsOf(name: TargetName): number {
  const folder = join(FUZZ, "corpus", name);
  return existsSync(folder) ? readdirSync(folder).length : 0;
}
