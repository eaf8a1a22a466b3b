/**
 * The request load: keep-alive connections over plain sockets, each sending its next GET when the last answer has come
 * whole. Reads content-length and counts bytes, nothing more, so that it is never slower than what it measures.
 */
import { connect } from "node:net";
import { answerQuestions } from "./child.ts";

export interface LoadQuestion {
  port: number;
  path: string;
  connections: number;
  millis: number;
}

export interface LoadAnswer {
  requests: number;
  requestsPerSecond: number;
  /** Milliseconds that half, and all but one in a hundred, of the requests took. */
  median: number;
  p99: number;
}

answerQuestions(async ({ port, path, connections, millis }: LoadQuestion): Promise<LoadAnswer> => {
  const took: number[] = [];
  const request = Buffer.from(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/html\r\naccept-encoding: gzip\r\n\r\n`,
  );
  const end = performance.now() + millis;
  const start = performance.now();
  await Promise.all(Array.from({ length: connections }, () => follow(port, request, end, took)));
  const seconds = (performance.now() - start) / 1000;
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return { requests: took.length, requestsPerSecond: took.length / seconds, median: at(0.5), p99: at(0.99) };
});

function follow(port: number, request: Buffer, end: number, took: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    let sent = 0;
    let left = -1;
    let head = "";
    const next = () => {
      sent = performance.now();
      left = -1;
      head = "";
      socket.write(request);
    };
    socket.once("connect", next);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed a connection")));
    socket.on("data", (chunk) => {
      if (left === -1) {
        head += chunk.toString("latin1");
        const body = head.indexOf("\r\n\r\n");
        if (body === -1) return;
        const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
        if (!head.startsWith("HTTP/1.1 200") || length === undefined) {
          return void socket.destroy(new Error(`not a page with a length: ${head.slice(0, 200)}`));
        }
        left = Number(length) - (head.length - body - 4);
      } else left -= chunk.length;
      if (left > 0) return;
      const now = performance.now();
      took.push(now - sent);
      if (now < end) return next();
      socket.removeAllListeners("close");
      socket.end();
      resolve();
    });
  });
}
