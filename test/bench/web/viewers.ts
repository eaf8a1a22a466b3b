/**
 * Many viewers of a live stream: opens connections, waits for each one's first event, then says when the last of them had
 * received an event that holds a given word. Times are the system's monotonic clock, which all processes share.
 */
import { connect, type Socket } from "node:net";
import { answerQuestions } from "./child.ts";

/** `arm` before the event is caused, `seen` to wait until every viewer has it. */
export type ViewersQuestion =
  | { open: number; port: number; path: string }
  | { arm: string }
  | { seen: true }
  | { close: true };

export interface SeenAnswer {
  /** When the first, the middle and the last viewer had it, nanoseconds of the monotonic clock as text. */
  first: string;
  median: string;
  last: string;
}

const AT_ONCE = 256;
const sockets: Socket[] = [];
let word = "";
let seen: bigint[] = [];
let done = () => {};
let all = Promise.resolve();

answerQuestions(async (question: ViewersQuestion) => {
  if ("open" in question) {
    const { open, port, path } = question;
    for (let n = 0; n < open; n += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, open - n) }, () => view(port, path)));
    }
    return { open: sockets.length };
  }
  if ("close" in question) {
    for (const socket of sockets.splice(0)) socket.destroy();
    return {};
  }
  if ("arm" in question) {
    seen = [];
    word = question.arm;
    all = new Promise((resolve) => {
      done = resolve;
    });
    return {};
  }
  await all;
  const sorted = seen.toSorted((a, b) => (a < b ? -1 : 1));
  const at = (index: number) => String(sorted[index]);
  return { first: at(0), median: at(sorted.length >> 1), last: at(sorted.length - 1) };
});

function view(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let tail = "";
    let found = "";
    sockets.push(socket);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/event-stream\r\n\r\n`);
    });
    socket.on("data", (chunk) => {
      const text = tail + chunk.toString("latin1");
      if (found === "" && text.includes("event: status")) {
        found = "first";
        resolve();
      }
      if (word !== "" && found !== word && text.includes(word)) {
        found = word;
        if (seen.push(process.hrtime.bigint()) === sockets.length) done();
      }
      tail = text.slice(-32);
    });
  });
}
