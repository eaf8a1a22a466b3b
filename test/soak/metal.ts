/**
 * The last part of `npm run soak`: as many full handshakes in a row with the metal board itself, under QEMU. The guest's memory is fixed; what
 * could grow is QEMU's, which is read after each thousand, once QEMU has translated all code and touched all pages that a handshake needs.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { metalImage } from "../../infra/image/metal-image.ts";
import { METAL_TOOLS } from "../../infra/image/tools.ts";
import { Machine } from "../../infra/machine/machine.ts";
import { mintPractice } from "../../infra/mint/mint.ts";
import type { TraceEvent } from "../../unikernel/trace.ts";
import { CANDY } from "../support/candy.ts";
import { hasTool } from "../support/run.ts";

export interface MetalSoakFigures {
  served: number;
  failures: Record<string, number>;
  seconds: number;
  /** QEMU's resident memory, KiB: after the warm-up and after every so many. */
  memory: number[];
  traps: number;
  /** Times that the machine started: 1. */
  boots: number;
}

/** QEMU's forwarding keeps each connection for ten seconds after its end. */
const WARM_UP_MILLIS = 12_000;
const READINGS = 10;

export function hasMetal(): boolean {
  return METAL_TOOLS.map(({ program }) => hasTool(program)).every(Boolean);
}

export async function soakMetal(connections: number): Promise<MetalSoakFigures> {
  const folder = mkdtempSync(join(tmpdir(), "pinata-soak-"));
  const practice = join(folder, "practice");
  const counts = { trap: 0, boot: 0 };
  let machine: Machine | undefined;
  try {
    await mintPractice({ dir: practice, network: "regtest", refundHeight: 1000, now: new Date() });
    machine = new Machine({
      image: readFileSync((await metalImage()).file),
      seal: readFileSync(join(practice, "seal")),
      network: { kind: "user", hosts: ["127.0.0.1"], ports: { server: 0, dialback: 0, client: 0 } },
      dialTo: 1,
      limits: { connections: 64, fromPeer: 64, handshakeMillis: 10_000 },
      memoryMiB: 16,
      kvm: false,
      trace: {
        write({ event }: TraceEvent) {
          if (event === "trap" || event === "boot") counts[event]++;
        },
        close() {},
      },
      log: () => {},
      tell: () => {},
    });
    const { server } = (await machine.start()).ports;
    const visit = visitor(server, practice);
    const warm = performance.now() + WARM_UP_MILLIS;
    while (performance.now() < warm) await visit();
    const memory = [residentKiB()];
    const failures: Record<string, number> = {};
    let served = 0;
    const start = performance.now();
    for (let i = 1; i <= connections; i++) {
      const failure = await visit();
      if (failure === undefined) served++;
      else failures[failure] = (failures[failure] ?? 0) + 1;
      if (i % Math.max(1, Math.floor(connections / READINGS)) === 0) memory.push(residentKiB());
    }
    const seconds = (performance.now() - start) / 1000;
    return { served, failures, seconds, memory, traps: counts.trap, boots: counts.boot };
  } finally {
    await machine?.stop("the soak is over");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One handshake to close_notify; what went wrong, or nothing. */
function visitor(port: number, practice: string): () => Promise<string | undefined> {
  const [ca, cert, key] = ["ca.pem", "player.pem", "player.key"].map((name) => readFileSync(join(practice, name)));
  return () =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: ca!, cert: cert!, key: key! });
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.once("error", (error) => resolve(error.message.replace(/[0-9A-F]{16}:/g, "")));
      socket.once("close", () => resolve(CANDY.test(text) ? undefined : "no candy"));
    });
}

/** Of the QEMU that this process has started. */
function residentKiB(): number {
  const qemu = execFileSync("pgrep", ["-P", String(process.pid), "qemu-system"], { encoding: "utf8" }).trim();
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${qemu}/status`, "utf8"))?.[1]);
}
