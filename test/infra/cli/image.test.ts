/** `pinata image`: what it prints, what it lacks, and that the image is the same wherever and whenever it is built. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { verdict } from "../../../infra/cli/image.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { firstDifference } from "../../../infra/image/twice.ts";
import { hasTool, run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = join(ROOT, "bin/pinata.mjs");
const compilers = ["wasm2c", "gcc"].map(hasTool).every(Boolean);

/** To its end, however long the compilers take. */
function pinata(...args: string[]): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [program, "image", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout })));
}

describe("two builds", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  it("that are the same do not differ", () => {
    expect(firstDifference(bytes(1, 2), bytes(1, 2))).toBeUndefined();
    expect(verdict(undefined, true, ["aa", "aa"])).toMatch(/^reproducible/);
  });

  it("that differ do so first at one byte, or at the end of the shorter", () => {
    expect(firstDifference(bytes(1, 2, 3), bytes(1, 9, 4))).toEqual({ offset: 1, bytes: [2, 9] });
    expect(firstDifference(bytes(1, 2), bytes(1, 2, 3))).toEqual({ offset: 2, bytes: [undefined, 3] });
    expect(verdict({ offset: 2, bytes: [undefined, 3] }, false, ["aa", "bb"])).toBe(
      "NOT reproducible: two builds differ first at byte 2: the end in one, 03 in the other",
    );
  });

  it("that agree with each other but not with the one here are no success", () => {
    expect(verdict(undefined, false, ["aa", "aa"])).toBe("NOT reproducible: built in two other folders it is aa");
  });
});

describe("pinata image", () => {
  it("without compilers says how to get them", async () => {
    const { code, stdout, stderr } = await run(process.execPath, [program, "image"], {
      env: { ...process.env, PATH: folder },
      input: "",
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe("pinata: building the image takes wasm2c and gcc, not on the PATH here: npm run setup:metal\n");
  });

  it.runIf(compilers)("is told before it begins that there is no place for the image", async () => {
    const begun = join(folder, "tmp");
    mkdirSync(begun);
    const image = (out: string) =>
      run(process.execPath, [program, "image", "--out", out], { env: { ...process.env, TMPDIR: begun }, input: "" });
    const { code, stdout, stderr } = await image(folder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(`pinata: the image is a file, and ${folder} is a folder: see --out\n`);
    const below = await image(join(program, "pinata.elf"));
    expect({ code: below.code, stdout: below.stdout }).toEqual({ code: 1, stdout: "" });
    expect(below.stderr).toMatch(/^pinata: the image cannot be written: E[A-Z]+: .*\n$/);
    expect(readdirSync(begun).filter((name) => name.startsWith("pinata-"))).toEqual([]);
  });

  it.runIf(compilers)("that is interrupted leaves nothing behind", async () => {
    const begun = join(folder, "interrupted");
    mkdirSync(begun);
    // Another compiler makes the image stale; this one never ends before its caller.
    const compiler = '#!/bin/sh\n[ "$1" = --version ] && exec echo patient\nexec cat\n';
    writeFileSync(join(begun, "gcc"), compiler, { mode: 0o755 });
    const env = { ...process.env, TMPDIR: begun, PATH: `${begun}${delimiter}${process.env.PATH}` };
    const out = join(folder, "never.elf");
    const child = spawn(process.execPath, [program, "image", "--out", out], { cwd: folder, env, stdio: "ignore" });
    const ours = () => readdirSync(begun).filter((name) => name.startsWith("pinata-metal-"));
    await expect.poll(ours, { timeout: 60_000 }).toHaveLength(1);
    await expect.poll(() => readdirSync(join(begun, ours()[0]!)), { timeout: 60_000 }).toContain("guest");
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(ours()).toEqual([]);
    expect(existsSync(out)).toBe(false);
  });

  it.runIf(compilers)(
    "prints file, size and SHA-256 of what it has built where it was told",
    async () => {
      const out = join(folder, "here/pinata.elf");
      const { code, stdout } = await pinata("--out", out);
      expect(code).toBe(0);
      const built = readFileSync(out);
      const hash = createHash("sha256").update(built).digest("hex");
      expect(stdout).toBe(`${out}\n${built.length} bytes\nSHA-256 ${hash}\n`);
      expect(readdirSync(join(folder, "here"))).toEqual(["pinata.elf"]);
      expect(existsSync(join(folder, "build"))).toBe(false);
      for (const leak of [ROOT, folder, process.env.HOME ?? ROOT]) expect(built.includes(leak)).toBe(false);
    },
    600_000,
  );

  it.runIf(compilers)(
    "--check builds it twice more, in other folders, times and surroundings: the same byte for byte",
    async () => {
      const { code, stdout } = await pinata("--check", "--json");
      const { reproducible, builds, sha256, difference } = JSON.parse(stdout) as {
        reproducible: boolean;
        builds: string[];
        sha256: string;
        difference: null;
      };
      expect({ reproducible, builds, difference }).toEqual({
        reproducible: true,
        builds: [sha256, sha256],
        difference: null,
      });
      expect(code).toBe(0);
    },
    1_200_000,
  );
});
