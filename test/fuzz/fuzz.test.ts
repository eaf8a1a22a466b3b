/**
 * The fuzz targets from their seeds: PINATA_FUZZ_SECONDS (default 5) in all, half of them for net; two programs at a time, being built
 * included. And the proof that they would find something: the guests of bugs.ts that are found soon. `npm run fuzz` takes longer for both
 * (.ci/run: half a minute for each target, and every bug). Needs clang with libFuzzer and wasm2c.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { hasTool } from "../support/run.ts";
import { BUGS, type Bug, fuzzBug, seedsOf, whyMissed } from "./bugs.ts";
import { type Report, runTarget } from "./run-target.ts";
import { sideBySide } from "./side-by-side.ts";
import { buildTarget, TARGET_NAMES, TARGETS, type TargetName } from "./targets.ts";

const SECONDS = Number(process.env.PINATA_FUZZ_SECONDS ?? 5);
const PATIENCE_MILLIS = 600_000;

const CHOSEN = BUGS.filter(({ slow }) => !slow);
/** Edges that the seeds alone reach: more than a first refusal. */
const leastEdges = (name: TargetName) => (name === "wire" ? 200 : 500);

describe.runIf(hasTool("clang") && hasTool("wasm2c") && hasLibFuzzer())("libFuzzer over the guest", () => {
  let reports: Map<TargetName | Bug, Promise<Report>>;

  beforeAll(() => {
    const jobs: [TargetName | Bug, () => Promise<Report>][] = [
      ...TARGET_NAMES.map((name): [TargetName, () => Promise<Report>] => [name, () => fuzz(name)]),
      ...CHOSEN.map((bug): [Bug, () => Promise<Report>] => [bug, () => fuzzBug(bug)]),
    ];
    // The longest comes first.
    jobs.sort(([a], [b]) => Number(b === "net") - Number(a === "net"));
    const running = sideBySide(
      2,
      jobs.map(([, job]) => job),
    );
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
      expect(report.edges).toBeGreaterThan(leastEdges(name));
    },
    PATIENCE_MILLIS,
  );

  it.each(CHOSEN.map((bug): [string, Bug] => [bug.what, bug]))(
    "finds a bug that was put in: %s",
    async (_what, bug) => {
      const report = await reports.get(bug)!;
      expect(whyMissed(bug, report)).toBeUndefined();
      expect(report.executions).toBeLessThanOrEqual(bug.runs);
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
