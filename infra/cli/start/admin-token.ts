/**
 * The token with which maintainers sign in (docs/alerts.md): the one that the monitor's own settings name, else one that is made
 * for this piñata once and kept. It is in a file for its owner alone, and never printed.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { ROOT } from "../../image/compile-guest.ts";
import { CommandError } from "../errors.ts";
import type { StateDir } from "./state-dir.ts";

export interface AdminToken {
  /** Where it lies. */
  file: string;
  /** What the monitor has to be told of it beside its own settings. */
  flags: string[];
}

/** What matters here of the file that PINATA_MONITOR_CONFIG names; whether it is right is for the monitor to say. */
const settings = z.object({ alerts: z.object({ adminTokenFile: z.string().min(1) }) });

/** Throws a CommandError when the file cannot be written. */
export function adminToken(dir: StateDir, environment: Readonly<Record<string, string | undefined>>): AdminToken {
  const own = environment.PINATA_MONITOR_ADMIN_TOKEN_FILE ?? tokenFileIn(environment.PINATA_MONITOR_CONFIG);
  // The monitor runs in the project's folder.
  if (own !== undefined) return { file: resolve(ROOT, own), flags: [] };
  const file = dir.adminToken;
  if (!existsSync(file)) make(file);
  return { file, flags: ["--admin-token-file", file] };
}

function tokenFileIn(config: string | undefined): string | undefined {
  if (config === undefined) return undefined;
  try {
    return settings.safeParse(JSON.parse(readFileSync(resolve(ROOT, config), "utf8"))).data?.alerts.adminTokenFile;
  } catch {
    return undefined;
  }
}

/** There with all of it or not at all: the folder's lock is held, so nobody else writes here. */
function make(file: string): void {
  const draft = `${file}.draft`;
  try {
    // One that a crash has left could be readable for others.
    rmSync(draft, { force: true });
    writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
    renameSync(draft, file);
  } catch (error) {
    throw new CommandError(`cannot write ${file}: ${(error as Error).message}`);
  }
}
