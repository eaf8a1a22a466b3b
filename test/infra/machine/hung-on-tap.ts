/**
 * `pinata run --tap` as a user meets it, in the network namespace of a {@link Tap}: a device of its own there, and a /dev/net/tun with
 * the mode that is asked for, which only the command sees (a mount namespace), so that nothing of the host is changed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { isRunning } from "../../../infra/processes.ts";
import { parseTraceLine, type TraceEvent } from "../../../unikernel/trace.ts";
import type { Tap } from "../../support/tap/tap.ts";

/** The piñata's device in the namespace, and the namespace's address on it. */
export const DEVICE = "pinata0";
export const HOST_ADDRESS = "10.9.0.1";
/** The command behind it starts with a /dev of its own. */
const WITH_TUN = `mount -t tmpfs -o mode=755 none /dev/net && mknod -m "$0" /dev/net/tun c 10 200 && exec "$@"`;

export interface Found {
  pid: number;
  tap: string;
  ip: string;
  mac: string;
  doors: Record<"server" | "dialback" | "client" | "dialTo", number>;
}

/** Makes the device, for the user nobody unless `of` says otherwise. */
export async function makeDevice(tap: Tap, ...of: string[]): Promise<void> {
  await tap.ip("tuntap", "add", "dev", DEVICE, ...(of.length > 0 ? of : ["mode", "tap", "user", "nobody"]));
  await tap.ip("address", "add", `${HOST_ADDRESS}/24`, "dev", DEVICE);
  await tap.ip("link", "set", DEVICE, "up");
}

export async function removeDevice(tap: Tap, mode = "tap"): Promise<void> {
  await tap.ip("tuntap", "del", "dev", DEVICE, "mode", mode);
}

const running = new Set<() => Promise<void>>();

/** Ends every command that still runs; for afterEach, before its device is removed. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((end) => end()));
}

/** Starts `pinata run --tap`. */
export function hang(tap: Tap, dir: string, image: string, args: string[], tunMode = "666") {
  const trace = join(dir, "trace.jsonl");
  const files = ["--seal", join(dir, "seal"), "--image", image, "--trace", trace];
  const command = [process.execPath, join(ROOT, "bin/pinata.mjs"), "run", "--tap", DEVICE, ...files, ...args];
  // A group of its own, as a terminal makes it: Ctrl-C goes to all of it.
  const child = spawn("ip", ["netns", "exec", tap.name, "sh", "-c", WITH_TUN, tunMode, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const closed = once(child, "close");
  const end = async () => {
    child.kill("SIGTERM");
    await closed;
  };
  running.add(end);
  void closed.then(() => running.delete(end));
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const events = (): TraceEvent[] =>
    existsSync(trace)
      ? readFileSync(trace, "utf8")
          .split("\n")
          .flatMap((line) => parseTraceLine(line) ?? [])
      : [];
  return {
    said,
    events,
    /** Waits for events like this one; the trace may hold them already. */
    async until<E extends TraceEvent["event"]>(event: E, count = 1): Promise<Extract<TraceEvent, { event: E }>[]> {
      const found = () => events().filter((one): one is Extract<TraceEvent, { event: E }> => one.event === event);
      await expect.poll(() => found().length, { timeout: 30_000 }).toBeGreaterThanOrEqual(count);
      return found();
    },
    /** What it tells a script (`--json`). */
    async found(): Promise<Found> {
      await expect.poll(() => said.out || said.err.includes("pinata:"), { timeout: 30_000 }).toBeTruthy();
      expect(said.err).not.toContain("pinata:");
      return JSON.parse(said.out) as Found;
    },
    /** How it ended by itself: its exit code and last line. */
    async refused() {
      const [code] = (await closed) as [number | null];
      return { code, out: said.out, last: said.err.trim().split("\n").at(-1) };
    },
    async ctrlC(): Promise<number | null> {
      process.kill(-child.pid!, "SIGINT");
      const [code] = (await closed) as [number | null];
      return code;
    },
  };
}

/** The programs that run in the namespace, by number. */
export async function inside(tap: Tap): Promise<Map<number, string>> {
  const { stdout } = await tap.run("ip", ["netns", "pids", tap.name], { input: "" });
  const pids = stdout
    .split("\n")
    .filter(Boolean)
    .map(Number)
    .filter((pid) => isRunning(pid));
  return new Map(pids.map((pid) => [pid, readFileSync(`/proc/${pid}/comm`, "utf8").trim()]));
}

/** The one QEMU there. */
export async function qemuOf(tap: Tap): Promise<number> {
  const pids = [...(await inside(tap))].flatMap(([pid, name]) => (name.startsWith("qemu-system") ? pid : []));
  expect(pids).toHaveLength(1);
  return pids[0]!;
}
