/** bin/setup.mjs: what it says to an old Node, and when it installs; on a project of its own with a stand-in for npm. */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-setup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the Node version", () => {
  const asNode = (version: string, program: string, ...args: string[]) => {
    const versions = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`;
    return run(process.execPath, ["--import", `data:text/javascript,${versions}`, join(ROOT, program), ...args], {
      cwd: folder,
      input: "",
    });
  };

  it.each(["18.20.4", "20.18.3", "8.0.0"])(
    "%s is too old: one line says what is needed and what is here",
    async (old) => {
      const { code, stdout, stderr } = await asNode(old, "bin/pinata.mjs", "--help");
      expect(code).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toBe(`piñata needs Node 20.19 or newer; this is ${old} (${process.execPath})\n`);
    },
  );

  it.each(["20.19.0", "22.0.0", "100.1.0"])("%s will do", async (version) => {
    expect((await asNode(version, "bin/pinata.mjs", "--version")).code).toBe(0);
  });

  it("is checked by npm test too, whose last line is still the count", async () => {
    const { code, stdout, stderr } = await asNode("18.20.4", "bin/test.mjs");
    expect(code).toBe(1);
    expect(stderr).toContain("piñata needs Node 20.19");
    expect(stdout).toBe("0 passed, 1 failed\n");
  });
});

describe("dependencies", () => {
  let count = 0;
  /** A project that wants one dependency and one for development, with an npm that does what `script` says. */
  function project(script: string | undefined) {
    const root = join(folder, `project-${++count}`);
    const bin = join(root, "path");
    mkdirSync(join(root, "bin"), { recursive: true });
    mkdirSync(bin);
    cpSync(join(ROOT, "bin/setup.mjs"), join(root, "bin/setup.mjs"));
    writeFileSync(
      join(root, "package.json"),
      JSON.stringify({ dependencies: { "@a/needed": "1.2.3" }, devDependencies: { tested: "4.5.6" } }),
    );
    if (script !== undefined) {
      writeFileSync(join(bin, "npm"), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, "npm"), 0o755);
    }
    const called = join(root, "called");
    return {
      called: () => (existsSync(called) ? readFileSync(called, "utf8") : undefined),
      install(name: string, version: string) {
        const file = join(root, "node_modules", name, "package.json");
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, version.startsWith("{") ? version : JSON.stringify({ version }));
      },
      ensure: (dev: boolean) =>
        run(
          process.execPath,
          [
            "--input-type=module",
            "-e",
            `const { ensureDependencies } = await import("./bin/setup.mjs"); await ensureDependencies({ dev: ${dev} });`,
          ],
          { cwd: root, env: { PATH: bin, CALLED: called }, input: "" },
        ),
    };
  }
  const NOTES = 'echo "$@" > "$CALLED"';

  it("that are there are left alone", async () => {
    const { install, ensure, called } = project(NOTES);
    install("@a/needed", "1.2.3");
    expect(await ensure(false)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(called()).toBeUndefined();
  });

  it.each([
    ["missing", undefined],
    ["of another version", "1.2.4"],
    ["cut short", '{ "version": "1.2'],
  ])("%s are installed as pinned", async (_, version) => {
    const { install, ensure, called } = project(NOTES);
    if (version !== undefined) install("@a/needed", version);
    expect((await ensure(false)).code).toBe(0);
    expect(called()).toBe("ci --no-audit --no-fund --omit=dev\n");
  });

  it("for development are asked for only where they are needed", async () => {
    const { install, ensure, called } = project(NOTES);
    install("@a/needed", "1.2.3");
    expect((await ensure(true)).code).toBe(0);
    expect(called()).toBe("ci --no-audit --no-fund\n");
  });

  it.each([
    ["npm's own words when it fails", 'echo "npm error network"; exit 7', "npm error network"],
    ["that there is no npm", undefined, "spawn npm ENOENT"],
  ])("end the program with %s", async (_, script, words) => {
    const { code, stdout, stderr } = await project(script).ensure(false);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toBe(
      `${words}\n\n"npm ci --no-audit --no-fund --omit=dev" failed; mend what it says and try again\n`,
    );
  });
});
