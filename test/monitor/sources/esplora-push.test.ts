/** The push channel of mempool.space: what is sent, what counts as news, and how a connection that is no good is left. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { LONGEST_PAUSE, PING_EVERY, PushChannel, type PushOptions } from "../../../monitor/sources/esplora/push.ts";
import { PUBLIC } from "../support/bounty.ts";
import { EsploraBench, TARGET } from "../support/esplora.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { waitFor } from "../support/wait.ts";

const TIMEOUT = 5_000;
let stop: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

/** A server that only keeps what it is sent. */
class Scripted {
  readonly sockets: WebSocket[] = [];
  readonly received: unknown[][] = [];
  readonly authorizations: (string | undefined)[] = [];
  pongs = true;
  #http!: Server;

  async start(): Promise<this> {
    this.#http = createServer((_request, response) =>
      response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    );
    const server = new WebSocketServer({ noServer: true });
    this.#http.on("upgrade", (request, socket, head) => {
      if (request.url !== "/ws") {
        socket.end("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
        return;
      }
      server.handleUpgrade(request, socket, head, (client) => {
        const lines: unknown[] = [];
        this.authorizations.push(request.headers.authorization);
        this.sockets.push(client);
        this.received.push(lines);
        client.on("error", () => {});
        client.on("message", (data) => {
          const message = JSON.parse(String(data)) as { action?: string };
          lines.push(message);
          if (message.action === "ping" && this.pongs) client.send('{"pong":true}');
        });
      });
    });
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    stop.push(async () => {
      for (const socket of this.sockets) socket.terminate();
      server.close();
      await new Promise((resolve) => this.#http.close(resolve));
    });
    return this;
  }

  url(path = "/ws"): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}${path}`;
  }

  connections(count: number): Promise<unknown> {
    return waitFor(`${count} connections`, () => this.sockets.length === count);
  }
}

describe("a connection", () => {
  let server: Scripted;
  let clock: FakeClock;
  let channel: PushChannel;
  let news: number;
  beforeEach(async () => {
    server = await new Scripted().start();
    clock = new FakeClock();
    news = 0;
  });

  function open(options: Partial<PushOptions> = {}): void {
    channel = new PushChannel({ url: server.url(), clock, random: () => 1, timeout: TIMEOUT, ...options });
    stop.push(() => channel.close());
    channel.onNews(() => news++);
  }
  /** Connected, and what it had to say has come. */
  async function opened(options: Partial<PushOptions> = {}): Promise<void> {
    open(options);
    channel.track(PUBLIC.address);
    await waitFor("the subscription", () => server.received[0]?.length === 2);
  }
  const said = (text: string): void => server.sockets.at(-1)!.send(text);

  test("subscribes to blocks and to the address, and is news itself", async () => {
    await opened({ authorization: "Basic eA==" });
    expect(server.received[0]).toEqual([{ action: "want", data: ["blocks"] }, { "track-address": PUBLIC.address }]);
    expect(server.authorizations).toEqual(["Basic eA=="]);
    expect(news).toBe(1);
    channel.track(PUBLIC.address);
    channel.track("bcrt1qother");
    await waitFor("the other address", () => server.received[0]!.length === 3);
    expect(server.received[0]![2]).toEqual({ "track-address": "bcrt1qother" });
  });

  test.each([
    '{"block":{"height":1}}',
    '{"blocks":[]}',
    '{"address-transactions":[{}]}',
    '{"address-removed-transactions":[{}]}',
    '{"block-transactions":[{}],"block":{}}',
  ])("%s is news", async (text) => {
    await opened();
    said(text);
    await waitFor("news", () => news === 2);
  });

  test("fees, prices and answers to pings are not", async () => {
    await opened();
    for (const text of ['{"fees":{}}', '{"conversions":{}}', '{"mempoolInfo":{}}', '{"pong":true}', "{}"]) said(text);
    said('{"block":{}}');
    await waitFor("the block", () => news >= 2);
    expect(news).toBe(2);
  });

  test("is asked for a sign of life every half minute", async () => {
    await opened();
    for (let pings = 1; pings <= 3; pings++) {
      await clock.advance(PING_EVERY);
      await waitFor("a ping", () => server.received[0]!.length === 2 + pings);
      // The answer crosses a real socket, which the clock does not wait for.
      await new Promise((resolve) => setTimeout(resolve, 30));
      await clock.advance(TIMEOUT);
    }
    expect(server.received[0]!.slice(2)).toEqual([{ action: "ping" }, { action: "ping" }, { action: "ping" }]);
    expect(server.sockets).toHaveLength(1);
  });

  test("that does not answer, though it goes on talking, is left, and the next one is news", async () => {
    server.pongs = false;
    await opened();
    await clock.advance(PING_EVERY);
    said('{"mempoolInfo":{}}');
    await clock.advance(TIMEOUT);
    await waitFor("the end", () => server.sockets[0]!.readyState === 3);
    await clock.advance(1_000);
    await waitFor("the subscription", () => server.received[1]?.length === 2);
    expect(server.received[1]).toEqual(server.received[0]!.slice(0, 2));
    expect(news).toBe(2);
  });

  test.each([
    ["something that is not JSON", "<html>429 Too Many Requests</html>"],
    ["JSON of another kind", "[1]"],
    ["more than a message may hold", `{"block":"${"a".repeat(4_100_000)}"}`],
    ["bytes", Buffer.from('{"block":{}}')],
  ])("that sends %s is left", async (_name, data) => {
    await opened();
    server.sockets[0]!.send(data, { binary: typeof data !== "string" });
    await waitFor("the end", () => server.sockets[0]!.readyState === 3);
    expect(news).toBe(1);
    await clock.advance(1_000);
    await server.connections(2);
  });

  test("that sends without end is left", async () => {
    await opened();
    for (let i = 0; i < 1_200; i++) said('{"fees":{}}');
    await waitFor("the end", () => server.sockets[0]!.readyState === 3);
  });

  test("that closes is opened again after longer and longer pauses, with jitter", async () => {
    open();
    let pause = 1_000;
    for (let connections = 1; connections <= 4; connections++) {
      await server.connections(connections);
      await waitFor("news", () => news === connections);
      server.sockets.at(-1)!.terminate();
      await waitFor("the pause", () => clock.waiting === 1 && server.sockets.at(-1)!.readyState === 3);
      await waitFor("the pause", async () => {
        await clock.advance(0);
        return clock.waiting === 1;
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      await clock.advance(pause - 1);
      expect(server.sockets).toHaveLength(connections);
      await clock.advance(1);
      pause *= 2;
    }
    expect(pause).toBeLessThan(LONGEST_PAUSE);
  });

  test("that cannot be had, or leads elsewhere, is tried again and never followed", async () => {
    open({ url: server.url("/elsewhere") });
    await waitFor("the pause", () => clock.waiting === 1);
    expect(news).toBe(0);
    channel.close();
    expect(clock.waiting).toBe(0);
    expect(server.sockets).toHaveLength(0);
  });

  test("that was ended by this side is not opened again", async () => {
    await opened();
    channel.close();
    await waitFor("the end", () => server.sockets[0]!.readyState === 3);
    await clock.advance(10 * LONGEST_PAUSE);
    expect([server.sockets.length, clock.waiting, news]).toEqual([1, 0, 1]);
  });
});

describe("with the development chain", () => {
  let bench: EsploraBench;
  beforeEach(async () => {
    bench = await EsploraBench.start();
    stop.push(() => bench.stop());
  });

  /** A source that has been asked once, with its news counted. */
  async function listening() {
    const counted = { news: 0 };
    const clock = new FakeClock();
    const source = bench.source({ settings: "websocket=on", clock });
    source.onNews(() => counted.news++);
    await source.tip();
    await source.fundings(TARGET);
    await waitFor("the first blocks", () => counted.news === 2);
    return { source, counted, clock };
  }
  const next = async (counted: { news: number }, what: () => unknown): Promise<void> => {
    const before = counted.news;
    what();
    await waitFor("news", () => counted.news > before);
  };

  test("a payment, a spend, its replacement, a block and a reorg are news", async () => {
    const { source, counted } = await listening();
    let coin!: ReturnType<EsploraBench["fund"]>;
    await next(counted, () => (coin = bench.fund()));
    await next(counted, () => bench.node.mine(1));
    await next(counted, () => bench.take(coin));
    let rival = "";
    await next(counted, () => (rival = bench.take(coin, 50_000n)));
    await source.tip();
    await source.fundings(TARGET);
    expect(await source.spender(coin)).toEqual({ txid: rival });
    await next(counted, () => bench.node.mine(1));
    await next(counted, () => bench.node.invalidate(bench.node.chain.tip.hash));
  });

  // mempool #1014, mempool.js #104
  test("known failure: state stale after the websocket reconnects", async () => {
    const { source, counted, clock } = await listening();
    const coin = bench.fund();
    bench.node.mine(1);
    bench.faults.push.connections = "refused";
    bench.push.hangUp();
    await waitFor("the pause", async () => {
      await clock.advance(0);
      return bench.push.clients === 0 && clock.waiting > 0;
    });
    const spend = bench.take(coin);
    bench.faults.push.connections = "served";
    const before = counted.news;
    await waitFor("a new connection", async () => {
      await clock.advance(1_000);
      return bench.push.clients === 1 && counted.news > before;
    });
    // Nothing told of the spend: the connection itself is the reason to ask.
    await source.tip();
    await source.fundings(TARGET);
    expect(await source.spender(coin)).toEqual({ txid: spend });
    await next(counted, () => bench.take(coin, 50_000n));
  });

  test("a channel that is dead, though open, is left after half a minute", async () => {
    const { counted, clock } = await listening();
    bench.faults.push.voice = "dead";
    bench.fund();
    await clock.advance(PING_EVERY);
    await clock.advance(20_000);
    bench.faults.push.voice = "told";
    const before = counted.news;
    await waitFor("a new connection", async () => {
      await clock.advance(1_000);
      return counted.news > before;
    });
  });
});
