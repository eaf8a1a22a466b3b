/**
 * `monitor --check`: looks at everything that the monitor would use and says of each whether it works and, if not, what to
 * do. It starts nothing, listens nowhere and writes to no store; each source is asked one round, as the monitor would ask.
 */

import { lookup } from "node:dns/promises";
import { constants } from "node:fs";
import { access, open, stat } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { makeChannels } from "./alerts/channels/make.ts";
import { readAdminToken, signingSecret } from "./alerts/secrets.ts";
import type { ChannelSettings } from "./alerts/settings.ts";
import { HeaderTree } from "./coins/header-tree.ts";
import { ConfigError, type MonitorConfig, readConfig } from "./config.ts";
import { Observer } from "./observe.ts";
import { type Pinata, readPinata, withChain } from "./pinata.ts";
import type { ChainSource } from "./sources/source.ts";
import { isPostgres } from "./store/location.ts";
import { SCHEMA_VERSION } from "./store/migrate.ts";
import { checkPostgres } from "./store/postgres.ts";
import { readTraceAddress } from "./trace/input.ts";

export interface CheckParts {
  environment: Readonly<Record<string, string | undefined>>;
  /** One line each. */
  say: (line: string) => void;
  makeSources: (config: MonitorConfig, pinata: Pinata) => ChainSource[];
}

/** What was found; thrown as an Error when it does not work. */
type Look = () => string | Promise<string>;

/** Milliseconds for one source's round, a name or a connection. */
const PATIENCE = 30_000;
/** The SQLite file format, §1.3: the user version is four bytes at 60. */
const SQLITE_HEADER = 64;

/** Answers the exit code: 0 all is well, 1 something does not work, 2 the settings are wrong. */
export async function checkMonitor(args: string[], { environment, say, makeSources }: CheckParts): Promise<0 | 1 | 2> {
  let code: 0 | 1 | 2 = 0;
  const look = async (what: string, task: Look): Promise<void> => {
    try {
      say(`ok      ${what}: ${await task()}`);
    } catch (error) {
      if (error instanceof ConfigError) code = 2;
      else if (code === 0) code = 1;
      say(`FAILED  ${what}: ${error instanceof Error ? error.message : error}`);
    }
  };
  let config: MonitorConfig | undefined;
  let pinata: Pinata | undefined;
  await look("settings", () => {
    config = readConfig(args, environment);
    return `read; the API will listen on ${config.host} port ${config.port}`;
  });
  if (!config) return code;
  const { alerts, store, trace = [] } = config;
  await look("public facts", () => {
    pinata = withChain(readPinata(config!.public), config!);
    return `${pinata.address} on ${pinata.network}`;
  });
  await look("store", () => (isPostgres(store) ? checkPostgres(store) : checkFile(store)));
  if (pinata) {
    let sources: ChainSource[] = [];
    await look("sources", () => {
      sources = makeSources(config!, pinata!);
      return `${sources.length}, of ${new Set(sources.map(({ name, operator }) => operator ?? name)).size} operator(s)`;
    });
    // One after the other: lines in the order of the settings, and no source is hurried.
    for (const source of sources) await look(`source ${source.name}`, () => askOnce(source, pinata!));
  }
  for (const each of trace) await look(`trace ${each}`, () => checkTrace(each));
  await look("alerts", () => {
    if (!alerts) return "none are set up: nobody will be woken (docs/alerts.md)";
    const token = readAdminToken(alerts);
    const channels = makeChannels(alerts, Date.now);
    if (alerts.heartbeat) signingSecret("alerts.heartbeat", alerts.heartbeat);
    return `${channels.length} channel(s), secrets read; ${token === undefined ? "no admin token: nothing can be acknowledged" : "admin token read"}`;
  });
  for (const [name, settings] of Object.entries(alerts?.channels ?? {}))
    await look(`channel ${name}`, () => resolve(hostOf(settings)));
  if (alerts?.heartbeat) await look("heartbeat", () => resolve(new URL(alerts.heartbeat!.url).hostname));
  return code;
}

/** A round with a chain of its own, as at the very first start. */
async function askOnce(source: ChainSource, pinata: Pinata): Promise<string> {
  try {
    const observer = new Observer(source, { pinata, tree: new HeaderTree() });
    const { tip, problem, found } = await within(observer.observe([]), "did not answer everything in time");
    // The monitor would go on with the next round.
    if (problem?.startsWith("is being caught up with")) return `answers; ${problem}`;
    if (problem !== null) throw new Error(`${problem}; look at the address, the network and the source itself`);
    return `answers; its chain checks out up to block ${tip?.height}, ${found.length} coin(s) found`;
  } finally {
    source.close?.();
  }
}

/** Read only: opening it would lock it, and bring an older one forward. */
async function checkFile(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  if (!there) {
    const folder = await nearestFolder(path);
    if (!(await stat(folder)).isDirectory()) {
      throw new Error(`${path} cannot be made: ${folder} is no folder; choose another place for the store`);
    }
    await access(folder, constants.W_OK).catch(() => {
      throw new Error(
        `${path} is not there, and ${folder} cannot be written; choose another place or change its owner`,
      );
    });
    return `${path} is not there yet and will be made`;
  }
  if (!there.isFile()) throw new Error(`${path} is no file; name a file`);
  await access(path, constants.R_OK | constants.W_OK).catch(() => {
    throw new Error(`${path} cannot be written by this user; change its owner`);
  });
  if (there.size === 0) return `${path} is empty and will be filled`;
  const head = Buffer.alloc(SQLITE_HEADER);
  const file = await open(path, "r");
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  if (head.toString("latin1", 0, 16) !== "SQLite format 3\0")
    throw new Error(`${path} is not a monitor's store; move it away or name another file`);
  // What a monitor wrote last is beside the file, its schema too.
  const log = await stat(`${path}-wal`).catch(() => undefined);
  if (log && log.size > 0) return `${path} can be written; a monitor uses it, or was killed`;
  const version = head.readUInt32BE(60);
  if (version > SCHEMA_VERSION)
    throw new Error(`${path} was written by a newer monitor (schema ${version}); use that version`);
  const forward = version < SCHEMA_VERSION ? `; the start brings it from schema ${version} to ${SCHEMA_VERSION}` : "";
  return `${path} can be written${forward}`;
}

async function nearestFolder(path: string): Promise<string> {
  const folder = dirname(path);
  if (folder === dirname(folder)) return folder;
  return (await stat(folder).catch(() => undefined)) ? folder : nearestFolder(folder);
}

async function checkTrace(text: string): Promise<string> {
  const address = readTraceAddress(text)!;
  switch (address.kind) {
    case "tcp":
      await reach(address.host, address.port);
      return "can be connected to";
    case "tcp-listen":
      return `will listen on ${await resolve(address.host)}`;
    case "fd":
      return "is looked at when the monitor starts with it";
    case "path": {
      const there = await stat(address.path).catch(() => undefined);
      if (!there) return "is not there yet; it is read as soon as it is";
      if (there.isDirectory()) throw new Error("is a folder; name the file in it");
      await access(address.path, constants.R_OK).catch(() => {
        throw new Error("cannot be read by this user; change its owner or mode");
      });
      return there.isFIFO() ? "is a named pipe" : `is a file of ${there.size} bytes`;
    }
  }
}

function reach(host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ host, port });
    const end = (error?: Error): void => {
      socket.destroy();
      if (error) fail(new Error(`cannot be connected to: ${error.message}; is the piñata's machine up?`));
      else done();
    };
    socket.setTimeout(PATIENCE, () => end(new Error("no answer")));
    socket.once("connect", () => end());
    socket.once("error", end);
  });
}

async function resolve(host: string): Promise<string> {
  const bare = host.replace(/^\[|\]$/g, "");
  try {
    const { address } = await within(lookup(bare), "the name server does not answer");
    return address === bare ? bare : `${bare} is ${address}`;
  } catch (error) {
    throw new Error(`${bare} cannot be found: ${error instanceof Error ? error.message : error}; look at the name`);
  }
}

function hostOf(settings: ChannelSettings): string {
  return settings.type === "smtp" ? settings.host : new URL(settings.url).hostname;
}

async function within<T>(task: Promise<T>, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), PATIENCE);
  });
  try {
    return await Promise.race([task, over]);
  } finally {
    clearTimeout(timer);
  }
}
