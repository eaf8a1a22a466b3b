/** makeDir: as mkdir -p, with an end in every case. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeDir } from "../../../infra/cli/make-dir.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-make-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("makeDir", () => {
  it("makes every missing folder and names the first", () => {
    expect(makeDir(join(folder, "a/b/c"))).toBe(join(folder, "a"));
    expect(statSync(join(folder, "a/b/c")).isDirectory()).toBe(true);
    expect(makeDir(join(folder, "a/d"))).toBe(join(folder, "a/d"));
  });

  it("makes nothing where all is there", () => {
    mkdirSync(join(folder, "there"));
    expect(makeDir(join(folder, "there"))).toBeUndefined();
  });

  it("throws the system's error where a file is in the way", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => makeDir(join(folder, "file/under"))).toThrow(/ENOTDIR/);
  });
});
