/** The machine's process (infra/machine/main.ts) as its parent sees it: what it says, writes and tells. */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";

export const SEAL = "pinata seal 1\nits secrets";
export const ANY_PORTS = ["--server-port", "0", "--dialback-port", "0", "--client-port", "0"];
export const MAIN = fileURLToPath(import.meta.resolve("../../../infra/machine/main.ts"));
const running: ChildProcess[] = [];

/** Ends every machine that still runs; for afterEach. */
export async function endAll(): Promise<void> {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
  }
}

/** Starts a machine with this image, in a new folder within `parent`. */
export function startProcess(parent: string, image: Uint8Array, args = ANY_PORTS, path = process.env.PATH) {
  const folder = mkdtempSync(join(parent, "machine-"));
  const trace = join(folder, "trace.jsonl");
  writeFileSync(join(folder, "image"), image, { mode: 0o600 });
  writeFileSync(join(folder, "seal"), SEAL, { mode: 0o600 });
  const child = fork(
    MAIN,
    ["--image", join(folder, "image"), "--seal", join(folder, "seal"), "--trace", trace, ...args],
    {
      execArgv: ["--import", "tsx"],
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, PATH: path },
    },
  );
  running.push(child);
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const messages: unknown[] = [];
  child.on("message", (message) => messages.push(message));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (exit) => resolve(exit))).then(
    async (exit) => {
      // Not "close": that does not come when the parent has let go of the child.
      if (child.stderr?.closed === false) await new Promise((resolve) => child.stderr?.once("close", resolve));
      return exit;
    },
  );
  return {
    child,
    folder,
    exited,
    messages,
    log: () => log,
    trace: () =>
      existsSync(trace)
        ? readFileSync(trace, "utf8")
            .trim()
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as Record<string, unknown>)
        : [],
    async ready() {
      await expect.poll(() => messages.length || log.includes("piñata:"), { timeout: 30_000 }).toBeTruthy();
      expect(log).not.toContain("piñata:");
      return messages[0] as { ready: true; boot: string; image: string; ports: Record<string, number> };
    },
    async refused() {
      const code = await exited;
      expect(messages).toEqual([]);
      return { code, words: log.split("\n").filter((line) => line.startsWith("piñata: ")) };
    },
    async stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
