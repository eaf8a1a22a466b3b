/**
 * Each fuzz target for a few seconds (PINATA_FUZZ_SECONDS, default 5), and the proof that it would find something: doors with a bug put in.
 * Needs clang with libFuzzer and wasm2c.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasTool } from "../support/run.ts";
import { runTarget } from "./run-target.ts";
import { buildTarget, FUZZ, type Patch, TARGET_NAMES, TARGETS, type Target } from "./targets.ts";

const SECONDS = Number(process.env.PINATA_FUZZ_SECONDS ?? 5);
const PATIENCE_MILLIS = 600_000;

/** What is wrong, in which target, and within how many executions it must be found. */
const BUGS: [what: string, target: (typeof TARGET_NAMES)[number], bug: Patch, runs: number][] = [
  [
    "an alert's length is not checked",
    "door-server",
    {
      name: "bug-alert",
      file: "unikernel/guest/tls/engine.ts",
      replace: [["if (content.length != 2) return Failure.AlertMalformed;", ""]],
    },
    200_000,
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
  ],
];

describe.runIf(hasTool("clang") && hasTool("wasm2c") && hasLibFuzzer())("libFuzzer over the guest", () => {
  it.each(TARGET_NAMES)(
    `finds nothing in %s in ${SECONDS} s`,
    async (name) => {
      const report = await runTarget(name, await buildTarget(name, TARGETS[name]), TARGETS[name], { seconds: SECONDS });
      const found = report.finding && { ...report.finding, input: Buffer.from(report.finding.input).toString("hex") };
      expect(found).toBeUndefined();
      // It did run, and reached more than a first refusal.
      expect(report.executions).toBeGreaterThan(SECONDS * 20);
      expect(report.edges).toBeGreaterThan(500);
    },
    PATIENCE_MILLIS,
  );

  it.each(BUGS)(
    "finds a bug that was put in: %s",
    async (_what, name, bug, runs) => {
      const target: Target = TARGETS[name];
      const broken = { ...target, patches: [...(target.patches ?? []), bug] };
      const program = await buildTarget(`${name}-${bug.name}`, broken);
      // What an earlier run has learnt would make this one another.
      rmSync(join(dirname(program), "corpus"), { recursive: true, force: true });
      const report = await runTarget(name, program, broken, {
        ...{ seconds: 240, runs, seed: 1, minimizeSeconds: 0 },
      });
      expect(report.finding?.says).toMatch(/trap/);
      // By trying, and not by a seed.
      expect(report.executions).toBeGreaterThan(seedsOf(name));
      expect(report.executions).toBeLessThanOrEqual(runs);
    },
    PATIENCE_MILLIS,
  );
});

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
