/**
 * A monitor that was away while blocks were made: from its start until its checked verdict is about the new tip. The coin was
 * taken in the first of the blocks that it missed, so that it must find the thief at the far end. The node has either no
 * index, block filters, or the spender index. Then the cost of a restart: with what is kept, and with nothing.
 */
import { z } from "zod";
import { mebibytes, type Report, spread } from "./figures.ts";
import { World } from "./world.ts";

export interface CatchUpEffort {
  blocks: readonly number[];
  restarts: number;
}

const NODES: readonly (readonly [string, ...string[]])[] = [
  ["spender index", "--txospenderindex"],
  ["block filters", "--blockfilterindex"],
  ["no index"],
];
const HEADER_BYTES = 80;

export async function benchCatchUp({ blocks, restarts }: CatchUpEffort, report: Report): Promise<void> {
  let before: Map<string, number> | undefined;
  for (const count of blocks) {
    const times = await catchUp(count, restarts, report);
    if (before) {
      const grown = [...times].map(([name, time]) => `${name} ${(time / before!.get(name)!).toFixed(1)} x`);
      report.line(`  growth: ${grown.join(", ")}`);
    }
    before = times;
  }
}

async function catchUp(blocks: number, restarts: number, report: Report): Promise<Map<string, number>> {
  const world = await World.start();
  const times = new Map<string, number>();
  try {
    const [coin] = await world.fund(1);
    // Each node has a monitor that stopped here.
    for (const [name] of NODES) {
      const monitor = await world.monitor(`${name}.sqlite`);
      await monitor.checked(1);
      await monitor.stop();
    }
    report.heading(`restart, the median of ${restarts}: from the process's start to its first checked verdict`);
    await restart(world, restarts, "few headers kept", "no index.sqlite", report);
    await restart(world, restarts, "an empty store, a short chain", undefined, report);

    await world.take(coin!);
    await world.mine(blocks);
    const height = await world.rpc("getblockcount", [], z.number());
    report.heading(
      `${blocks.toLocaleString("en")} blocks missed (${((blocks * HEADER_BYTES) / 1024).toFixed(0)} KiB of headers)`,
    );
    for (const [name, ...flags] of NODES) {
      await world.chain(...flags);
      world.alarms.length = 0;
      const monitor = await world.monitor(`${name}.sqlite`);
      const verdict = monitor.until("the verdict of now", ({ tip, coins, verdict: said, sources }) => {
        const isThere = tip?.height === height && coins.every(({ spend }) => spend?.block !== undefined);
        return isThere && said === "smashed" && sources.every(({ healthy }) => healthy);
      });
      const { at } = await world.alarm(coin!);
      const time = await verdict;
      times.set(name, time);
      report.line(
        `  ${name.padEnd(14)} alarm after ${seconds(at - monitor.begun.clock)}, verdict after ${seconds(time)}: ${Math.round((1000 * blocks) / time)} blocks/s`,
      );
      await monitor.stop();
    }
    await world.chain("--txospenderindex");
    await restart(world, restarts, `${height.toLocaleString("en")} headers kept`, "spender index.sqlite", report);
  } finally {
    await world.stop();
  }
  return times;
}

async function restart(world: World, times: number, what: string, store: string | undefined, report: Report) {
  const took: number[] = [];
  let bytes = 0;
  for (let i = 0; i < times; i++) {
    const monitor = await world.monitor(store ?? `empty ${i}.sqlite`);
    took.push(await monitor.checked(1));
    bytes = await monitor.resident();
    await monitor.stop();
  }
  const { min, median, max } = spread(took);
  report.line(`  ${what}: ${seconds(median)} (${seconds(min)}..${seconds(max)}), ${mebibytes(bytes)} resident`);
}

const seconds = (millis: number) => `${(millis / 1000).toFixed(2)} s`;
