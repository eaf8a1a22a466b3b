/**
 * `npm run setup:metal`: installs what building and running the metal board takes (Debian: QEMU, wabt, gcc), as far as it is
 * missing. Elsewhere, or without the rights, one line says what to do. The list is the one in infra/image/tools.ts; a test compares them.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const INSTALLER = "apt-get";
const TOOLS = {
  "qemu-system-x86_64": "qemu-system-x86",
  wasm2c: "wabt",
  gcc: "gcc",
};

const missing = Object.keys(TOOLS).filter((program) => !isOnPath(program));
if (missing.length === 0) end(0, "the metal board has all that it takes");
const install = ["install", "-y", "--no-install-recommends", ...missing.map((program) => TOOLS[program])];
if (!isOnPath(INSTALLER)) {
  end(1, `this is not Debian: install what brings ${missing.join(", ")} (QEMU, wabt, gcc) with your package manager`);
}
if (process.getuid?.() !== 0) {
  end(1, `this takes root: sudo sh -c "apt-get update && apt-get ${install.join(" ")}"`);
}
for (const args of [["update"], install]) {
  const { status, error } = spawnSync(INSTALLER, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status !== 0)
    end(1, `"apt-get ${args.join(" ")}" failed${error ? `: ${error.message}` : ""}; mend what it says and try again`);
}
const still = missing.filter((program) => !isOnPath(program));
if (still.length > 0) end(1, `installed, but ${still.join(", ")} is still not on the PATH`);
end(0, `installed: ${missing.join(", ")}`);

function end(code, line) {
  (code === 0 ? process.stdout : process.stderr).write(`${line}\n`);
  process.exit(code);
}

/** The same as infra/cli/on-path.ts: nothing of ours can be loaded yet. */
function isOnPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
