/**
 * `pinata relay`: joins the piñata's server door to its client door and shows the TLS records that pass. The piñata completes
 * a mutual handshake with itself; the candy goes by, encrypted, through the attacker's hands.
 */
import { connect, type Socket } from "node:net";
import { CommandError } from "./errors.ts";
import { APPLICATION_DATA, RecordSplitter, recordName } from "./records.ts";
import { readRunning, stateDir } from "./start/state-dir.ts";

interface RelayOptions {
  dir: string;
  serverPort?: number;
  clientPort?: number;
  json?: boolean;
}

/** Longer than a piñata waits for anything: its own end comes first. */
const PATIENCE_MILLIS = 15_000;
/** Bytes of an encrypted alert: level, description, inner type, tag (RFC 8446 §5.2, §6). */
const ALERT_RECORD = 19;

const ENCRYPTED = recordName(APPLICATION_DATA);

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
  const records: Passed[] = [];
  await joinDoors({ host: target, serverPort, clientPort, patienceMillis: PATIENCE_MILLIS }, (passed) => {
    total[passed.direction] += passed.length + 5;
    records.push(passed);
    if (options.json) process.stdout.write(`${JSON.stringify(passed)}\n`);
    else
      process.stdout.write(
        `  ${passed.direction}  ${passed.type.padEnd(20)} ${String(passed.length).padStart(6)} bytes\n`,
      );
  });
  if (options.json) return;
  process.stdout.write(
    `\nBoth ends closed. ${total["client→server"]} bytes went to the server, ${total["server→client"]} came back;\n` +
      (candyPassed(records)
        ? "the candy was among them, encrypted. Read it and the coins are yours.\n"
        : "no candy was among them: the handshake was not completed, or these are not the doors of a piñata.\n"),
  );
}

/**
 * Whether the server sent anything encrypted but alerts after the client's own encrypted part, which ends the handshake. That is
 * all that can be seen from outside, and from a piñata's server door it is the candy.
 */
export function candyPassed(records: readonly Passed[]): boolean {
  const finished = records.findIndex(({ direction, type }) => direction === "client→server" && type === ENCRYPTED);
  return (
    finished !== -1 &&
    records
      .slice(finished)
      .some(
        ({ direction, type, length }) => direction === "server→client" && type === ENCRYPTED && length > ALERT_RECORD,
      )
  );
}

/**
 * Connects to both doors and passes bytes until both have closed; reports each record. Throws a CommandError when a door cannot
 * be reached, or when nothing passes for `patienceMillis`.
 */
export async function joinDoors(
  doors: { host: string; serverPort: number; clientPort: number; patienceMillis: number },
  onRecord: (passed: Passed) => void,
): Promise<void> {
  const server = await open(doors.host, doors.serverPort);
  const client = await open(doors.host, doors.clientPort).catch((error) => {
    server.destroy();
    throw error;
  });
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    server.destroy();
    client.destroy();
  }, doors.patienceMillis);
  pass(client, server, "client→server", onRecord, timer);
  pass(server, client, "server→client", onRecord, timer);
  await Promise.all([closed(server), closed(client)]);
  clearTimeout(timer);
  if (silent) throw new CommandError(`no answer: nothing passed for ${doors.patienceMillis / 1000} s`);
}

function pass(
  from: Socket,
  to: Socket,
  direction: Direction,
  onRecord: (passed: Passed) => void,
  timer: NodeJS.Timeout,
): void {
  const splitter = new RecordSplitter();
  from.on("data", (bytes) => {
    timer.refresh();
    for (const { type, length } of splitter.push(bytes)) onRecord({ direction, type: recordName(type), length });
    to.write(bytes);
  });
  from.on("end", () => to.end());
  from.on("error", () => to.destroy());
  // It may have failed while the other door was being opened.
  if (from.destroyed) to.destroy();
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
