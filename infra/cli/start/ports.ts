/** Finds out before anything starts whether the ports that were asked for are free, so that the error can name the option. */
import { createServer } from "node:net";
import { CommandError } from "../errors.ts";

export interface WantedPort {
  /** The option that sets it, e.g. "--web-port". */
  option: string;
  port: number;
  host: string;
}

/** Throws a CommandError that names each port in use and the option that changes it. Port 0 is always free. */
export async function requireFreePorts(wanted: WantedPort[]): Promise<void> {
  const complaints: string[] = [];
  for (const { option, port, host } of wanted) {
    const problem = port === 0 ? undefined : await tryPort(port, host);
    if (problem === "EADDRINUSE") complaints.push(`port ${port} is in use: choose another with ${option}`);
    else if (problem === "EACCES")
      complaints.push(`port ${port} needs more rights: choose one above 1023 with ${option}`);
    else if (problem === "EADDRNOTAVAIL") complaints.push(`${host} is not an address of this machine: see --host`);
    else if (problem !== undefined) complaints.push(`cannot listen on ${host} port ${port}: ${problem} (${option})`);
  }
  if (complaints.length > 0) throw new CommandError([...new Set(complaints)].join("; "));
}

/** The error code of listening there, or undefined when it works. */
function tryPort(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host }, () => server.close(() => resolve(undefined)));
  });
}
