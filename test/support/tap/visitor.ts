/**
 * Runs inside a network namespace and makes TCP connections there for the test outside: each connected socket is handed over IPC to
 * the test, which then uses it like one of its own. Started by tap.ts; ends with the IPC channel.
 */
import { connect } from "node:net";

/** What the test asks for: a connection to a peer, from one of the namespace's addresses. */
export interface Errand {
  id: number;
  host: string;
  port: number;
  from?: string;
}

/** Comes with the socket, or with the system's error code instead. */
export interface Answer {
  id: number;
  error?: string;
}

process.on("message", (errand: Errand) => {
  const socket = connect({
    host: errand.host,
    port: errand.port,
    ...(errand.from === undefined ? {} : { localAddress: errand.from }),
    allowHalfOpen: true,
    noDelay: true,
  });
  // Nothing may be read here: it would be lost to the test.
  socket.pause();
  const failed = (error: NodeJS.ErrnoException) => answer({ id: errand.id, error: error.code ?? error.message });
  socket.once("error", failed);
  socket.once("connect", () => {
    socket.off("error", failed);
    socket.on("error", () => {});
    process.send!({ id: errand.id } satisfies Answer, socket);
  });
});
process.on("disconnect", () => process.exit());

function answer(reply: Answer): void {
  process.send!(reply);
}
