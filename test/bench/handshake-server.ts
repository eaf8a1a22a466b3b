/**
 * The server of the handshake benchmark, in a process of its own so that its CPU time is its own: the Node board, or Node's tls doing the
 * same work (TLS 1.3, client certificate demanded, no tickets, the candy, close). Answers "usage" over IPC with CPU microseconds.
 */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createServer } from "node:tls";
import { startBoard } from "../../unikernel/boards/node/board.ts";
import { loadGuestModules } from "../../unikernel/boards/node/modules.ts";

const [kind, dir, modules] = process.argv.slice(2) as [string, string, string];

async function listen(): Promise<number> {
  if (kind === "board") {
    const board = await startBoard({
      modules: loadGuestModules(modules),
      seal: readFileSync(join(dir, "practice/seal")),
      hosts: ["127.0.0.1"],
      ports: { server: 0, dialback: 0, client: 0, dialTo: 1 },
      limits: { connections: 64, fromPeer: 64, handshakeMillis: 10_000 },
      trace: { write() {}, close() {} },
    });
    return board.ports.server;
  }
  const candy = Buffer.alloc(700, 0x61);
  const server = createServer(
    {
      ca: readFileSync(join(dir, "practice/ca.pem")),
      cert: readFileSync(join(dir, "practice/player.pem")),
      key: readFileSync(join(dir, "practice/player.key")),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      secureOptions: constants.SSL_OP_NO_TICKET,
    },
    (socket) => socket.on("error", () => {}).end(candy),
  );
  server.on("tlsClientError", () => {});
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: await listen() });
