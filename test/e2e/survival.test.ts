/** What `pinata start` does when something dies: nothing is left running, nothing is lost, and what fell is picked up again. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isRunning } from "../../infra/processes.ts";
import { status } from "../../monitor/schema.ts";
import { type Started, startEverything } from "../support/started.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-survival-"));
let started: Started | undefined;
afterEach(async () => {
  if (started?.child.exitCode === null && started.child.signalCode === null) await started.interrupt();
  started = undefined;
});

/** The programs of a start: pid by entry file. */
function programs(of: Started): Map<string, number> {
  const list = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(of.child.pid)], { encoding: "utf8" });
  return new Map(
    list
      .trim()
      .split("\n")
      .flatMap((line) => {
        const found = /^\s*(\d+) .*?((?:monitor|web|infra\/devchain|unikernel\/boards\/node)\/main\.ts)/.exec(line);
        return found ? [[found[2]!, Number(found[1])] as const] : [];
      }),
  );
}

const look = async () => status.parse(await (await fetch(`${started!.monitor}/v1/status`)).json());

describe("pinata start", () => {
  it("leaves nothing running when it is killed, and the next start goes on with the same piñata", async () => {
    const dir = join(folder, "killed");
    started = await startEverything(dir);
    const { address } = started;
    const pids = [...programs(started).values()];
    expect(pids).toHaveLength(4);
    process.kill(started.child.pid!, "SIGKILL");
    await expect.poll(() => pids.filter((pid) => isRunning(pid)), { timeout: 30_000 }).toEqual([]);
    expect(existsSync(join(dir, "lock"))).toBe(true);
    started = await startEverything(dir);
    expect(started.address).toBe(address);
    await expect.poll(async () => (await look()).verdict, { timeout: 30_000 }).toBe("sealed");
  }, 120_000);

  it("picks a program up again that was killed: same port, same state", async () => {
    started = await startEverything(join(folder, "one"));
    await expect.poll(async () => (await look()).verdict, { timeout: 30_000 }).toBe("sealed");
    const before = await look();
    for (const entry of ["monitor/main.ts", "unikernel/boards/node/main.ts"]) {
      const pid = programs(started).get(entry)!;
      process.kill(pid, "SIGKILL");
      await expect.poll(() => programs(started!).get(entry) ?? pid, { timeout: 30_000 }).not.toBe(pid);
    }
    const again = async () => {
      try {
        const { verdict, coins, pinata } = await look();
        return { verdict, coin: coins[0]?.outpoint, doors: pinata?.doors, boots: pinata?.boot !== before.pinata?.boot };
      } catch {
        return undefined;
      }
    };
    const { doors } = before.pinata!;
    await expect
      .poll(again, { timeout: 30_000 })
      .toEqual({ verdict: "sealed", coin: before.coins[0]!.outpoint, doors, boots: true });
  }, 120_000);

  it("takes over the lock of a process that is gone", async () => {
    const dir = join(folder, "one");
    writeFileSync(join(dir, "lock"), "4194305");
    started = await startEverything(dir);
    expect(await started.interrupt()).toBe(0);
    expect(existsSync(join(dir, "lock"))).toBe(false);
    expect(existsSync(join(dir, "run.json"))).toBe(false);
  }, 60_000);

  it("hangs a new one with --new and keeps the old one aside", async () => {
    const dir = join(folder, "one");
    const before = readdirSync(dir).sort();
    started = await startEverything(dir, ["--new"]);
    expect(readdirSync(`${dir}.1`).sort()).toEqual(before);
    expect((await look()).attempts.total).toBe(0);
    expect(await started.interrupt()).toBe(0);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);
});
