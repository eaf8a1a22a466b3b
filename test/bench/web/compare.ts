/**
 * The web page beside a plain node:http server in one run: requests a second for the same bytes, and many viewers of the
 * live stream: the delay until the last of them knows, and the memory for each. The two take turns; ratios are the figures.
 */
import { get } from "node:http";
import { FakeMonitor } from "../../web/support/fake-monitor.ts";
import { sampleAttempt, sampleStatus } from "../../web/support/samples.ts";
import { median } from "../measure.ts";
import { type Child, startChild } from "./child.ts";
import type { LoadAnswer, LoadQuestion } from "./load.ts";
import type { ServerQuestion } from "./server.ts";
import type { SeenAnswer, ViewersQuestion } from "./viewers.ts";

export interface Effort {
  viewers: number;
  rounds: number;
  millis: number;
}

/** `perCoreSecond`: requests for each second that the server had a core; on a machine shared with others this is what counts. */
export type Served = LoadAnswer & { perCoreSecond: number };

export interface PageFigures {
  bytes: number;
  ours: Served;
  plain: Served;
  /** Ours over the plain server's, medians of the rounds. */
  ratio: { perCoreSecond: number; requestsPerSecond: number };
}

export interface StreamFigures {
  viewers: number;
  /** Bytes of one event as it is sent. */
  bytes: number;
  /** Milliseconds from the monitor's word to the first, the middle and the last viewer, medians of the rounds; `worst`: of the last in any round. */
  ours: { first: number; median: number; last: number; worst: number };
  plain: { first: number; median: number; last: number; worst: number };
  /** Bytes of the server's resident memory for each viewer. */
  memory: { ours: number; plain: number };
}

export const FULL: Effort = { viewers: 10_000, rounds: 9, millis: 700 };
export const QUICK: Effort = { viewers: 500, rounds: 3, millis: 300 };
const CONNECTIONS = 32;

/** Both comparisons, the streams first: what a viewer takes is seen best in a process that has done little else. */
export function compare(effort: Effort): Promise<{ stream: StreamFigures; page: PageFigures }> {
  return withServers(async (servers) => {
    const stream = await compareStreams(servers, effort);
    return { stream, page: await comparePages(servers, effort) };
  });
}

async function comparePages({ ours, plain, port }: Servers, { rounds, millis }: Effort): Promise<PageFigures> {
  const page = await asSent(port, "/", { "accept-encoding": "gzip", accept: "text/html" });
  const question: ServerQuestion = {
    plain: { headers: page.headers, body: page.body.toString("base64"), hello: "" },
  };
  const other = await plain.ask<{ port: number }>(question);
  const load = startChild("load");
  const run = async (server: Child, to: number): Promise<Served> => {
    const cpu = async () => (await server.ask<{ micros: number }>({ cpu: true } satisfies ServerQuestion)).micros;
    const before = await cpu();
    const question: LoadQuestion = { port: to, path: "/", connections: CONNECTIONS, millis };
    const answer = await load.ask<LoadAnswer>(question);
    return { ...answer, perCoreSecond: (answer.requests * 1e6) / ((await cpu()) - before) };
  };
  try {
    await run(ours, port);
    await run(plain, other.port);
    const all: { ours: Served; plain: Served }[] = [];
    for (let round = 0; round < rounds; round++) {
      all.push({ ours: await run(ours, port), plain: await run(plain, other.port) });
    }
    const ratio = (name: "perCoreSecond" | "requestsPerSecond") =>
      median(all.map((round) => round.ours[name] / round.plain[name]));
    return {
      bytes: page.body.length,
      ours: middle(all.map((round) => round.ours)),
      plain: middle(all.map((round) => round.plain)),
      ratio: { perCoreSecond: ratio("perCoreSecond"), requestsPerSecond: ratio("requestsPerSecond") },
    };
  } finally {
    await load.stop();
  }
}

async function compareStreams(servers: Servers, { viewers, rounds }: Effort): Promise<StreamFigures> {
  const { ours, plain, port, monitor } = servers;
  let ids = 0;
  const tellOurs = (word: string) => {
    monitor.send("status", sampleStatus("sealed", { sentence: `${word} ${"x".repeat(64)}` }), ++ids);
  };
  const hello = await firstStatus(port);
  const other = await plain.ask<{ port: number }>({
    plain: { headers: {}, body: "", hello },
  } satisfies ServerQuestion);
  const tellPlain = (word: string) =>
    plain.ask({ tell: hello.replace("data: ", `data: ${word}`) } satisfies ServerQuestion);
  const first = await stream(ours, port, viewers, rounds, tellOurs);
  const second = await stream(plain, other.port, viewers, rounds, tellPlain);
  return {
    viewers,
    bytes: hello.length,
    ours: first.delays,
    plain: second.delays,
    memory: { ours: first.memory, plain: second.memory },
  };
}

async function stream(
  server: Child,
  port: number,
  viewers: number,
  rounds: number,
  tell: (word: string) => unknown,
): Promise<{ delays: StreamFigures["ours"]; memory: number }> {
  const before = await server.ask<{ rss: number }>({ memory: true });
  const child = startChild("viewers");
  const ask = <T>(question: ViewersQuestion) => child.ask<T>(question);
  try {
    await ask({ open: viewers, port, path: "/events" });
    const after = await server.ask<{ rss: number }>({ memory: true });
    const delays: Record<keyof SeenAnswer, number>[] = [];
    for (let round = 0; round <= rounds; round++) {
      const word = `word-${round}-${Math.floor(Math.random() * 1e9)}`;
      await ask({ arm: word });
      const told = process.hrtime.bigint();
      await tell(word);
      const seen = await ask<SeenAnswer>({ seen: true });
      const since = (at: string) => Number(BigInt(at) - told) / 1e6;
      // The first round warms up.
      if (round > 0) delays.push({ first: since(seen.first), median: since(seen.median), last: since(seen.last) });
    }
    const of = (name: keyof SeenAnswer) => delays.map((delay) => delay[name]);
    return {
      delays: {
        first: median(of("first")),
        median: median(of("median")),
        last: median(of("last")),
        worst: Math.max(...of("last")),
      },
      memory: (after.rss - before.rss) / viewers,
    };
  } finally {
    await child.stop();
  }
}

interface Servers {
  ours: Child;
  plain: Child;
  /** Of ours. */
  port: number;
  monitor: FakeMonitor;
}

async function withServers<T>(use: (servers: Servers) => Promise<T>): Promise<T> {
  const monitor = new FakeMonitor(sampleStatus("sealed"));
  monitor.attempts = Array.from({ length: 30 }, (_, n) => sampleAttempt(30 - n));
  await monitor.start();
  const ours = startChild("server");
  const plain = startChild("server");
  try {
    const { port } = await ours.ask<{ port: number }>({ pinata: { monitorUrl: monitor.url } } satisfies ServerQuestion);
    await known(port);
    return await use({ ours, plain, port, monitor });
  } finally {
    await Promise.all([ours.stop(), plain.stop()]);
    await monitor.stop();
  }
}

/** Waits until the page has heard of its monitor. */
async function known(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    if (((await answer.json()) as { monitor: string }).monitor === "answers") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the page did not hear of its monitor within ten seconds");
}

/** Headers that the plain server's own node:http adds. */
const OWN = new Set(["date", "connection", "keep-alive", "content-length", "transfer-encoding"]);

/** An answer byte for byte: not unpacked. */
function asSent(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ headers: Record<string, string>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, headers }, async (response) => {
      const given = Object.entries(response.headers).filter(([name]) => !OWN.has(name));
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ headers: Object.fromEntries(given.map(([k, v]) => [k, String(v)])), body: Buffer.concat(chunks) });
    }).once("error", reject);
  });
}

/** The first status event of a viewer, as text. */
function firstStatus(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path: "/events" }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        const event = /(?:id: .*\n)?event: status\ndata: .*\n\n/.exec(text);
        if (event === null) return;
        request.destroy();
        resolve(event[0]);
      });
    }).once("error", reject);
  });
}

function middle(answers: Served[]): Served {
  const of = (name: keyof Served) => median(answers.map((answer) => answer[name]));
  return {
    requests: of("requests"),
    requestsPerSecond: of("requestsPerSecond"),
    perCoreSecond: of("perCoreSecond"),
    median: of("median"),
    p99: of("p99"),
  };
}
