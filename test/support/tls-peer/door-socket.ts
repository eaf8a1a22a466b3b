/** A door behind a real socket of this machine, and the papers with which Node's own tls meets it. */
import { createServer, type Socket } from "node:net";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import type { Credential, Pki, TestDoor } from "../door-host.ts";

/** A door behind a real socket, for one connection. */
export async function listen(door: TestDoor, first: Uint8Array): Promise<{ port: number; done: Promise<void> }> {
  const server = createServer({ allowHalfOpen: true });
  const done = new Promise<void>((resolve, reject) => {
    server.once("connection", (socket: Socket) => {
      server.close();
      if (first.length > 0) socket.write(first);
      socket.on("data", (bytes) => {
        if (door.closed) return;
        socket.write(door.receive(bytes));
        if (door.closed) socket.end();
      });
      socket.on("end", () => {
        if (!door.closed) door.peerClosed();
        socket.end();
      });
      socket.on("close", () => resolve());
      socket.on("error", reject);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, done };
}

export function identity(pki: Pki, who: Credential): SecureContextOptions {
  return { ca: pem(pki.anchor.der), cert: who.chain.map(pem).join(""), key: pemKey(who) };
}

export function pem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function pemKey(who: Credential): string {
  return who.key.export({ format: "pem", type: "pkcs8" }) as string;
}

/** Everything until close_notify; rejects with the TLS error. */
export function readAll(socket: TLSSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.once("end", () => {
      socket.end();
      resolve(Buffer.concat(chunks));
    });
    socket.once("error", reject);
  });
}
