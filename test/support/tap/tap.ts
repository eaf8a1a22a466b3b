/**
 * A network namespace of its own with a TAP device in it, so that the Linux kernel and real programs can be the peers of a TCP/IP stack
 * in this process: the frames of the device come and go here. Needs root, /dev/net/tun, `ip` and gcc. The namespace is removed by
 * {@link Tap.stop}, at the latest when this process exits; one that a killed process left behind is removed by the next test.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { isOnPath } from "../../../infra/cli/on-path.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import type { FrameWire } from "../frame-wire.ts";
import { type Outcome, type RunOptions, run, serve } from "../run.ts";
import type { Answer, Errand } from "./visitor.ts";

const SOURCE = join(ROOT, "test/support/tap/tap.c");
const BRIDGE = join(ROOT, "build/tap/tap");
const VISITOR = join(ROOT, "test/support/tap/visitor.ts");
const DEVICE = "tap0";
const PREFIX = "pinata-test";
const TUN = "/dev/net/tun";
const LARGEST_FRAME = 0xffff;
const execute = promisify(execFile);

export interface TapOptions {
  /** Addresses with prefix length of the device. */
  addresses?: string[];
  /** Names and values below net.ipv4, set before anything runs in the namespace. */
  sysctl?: Record<string, string>;
}

let skipReason: string | undefined | false = false;

/** Whether a TAP device can be had; says what is skipped when not (and fails where CI asks for all tools). */
export function hasTap(): boolean {
  if (skipReason === false) skipReason = reasonToSkip();
  if (skipReason === undefined) return true;
  if (process.env.PINATA_TEST_REQUIRE_TOOLS) throw new Error(`no TAP device: ${skipReason}`);
  process.stderr.write(`no TAP device (${skipReason}): tests against the Linux kernel are skipped\n`);
  return false;
}

function reasonToSkip(): string | undefined {
  if (process.getuid?.() !== 0) return "this needs root";
  if (!existsSync(TUN)) return `${TUN} is missing`;
  const missing = ["ip", "gcc"].find((program) => !isOnPath(program));
  if (missing !== undefined) return `${missing} is not installed`;
  const name = newName();
  const { status, stderr } = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (status !== 0) return stderr.trim();
  removeNamespace(name);
  return undefined;
}

export class Tap implements FrameWire {
  private listener: (frame: Uint8Array) => void = () => {};
  private visitor: ChildProcess | undefined;
  private readonly errands = new Map<number, (answer: Answer, socket: Socket | undefined) => void>();
  private lastErrand = 0;
  private readonly removeAtExit = () => removeNamespace(this.name);
  private readonly bridgeEnded: Promise<void>;

  private constructor(
    readonly name: string,
    private readonly bridge: ChildProcess,
    up: () => void,
  ) {
    process.once("exit", this.removeAtExit);
    this.bridgeEnded = new Promise((resolve) => bridge.once("close", () => resolve()));
    bridge.stdin!.on("error", () => {});
    splitFrames(bridge, (frame) => (frame.length === 0 ? up() : this.listener(frame)));
  }

  /** Makes the namespace and the device, and brings it up. */
  static async open({ addresses = ["10.7.0.1/24"], sysctl = {} }: TapOptions = {}): Promise<Tap> {
    removeLeftOvers();
    await compileBridge();
    const name = newName();
    await execute("ip", ["netns", "add", name]);
    let complaint = "";
    const bridge = spawn("ip", ["netns", "exec", name, BRIDGE, DEVICE], { stdio: ["pipe", "pipe", "pipe"] });
    bridge.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    try {
      const tap = await new Promise<Tap>((resolve, reject) => {
        const opened: Tap = new Tap(name, bridge, () => resolve(opened));
        bridge.once("error", reject);
        bridge.once("close", () => reject(new Error(`the TAP bridge ended: ${complaint}`)));
      });
      for (const [key, value] of Object.entries(sysctl)) await tap.sysctl(key, value);
      await tap.ip("link", "set", "lo", "up");
      for (const address of addresses) await tap.ip("address", "add", address, "dev", DEVICE);
      await tap.ip("link", "set", DEVICE, "up");
      return tap;
    } catch (error) {
      bridge.kill("SIGKILL");
      removeNamespace(name);
      throw error;
    }
  }

  send(frame: Uint8Array): void {
    if (frame.length > LARGEST_FRAME) throw new Error(`a frame of ${frame.length} bytes`);
    const header = Uint8Array.of(frame.length >> 8, frame.length & 0xff);
    this.bridge.stdin!.write(Buffer.concat([header, frame]));
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.listener = listener;
  }

  /** Runs a program inside to its end. */
  run(program: string, args: string[], options?: RunOptions): Promise<Outcome> {
    return run("ip", this.inside(program, args), options);
  }

  /** Starts a server inside for the test that is running; it is ended with it. */
  serve(program: string, args: string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
    return serve("ip", this.inside(program, args));
  }

  /** Waits until a program inside listens on `port`. */
  async listening(port: number): Promise<void> {
    const local = new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex(port)} [0-9A-F]+:0000 0A `, "m");
    const tables = ["tcp", "tcp6"].map((table) => `/proc/${this.bridge.pid}/net/${table}`).filter(existsSync);
    while (!tables.some((table) => local.test(readFileSync(table, "utf8")))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A TCP connection made inside, to be used here; rejects with the system's code, e.g. ECONNREFUSED. Half-open is allowed. */
  connect(host: string, port: number, from?: string): Promise<Socket> {
    this.visitor ??= this.startVisitor();
    const errand: Errand = { id: ++this.lastErrand, host, port, ...(from === undefined ? {} : { from }) };
    return new Promise((resolve, reject) => {
      this.errands.set(errand.id, ({ error }, socket) => {
        if (socket === undefined) {
          reject(Object.assign(new Error(`connect ${host}:${port}: ${error ?? "no socket came"}`), { code: error }));
          return;
        }
        socket.allowHalfOpen = true;
        // Whoever wants to know of an error listens too; nobody has to.
        socket.on("error", () => {});
        resolve(socket);
      });
      this.visitor!.send(errand);
    });
  }

  async ip(...args: string[]): Promise<string> {
    return (await execute("ip", ["-n", this.name, ...args])).stdout;
  }

  /** Sets a value below net.ipv4 for the namespace. */
  async sysctl(name: string, value: string): Promise<void> {
    await execute("ip", this.inside("sh", ["-c", `echo "$1" > "/proc/sys/net/ipv4/$0"`, name, value]));
  }

  /** Ends what runs for this class inside and removes the namespace. */
  async stop(): Promise<void> {
    process.off("exit", this.removeAtExit);
    this.visitor?.kill("SIGKILL");
    this.bridge.stdin!.end();
    await this.bridgeEnded;
    removeNamespace(this.name);
  }

  private inside(program: string, args: string[]): string[] {
    return ["netns", "exec", this.name, program, ...args];
  }

  private startVisitor(): ChildProcess {
    const visitor = spawn("ip", this.inside(process.execPath, ["--import", "tsx", VISITOR]), {
      cwd: ROOT,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    visitor.on("message", (answer: Answer, socket) => {
      const done = this.errands.get(answer.id);
      this.errands.delete(answer.id);
      done?.(answer, socket as Socket | undefined);
    });
    visitor.once("exit", (code) => {
      for (const done of this.errands.values()) done({ id: 0, error: `the visitor ended with ${code}` }, undefined);
    });
    return visitor;
  }
}

/** Cuts the bridge's output into frames. */
function splitFrames(bridge: ChildProcess, onFrame: (frame: Uint8Array) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  bridge.stdout!.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 2 && bytes.length - at - 2 >= bytes.readUInt16BE(at)) {
      const end = at + 2 + bytes.readUInt16BE(at);
      onFrame(bytes.subarray(at + 2, end));
      at = end;
    }
    rest = bytes.subarray(at);
  });
}

async function compileBridge(): Promise<void> {
  if (existsSync(BRIDGE) && statSync(BRIDGE).mtimeMs > statSync(SOURCE).mtimeMs) return;
  mkdirSync(dirname(BRIDGE), { recursive: true });
  const temporary = `${BRIDGE}.${process.pid}`;
  await execute("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", temporary, SOURCE]);
  renameSync(temporary, BRIDGE);
}

let made = 0;

/** Unique, and tells whose it is. */
function newName(): string {
  return `${PREFIX}-${process.pid}-${++made}`;
}

function removeNamespace(name: string): void {
  spawnSync("ip", ["netns", "delete", name]);
}

/** Removes the namespaces of processes that no longer are. */
function removeLeftOvers(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  for (const [name, pid] of stdout.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\d+`, "gm"))) {
    if (!existsSync(`/proc/${pid}`)) removeNamespace(name);
  }
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}
