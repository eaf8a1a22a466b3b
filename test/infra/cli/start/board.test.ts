/** Which board `pinata start` takes: the virtual machine where QEMU and the compilers are, else Node, and it says so. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { METAL_TOOLS } from "../../../../infra/image/tools.ts";
import { traceEvent } from "../../../../unikernel/trace.ts";
import { hasTool, run } from "../../../support/run.ts";
import { startEverything } from "../../../support/started.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-board-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const PORTS = ["--web-port", "--monitor-port", "--chain-port", "--server-port", "--dialback-port", "--client-port"];
const anyPorts = PORTS.flatMap((option) => [option, "0"]);
const without = { ...process.env, PATH: folder };
const pinata = join(ROOT, "bin/pinata.mjs");
const metal = METAL_TOOLS.map(({ program }) => hasTool(program)).every(Boolean);

describe("without QEMU and compilers", () => {
  it("auto is the Node board, with one line on what is missing and how to get it", async () => {
    const child = spawn(process.execPath, [pinata, "start", "--dir", join(folder, "auto"), ...anyPorts], {
      env: without,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await Promise.race([expect.poll(() => out, { timeout: 50_000 }).toContain("Ctrl-C stops everything"), exited]);
    child.kill("SIGINT");
    expect(await exited).toBe(0);
    expect(out).toMatch(/^ {4}runs in {4}this machine's Node \(Node board\), image [0-9a-f]{16}…$/m);
    expect(out).toMatch(/^ {4}maintain {3}http:\/\/localhost:\d+\/maintain {3}the token is in \S*auto\/admin-token$/m);
    expect(said.match(/on the Node board/g)).toHaveLength(1);
    expect(said).toMatch(/qemu-system-x86_64, wasm2c, gcc would be needed \(npm run setup:metal\)$/m);
  });

  it("--board metal is refused before anything is written", async () => {
    const args = ["start", "--dir", join(folder, "metal"), ...anyPorts, "--board", "metal"];
    const { code, stdout, stderr } = await run(process.execPath, [pinata, ...args], { env: without, input: "" });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      "pinata: the metal board takes qemu-system-x86_64 and wasm2c and gcc, not on the PATH here: npm run setup:metal\n",
    );
  });
});

describe.runIf(metal)("with QEMU and compilers", () => {
  it("an IPv6 host is refused before anything is written, with the board that can", async () => {
    const dir = join(folder, "v6");
    const args = ["start", "--dir", dir, ...anyPorts, "--host", "::1"];
    expect(await run(process.execPath, [pinata, ...args], { input: "" })).toEqual({
      code: 2,
      stdout: "",
      stderr: "pinata: QEMU forwards IPv4 only, and ::1 is not: choose another --host, or --board node\n",
    });
    expect(existsSync(dir)).toBe(false);
  });

  it("auto is the metal board, and a piñata may go from one board to the other", async () => {
    const dir = join(folder, "both");
    const node = await startEverything(dir);
    expect(node.board).toBe("node");
    expect(await node.interrupt()).toBe(0);
    const started = await startEverything(dir, ["--board", "auto", "--no-maintainers"]);
    try {
      expect(started).toMatchObject({ board: "metal", address: node.address });
      expect(started.maintain).toBeUndefined();
      expect((await fetch(`${started.web}/maintain`)).status).toBe(404);
      expect(started.image).not.toBe(node.image);
      const seen = async () => {
        const status = (await (await fetch(`${started.monitor}/v1/status`)).json()) as { pinata: unknown };
        const { board, image, doors } = traceEvent.options[0].partial().parse(status.pinata);
        return { board, image, server: doors?.server, client: doors?.client };
      };
      const { server, client } = started.doors;
      // The trace holds the Node board's boot too: the monitor may still be reading it.
      await expect.poll(seen, { timeout: 30_000 }).toEqual({ board: "metal", image: started.image, server, client });
    } finally {
      expect(await started.interrupt()).toBe(0);
    }
  }, 600_000);
});
