/**
 * One piñata under QEMU, kept up: started, watched, started again when it dies (after 1 s, 2 s … 30 s), and ended by its process
 * number. Its trace lines go to the trace with the doors' ports as they are outside; everything else that it or QEMU says
 * goes to the log. A machine that does not boot the first time is not tried again: the error has its own words.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import type { TraceLog } from "../../unikernel/boards/node/trace-log.ts";
import { SealError } from "../../unikernel/guest/seal-error.ts";
import { TRACE_VERSION, type TraceEvent } from "../../unikernel/trace.ts";
import { CommandError } from "../cli/errors.ts";
import { choosePorts, PORT_OPTIONS } from "./ports.ts";
import { DOORS, type DoorPorts, type MachineSettings, QEMU, qemuArguments, refusedForwarding } from "./qemu.ts";
import { Serial } from "./serial.ts";
import { isDown, whyNoTap } from "./tap.ts";
import { leashed, namelessCopy, type Owner, qemuOwner } from "./unprivileged.ts";

export interface MachineOptions extends Omit<MachineSettings, "image" | "seal" | "imageHash"> {
  /** The bytes of the two files. They are not read again: a restart boots what was booted first. */
  image: Uint8Array;
  seal: Uint8Array;
  trace: TraceLog;
  /** Everything that the machine and QEMU say. */
  log(line: string): void;
  /** What whoever started it should hear: that it ended, and that it is back. */
  tell(line: string): void;
  pace?: Pace;
}

/** Milliseconds. */
export interface Pace {
  firstPause: number;
  longestPause: number;
  /** After so long a run the next pause is the first again. */
  steady: number;
  /** Time for the first trace line. */
  boot: number;
  /** Time to end by itself when told to. */
  polite: number;
}

export interface Booted {
  /** The piñata's own number for this boot, 16 hex digits. */
  boot: string;
  /** SHA-256 of the image. */
  image: string;
  /** Where the doors are. */
  ports: DoorPorts;
}

const PACE: Pace = { firstPause: 1_000, longestPause: 30_000, steady: 60_000, boot: 60_000, polite: 2_000 };
const MOST_LOST_PORTS = 10;
/** The piñata's first line says that it runs, and nothing more. */
const FIRST_LINE = "# pinata";
/** Where the child finds the two files: its descriptors 3 and 4. */
const [IMAGE, SEAL] = ["/dev/fd/3", "/dev/fd/4"];

interface Run {
  child: ChildProcess;
  since: number;
  booted: Promise<Booted>;
  /** Once the process is gone and all that it said has been read: how it went. */
  ended: Promise<string>;
}

/** A free port that was chosen for a door was taken by another program before QEMU had it. */
class PortLost extends Error {}

export class Machine {
  private readonly imageHash: string;
  private readonly owner: Owner | undefined;
  private readonly files: number[];
  private readonly pace: Pace;
  private ports: DoorPorts;
  private run: Run | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopping: { reason: string; done: Promise<void> } | undefined;

  /** Throws a CommandError when --kvm cannot be had. */
  constructor(private readonly options: MachineOptions) {
    this.pace = options.pace ?? PACE;
    this.ports = options.network.ports;
    this.imageHash = createHash("sha256").update(options.image).digest("hex");
    this.owner = qemuOwner(options.kvm);
    this.files = [options.image, options.seal].map((bytes) => namelessCopy(bytes, this.owner));
  }

  /** Boots it and keeps it up from then on. Throws a CommandError that says why it does not boot. */
  async start(): Promise<Booted> {
    for (let lost = 0; ; lost++) {
      if (this.options.network.kind === "user") {
        this.ports = await choosePorts(this.options.network.hosts, this.options.network.ports);
      }
      if (this.stopping) throw new CommandError(`stopped: ${this.stopping.reason}`);
      const run = this.launch();
      try {
        const booted = await run.booted;
        this.keep(run, this.pace.firstPause);
        this.tellOfLink();
        return booted;
      } catch (error) {
        await run.ended;
        if (!(error instanceof PortLost)) throw error;
        if (lost === MOST_LOST_PORTS) throw new CommandError(error.message);
      }
    }
  }

  /** Ends it, politely and then by force, and writes the last trace line. */
  stop(reason: string): Promise<void> {
    this.stopping ??= { reason, done: Promise.resolve().then(() => this.end()) };
    return this.stopping.done;
  }

  private async end(): Promise<void> {
    clearTimeout(this.timer);
    if (this.run !== undefined) {
      const { child, ended } = this.run;
      const force = setTimeout(() => child.kill("SIGKILL"), this.pace.polite);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(force);
    }
    this.options.trace.close();
    for (const file of this.files.splice(0)) closeSync(file);
  }

  /** Starts it again whenever it ends, unless we are stopping. */
  private keep(run: Run, pause: number): void {
    const { tell } = this.options;
    void run.ended.then((how) => {
      if (this.stopping) return;
      const wait = Date.now() - run.since > this.pace.steady ? this.pace.firstPause : pause;
      tell(`the machine ended (${how}); starting it again in ${wait / 1000} s`);
      this.timer = setTimeout(() => {
        const next = this.launch();
        next.booted.then(
          () => tell("the machine is back"),
          ({ message }: Error) => this.stopping || tell(message),
        );
        this.keep(next, Math.min(wait * 2, this.pace.longestPause));
      }, wait);
    });
  }

  /** A piñata boots on a device that is down, and nobody can reach it. */
  private tellOfLink(): void {
    const { network, tell } = this.options;
    if (network.kind !== "tap" || !isDown(network.name)) return;
    tell(`${network.name} is down, and nothing passes: ip link set ${network.name} up`);
  }

  private launch(): Run {
    const child = this.spawn();
    /** Of the boot that has begun and not ended in the trace. */
    let boot: string | undefined;
    let lastSaid = "";
    let qemuSaid = "";
    let settle!: { resolve(booted: Booted): void; reject(error: Error): void };
    const booted = new Promise<Booted>((resolve, reject) => {
      settle = { resolve, reject };
    });
    booted.catch(() => {});

    const { log, trace } = this.options;
    const serial = new Serial({
      trace: (event) => {
        const outside = this.seenFromOutside(event);
        trace.write(outside);
        if (outside.event === "boot") {
          boot = outside.boot;
          clearTimeout(patience);
          settle.resolve({ boot, image: this.imageHash, ports: { ...this.ports } });
        }
        if (outside.event === "stopped" && outside.boot === boot) boot = undefined;
      },
      said: (line) => {
        if (line !== FIRST_LINE) lastSaid = line.replace(/^# /, "");
        log(line);
      },
    });
    const errors = new Serial({
      trace: () => {},
      said: (line) => {
        // That we end it is known.
        if (this.stopping && /: terminating on signal \d+ from pid \d+/.test(line)) return;
        if (!/\bwarning:/.test(line)) qemuSaid = line.replace(/^(qemu-system-x86_64|setpriv): /, "");
        log(line);
      },
    });
    child.stdout?.on("data", (bytes: Buffer) => serial.push(bytes));
    child.stderr?.on("data", (bytes: Buffer) => errors.push(bytes));
    const patience = setTimeout(() => {
      lastSaid = `nothing came for ${this.pace.boot / 1000} s${lastSaid && `; it said last: ${lastSaid}`}`;
      child.kill("SIGKILL");
    }, this.pace.boot);

    const ended = new Promise<string>((resolve) => {
      child.once("error", ({ message }) => child.pid === undefined && resolve(message));
      child.once("close", (code, signal) => resolve(signal ?? `exit ${code}`));
    }).then((how) => {
      clearTimeout(patience);
      serial.end();
      errors.end();
      this.run = undefined;
      settle.reject(this.failure(how, qemuSaid, lastSaid));
      if (boot !== undefined) {
        const reason = (this.stopping?.reason ?? `the machine ended (${how})`).slice(0, 200);
        trace.write({ v: TRACE_VERSION, time: Date.now(), boot, event: "stopped", reason });
      }
      return how;
    });
    const run = { child, since: Date.now(), booted, ended };
    this.run = run;
    return run;
  }

  private spawn(): ChildProcess {
    const { image: _, seal: __, ...settings } = this.options;
    const network = { ...settings.network, ports: this.ports };
    const files = { image: IMAGE!, seal: SEAL!, imageHash: this.imageHash };
    const [program, args] = leashed(QEMU, qemuArguments({ ...settings, ...files, network }));
    // A session of its own: Ctrl-C in a terminal is for us, who then end it in order.
    return spawn(program, args, { stdio: ["ignore", "pipe", "pipe", ...this.files], detached: true, ...this.owner });
  }

  private seenFromOutside(event: TraceEvent): TraceEvent {
    return event.event === "boot" ? { ...event, doors: { ...this.ports } } : event;
  }

  /** Why a machine ended before it had booted. */
  private failure(how: string, qemuSaid: string, lastSaid: string): Error {
    const refused = refusedForwarding(qemuSaid);
    if (refused !== undefined) {
      const { host, port } = refused;
      const door = DOORS.find((name) => this.ports[name] === port)!;
      if (this.options.network.ports[door] === 0)
        return new PortLost(`no free port for ${PORT_OPTIONS[door]} stays free`);
      const rights =
        this.owner !== undefined && port < 1024 ? "; QEMU runs unprivileged and may not have ports below 1024" : "";
      return new CommandError(
        `QEMU cannot listen on port ${port} of ${host}${rights}: choose another with ${PORT_OPTIONS[door]}`,
      );
    }
    if (this.options.network.kind === "tap" && qemuSaid.startsWith("-netdev tap")) {
      const { name } = this.options.network;
      return new CommandError(`QEMU cannot use the TAP device ${name}: ${whyNoTap(name, qemuSaid, this.owner)}`);
    }
    if (qemuSaid !== "") return new CommandError(`QEMU does not start: ${qemuSaid}`);
    const refusal = /^the seal is refused: (\d+)$/.exec(lastSaid)?.[1];
    if (refusal !== undefined) {
      return new CommandError(`the vault refuses this seal: ${SealError[Number(refusal)] ?? `error ${refusal}`}`);
    }
    if (lastSaid !== "") return new CommandError(`the machine does not boot: ${lastSaid}`);
    return new CommandError(`the machine does not boot: QEMU ended (${how}) without a word`);
  }
}
