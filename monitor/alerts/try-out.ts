/**
 * The test alert: through an outbox of its own (the running monitor holds the real one) to the same channels, by the same
 * sender, once for each, with what came of it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import type { MonitorConfig } from "../config.ts";
import { readPinata } from "../pinata.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { makeChannels } from "./channels/make.ts";
import { happening } from "./outbox.ts";
import { Sender } from "./sender.ts";
import { words } from "./texts.ts";

export interface Trial {
  channel: string;
  /** Why it was not taken; null when it was. */
  problem: string | null;
  milliseconds: number;
}

/** One result for each channel, in the order of the configuration. Throws ConfigError or Error as the monitor's start does. */
export async function tryOut(config: MonitorConfig, settings: NonNullable<MonitorConfig["alerts"]>): Promise<Trial[]> {
  const { network, address, rules } = readPinata(config.public);
  const channels = makeChannels(settings, systemClock.now);
  const folder = mkdtempSync(join(tmpdir(), "pinata-alert-"));
  const names = channels.map(({ name }) => name);
  const context = { network, address, acknowledgeAt: null };
  const file = join(folder, "outbox.sqlite");
  const store = await openSqliteStore(file, { identity: "test", rules, channels: names, context });
  try {
    await store.commit({ alerts: [happening("test", "raised", systemClock.now(), words.test())] });
    const quiet = { info: () => {}, problem: () => {}, recovered: () => {} };
    const sender = new Sender({
      store,
      channels,
      clock: systemClock,
      random: Math.random,
      log: quiet,
      report: () => {},
    });
    return await Promise.all(
      names.map(async (channel) => {
        const start = performance.now();
        const problem = await sender.once(channel);
        return { channel, problem, milliseconds: Math.round(performance.now() - start) };
      }),
    );
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
