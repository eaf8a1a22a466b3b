/**
 * Lingering: connections that are over but whose peers have yet to read what was said last. Each gets FIN after what was written,
 * then what it still sends is read and dropped until its own FIN or a moment has passed: closing with unread bytes would
 * make the kernel send RST, which can overtake an alert or the candy. Their slot is free already, so their number has a
 * limit of its own: peers that end one connection after another and never hang up cannot use up file descriptors.
 */
import type { Socket } from "node:net";

/** How long the peer may take to read what we said last. */
const LINGER_MILLIS = 2_000;
const MOST_DROPPED = 256 * 1024;
/** As many as there may be doors. */
const MOST_LINGERING = 64;

export class Lingering {
  /** Oldest first. */
  private readonly sockets = new Set<Socket>();

  /** `most`: how many may linger at once; the oldest is dropped for one more. */
  constructor(private readonly most = MOST_LINGERING) {}

  /** Ends a connection in order. The caller hears nothing of the socket any more but `error` and `close`. */
  finish(socket: Socket): void {
    let dropped = 0;
    const timer = setTimeout(() => socket.destroy(), LINGER_MILLIS);
    this.admit(socket);
    socket.removeAllListeners("data");
    socket.removeAllListeners("end");
    socket.on("close", () => {
      clearTimeout(timer);
      this.sockets.delete(socket);
    });
    socket.on("end", () => socket.destroySoon());
    socket.on("data", (bytes) => {
      dropped += bytes.length;
      if (dropped > MOST_DROPPED) socket.destroy();
    });
    if (socket.readableEnded) socket.destroySoon();
    else {
      socket.end();
      socket.resume();
    }
  }

  private admit(socket: Socket): void {
    this.sockets.add(socket);
    for (const oldest of this.sockets) {
      if (this.sockets.size <= this.most) return;
      this.sockets.delete(oldest);
      oldest.destroy();
    }
  }
}
