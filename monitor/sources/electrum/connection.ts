/**
 * One connection to an Electrum server, by TCP or TLS (1.2 or newer), as lines. A TLS peer is believed to be the
 * server when its certificate is the pinned one, or without a pin when the system's roots vouch for it and its
 * name; nothing is sent and nothing is read before. The connection ends once, with the reason in words.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../../clock.ts";
import { SourceError } from "../source.ts";
import { type ElectrumAddress, showHost } from "./address.ts";
import { LineReader } from "./lines.ts";

export interface Connection {
  /** `line` without its end. */
  send(line: string): void;
  /** Nothing is told afterwards. */
  close(): void;
}

export interface ConnectionOptions {
  address: ElectrumAddress;
  clock: Clock;
  /** Milliseconds until the connection is there, TLS handshake included. */
  timeout: number;
  /** Ends it, also while it is opening. */
  signal: AbortSignal;
  /** Bytes that the next line may have. */
  limit(): number;
  line(text: string): void;
  ended(reason: string): void;
}

/** Throws {@link SourceError} when there is no connection to the right server within the time. */
export function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { address, clock, timeout } = options;
  return new Promise((resolve, reject) => {
    let state: "opening" | "open" | "ended" = "opening";
    const socket = dial(address);
    const end = (reason: string): void => {
      const before = state;
      state = "ended";
      cancel();
      socket.destroy();
      if (before === "opening") reject(new SourceError(reason, { lost: true }));
      if (before === "open") options.ended(reason);
    };
    const cancel = clock.after(timeout, () => end(`did not take a connection within ${timeout} ms`));
    options.signal.addEventListener("abort", () => end("is not asked any more"), { once: true });
    const lines = new LineReader(options.limit);
    socket.on("error", (error) => end(describe(error)));
    socket.on("close", () => end(lines.inLine ? "hung up in the middle of a line" : "hung up"));
    socket.once(address.transport === "tls" ? "secureConnect" : "connect", () => {
      if (state !== "opening") return;
      const distrust = "encrypted" in socket ? whyNot(socket as TLSSocket, address) : undefined;
      if (distrust !== undefined) {
        end(distrust);
        return;
      }
      cancel();
      state = "open";
      socket.setNoDelay(true);
      socket.on("data", (chunk: Buffer) => {
        const fits = lines.take(chunk, (text) => {
          if (state === "open") options.line(text);
        });
        if (!fits && state === "open") end(`sent a line longer than ${options.limit()} bytes`);
      });
      resolve({
        send: (line) => void socket.write(`${line}\n`),
        close: () => {
          state = "ended";
          socket.destroy();
        },
      });
    });
  });
}

function dial({ transport, host, port }: ElectrumAddress): Socket {
  if (transport === "tcp") return connectTcp({ host, port });
  // Whether the certificate is believed is decided by whyNot, since a pinned one need not have any root.
  const options = { host, port, minVersion: "TLSv1.2", rejectUnauthorized: false } as const;
  return connectTls(isIP(host) ? options : { ...options, servername: host });
}

/** Why the peer is not taken for the server; undefined when it is. */
function whyNot(socket: TLSSocket, address: ElectrumAddress): string | undefined {
  const shown = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
  if (shown === undefined) return "shows no certificate";
  if (address.pin !== undefined) {
    return shown === address.pin ? undefined : `shows another certificate than the pinned one: sha256:${shown}`;
  }
  if (socket.authorized) return undefined;
  return (
    `shows a certificate that this system does not trust (${String(socket.authorizationError)}); ` +
    `if its fingerprint is what the operator says, pin it: tls://${showHost(address)}#sha256:${shown}`
  );
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNREFUSED") return "refuses connections";
  if (error.code === "ECONNRESET" || error.code === "EPIPE") return "hung up";
  if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") return "its name does not resolve";
  return `cannot be reached (${error.code ?? error.message})`;
}
