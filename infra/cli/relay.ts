/**
 * `pinata relay`: joins the piñata's server door to its client door and shows the TLS records that pass. The piñata completes
 * a mutual handshake with itself; the candy goes by, encrypted, through the attacker's hands.
 */
import { connect, type Socket } from "node:net";
import { CommandError } from "./errors.ts";
import { RecordSplitter, recordName } from "./records.ts";
import { readRunning, stateDir } from "./start/state-dir.ts";

interface RelayOptions {
  dir: string;
  serverPort?: number;
  clientPort?: number;
  json?: boolean;
}

type Direction = "client→server" | "server→client";

export interface Passed {
  direction: Direction;
  type: string;
  length: number;
}

export async function relay(host: string | undefined, options: RelayOptions): Promise<void> {
  const local = host === undefined ? readRunning(stateDir(options.dir)) : undefined;
  if (host === undefined && local === undefined) {
    throw new CommandError(`no piñata runs in ${options.dir}: start one (pinata start), or name a host`);
  }
  const target = host ?? local!.host;
  const serverPort = options.serverPort ?? local?.doors.server ?? 10000;
  const clientPort = options.clientPort ?? local?.doors.client ?? 10002;
  if (!options.json) {
    process.stdout.write(
      `joining ${target}:${serverPort} (it is the server) and :${clientPort} (it is the client)\n\n`,
    );
  }
  const total = { "client→server": 0, "server→client": 0 };
  await joinDoors({ host: target, serverPort, clientPort }, (passed) => {
    total[passed.direction] += passed.length + 5;
    if (options.json) process.stdout.write(`${JSON.stringify(passed)}\n`);
    else
      process.stdout.write(
        `  ${passed.direction}  ${passed.type.padEnd(20)} ${String(passed.length).padStart(6)} bytes\n`,
      );
  });
  if (options.json) return;
  process.stdout.write(
    `\nBoth ends closed. ${total["client→server"]} bytes went to the server, ${total["server→client"]} came back;\n` +
      "the candy was among them, encrypted. Read it and the coins are yours.\n",
  );
}

/** Connects to both doors and passes bytes until both have closed; reports each record. Throws a CommandError. */
export async function joinDoors(
  doors: { host: string; serverPort: number; clientPort: number },
  onRecord: (passed: Passed) => void,
): Promise<void> {
  const server = await open(doors.host, doors.serverPort);
  const client = await open(doors.host, doors.clientPort).catch((error) => {
    server.destroy();
    throw error;
  });
  pass(client, server, "client→server", onRecord);
  pass(server, client, "server→client", onRecord);
  await Promise.all([closed(server), closed(client)]);
}

function pass(from: Socket, to: Socket, direction: Direction, onRecord: (passed: Passed) => void): void {
  const splitter = new RecordSplitter();
  from.on("data", (bytes) => {
    for (const { type, length } of splitter.push(bytes)) onRecord({ direction, type: recordName(type), length });
    to.write(bytes);
  });
  from.on("end", () => to.end());
  from.on("error", () => to.destroy());
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      reject(new CommandError(`cannot connect to ${host}:${port}: ${error.code ?? error.message}`)),
    );
    socket.once("connect", () => resolve(socket));
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve())));
}
