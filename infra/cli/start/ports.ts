/** Finds out before anything starts whether the ports that were asked for are free, so that the error can name the option. */
import { createServer, type Server } from "node:net";
import { CommandError } from "../errors.ts";

export interface WantedPort {
  /** The option that sets it, e.g. "--web-port". */
  option: string;
  port: number;
  host: string;
}

/**
 * Throws a CommandError that names each port in use and the option that changes it. Port 0 is always free. All are held
 * until the last was tried, so that one port wanted twice is found too.
 */
export async function requireFreePorts(wanted: WantedPort[]): Promise<void> {
  const complaints = new Set<string>();
  const busy = new Map<string, number>();
  const held: Server[] = [];
  const taken: WantedPort[] = [];
  for (const want of wanted.filter(({ port }) => port !== 0)) {
    const got = await hold(want);
    if (typeof got !== "string") {
      held.push(got);
      taken.push(want);
    } else if (got === "EADDRINUSE" && !taken.some((other) => isTwin(want, other))) {
      busy.set(want.option, want.port);
    } else {
      complaints.add(complaint(want, got, taken));
    }
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  if (busy.size > 0) complaints.add(inUse([...busy]));
  if (complaints.size > 0) throw new CommandError([...complaints].join("; "));
}

/** Short, however many they are: another piñata in the way means six. */
function inUse(busy: [option: string, port: number][]): string {
  if (busy.length < 3) {
    return busy.map(([option, port]) => `port ${port} is in use: choose another with ${option}`).join("; ");
  }
  const ports = busy.map(([option, port]) => `${port} (${option})`).join(", ");
  return `ports are in use, perhaps by another piñata: ${ports}; end what runs there, or choose others with these options`;
}

/** Both options name the same port. */
function isTwin(want: WantedPort, other: WantedPort): boolean {
  return other.port === want.port && other.option !== want.option;
}

function complaint(want: WantedPort, code: string, taken: WantedPort[]): string {
  const { option, port, host } = want;
  const twin = taken.find((other) => isTwin(want, other));
  if (code === "EADDRINUSE" && twin) return `port ${port} is wanted twice: by ${twin.option} and by ${option}`;
  if (code === "EACCES") return `port ${port} needs more rights: choose one above 1023 with ${option}`;
  if (code === "EADDRNOTAVAIL") return `${host} is not an address of this machine: see --host`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `no address is known for ${host}: see --host`;
  return `cannot listen on ${host} port ${port}: ${code} (${option})`;
}

/** Listens there, or gives the error code. */
function hold({ port, host }: WantedPort): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host }, () => resolve(server));
  });
}
