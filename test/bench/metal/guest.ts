/**
 * One machine in QEMU while it is measured: started with what it is given, its last words kept, its processor time read from
 * /proc, ended for sure. Both machines have the piñata's own command line (infra/machine/qemu.ts); Linux's differs in memory, kernel,
 * initramfs and kernel command line alone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { CommandError } from "../../../infra/cli/errors.ts";
import { QEMU } from "../../../infra/machine/qemu.ts";
import { leashed } from "../../../infra/machine/unprivileged.ts";

const LAST_WORDS = 2000;

export interface Other {
  memoryMiB: number;
  kernel: string;
  initrd: string;
  commandLine: string;
}

/** The same machine with another system in it. Throws a RangeError when an option is not there exactly once. */
export function withSystem(args: string[], other: Other): string[] {
  const changed = [...args];
  const set = (option: string, value: string) => {
    const at = changed.indexOf(option);
    if (at === -1 || changed.indexOf(option, at + 1) !== -1) throw new RangeError(`${option} is not there once`);
    changed[at + 1] = value;
  };
  set("-m", `${other.memoryMiB}M`);
  set("-kernel", other.kernel);
  set("-initrd", other.initrd);
  set("-append", other.commandLine);
  return changed;
}

export class Guest {
  /** performance.now() at the start of QEMU. */
  readonly started: number;
  private readonly child: ChildProcess;
  private readonly over: Promise<void>;
  private words = "";
  private ended = false;

  constructor(
    private readonly name: string,
    args: string[],
  ) {
    this.started = performance.now();
    this.child = spawn(...leashed(QEMU, args), { stdio: ["ignore", "pipe", "pipe"] });
    const hear = (chunk: Buffer) => {
      this.words = (this.words + chunk.toString("latin1")).slice(-LAST_WORDS);
    };
    this.child.stdout?.on("data", hear);
    this.child.stderr?.on("data", hear);
    this.over = new Promise((resolve) => {
      this.child.once("error", (error) => {
        this.words += error.message;
        this.ended = true;
        resolve();
      });
      this.child.once("close", () => {
        this.ended = true;
        resolve();
      });
    });
  }

  /** Throws a CommandError with the machine's last words when it has ended. */
  requireRunning(): void {
    if (this.ended) throw this.failed("has ended");
  }

  failed(what: string): CommandError {
    return new CommandError(`${this.name} ${what}; its last words:\n${this.words.trim()}`);
  }

  /** Seconds of processor time that QEMU has taken, all threads. */
  cpuSeconds(): number {
    this.requireRunning();
    const tasks = `/proc/${this.child.pid}/task`;
    const nanos = readdirSync(tasks).map((task) => parseSchedstat(readFileSync(`${tasks}/${task}/schedstat`, "utf8")));
    return nanos.reduce((sum, each) => sum + each, 0) / 1e9;
  }

  async stop(): Promise<void> {
    if (!this.ended) this.child.kill("SIGKILL");
    await this.over;
  }
}

/** Nanoseconds on a processor: the first field (Linux, Documentation/scheduler/sched-stats.rst). */
export function parseSchedstat(text: string): number {
  const found = /^(\d+) \d+ \d+\s*$/.exec(text);
  if (found === null) throw new CommandError("the system does not say how long a thread ran (schedstat)");
  return Number(found[1]);
}
