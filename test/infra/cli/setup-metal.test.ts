/** bin/setup-metal.mjs: installs only what is missing, and says what to do where it cannot; with a stand-in for apt-get. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { METAL_TOOLS } from "../../../infra/image/tools.ts";
import { run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-setup-metal-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** With `programs` on the PATH, and an apt-get that notes its arguments and then does what `apt` says; as user `uid`. */
async function setup(programs: string[], { apt, uid = 0 }: { apt?: string; uid?: number } = {}) {
  const bin = join(folder, `bin-${++count}`);
  const called = join(folder, `called-${count}`);
  mkdirSync(bin);
  writeFileSync(called, "");
  const put = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  for (const name of programs) put(name, "exit 0");
  if (apt !== undefined) put("apt-get", `echo "$DEBIAN_FRONTEND $@" >> "$CALLED"\n${apt}`);
  const asUser = `data:text/javascript,process.getuid=()=>${uid}`;
  const outcome = await run(process.execPath, ["--import", asUser, join(ROOT, "bin/setup-metal.mjs")], {
    env: { PATH: bin, CALLED: called, BIN: bin },
    input: "",
  });
  return { ...outcome, called: readFileSync(called, "utf8") };
}
/** Makes what it is asked to install. */
const INSTALLS = `for word in "$@"; do case $word in
  qemu-system-x86) echo > "$BIN/qemu-system-x86_64"; /bin/chmod +x "$BIN/qemu-system-x86_64";;
  wabt) echo > "$BIN/wasm2c"; /bin/chmod +x "$BIN/wasm2c";;
  gcc) echo > "$BIN/gcc"; /bin/chmod +x "$BIN/gcc";;
esac; done`;
const all = METAL_TOOLS.map(({ program }) => program);

describe("npm run setup:metal", () => {
  it("has nothing to do where all is there, whoever asks", async () => {
    for (const uid of [0, 1000]) {
      const { code, stdout, called } = await setup([...all], { apt: "exit 9", uid });
      expect({ code, stdout, called }).toEqual({
        code: 0,
        stdout: "the metal board has all that it takes\n",
        called: "",
      });
    }
  });

  it("installs what is missing, and that alone", async () => {
    expect(await setup([], { apt: INSTALLS })).toMatchObject({
      code: 0,
      stdout: "installed: qemu-system-x86_64, wasm2c, gcc\n",
      called: `noninteractive update\nnoninteractive install -y --no-install-recommends ${METAL_TOOLS.map(({ package: name }) => name).join(" ")}\n`,
    });
    expect((await setup(["gcc", "qemu-system-x86_64"], { apt: INSTALLS })).called).toBe(
      "noninteractive update\nnoninteractive install -y --no-install-recommends wabt\n",
    );
  });

  it("without root prints the command", async () => {
    const { code, stdout, stderr, called } = await setup(["gcc"], { apt: INSTALLS, uid: 1000 });
    expect({ code, stdout, called }).toEqual({ code: 1, stdout: "", called: "" });
    expect(stderr).toBe(
      'this takes root: sudo sh -c "apt-get update && apt-get install -y --no-install-recommends qemu-system-x86 wabt"\n',
    );
  });

  it("elsewhere names the tools", async () => {
    const { code, stderr } = await setup(["gcc"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "this is not Debian: install what brings qemu-system-x86_64, wasm2c (QEMU, wabt, gcc) with your package manager\n",
    );
  });

  it.each([
    ["apt-get fails", "exit 7", /"apt-get update" failed; mend what it says and try again\n$/],
    ["what was installed is not there", "exit 0", /^installed, but qemu-system-x86_64 is still not on the PATH\n$/],
  ])("fails when %s", async (_, apt, words) => {
    const { code, stderr } = await setup(["gcc", "wasm2c"], { apt });
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
  });
});
