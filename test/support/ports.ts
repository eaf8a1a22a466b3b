/** Free ports, waiting for listeners, and joining two ports, on 127.0.0.1. */
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** So many ports, all different, that nobody listens on now: one asked for after the other could be the same again. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * Waits until a program listens on `port`. Looks into the kernel's table: connecting would be taken for the peer, and trying to
 * listen there could take the port away from the program.
 */
export async function listening(port: number): Promise<void> {
  const local = new RegExp(
    `^\\s*\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, "0")} [0-9A-F]+:0000 0A `,
    "m",
  );
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].filter((file) => existsSync(file));
  while (!tables.some((file) => local.test(readFileSync(file, "utf8")))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Connects to both ports and passes bytes between them until both have closed. */
export async function splice(a: number, b: number): Promise<void> {
  const [first, second] = await Promise.all([open(a), open(b)]);
  first.pipe(second);
  second.pipe(first);
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    from.on("error", () => to.destroy());
  }
  await Promise.all([first, second].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}
