/**
 * The server under measurement: the web page as `runWeb` serves it, or a plain node:http server that sends the same bytes
 * with the same headers and holds the same viewers, written as one would write it by hand.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerQuestions } from "./child.ts";

export type ServerQuestion =
  | { pinata: { monitorUrl: string } }
  | { plain: { headers: Record<string, string>; body: string; hello: string } }
  | { tell: string }
  | { memory: true }
  | { cpu: true };

const viewers = new Set<ServerResponse>();

answerQuestions(async (question: ServerQuestion) => {
  if ("pinata" in question) {
    const { runWeb } = await import("../../../web/main.ts");
    const { INFO } = await import("../../web/support/samples.ts");
    const { port } = await runWeb({ ...question.pinata, port: 0, host: "127.0.0.1", info: INFO });
    return { port };
  }
  if ("plain" in question) return { port: await plain(question.plain) };
  if ("tell" in question) {
    for (const viewer of viewers) viewer.write(question.tell);
    return {};
  }
  if ("cpu" in question) {
    const { user, system } = process.cpuUsage();
    return { micros: user + system };
  }
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
});

function plain({ headers, body, hello }: { headers: Record<string, string>; body: string; hello: string }) {
  const bytes = Buffer.from(body, "base64");
  const server = createServer((request, response) => {
    if (request.url === "/events") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(hello);
      viewers.add(response);
      response.once("close", () => viewers.delete(response));
      return;
    }
    response.writeHead(200, { ...headers, "content-length": bytes.length });
    response.end(bytes);
  });
  return new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", 4096, () => resolve((server.address() as AddressInfo).port));
  });
}
