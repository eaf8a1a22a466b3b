/**
 * The monitor's settings: flags win over environment (PINATA_MONITOR_…), which wins over a JSON file (--config FILE), which
 * wins over the defaults. A mistake is one line that names the key, what was expected and what was found.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { alertSettings, SECRET_KEYS } from "./alerts/settings.ts";
import { PERIOD } from "./proofs/difficulty.ts";
import { expectedSource, readSource } from "./sources/address.ts";
import { DATABASE_URL_FORMS, isDatabaseUrl, isPostgres } from "./store/location.ts";
import { ATTEMPT_DAYS, ATTEMPT_ROWS } from "./store/store.ts";
import { ATTEMPTS_PER_SECOND } from "./trace/attempts.ts";
import { readTraceAddress, TRACE_FORMS } from "./trace/input.ts";

/** The command line, environment or file is wrong; the message is one line for a person. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

const path = z.string().min(1);
const source = z.string().superRefine((text, context) => {
  if (readSource(text) === undefined) context.addIssue({ code: "custom", message: expectedSource(text) });
});
const storeLocation = path.refine((text) => !isPostgres(text) || isDatabaseUrl(text), DATABASE_URL_FORMS);
/** A block that whoever runs the monitor knows for certain: where an empty store's chain of headers begins. */
const checkpoint = z
  .string()
  .regex(/^\d{1,7}:[0-9a-f]{64}$/, "HEIGHT:HASH, the first block of a difficulty period (height a multiple of 2016)")
  .refine((text) => Number.parseInt(text, 10) % PERIOD === 0, "a height that is a multiple of 2016");
const challenge = z
  .string()
  .regex(/^([0-9a-f]{2}){1,200}$/, "the hex of a signet's challenge script (-signetchallenge)");
const seconds = z.coerce.number().min(0.05).max(86_400);

const MAX_TRACES = 16;
const traces = z
  .union([z.string(), z.array(z.string()).max(MAX_TRACES)], TRACE_FORMS)
  .superRefine((given, context) => {
    const all = [given].flat();
    for (const [index, text] of all.entries()) {
      const message = all.indexOf(text) < index ? "an input that is not given twice" : TRACE_FORMS;
      if (readTraceAddress(text) === undefined || all.indexOf(text) < index)
        context.addIssue({ code: "custom", message, path: Array.isArray(given) ? [index] : [] });
    }
  })
  .transform((given) => [given].flat());

const settings = z
  .object({
    /** The piñata's public.json. */
    public: path,
    /** Who is asked about the chain: kind:address, such as esplora:https://blockstream.info/api (docs/sources.md). */
    sources: z.array(source).min(1, "at least one source: --source esplora:URL, core:URL or electrum:ADDRESS").max(32),
    /** HOST:PORT of the piñata's door, to look now and then whether it can be reached. */
    probe: z
      .string()
      .refine((text) => readProbe(text) !== undefined, "HOST:PORT, such as pinata.example:10000")
      .optional(),
    probeSeconds: z.coerce.number().min(1).max(86_400).default(300),
    /** Independent operators that must agree, where two are asked for by default; 1 believes the silence of any one. */
    quorum: z.coerce.number().int().min(1).max(2).optional(),
    checkpoint: checkpoint.optional(),
    /** For a signet of one's own. */
    signetChallenge: challenge.optional(),
    /** Where piñatas' traces come from (docs/attempts.md). A file need not exist yet. Without any there are no attempts. */
    trace: traces.optional(),
    /** More than so many of one piñata are sampled: all are counted, not all are kept. */
    attemptsPerSecond: z.coerce.number().int().min(1).max(10_000).default(ATTEMPTS_PER_SECOND),
    /** SQLite file, made when it is not there; or postgres://… for several monitors, of which one leads (docs/store.md). */
    store: storeLocation,
    /** The witness's key, made when it is not there; FILE.witness.pem beside a store that is a file (docs/witness.md). */
    witnessKey: path.optional(),
    /** For how many days, and how many of them at most, attempts are kept one by one; totals count all. */
    attemptDays: z.coerce.number().int().min(1).max(36_500).default(ATTEMPT_DAYS),
    attemptRows: z.coerce.number().int().min(100).max(10_000_000).default(ATTEMPT_ROWS),
    port: z.coerce.number().int().min(0).max(65_535).default(8081),
    host: z.string().min(1).default("127.0.0.1"),
    pollSeconds: seconds.default(1),
    blindSeconds: seconds.default(30),
    /** Only in the file of --config. */
    alerts: alertSettings.optional(),
  })
  .strict()
  .refine(
    ({ trace = [], store }) => !isPostgres(store) || trace.every((text) => readTraceAddress(text)?.kind !== "fd"),
    {
      path: ["trace"],
      message: "no open pipe (- or fd:N) where several monitors share a store: a standby could not read it",
    },
  );

export type MonitorConfig = z.infer<typeof settings>;
/** The same with defaults left out. */
export type MonitorSettings = z.input<typeof settings>;

const FLAGS = {
  public: "public",
  source: "sources",
  quorum: "quorum",
  probe: "probe",
  "probe-seconds": "probeSeconds",
  checkpoint: "checkpoint",
  "signet-challenge": "signetChallenge",
  trace: "trace",
  "attempts-per-second": "attemptsPerSecond",
  store: "store",
  "attempt-days": "attemptDays",
  "attempt-rows": "attemptRows",
  port: "port",
  host: "host",
  "poll-seconds": "pollSeconds",
  "blind-seconds": "blindSeconds",
  "witness-key": "witnessKey",
} as const;
/** The one setting of alerts that is a flag too: `pinata start` makes the file. */
const ADMIN_TOKEN = "admin-token-file";

export const USAGE = `usage: monitor --public FILE --store FILE|postgres://… --source KIND:ADDRESS …
       [--probe HOST:PORT] [--quorum 1|2] [--checkpoint HEIGHT:HASH] [--signet-challenge HEX] [--trace INPUT …] [--attempts-per-second N] [--check] [--port N] [--host ADDRESS] [--poll-seconds N] [--blind-seconds N]
       [--witness-key FILE] [--admin-token-file FILE] [--config FILE]
Sources: esplora:https://host/api, core:http://user:password@host:port, core:/data/directory, electrum:tcp://host:port,
electrum:tls://host:port#sha256:FINGERPRINT; --source is repeated for several (docs/sources.md).
Traces: a file, a named pipe, - or fd:N for an open pipe, tcp://host:port to fetch one, tcp-listen://[host]:port to be sent
them; --trace is repeated for several (docs/attempts.md). --check looks at everything, says what it found and starts nothing.
Each flag can also be set as PINATA_MONITOR_FLAG_NAME in the environment (source, trace: separated by spaces), or in the JSON
file of --config with the names ${Object.values(FLAGS).join(", ")}. Alerts are set up there too,
under the name alerts (docs/alerts.md); --admin-token-file is its adminTokenFile.`;

/** "host:port" or "[address]:port". */
export function readProbe(text: string): { host: string; port: number } | undefined {
  const [, six, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? name;
  const port = Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

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
    Object.assign(options, { config: string, [ADMIN_TOKEN]: string });
    ({ values } = parseArgs({ args, options }) as { values: typeof values });
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
  const adminTokenFile = values[ADMIN_TOKEN] ?? variable(ADMIN_TOKEN);
  const alerts = merged.alerts ?? {};
  // What is no section of alerts is left to be complained of.
  if (adminTokenFile !== undefined && isRecord(alerts)) merged.alerts = { ...alerts, adminTokenFile };
  return checkConfig(merged);
}

function isList(flag: keyof typeof FLAGS): boolean {
  return flag === "source" || flag === "trace";
}

function readFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read as JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isRecord(value)) throw new ConfigError(`${file}: expected a JSON object`);
  return { ...value };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON, without the secrets in it: those of alerts, and a URL's user and password. */
function show(key: PropertyKey | undefined, value: unknown): string {
  const hide = (name: string, inner: unknown): unknown =>
    SECRET_KEYS.includes(name) && inner !== undefined ? "(not shown)" : inner;
  return JSON.stringify(hide(String(key), value), hide)
    .replace(/:\/\/[^/@#"]*@/g, "://(not shown)@")
    .replace(/\bpassword=[^&#"]*/g, "password=(not shown)");
}

function at(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
