/**
 * The monitor's settings: flags win over environment (PINATA_MONITOR_…), which wins over a JSON file (--config FILE), which
 * wins over the defaults. A mistake is one line that names the key, what was expected and what was found.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { alertSettings, SECRET_KEYS } from "./alerts/settings.ts";
import { readElectrumAddress } from "./sources/electrum/address.ts";

/** The command line, environment or file is wrong; the message is one line for a person. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

const path = z.string().min(1);
const httpUrl = z.string().refine((text) => /^https?:$/.test(parseUrl(text)?.protocol ?? ""), "an http or https URL");
const electrumAddress = z
  .string()
  .refine(
    (text) => readElectrumAddress(text) !== undefined,
    "tcp://host:port, tls://host:port or tls://host:port#sha256:… with 64 hex digits",
  );
const seconds = z.coerce.number().min(0.05).max(86_400);

const settings = z
  .object({
    /** The piñata's public.json. */
    public: path,
    /** Base URLs of Esplora APIs. */
    esplora: z.array(httpUrl).max(16).default([]),
    /** Bitcoin Core's JSON-RPC; user:password in the URL, or a cookie file. */
    core: httpUrl.optional(),
    coreCookie: path.optional(),
    /** Electrum servers: tcp://host:port or tls://host:port#sha256:… */
    electrum: z.array(electrumAddress).max(16).optional(),
    /** The piñata's trace file; it need not exist yet. Without one there are no attempts to show. */
    trace: path.optional(),
    /** SQLite file; made when it is not there. */
    store: path,
    port: z.coerce.number().int().min(0).max(65_535).default(8081),
    host: z.string().min(1).default("127.0.0.1"),
    pollSeconds: seconds.default(1),
    blindSeconds: seconds.default(30),
    /** Only in the file of --config. */
    alerts: alertSettings.optional(),
  })
  .strict()
  .refine(({ esplora, core, electrum = [] }) => esplora.length + electrum.length > 0 || core !== undefined, {
    path: ["esplora"],
    message: "at least one source: --esplora URL or --core URL or --electrum ADDRESS",
  })
  .refine((value) => value.coreCookie === undefined || value.core !== undefined, {
    path: ["coreCookie"],
    message: "needs --core URL too",
  });

export type MonitorConfig = z.infer<typeof settings>;
/** The same with defaults left out. */
export type MonitorSettings = z.input<typeof settings>;

const FLAGS = {
  public: "public",
  esplora: "esplora",
  core: "core",
  "core-cookie": "coreCookie",
  electrum: "electrum",
  trace: "trace",
  store: "store",
  port: "port",
  host: "host",
  "poll-seconds": "pollSeconds",
  "blind-seconds": "blindSeconds",
} as const;

export const USAGE = `usage: monitor --public FILE --store FILE (--esplora URL … | --core URL [--core-cookie FILE] |
       --electrum tcp://HOST:PORT | --electrum tls://HOST:PORT[#sha256:FINGERPRINT] …)
       [--trace FILE] [--port N] [--host ADDRESS] [--poll-seconds N] [--blind-seconds N] [--config FILE]
Each flag can also be set as PINATA_MONITOR_FLAG_NAME in the environment (esplora, electrum: separated by spaces), or in the JSON
file of --config with the names ${Object.values(FLAGS).join(", ")}. Alerts are set up there too,
under the name alerts (docs/alerts.md).`;

/** Checks settings that come from a program. Throws {@link ConfigError}. */
export function checkConfig(input: unknown): MonitorConfig {
  const result = settings.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = [...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])].join(".");
  const found = at(input, issue.path);
  const shown = found === undefined ? "nothing" : show(issue.path.at(-1), found);
  throw new ConfigError(
    `${key || "the settings"}: ${issue.message}; found ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown}`,
  );
}

/** Settings of a command line. `environment`: process.env. Throws {@link ConfigError}. */
export function readConfig(args: string[], environment: Readonly<Record<string, string | undefined>>): MonitorConfig {
  const string = { type: "string" } as const;
  const flags = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
  let values: Record<string, string | string[] | undefined>;
  try {
    const options = Object.fromEntries(flags.map((flag) => [flag, { ...string, multiple: isList(flag) }]));
    ({ values } = parseArgs({ args, options: { ...options, config: string } }) as { values: typeof values });
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message.split("\n")[0]! : String(error));
  }
  const variable = (name: string): string | undefined =>
    environment[`PINATA_MONITOR_${name.toUpperCase().replaceAll("-", "_")}`];
  const file = (values.config as string | undefined) ?? variable("config");
  const merged: Record<string, unknown> = file === undefined ? {} : readFile(file);
  for (const flag of flags) {
    const set = variable(flag);
    const value = values[flag] ?? (isList(flag) ? set?.split(/\s+/).filter(Boolean) : set);
    if (value !== undefined) merged[FLAGS[flag]] = value;
  }
  return checkConfig(merged);
}

function isList(flag: keyof typeof FLAGS): boolean {
  return flag === "esplora" || flag === "electrum";
}

function readFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read as JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(`${file}: expected a JSON object`);
  }
  return { ...value };
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** As JSON, without the secrets in it. */
function show(key: PropertyKey | undefined, value: unknown): string {
  const hide = (name: string, inner: unknown): unknown =>
    SECRET_KEYS.includes(name) && inner !== undefined ? "(not shown)" : inner;
  return JSON.stringify(hide(String(key), value), hide);
}

function at(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
