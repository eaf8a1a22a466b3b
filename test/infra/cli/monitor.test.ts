/** `pinata monitor` from outside: the monitor's own flags, and a node of the development chain as its source. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { runDevchain } from "../../../infra/devchain/main.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { PAID, PUBLIC } from "../../monitor/support/bounty.ts";
import { waitFor } from "../../monitor/support/wait.ts";
import { run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-cli-monitor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const PROGRAM = join(ROOT, "bin/pinata.mjs");

it("passes flags on: help, and mistakes in one line with exit 2", async () => {
  const help = await run(process.execPath, [PROGRAM, "monitor", "--help"], { input: "" });
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining("--source KIND:ADDRESS")]);
  const none = await run(process.execPath, [PROGRAM, "monitor", "--public", "p", "--store", "s"], { input: "" });
  expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/^monitor: sources: .*\n$/)]);
});

it("watches through the node of --source core: until it is told to stop", async () => {
  const devchain = await runDevchain({
    dir: join(folder, "chain"),
    port: 0,
    zmqPort: 0,
    blockSeconds: 0,
    log: () => {},
  });
  const file = join(folder, "public.json");
  writeFileSync(file, JSON.stringify(PUBLIC));
  const { node } = devchain;
  node.fund(PAID.script, 10_000_000n);
  node.mine(1);
  const source = ["--source", `core:${devchain.url}/rpc`];
  const flags = ["--public", file, "--store", join(folder, "store.sqlite"), "--port", "0", ...source];
  const child = spawn(process.execPath, [PROGRAM, "monitor", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "exit");
  try {
    await waitFor("the coin", () => said.includes("Sealed: 0.10000000 BTC of regtest hang here"), 60_000);
    child.kill("SIGTERM");
    expect((await ended)[0]).toBe(0);
  } finally {
    child.kill("SIGKILL");
    await devchain.close();
  }
});
