/**
 * The piñata's machine beside a minimal Linux machine, in turns, so that a host whose speed drifts shifts both: each round boots
 * one, counts handshakes, lets it rest, ends it, and does the same with the other. Everything made is in one temporary
 * folder, which is removed; only the kernel's package stays, in build/.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "../../../infra/cli/errors.ts";
import { isOnPath } from "../../../infra/cli/on-path.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { metalImage } from "../../../infra/image/metal-image.ts";
import { choosePorts } from "../../../infra/machine/ports.ts";
import { type MachineSettings, QEMU, qemuArguments } from "../../../infra/machine/qemu.ts";
import { mintPractice } from "../../../infra/mint/mint.ts";
import { Guest, withSystem } from "./guest.ts";
import { fetchKernel, linuxCommandLine, linuxInitramfs, requireLinuxTools } from "./linux.ts";
import type { Measured, Round } from "./table.ts";
import { firstHandshake, measureIdle, measureRate, pause, type Visitor, visitorContext } from "./visitor.ts";

export interface Effort {
  rounds: number;
  warmUpSeconds: number;
  sequentialSeconds: number;
  parallelSeconds: number;
  idleSeconds: number;
}

export interface Contest {
  pinata: Measured;
  linux: Measured;
  /** The kernel's package. */
  kernel: string;
}

export const FULL: Effort = { rounds: 5, warmUpSeconds: 1, sequentialSeconds: 3, parallelSeconds: 4, idleSeconds: 10 };
export const QUICK: Effort = { rounds: 1, warmUpSeconds: 1, sequentialSeconds: 2, parallelSeconds: 2, idleSeconds: 4 };

const PINATA_MIB = 16;
const LINUX_MIB = 256;
const AT_ONCE = 4;
/** Ended connections linger for two seconds. */
const SETTLE_MILLIS = 3000;
const PATIENCE_MILLIS = 60_000;

interface Contestant {
  name: string;
  imageBytes: number;
  memoryMiB: number;
  request: string | undefined;
  /** QEMU's arguments for these settings. */
  arguments(settings: MachineSettings): string[];
}

/** Throws a CommandError when a tool, a package or the image is missing, and when a machine does not answer. */
export async function compareMachines(effort: Effort, say: (line: string) => void): Promise<Contest> {
  if (!isOnPath(QEMU)) throw new CommandError(`${QEMU} is not on the PATH: npm run setup:metal`);
  requireLinuxTools();
  const kernel = fetchKernel(join(ROOT, "build/bench-metal"));
  const image = await metalImage();
  const dir = mkdtempSync(join(tmpdir(), "pinata-bench-"));
  try {
    const practice = join(dir, "practice");
    await mintPractice({ dir: practice, network: "regtest", refundHeight: 1000, now: new Date() });
    const [ca, certificate, key] = ["ca.pem", "player.pem", "player.key"].map((file) =>
      readFileSync(join(practice, file)),
    );
    const initrd = join(dir, "initramfs");
    writeFileSync(initrd, linuxInitramfs(kernel.modules, { ca: ca!, certificate: certificate!, key: key! }));
    const linux: Contestant = {
      name: "Linux",
      imageBytes: statSync(kernel.kernel).size + statSync(initrd).size,
      memoryMiB: LINUX_MIB,
      request: "GET / HTTP/1.0\r\n\r\n",
      arguments: (settings) =>
        // Debian's kernel finds virtio-mmio devices by ACPI only; nothing else of the machine differs.
        withSystem(
          qemuArguments(settings).map((word) => word.replace("acpi=off,", "")),
          {
            memoryMiB: LINUX_MIB,
            kernel: kernel.kernel,
            initrd,
            commandLine: linuxCommandLine(processorMegahertz()),
          },
        ),
    };
    const pinata: Contestant = {
      name: "the piñata",
      imageBytes: image.size,
      memoryMiB: PINATA_MIB,
      request: undefined,
      arguments: qemuArguments,
    };
    const context = visitorContext(ca!, certificate!, key!);
    const measure = async (contestant: Contestant): Promise<Round> => {
      const ports = await choosePorts(["127.0.0.1"], { server: 0, dialback: 0, client: 0 });
      const args = contestant.arguments({
        network: { kind: "user", hosts: ["127.0.0.1"], ports },
        dialTo: 40001,
        limits: { connections: 64, fromPeer: 64, handshakeMillis: 10_000 },
        memoryMiB: PINATA_MIB,
        kvm: false,
        image: image.file,
        seal: join(practice, "seal"),
        imageHash: image.sha256,
      });
      const visitor: Visitor = { port: ports.server, context, request: contestant.request };
      return oneRound(contestant.name, args, visitor, effort);
    };
    const found: { pinata: Round[]; linux: Round[] } = { pinata: [], linux: [] };
    for (let turn = 1; turn <= effort.rounds; turn++) {
      say(`round ${turn} of ${effort.rounds}`);
      found.pinata.push(await measure(pinata));
      found.linux.push(await measure(linux));
    }
    const measured = ({ imageBytes, memoryMiB }: Contestant, rounds: Round[]) => ({ imageBytes, memoryMiB, rounds });
    return {
      pinata: measured(pinata, found.pinata),
      linux: measured(linux, found.linux),
      kernel: kernel.package,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** By /proc/cpuinfo: os.cpus() asks the frequency driver, which a virtual machine lacks. 0: it does not say. */
function processorMegahertz(): number {
  return Number(/^cpu MHz\s*: ([\d.]+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? 0);
}

/** Boots, counts, rests, ends. */
export async function oneRound(name: string, args: string[], visitor: Visitor, effort: Effort): Promise<Round> {
  const guest = new Guest(name, args);
  try {
    const bootMillis = await firstHandshake(guest, visitor, PATIENCE_MILLIS);
    await measureRate(guest, visitor, 1, effort.warmUpSeconds);
    const sequential = await measureRate(guest, visitor, 1, effort.sequentialSeconds);
    const parallel = await measureRate(guest, visitor, AT_ONCE, effort.parallelSeconds);
    await pause(SETTLE_MILLIS);
    return {
      bootMillis,
      sequential: sequential.handshakes / sequential.seconds,
      parallel: parallel.handshakes / parallel.seconds,
      cpuMillis: (parallel.cpu * 1000) / parallel.handshakes,
      idle: await measureIdle(guest, effort.idleSeconds),
    };
  } catch (error) {
    throw error instanceof CommandError ? error : guest.failed(`failed (${(error as Error).message})`);
  } finally {
    await guest.stop();
  }
}
