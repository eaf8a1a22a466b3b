/**
 * One piñata on the Node board as a process: reads the seal, opens the doors, writes the trace. Started by `pinata start`;
 * by hand: `node --import tsx unikernel/boards/node/main.ts --seal FILE [--trace FILE] [--host ADDRESS]…`.
 * Tells a parent over IPC when it is ready, and ends cleanly on SIGINT, SIGTERM or when the parent is gone.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { DEFAULT_LIMITS, DEFAULT_PORTS, PortBusy, startBoard } from "./board.ts";
import { loadGuestModules } from "./modules.ts";
import { fileTraceLog, stdoutTraceLog } from "./trace-log.ts";
import { SealRefused } from "./vault.ts";

const HELP = `Runs one piñata on the Node board.

  --seal FILE             the sealed secrets (made by "pinata mint")
  --modules DIR           the guest modules (default build/guest)
  --trace FILE            where trace lines go (default: standard output)
  --host ADDRESS          listen here; repeatable (default 127.0.0.1)
  --server-port N         door where we are the TLS server (default ${DEFAULT_PORTS.server})
  --dialback-port N       door that calls back (default ${DEFAULT_PORTS.dialback})
  --client-port N         door where we are the TLS client (default ${DEFAULT_PORTS.client})
  --dial-to-port N        the caller's port that we call back (default ${DEFAULT_PORTS.dialTo})
  --connections N         connections at once, at most 64 (default ${DEFAULT_LIMITS.connections})
  --from-peer N           connections of one peer at once (default ${DEFAULT_LIMITS.fromPeer})
  --handshake-seconds N   time for a handshake (default ${DEFAULT_LIMITS.handshakeMillis / 1000})
`;

const number = (name: string, min: number, max: number) =>
  z.coerce
    .number(`--${name} takes a number`)
    .int(`--${name} takes a whole number`)
    .min(min, `--${name} is at least ${min}`)
    .max(max, `--${name} is at most ${max}`);

const flags = z.object({
  seal: z.string("--seal FILE is missing"),
  modules: z.string().default("build/guest"),
  trace: z.string().optional(),
  host: z.array(z.string()).default(["127.0.0.1"]),
  "server-port": number("server-port", 0, 65535).default(DEFAULT_PORTS.server),
  "dialback-port": number("dialback-port", 0, 65535).default(DEFAULT_PORTS.dialback),
  "client-port": number("client-port", 0, 65535).default(DEFAULT_PORTS.client),
  "dial-to-port": number("dial-to-port", 1, 65535).default(DEFAULT_PORTS.dialTo),
  connections: number("connections", 1, 64).default(DEFAULT_LIMITS.connections),
  "from-peer": number("from-peer", 1, 64).default(DEFAULT_LIMITS.fromPeer),
  "handshake-seconds": number("handshake-seconds", 1, 3600).default(DEFAULT_LIMITS.handshakeMillis / 1000),
});

/** A mistake of the caller, or something it can mend: one line, no stack. */
class StartError extends Error {}

async function main(): Promise<void> {
  const options = readFlags();
  if (options === "help") return void process.stdout.write(HELP);
  const seal = readSeal(options.seal);
  const board = await startBoard({
    modules: loadGuestModules(options.modules),
    seal,
    hosts: options.host,
    ports: {
      server: options["server-port"],
      dialback: options["dialback-port"],
      client: options["client-port"],
      dialTo: options["dial-to-port"],
    },
    limits: {
      connections: options.connections,
      fromPeer: options["from-peer"],
      handshakeMillis: options["handshake-seconds"] * 1000,
    },
    trace: options.trace === undefined ? stdoutTraceLog() : fileTraceLog(options.trace),
  });
  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    await board.stop(reason);
    process.exit(0);
  };
  process.on("SIGINT", () => void stop("SIGINT"));
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("disconnect", () => void stop("the parent process is gone"));
  process.send?.({ ready: true, ports: board.ports, boot: board.boot, image: board.image });
}

function readFlags(): z.infer<typeof flags> | "help" {
  const names = Object.keys(flags.shape);
  try {
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: "string" as const, multiple: name === "host" }])),
        help: { type: "boolean" },
      },
    });
    if (values.help) return "help";
    const result = flags.safeParse(values);
    if (result.success) return result.data;
    throw new StartError(result.error.issues.map((issue) => issue.message).join("; "));
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError((error as Error).message);
  }
}

function readSeal(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new StartError(`cannot read the seal: ${(error as Error).message}`);
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof StartError || error instanceof SealRefused || error instanceof PortBusy;
  process.stderr.write(`piñata: ${expected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exit(error instanceof StartError ? 2 : 1);
});
