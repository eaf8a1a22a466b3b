/** Compiles the board's C for the host, with sanitizers, and runs its commands (hosted.h): no QEMU, a simulated machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GUEST_MODULES, ROOT } from "../../../../../infra/image/compile-guest.ts";
import { hasTool } from "../../../../support/run.ts";

/** wasm-rt.h comes with wasm2c. */
export const HAS_HOST_TOOLS = ["gcc", "wasm2c"].every(hasTool);
export const FATAL = 3;

const BOARD = join(ROOT, "unikernel/boards/metal");
const HERE = join(ROOT, "test/unikernel/boards/metal/hosted");

export interface Hosted {
  /** Runs a command to its end; throws what a sanitizer or a check of the harness says. */
  run(words: (string | number | bigint)[], input?: string): { code: number | null; out: string };
  /** Gives each line to a command and returns what it said. */
  lines(words: (string | number)[], input: readonly string[]): string[];
  remove(): void;
}

/** Whole files of the board, and others by way of a file here that includes them. */
export function compileHosted(): Hosted {
  const folder = mkdtempSync(join(tmpdir(), "pinata-hosted-"));
  const program = join(folder, "hosted");
  const pages = Object.entries(GUEST_MODULES).map(([name, { pages }]) => `-D${name.toUpperCase()}_PAGES=${pages}`);
  const sources = [
    ...["start.c", "virtio.c", "nic.c", "print.c", "trace.c"].map((name) => join(BOARD, name)),
    ...readdirSync(HERE)
      .filter((name) => name.endsWith(".c"))
      .map((name) => join(HERE, name)),
  ];
  const { status, stderr } = spawnSync(
    "gcc",
    [
      ...["-std=gnu11", "-O1", "-g", "-no-pie", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror"],
      ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
      ...[...pages, `-I${BOARD}`, `-I${HERE}`, "-include", join(HERE, "seam.h"), ...sources, "-o", program],
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the board does not compile for the host:\n${stderr}`);
  const run: Hosted["run"] = (words, input = "") => {
    const ended = spawnSync(program, words.map(String), { input, encoding: "utf8", maxBuffer: 1 << 26 });
    if (ended.stderr || ended.status === 1 || ended.status === 2 || ended.signal)
      throw new Error(`${words.join(" ")}: ${ended.signal ?? ended.status}\n${ended.stderr}`);
    return { code: ended.status, out: ended.stdout.trimEnd() };
  };
  return {
    run,
    lines: (words, input) => run(words, `${input.join("\n")}\n`).out.split("\n"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
