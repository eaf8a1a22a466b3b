/**
 * Whether another process still runs, told by its number and, where the system says (Linux's /proc), by when it started: after a
 * restart the number may be another's. One that has ended and only waits to be collected counts as ended.
 */
import { readFileSync } from "node:fs";

/** `started`: what {@link startTime} said of it earlier; leave it out where that was not kept. */
export function isRunning(pid: number, started = ""): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const [state = ""] = stat(pid);
  return state !== "Z" && state !== "X" && (started === "" || started === startTime(pid));
}

/** In clock ticks since the machine's start; empty where the system does not say. */
export function startTime(pid: number): string {
  return stat(pid)[19] ?? "";
}

/** The fields of /proc/PID/stat after the name, which may hold anything. */
function stat(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
