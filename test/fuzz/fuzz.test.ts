/**
 * The fuzz targets from their seeds: PINATA_FUZZ_SECONDS (default 5) in all, half of them for net; two programs at a time, being built
 * included. And the proof that they would find something: guests with a bug put in, two that are found soon, and with
 * PINATA_FUZZ_BUGS=all those that take a minute each. Needs clang with libFuzzer and wasm2c.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { hasTool } from "../support/run.ts";
import { type Report, runTarget } from "./run-target.ts";
import { buildTarget, FUZZ, type Patch, TARGET_NAMES, TARGETS, type Target, type TargetName } from "./targets.ts";

const SECONDS = Number(process.env.PINATA_FUZZ_SECONDS ?? 5);
const PATIENCE_MILLIS = 600_000;

/** Something wrong that is put in, and within how many executions it must be found. */
interface Bug {
  what: string;
  target: TargetName;
  patch: Patch;
  runs: number;
  says: RegExp;
  slow?: true;
}

const BUGS: Bug[] = [
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
const CHOSEN = BUGS.filter(({ slow }) => !slow || process.env.PINATA_FUZZ_BUGS === "all");

describe.runIf(hasTool("clang") && hasTool("wasm2c") && hasLibFuzzer())("libFuzzer over the guest", () => {
  let reports: Map<TargetName | Bug, Promise<Report>>;

  beforeAll(() => {
    const jobs: [TargetName | Bug, () => Promise<Report>][] = [
      ...TARGET_NAMES.map((name): [TargetName, () => Promise<Report>] => [name, () => fuzz(name)]),
      ...CHOSEN.map((bug): [Bug, () => Promise<Report>] => [bug, () => fuzzBug(bug)]),
    ];
    // The longest comes first.
    jobs.sort(([a], [b]) => Number(b === "net") - Number(a === "net"));
    const running = twoAtATime(jobs.map(([, job]) => job));
    reports = new Map(jobs.map(([key], i) => [key, running[i]!]));
  });

  it.each(TARGET_NAMES)(
    "finds nothing in %s",
    async (name) => {
      const report = await reports.get(name)!;
      const found = report.finding && { ...report.finding, input: Buffer.from(report.finding.input).toString("hex") };
      expect(found).toBeUndefined();
      // It did run, and reached more than a first refusal.
      expect(report.executions).toBeGreaterThan(seedsOf(name));
      expect(report.edges).toBeGreaterThan(500);
    },
    PATIENCE_MILLIS,
  );

  it.each(CHOSEN.map((bug): [string, Bug] => [bug.what, bug]))(
    "finds a bug that was put in: %s",
    async (_what, bug) => {
      const { finding, executions } = await reports.get(bug)!;
      expect(finding?.says).toMatch(bug.says);
      // By trying, and not by a seed; libFuzzer begins with the empty input.
      expect(executions).toBeGreaterThan(seedsOf(bug.target) + 1);
      expect(executions).toBeLessThanOrEqual(bug.runs);
    },
    PATIENCE_MILLIS,
  );
});

async function fuzz(name: TargetName): Promise<Report> {
  const program = await buildTarget(name, TARGETS[name]);
  const share = name === "net" ? 2 : 2 * (TARGET_NAMES.length - 1);
  const seconds = Math.max(1, Math.floor(SECONDS / share));
  return runTarget(name, program, TARGETS[name], { seconds, learnt: "forgotten" });
}

/** Bounded by executions and not by time, so that a slow machine finds the same. */
async function fuzzBug({ target: name, patch, runs }: Bug): Promise<Report> {
  const target: Target = TARGETS[name];
  const broken: Target = { ...target, optimize: "-O0", patches: [...(target.patches ?? []), patch] };
  const program = await buildTarget(`${name}-${patch.name}`, broken);
  return runTarget(name, program, broken, { seconds: 0, runs, learnt: "forgotten", seed: 1, minimizeSeconds: 0 });
}

/** Starts the jobs in their order, the next when one of two has ended; what each comes to. */
function twoAtATime<T>(jobs: (() => Promise<T>)[]): Promise<T>[] {
  const slots: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  let free = Promise.resolve(0);
  return jobs.map((job) => {
    const started = free.then((slot) => ({ slot, running: job() }));
    free = started.then(({ slot, running }) => {
      slots[slot] = running.catch(() => {});
      return Promise.race(slots.map((ended, i) => ended.then(() => i)));
    });
    const result = started.then(({ running }) => running);
    // Its own test says so.
    result.catch(() => {});
    return result;
  });
}

function seedsOf(name: string): number {
  const folder = join(FUZZ, "corpus", name);
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

/** clang alone does not bring libFuzzer: on Debian that is another package. */
function hasLibFuzzer(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "pinata-libfuzzer-"));
  try {
    const source = join(folder, "empty.c");
    writeFileSync(source, "int LLVMFuzzerTestOneInput(const char *a, long b) { return a && b ? 0 : 0; }\n");
    const { status } = spawnSync("clang", ["-fsanitize=fuzzer,address", source, "-o", join(folder, "empty")]);
    if (status === 0) return true;
    if (process.env.PINATA_TEST_REQUIRE_TOOLS) throw new Error("clang has no libFuzzer (Debian: libclang-rt-14-dev)");
    process.stderr.write("clang has no libFuzzer (Debian: libclang-rt-14-dev): its tests are skipped\n");
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
