/**
 * The fuzz targets from their seeds for PINATA_FUZZ_SECONDS (default 5): net all the time, the others beside it one after the other, each a
 * part of it. And the proof that they would find something: guests with a bug put in. Needs clang with libFuzzer and wasm2c.
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

/** Targets that run side by side, and in each row one after the other. */
const LANES: TargetName[][] = [["net"], TARGET_NAMES.filter((name) => name !== "net")];

/** What is wrong, in which target, within how many executions it must be found, and what is said then. */
const BUGS: [what: string, target: TargetName, bug: Patch, runs: number, says: RegExp][] = [
  [
    "an alert's length is not checked",
    "door-server",
    {
      name: "bug-alert",
      file: "unikernel/guest/tls/engine.ts",
      replace: [["if (content.length != 2) return Failure.AlertMalformed;", ""]],
    },
    200_000,
    /trap/,
  ],
  [
    "a count of the peer's is taken for an index, behind the key exchange",
    "door-server-plain",
    {
      name: "bug-padding",
      file: "unikernel/guest/tls/record/reader.ts",
      replace: [["while (end > 0 && inner[end - 1] == 0) end--;", "while (inner[end - 1] == 0) end--;"]],
    },
    200_000,
    /trap/,
  ],
  [
    "an ARP frame's length is not checked",
    "net",
    {
      name: "bug-arp",
      file: "unikernel/guest/tcpip/arp.ts",
      replace: [["frame.length < HEADER_LENGTH + ARP_LENGTH ||", "frame.length < HEADER_LENGTH ||"]],
    },
    400_000,
    /trap/,
  ],
  [
    "an ICMP message that is refused costs memory for good",
    "net",
    {
      name: "bug-leak",
      file: "unikernel/guest/tcpip/icmp.ts",
      replace: [["this.counters.add(Count.IcmpRefused);", "this.counters.add(Bytes.alloc(1)[0] + Count.IcmpRefused);"]],
    },
    400_000,
    /allocated after its start/,
  ],
];

describe.runIf(hasTool("clang") && hasTool("wasm2c") && hasLibFuzzer())("libFuzzer over the guest", () => {
  const reports = new Map<TargetName, Promise<Report>>();

  beforeAll(() => {
    for (const lane of LANES) {
      let before: Promise<unknown> = Promise.resolve();
      for (const name of lane) {
        const seconds = Math.max(1, Math.floor(SECONDS / lane.length));
        const report = before.then(() => fuzz(name, seconds));
        reports.set(name, report);
        before = report.catch(() => {});
      }
    }
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

  it.each(BUGS)(
    "finds a bug that was put in: %s",
    async (_what, name, bug, runs, says) => {
      const target: Target = TARGETS[name];
      const broken = { ...target, patches: [...(target.patches ?? []), bug] };
      const program = await buildTarget(`${name}-${bug.name}`, broken);
      const report = await runTarget(name, program, broken, {
        ...{ seconds: 0, runs, learnt: "forgotten", seed: 1, minimizeSeconds: 0 },
      });
      expect(report.finding?.says).toMatch(says);
      // By trying, and not by a seed.
      expect(report.executions).toBeGreaterThan(seedsOf(name));
      expect(report.executions).toBeLessThanOrEqual(runs);
      if (process.env.FUZZ_FIGURES)
        process.stderr.write(`${name} ${bug.name} ${JSON.stringify({ ...report, finding: report.finding?.says })}\n`);
    },
    PATIENCE_MILLIS,
  );
});

async function fuzz(name: TargetName, seconds: number): Promise<Report> {
  const program = await buildTarget(name, TARGETS[name]);
  return runTarget(name, program, TARGETS[name], { seconds, learnt: "forgotten" });
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
