/** The host's ports for the doors of a machine in QEMU's user network: the wanted ones when they are free, and free ones for 0. */
import { type AddressInfo, createServer, type Server } from "node:net";
import { CommandError } from "../cli/errors.ts";
import { requireFreePorts } from "../cli/start/ports.ts";
import { DOORS, type DoorPorts } from "./qemu.ts";

export const PORT_OPTIONS = { server: "--server-port", dialback: "--dialback-port", client: "--client-port" } as const;
const MOST_TRIES = 20;

/** Throws a CommandError that names each port in use and the option that changes it. */
export async function choosePorts(hosts: string[], wanted: DoorPorts): Promise<DoorPorts> {
  await requireFreePorts(
    hosts.flatMap((host) => DOORS.map((door) => ({ option: PORT_OPTIONS[door], port: wanted[door], host }))),
  );
  const chosen = { ...wanted };
  const held: Server[] = [];
  try {
    for (const door of DOORS) if (wanted[door] === 0) chosen[door] = await holdFree(hosts, held);
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
  return chosen;
}

/** Holds one port on every host, so that the next one is another. */
async function holdFree(hosts: string[], held: Server[]): Promise<number> {
  let why = "";
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    let port = 0;
    for (const host of hosts) {
      const server = await listen(host, port);
      if (typeof server === "string") {
        why = `cannot listen on ${host}: ${server}`;
        break;
      }
      held.push(server);
      port = (server.address() as AddressInfo).port;
      if (host === hosts.at(-1)) return port;
    }
  }
  throw new CommandError(why);
}

/** Listens there, or gives the error code. */
function listen(host: string, port: number): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => resolve(server));
  });
}
