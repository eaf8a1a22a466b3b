/** Whether the piñata can be reached: told after several failures in a row, over at the first success, and ended when it shall. */

import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Probe } from "../../monitor/probe.ts";
import { freePorts } from "../support/ports.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { waitFor } from "./support/wait.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function listen(port = 0): Promise<{ server: Server; port: number; connections: () => number }> {
  let count = 0;
  const server = createServer((socket) => {
    count++;
    socket.on("error", () => {});
  });
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => {
      resolve({ server, port: (server.address() as AddressInfo).port, connections: () => count });
    });
  });
}

function probe(port: number) {
  const clock = new FakeClock();
  const said: (string | null)[] = [];
  const made = new Probe({
    host: "127.0.0.1",
    port,
    everyMillis: 300_000,
    clock,
    report: (problem) => void said.push(problem),
  });
  ends.push(() => made.stop());
  made.start();
  return { clock, said, made };
}

test("a door that is open is looked at now and then, and is no problem", async () => {
  const door = await listen();
  const { clock, said } = probe(door.port);
  await waitFor("the first look", async () => said.length === 1);
  await clock.advance(299_000);
  expect(said).toEqual([null]);
  await clock.advance(1_000);
  await waitFor("the second look", async () => said.length === 2);
  expect(said).toEqual([null, null]);
  await waitFor("both at the door", async () => door.connections() === 2);
});

test("one that is closed is told of after three looks, the later ones sooner, and when it is open again", async () => {
  const [port] = await freePorts(1);
  const { clock, said } = probe(port!);
  for (let look = 1; look < 3; look++) {
    await waitFor(`look ${look}`, async () => clock.waiting === 1);
    expect(said).toEqual([]);
    await clock.advance(20_000);
  }
  await waitFor("it is told", async () => said.length === 1);
  expect(said[0]).toBe(`cannot be reached at 127.0.0.1 port ${port}: ECONNREFUSED`);
  await listen(port);
  await waitFor("a next look", async () => clock.waiting === 1);
  await clock.advance(20_000);
  await waitFor("it is over", async () => said.at(-1) === null);
});

test("when it is stopped nothing more is asked or said", async () => {
  const door = await listen();
  const { clock, said, made } = probe(door.port);
  made.stop();
  await clock.advance(600_000);
  expect(said).toEqual([]);
  expect(clock.waiting).toBe(0);
});
