/** What `pinata start` does when something dies: nothing is left running, nothing is lost, and what fell is picked up again. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { METAL_TOOLS } from "../../infra/image/tools.ts";
import { isRunning } from "../../infra/processes.ts";
import { status } from "../../monitor/schema.ts";
import { hasTool } from "../support/run.ts";
import { type Started, startEverything } from "../support/started.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-survival-"));
let started: Started | undefined;
afterEach(async () => {
  if (started?.child.exitCode === null && started.child.signalCode === null) await started.interrupt();
  started = undefined;
});

/** Child processes: pid by what `name` finds in their command lines. */
function children(parent: number | undefined, name: RegExp): [string, number][] {
  const list = execFileSync("ps", ["-e", "-o", "ppid=,pid=,args="], { encoding: "utf8" });
  return list.split("\n").flatMap((line) => {
    const [, ppid, pid, args = ""] = /^\s*(\d+)\s+(\d+) (.*)$/.exec(line) ?? [];
    const found = name.exec(args)?.[0];
    return Number(ppid) === parent && found !== undefined ? [[found, Number(pid)]] : [];
  });
}

const ENTRY = /\b(monitor|web|infra\/devchain|infra\/machine|unikernel\/boards\/node)\/main\.ts/;
const MACHINE = "infra/machine/main.ts";
const QEMU = "qemu-system-x86_64";

/** The programs of a start: pid by entry file, and QEMU's. */
function programs(of: Started): Map<string, number> {
  const found = new Map(children(of.child.pid, ENTRY));
  const machine = found.get(MACHINE);
  return machine === undefined ? found : new Map([...found, ...children(machine, /^qemu-system-x86_64/)]);
}

const look = async () => status.parse(await (await fetch(`${started!.monitor}/v1/status`)).json());

const metal = METAL_TOOLS.map(({ program }) => hasTool(program)).every(Boolean);

const BOARDS = [
  ["node", ["unikernel/boards/node/main.ts"], true],
  ["metal", [QEMU, MACHINE], metal],
] as const;

for (const [board, parts, hasItsTools] of BOARDS)
  describe.runIf(hasItsTools)(`pinata start, ${board} board`, () => {
    it("leaves nothing running when it is killed, and the next start goes on with the same piñata", async () => {
      const dir = join(folder, `killed-${board}`);
      started = await startEverything(dir, ["--board", board]);
      const { address } = started;
      const pids = [...programs(started).values()];
      expect(pids).toHaveLength(3 + parts.length);
      process.kill(started.child.pid!, "SIGKILL");
      await expect.poll(() => pids.filter((pid) => isRunning(pid)), { timeout: 30_000 }).toEqual([]);
      expect(existsSync(join(dir, "lock"))).toBe(true);
      started = await startEverything(dir, ["--board", board]);
      expect(started.address).toBe(address);
      await expect.poll(async () => (await look()).verdict, { timeout: 30_000 }).toBe("sealed");
    }, 600_000);

    it("picks a program up again that was killed: same port, same state", async () => {
      started = await startEverything(join(folder, `one-${board}`), ["--board", board]);
      await expect.poll(async () => (await look()).verdict, { timeout: 30_000 }).toBe("sealed");
      const before = await look();
      for (const entry of ["monitor/main.ts", ...parts]) {
        const pid = programs(started).get(entry)!;
        process.kill(pid, "SIGKILL");
        await expect.poll(() => programs(started!).get(entry) ?? pid, { timeout: 30_000 }).not.toBe(pid);
        if (entry === QEMU) {
          await expect.poll(() => started!.said(), { timeout: 30_000 }).toContain("the piñata: the machine is back\n");
          expect(started.said()).toContain("the piñata: the machine ended (SIGKILL); starting it again in 1 s\n");
        }
      }
      const again = async () => {
        try {
          const { verdict, coins, pinata } = await look();
          return {
            verdict,
            coin: coins[0]?.outpoint,
            doors: pinata?.doors,
            boots: pinata?.boot !== before.pinata?.boot,
          };
        } catch {
          return undefined;
        }
      };
      const { doors } = before.pinata!;
      await expect
        .poll(again, { timeout: 30_000 })
        .toEqual({ verdict: "sealed", coin: before.coins[0]!.outpoint, doors, boots: true });
    }, 120_000);
  });

describe("pinata start", () => {
  it("takes over the lock of a process that is gone", async () => {
    const dir = join(folder, "one-node");
    writeFileSync(join(dir, "lock"), "4194305");
    started = await startEverything(dir);
    expect(await started.interrupt()).toBe(0);
    expect(existsSync(join(dir, "lock"))).toBe(false);
    expect(existsSync(join(dir, "run.json"))).toBe(false);
  }, 60_000);

  it("hangs a new one with --new and keeps the old one aside", async () => {
    const dir = join(folder, "one-node");
    const before = readdirSync(dir).sort();
    started = await startEverything(dir, ["--new"]);
    expect(readdirSync(`${dir}.1`).sort()).toEqual(before);
    expect((await look()).attempts.total).toBe(0);
    expect(await started.interrupt()).toBe(0);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);
});
