/** One metal piñata under QEMU for a test: what it says, line by line, and its end. Ended with the test by its process number. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { parseTraceLine, type TraceEvent } from "../../../../unikernel/trace.ts";
import { freePorts } from "../../../support/ports.ts";
import { hasTool } from "../../../support/run.ts";

export const HAS_TOOLS = ["qemu-system-x86_64", "wasm2c", "gcc"].every(hasTool);

export interface MachineOptions {
  image: string;
  seal?: string;
  /** Kernel command line; a static address when not given. */
  commandLine?: string;
  cpu?: string;
  entropyDevice?: "none";
  card?: "none";
  memoryMiB?: number;
  /** More words for QEMU. */
  extra?: string[];
}

export const ADDRESS = "ip=10.0.2.15/24 gateway=10.0.2.2";

export class Metal {
  readonly lines: string[] = [];
  /** Exit status of QEMU: 3 when the piñata has ended itself. */
  readonly ended: Promise<number | null>;
  private over = false;
  private readonly waiting = new Set<() => void>();

  private constructor(
    readonly child: ChildProcess,
    /** Of 127.0.0.1, lead to the three doors; as the piñata sees it, all come from 10.0.2.2. */
    readonly ports: { server: number; dialback: number; client: number },
  ) {
    createInterface({ input: child.stdout! }).on("line", (line) => {
      this.lines.push(line);
      this.wake();
    });
    child.stderr!.on("data", (bytes: Buffer) => this.lines.push(`qemu: ${bytes.toString().trim()}`));
    this.ended = new Promise((resolve) =>
      child.once("close", (code) => {
        this.over = true;
        this.wake();
        resolve(code);
      }),
    );
  }

  get port(): number {
    return this.ports.server;
  }

  static async start(options: MachineOptions): Promise<Metal> {
    const [server, dialback, client] = (await freePorts(3)) as [number, number, number];
    const ports = { server, dialback, client };
    const { image, seal, commandLine = ADDRESS, cpu = "max", memoryMiB = 16 } = options;
    const forwards = Object.values(ports).map((port, i) => `hostfwd=tcp:127.0.0.1:${port}-:${10_000 + i}`);
    const card = ["-netdev", `user,id=net,ipv6=off,${forwards.join(",")}`];
    const child = spawn("qemu-system-x86_64", [
      ...["-M", "microvm,acpi=off,pic=off,pit=on,rtc=on,x-option-roms=off", "-accel", "tcg", "-cpu", cpu],
      ...["-m", `${memoryMiB}M`, "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"],
      ...["-no-reboot", "-sandbox", "on", "-global", "virtio-mmio.force-legacy=false"],
      ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
      ...(options.card === "none" ? [] : [...card, "-device", "virtio-net-device,netdev=net"]),
      ...(options.entropyDevice === "none" ? [] : ["-device", "virtio-rng-device"]),
      ...["-kernel", image, "-append", commandLine],
      ...(seal === undefined ? [] : ["-initrd", seal]),
      ...(options.extra ?? []),
    ]);
    const machine = new Metal(child, ports);
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await machine.ended;
    });
    return machine;
  }

  /** The first line from `start` on that matches; an error with all lines when the machine ends first. */
  line(pattern: RegExp, start = 0): Promise<string> {
    return this.find(() => this.lines.slice(start).find((line) => pattern.test(line)), String(pattern));
  }

  /** The first such trace event. Every line but those for humans must be one. */
  event(match: (event: TraceEvent) => boolean): Promise<TraceEvent> {
    return this.find(() => this.trace.find(match), String(match));
  }

  get trace(): TraceEvent[] {
    return this.lines
      .filter((line) => !line.startsWith("# ") && line !== "")
      .map((line) => {
        const event = parseTraceLine(line);
        if (event === undefined) throw new Error(`not a trace line: ${line}`);
        return event;
      });
  }

  /** Processor time that QEMU has used, in milliseconds. */
  cpuMillis(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  private find<T>(look: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        try {
          const found = look();
          if (found === undefined && !this.over) return;
          this.waiting.delete(check);
          if (found !== undefined) resolve(found);
          else reject(new Error(`the machine ended without ${what}:\n${this.lines.join("\n")}`));
        } catch (error) {
          this.waiting.delete(check);
          reject(error);
        }
      };
      this.waiting.add(check);
      check();
    });
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }
}
