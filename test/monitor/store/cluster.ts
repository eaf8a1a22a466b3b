/**
 * A PostgreSQL server for tests: a cluster of its own in a temporary folder, on a Unix socket only, gone afterwards. As root it
 * runs under another user, because the server refuses root.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { waitFor } from "../support/wait.ts";

const VERSIONS = "/usr/lib/postgresql";
const SETTINGS = [
  "fsync=off",
  "full_page_writes=off",
  "listen_addresses=",
  "max_connections=40",
  "shared_buffers=16MB",
];

/** Debian's newest server; undefined, with a line that says so, when there is none. */
function programs(): string | undefined {
  const [newest] = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a)) : [];
  const folder = newest && join(VERSIONS, newest, "bin");
  if (folder && existsSync(join(folder, "initdb"))) return folder;
  if (process.env.PINATA_TEST_REQUIRE_TOOLS) throw new Error("postgresql is not installed");
  process.stderr.write("postgresql is not installed: its tests are skipped (Debian: postgresql)\n");
  return undefined;
}

export const hasPostgres = programs() !== undefined;

export class Cluster {
  readonly #folder: string;
  readonly #bin: string;
  readonly #user: { uid: number; gid: number } | object;
  #server: ChildProcess | undefined;
  #databases = 0;
  #empty: string | undefined;

  private constructor() {
    this.#bin = programs()!;
    this.#folder = mkdtempSync(join(tmpdir(), "pg-"));
    this.#user = process.getuid?.() === 0 ? nobody() : {};
    if ("uid" in this.#user) chownSync(this.#folder, this.#user.uid, this.#user.gid);
  }

  static async start(): Promise<Cluster> {
    const cluster = new Cluster();
    const folder = cluster.#folder;
    const options = [
      "-D",
      join(folder, "data"),
      "-U",
      "pinata",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--locale=C",
      "--no-sync",
    ];
    execFileSync(join(cluster.#bin, "initdb"), options, { stdio: "ignore", cwd: folder, ...cluster.#user });
    const rules = join(folder, "data/pg_hba.conf");
    // Whoever is called guarded has to show a password.
    writeFileSync(rules, `local all guarded scram-sha-256\n${readFileSync(rules, "utf8")}`);
    await cluster.run();
    await cluster.ask("create role guarded login password 'right' superuser", "postgres");
    return cluster;
  }

  /** Starts the server, again after {@link crash}. */
  async run(): Promise<void> {
    const settings = [...SETTINGS, `unix_socket_directories=${this.#folder}`].flatMap((each) => ["-c", each]);
    this.#server = spawn(join(this.#bin, "postgres"), ["-D", join(this.#folder, "data"), ...settings], {
      stdio: "ignore",
      cwd: this.#folder,
      ...this.#user,
    });
    await waitFor("PostgreSQL to answer", () => this.ask("select 1", "postgres").catch(() => undefined));
  }

  /** Ends the server at once, as a crash does. */
  async crash(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server || server.exitCode !== null) return;
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGQUIT");
    await gone;
  }

  async stop(): Promise<void> {
    await this.crash();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The URL of a database with nothing in it: the same one each time, because making one takes long. */
  async empty(): Promise<string> {
    this.#empty ??= await this.database();
    await this.ask("drop schema public cascade; create schema public", this.#empty);
    return this.#empty;
  }

  /** The URL of a new database. */
  async database(options = ""): Promise<string> {
    const name = `test${++this.#databases}`;
    await this.ask(`create database ${name} ${options}`, "postgres");
    return this.url(name);
  }

  url(database: string, user = "pinata"): string {
    return `postgres://${user}@localhost/${database}?host=${this.#folder}`;
  }

  /** The rows of a statement, by a connection of its own; `database`: its URL or name. */
  async ask<T extends pg.QueryResultRow>(statement: string, database: string): Promise<T[]> {
    const connectionString = database.startsWith("postgres:") ? database : this.url(database);
    const client = new pg.Client({ connectionString });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(statement)).rows;
    } finally {
      await client.end();
    }
  }
}

function nobody(): { uid: number; gid: number } {
  const id = (flag: string): number => Number(execFileSync("id", [flag, "nobody"]).toString());
  return { uid: id("-u"), gid: id("-g") };
}
