/** The folder of a started piñata: its lock, what it says of what runs, and how it is put aside. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CommandError, UsageError } from "../../../../infra/cli/errors.ts";
import {
  clearRunning,
  lock,
  putAside,
  type Running,
  readRunning,
  stateDir,
  writeRunning,
} from "../../../../infra/cli/start/state-dir.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-state-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = () => stateDir(join(folder, `dir-${++count}`));
/** The number of a process that is gone. */
const gone = () => spawnSync(process.execPath, ["--version"]).pid;

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("the lock", () => {
  it("makes the folder, and is all that is left in it", () => {
    const dir = fresh();
    const unlock = lock(dir);
    expect(readdirSync(dir.path)).toEqual(["lock"]);
    expect(readFileSync(join(dir.path, "lock"), "utf8")).toMatch(new RegExp(`^${process.pid} `));
    unlock();
    expect(existsSync(dir.path)).toBe(false);
  });

  it("leaves a folder that was there, and one that something is in by now", () => {
    const there = fresh();
    mkdirSync(there.path);
    lock(there)();
    expect(readdirSync(there.path)).toEqual([]);
    const used = fresh();
    const unlock = lock(used);
    writeFileSync(join(used.path, "candy.txt"), "kept");
    unlock();
    expect(readdirSync(used.path)).toEqual(["candy.txt"]);
  });

  it("is refused while another process has it, and left alone", () => {
    const dir = fresh();
    mkdirSync(dir.path);
    writeFileSync(join(dir.path, "lock"), String(process.ppid));
    const error = thrown(() => lock(dir));
    expect(error).toBeInstanceOf(CommandError);
    expect((error as Error).message).toContain(`a piñata already runs in ${dir.path} (process ${process.ppid})`);
    expect(readdirSync(dir.path)).toEqual(["lock"]);
  });

  it("is refused while we have it ourselves", () => {
    const dir = fresh();
    const unlock = lock(dir);
    expect(() => lock(dir)).toThrow("already runs");
    unlock();
    lock(dir)();
  });

  it.each([
    ["a process that is gone", () => String(gone())],
    ["a process whose number another one has now", () => `${process.ppid} 1`],
    ["nobody: it is empty", () => ""],
    ["nobody: it is damaged", () => "-1 x\n{"],
  ])("is taken over from %s", (_, holder) => {
    const dir = fresh();
    mkdirSync(dir.path);
    writeFileSync(join(dir.path, "lock"), holder());
    const unlock = lock(dir);
    expect(readFileSync(join(dir.path, "lock"), "utf8")).toMatch(new RegExp(`^${process.pid} `));
    unlock();
  });

  it("given back late does not take another's away", () => {
    const dir = fresh();
    const unlock = lock(dir);
    writeFileSync(join(dir.path, "lock"), String(process.ppid));
    unlock();
    expect(readFileSync(join(dir.path, "lock"), "utf8")).toBe(String(process.ppid));
  });

  it("says where nothing can be written", () => {
    const dir = fresh();
    writeFileSync(dir.path, "a file");
    for (const place of [dir, stateDir(join(dir.path, "below"))]) {
      const error = thrown(() => lock(place));
      expect(error).toBeInstanceOf(CommandError);
      expect((error as Error).message).toMatch(new RegExp(`^cannot write to ${place.path}: `));
    }
    expect(readFileSync(dir.path, "utf8")).toBe("a file");
  });
});

describe("run.json", () => {
  const state: Running = {
    pid: process.ppid,
    board: "metal" as const,
    image: "ab".repeat(32),
    host: "localhost",
    doors: { server: 1, dialback: 2, client: 3, dialTo: 4 },
    web: "http://localhost:5",
    monitor: "http://127.0.0.1:6",
    chain: { kind: "esplora", url: "http://127.0.0.1:7" },
  };
  const hung = () => {
    const dir = fresh();
    mkdirSync(dir.path);
    return dir;
  };

  it("gives back what was written, until it is cleared", () => {
    const dir = hung();
    writeRunning(dir, state);
    expect(readRunning(dir)).toEqual(state);
    clearRunning(dir);
    expect(readRunning(dir)).toBeUndefined();
    clearRunning(dir);
  });

  it("of a process that is gone counts for nothing", () => {
    const dir = hung();
    writeRunning(dir, { ...state, pid: gone() });
    expect(readRunning(dir)).toBeUndefined();
  });

  it.each([
    ["cut short", '{"pid": 1'],
    ["empty", ""],
    ["of other facts", "{}"],
    ["with a chain of an unknown kind", JSON.stringify({ ...state, chain: { kind: "electrum", url: "x" } })],
  ])("%s is named", (_, text) => {
    const dir = hung();
    writeFileSync(join(dir.path, "run.json"), text);
    const error = thrown(() => readRunning(dir));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(
      `${join(dir.path, "run.json")} is damaged: remove it and start the piñata again`,
    );
  });
});

describe("putting aside", () => {
  it("moves everything to the first free name", () => {
    const dir = fresh();
    mkdirSync(dir.practice, { recursive: true });
    writeFileSync(join(dir.path, "candy.txt"), "sweet");
    mkdirSync(`${dir.path}.1`);
    expect(putAside(dir)).toBe(`${dir.path}.2`);
    expect(existsSync(dir.path)).toBe(false);
    expect(readFileSync(join(`${dir.path}.2`, "candy.txt"), "utf8")).toBe("sweet");
    expect(readdirSync(`${dir.path}.1`)).toEqual([]);
  });

  it("does nothing when there is nothing", () => {
    const dir = fresh();
    expect(putAside(dir)).toBeUndefined();
    mkdirSync(dir.path);
    expect(putAside(dir)).toBeUndefined();
    expect(existsSync(`${dir.path}.1`)).toBe(false);
  });

  it("moves what a start left that ended before it minted", () => {
    const dir = fresh();
    mkdirSync(dir.logs, { recursive: true });
    expect(putAside(dir)).toBe(`${dir.path}.1`);
  });

  it("leaves a folder with other things where it is", () => {
    const dir = fresh();
    mkdirSync(join(dir.path, "thesis"), { recursive: true });
    mkdirSync(dir.logs);
    const error = thrown(() => putAside(dir));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain("holds other things than a piñata");
    expect(readdirSync(dir.path).sort()).toEqual(["logs", "thesis"]);
  });

  it("moves the link, not what it points to, when the folder is a link", () => {
    const dir = fresh();
    const real = fresh();
    mkdirSync(real.practice, { recursive: true });
    symlinkSync(real.path, dir.path);
    expect(putAside(dir)).toBe(`${dir.path}.1`);
    expect(existsSync(real.practice)).toBe(true);
  });
});
