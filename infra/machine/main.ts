/**
 * One piñata on the metal board as a process: keeps a machine under QEMU up. Started by `pinata start`; by hand:
 * `node --import tsx infra/machine/main.ts --image FILE --seal FILE [--trace FILE] [--host ADDRESS]…`.
 * Tells a parent over IPC when it is ready and when it fell or is back, and ends cleanly on SIGINT, SIGTERM or when the parent is gone.
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { fileTraceLog, stdoutTraceLog } from "../../unikernel/boards/node/trace-log.ts";
import { CommandError, UsageError } from "../cli/errors.ts";
import { readMachineFiles } from "./files.ts";
import { Machine } from "./machine.ts";
import { chooseNetwork } from "./network.ts";
import { LEAST_MEMORY, MOST_MEMORY } from "./qemu.ts";

const HELP = `Keeps one piñata up under QEMU.

  --image FILE            the image (made by "pinata image")
  --seal FILE             the sealed secrets (made by "pinata mint")
  --trace FILE            where trace lines go (default: standard output)
  --host ADDRESS          the doors are forwarded from here; repeatable (default 127.0.0.1; QEMU forwards IPv4 only)
  --server-port N         door where it is the TLS server (default 10000)
  --dialback-port N       door that calls back (default 10001)
  --client-port N         door where it is the TLS client (default 10002)
  --dial-to-port N        the caller's port that it calls back (default 40001)
  --connections N         connections at once, at most 64 (default 64)
  --from-peer N           connections of one peer at once (default 16); only with --tap, otherwise all peers look like one
  --handshake-seconds N   time for a handshake (default 10)
  --tap NAME              a TAP device instead of forwarded doors
  --ip ADDRESS/PREFIX     its address there, or dhcp (default dhcp)
  --gateway ADDRESS       its gateway there
  --memory N              MiB, at most 1024 (default and least 16)
  --kvm                   the processor's own virtualisation instead of emulation
`;

const number = (name: string, min: number, max: number) =>
  z.coerce
    .number(`--${name} takes a number`)
    .int(`--${name} takes a whole number`)
    .min(min, `--${name} is at least ${min}`)
    .max(max, `--${name} is at most ${max}`);

const flags = z.object({
  image: z.string("--image FILE is missing"),
  seal: z.string("--seal FILE is missing"),
  trace: z.string().optional(),
  host: z.array(z.string()).optional(),
  "server-port": number("server-port", 0, 65535).default(10000),
  "dialback-port": number("dialback-port", 0, 65535).default(10001),
  "client-port": number("client-port", 0, 65535).default(10002),
  "dial-to-port": number("dial-to-port", 1, 65535).default(40001),
  connections: number("connections", 1, 64).default(64),
  "from-peer": number("from-peer", 1, 64).default(16),
  "handshake-seconds": number("handshake-seconds", 1, 3600).default(10),
  tap: z.string().optional(),
  ip: z.string().optional(),
  gateway: z.string().optional(),
  memory: number("memory", LEAST_MEMORY, MOST_MEMORY).default(LEAST_MEMORY),
  kvm: z.boolean().default(false),
});

async function main(): Promise<void> {
  const options = readFlags();
  if (options === "help") return void process.stdout.write(HELP);
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const ports = {
    server: options["server-port"],
    dialback: options["dialback-port"],
    client: options["client-port"],
  };
  const machine = new Machine({
    ...readMachineFiles(options.image, options.seal),
    network: await chooseNetwork({ ...options, ports }),
    dialTo: options["dial-to-port"],
    limits: {
      connections: options.connections,
      fromPeer: options["from-peer"],
      handshakeMillis: options["handshake-seconds"] * 1000,
    },
    memoryMiB: options.memory,
    kvm: options.kvm,
    trace: options.trace === undefined ? stdoutTraceLog() : fileTraceLog(options.trace),
    log,
    tell(line) {
      log(line);
      process.send?.({ tell: line });
    },
  });
  let stopping = false;
  const stop = async (reason: string) => {
    stopping = true;
    await machine.stop(reason);
    process.exit(0);
  };
  process.on("SIGINT", () => void stop("SIGINT"));
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("disconnect", () => void stop("the parent process is gone"));
  try {
    const booted = await machine.start();
    process.send?.({ ready: true, ...booted });
  } catch (error) {
    // Told to stop before it had booted: that is no failure, and stop() ends us.
    if (!stopping) throw error;
  }
}

function readFlags(): z.infer<typeof flags> | "help" {
  const names = Object.keys(flags.shape).filter((name) => name !== "kvm");
  try {
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: "string" as const, multiple: name === "host" }])),
        kvm: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) return "help";
    const result = flags.safeParse(values);
    if (result.success) return result.data;
    throw new UsageError(result.error.issues.map((issue) => issue.message).join("; "));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

main().catch((error: unknown) => {
  const known = error instanceof UsageError || error instanceof CommandError;
  process.stderr.write(`piñata: ${known ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exit(known ? error.exitCode : 1);
});
