/** `pinata run`: one piñata with your own seal under QEMU, in the foreground, until Ctrl-C. What it and QEMU say goes to standard error. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { withProgress } from "../../bin/setup.mjs";
import { fileTraceLog, type TraceLog } from "../../unikernel/boards/node/trace-log.ts";
import { metalImage, requireMetalTools } from "../image/metal-image.ts";
import { readMachineFiles } from "../machine/files.ts";
import { type Booted, Machine } from "../machine/machine.ts";
import { chooseNetwork } from "../machine/network.ts";
import type { TapNetwork, UserNetwork } from "../machine/qemu.ts";
import { CommandError, UsageError } from "./errors.ts";

export interface RunOptions {
  seal: string;
  image?: string;
  trace?: string;
  host?: string;
  serverPort: number;
  dialbackPort: number;
  clientPort: number;
  dialToPort: number;
  tap?: string;
  ip?: string;
  gateway?: string;
  fromPeer: number;
  memory: number;
  kvm?: boolean;
  json?: boolean;
}

const LIMITS = { connections: 64, handshakeMillis: 10_000 };

export async function run(options: RunOptions): Promise<void> {
  requireReadable(options.seal);
  const { serverPort: server, dialbackPort: dialback, clientPort: client, tap, ip, gateway } = options;
  const host = options.host === undefined ? undefined : [options.host];
  const network = await chooseNetwork({ ports: { server, dialback, client }, host, tap, ip, gateway });
  const say = (line: string) => void process.stderr.write(`  ${line}\n`);
  let machine: Machine | undefined;
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      stopping = true;
      void Promise.resolve(machine?.stop(signal)).then(() => process.exit(0));
    });
  }
  requireMetalTools("running the image takes", ["qemu-system-x86_64"]);
  const image = options.image ?? (await withProgress("building the image", () => metalImage())).file;
  const files = readMachineFiles(image, options.seal);
  const trace = resolve(options.trace ?? join(dirname(options.seal), "trace.jsonl"));
  machine = new Machine({
    ...files,
    network,
    dialTo: options.dialToPort,
    limits: { ...LIMITS, fromPeer: options.fromPeer },
    memoryMiB: options.memory,
    kvm: options.kvm ?? false,
    trace: openTrace(trace),
    log: say,
    tell: say,
  });
  try {
    const booted = await machine.start();
    const { boot, image: hash, ports } = booted;
    const place =
      network.kind === "tap" ? { tap: network.name, ip: network.ip, mac: network.mac } : { hosts: network.hosts };
    const found = {
      pid: process.pid,
      boot,
      image: hash,
      ...place,
      doors: { ...ports, dialTo: options.dialToPort },
      trace,
    };
    process.stdout.write(options.json ? `${JSON.stringify(found)}\n` : screen(booted, network, options, trace));
  } catch (error) {
    if (!stopping) throw error;
  }
}

/** Looked at before the image is built, which takes a while. */
function requireReadable(seal: string): void {
  try {
    readFileSync(seal);
  } catch (error) {
    throw new UsageError(`cannot read the seal: ${(error as Error).message}`);
  }
}

function openTrace(file: string): TraceLog {
  try {
    return fileTraceLog(file);
  } catch (error) {
    throw new CommandError(`cannot write the trace: ${(error as Error).message}`);
  }
}

function screen(
  { image, boot, ports }: Booted,
  network: UserNetwork | TapNetwork,
  options: RunOptions,
  trace: string,
): string {
  const at =
    network.kind === "user" ? network.hosts[0] : network.ip === "dhcp" ? "its address" : network.ip.split("/")[0];
  const caller = network.kind === "user" ? "this machine" : "you back";
  return `
  The piñata hangs in a virtual machine.

    image      ${image}
    boot       ${boot}
    doors      ${at}:${ports.server}   it is the TLS server
               ${at}:${ports.dialback}   it calls ${caller} on port ${options.dialToPort}, and is the client there
               ${at}:${ports.client}   it is the TLS client
    network    ${network.kind === "tap" ? `${network.name}, ${network.ip}, ${network.mac}` : "forwarded by QEMU: it sees every peer as 10.0.2.2"}
    trace      ${trace}

  Ctrl-C ends it.
`;
}
