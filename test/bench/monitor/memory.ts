/** What the monitor's process holds in memory: with one coin and with as many as it watches, and after many attempts. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { boot, refusedAttempt } from "../../monitor/support/trace-lines.ts";
import { mebibytes, type Report } from "./figures.ts";
import { World } from "./world.ts";

export interface MemoryEffort {
  /** Growing. */
  coins: readonly number[];
  attempts: number;
}

export async function benchMemory({ coins, attempts }: MemoryEffort, report: Report): Promise<void> {
  const world = await World.start("--zmq-port", "0");
  try {
    report.heading("memory of the monitor's process");
    let funded = 0;
    const held: number[] = [];
    for (const count of coins) {
      await world.fund(count - funded);
      funded = count;
      const monitor = await world.monitor(`${count} coins.sqlite`);
      const took = await monitor.checked(count);
      held.push(await monitor.resident());
      await monitor.stop();
      report.line(
        `  ${String(count).padStart(5)} coins: ${mebibytes(held.at(-1)!)} resident, all checked ${(took / 1000).toFixed(2)} s after the start`,
      );
    }
    const each = (held.at(-1)! - held[0]!) / (coins.at(-1)! - coins[0]!);
    report.line(`  growth: ${(each / 1024).toFixed(0)} KiB for each coin`);

    const trace = join(world.folder.path, "trace");
    writeFileSync(trace, `${[...lines(attempts)].join("\n")}\n`);
    const monitor = await world.monitor("attempts.sqlite", { flags: ["--trace", trace] });
    const took = await monitor.until("all attempts", ({ attempts: { total } }) => total === attempts);
    const after = await monitor.resident();
    await monitor.stop();
    report.line(
      `  ${attempts.toLocaleString("en")} attempts read: ${mebibytes(after)} resident (${mebibytes(after - held.at(-1)!)} more than before), ${(took / 1000).toFixed(2)} s after the start`,
    );
  } finally {
    await world.stop();
  }
}

/** Ten of them in a second of the piñata's clock, all with a row of their own. */
function* lines(attempts: number): Generator<string> {
  const start = Date.now() - attempts * 100;
  yield boot(undefined, start);
  for (let i = 1; i <= attempts; i++) yield* refusedAttempt(i, { time: start + i * 100 });
}
