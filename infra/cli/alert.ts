/** `pinata alert test`: one test alert to each channel of a monitor's configuration. Exit 1 when one of them does not take it. */
import { tryOut } from "../../monitor/alerts/try-out.ts";
import { ConfigError, readConfig } from "../../monitor/config.ts";
import { CommandError, UsageError } from "./errors.ts";

/** `flags`: as the monitor's; the environment counts as it does there. */
export async function testAlerts(flags: string[], options: { json?: boolean }): Promise<void> {
  const trials = await attempt(flags);
  if (options.json) process.stdout.write(`${JSON.stringify(trials)}\n`);
  else {
    const width = Math.max(...trials.map(({ channel }) => channel.length));
    for (const { channel, problem, milliseconds } of trials) {
      const outcome = problem === null ? `taken in ${milliseconds} ms` : `FAILED: it ${problem}`;
      process.stdout.write(`${channel.padEnd(width)}  ${outcome}\n`);
    }
  }
  if (trials.some(({ problem }) => problem !== null)) process.exitCode = 1;
}

async function attempt(flags: string[]): ReturnType<typeof tryOut> {
  try {
    const config = readConfig(flags, process.env);
    if (!config.alerts)
      throw new ConfigError('alerts: there are none; add an "alerts" section to the file of --config');
    if (Object.keys(config.alerts.channels).length === 0)
      throw new ConfigError("alerts.channels: there are none, so there is nobody to tell");
    return await tryOut(config, config.alerts);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message);
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
}
