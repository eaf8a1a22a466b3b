/**
 * The three doors on metal, in one machine, under QEMU's own network: the piñata calls back, is a client to whoever connects, and plays
 * both roles against itself through a relay, which learns nothing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildMetal } from "../../../../infra/image/build-metal.ts";
import { mintPractice } from "../../../../infra/mint/mint.ts";
import type { TraceEvent } from "../../../../unikernel/trace.ts";
import { CANDY } from "../../../support/candy.ts";
import { freePort, listening } from "../../../support/ports.ts";
import { hasTool, run, serve } from "../../../support/run.ts";
import { ADDRESS, HAS_TOOLS, Metal } from "./machine.ts";

describe.skipIf(!HAS_TOOLS || !["openssl", "socat"].every(hasTool))("the doors on metal", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const dir = join(folder, "practice");
  let image = "";

  beforeAll(async () => {
    image = (await buildMetal()).file;
    await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = async (commandLine = "") => {
    const machine = await Metal.start({ image, seal: join(dir, "seal"), commandLine: `${ADDRESS} ${commandLine}` });
    await machine.line(/^# ready$/);
    return machine;
  };
  const sServer = (port: number) =>
    serve("openssl", [
      ...["s_server", "-accept", `127.0.0.1:${port}`, "-tls1_3", "-naccept", "1", "-CAfile", join(dir, "ca.pem")],
      ...["-Verify", "2", "-verify_return_error", "-cert", join(dir, "player.pem"), "-key", join(dir, "player.key")],
    ]);
  const ofConnection = (machine: Metal, conn: number) =>
    machine.trace.filter((event) => "conn" in event && event.conn === conn);
  const names = (events: TraceEvent[]) => events.map(({ event }) => event);

  it("calls back: the trigger is closed at once and the candy comes to our port", async () => {
    const dial = await freePort();
    const machine = await start(`dial=${dial}`);
    const { outcome } = sServer(dial);
    await listening(dial);
    const trigger = await run("socat", ["-u", `TCP:127.0.0.1:${machine.ports.dialback}`, "-"]);
    expect(trigger).toMatchObject({ code: 0, stdout: "" });
    expect((await outcome).stdout).toMatch(CANDY);
    const { conn } = (await machine.event(({ event }) => event === "closed")) as Extract<
      TraceEvent,
      { event: "closed" }
    >;
    const events = ofConnection(machine, conn);
    expect(events[0]).toMatchObject({ event: "accepted", door: "dialback", peer: { address: "10.0.2.2", port: dial } });
    expect(names(events)).toEqual(expect.arrayContaining(["hello", "negotiated", "certificate", "opened"]));
    expect(events.at(-1)).toMatchObject({ event: "closed", by: "pinata" });
  });

  it("calls back and says so when nobody answers, and calls again", async () => {
    const dial = await freePort();
    const machine = await start(`dial=${dial}`);
    for (const conn of [1, 2]) {
      await run("socat", ["-u", `TCP:127.0.0.1:${machine.ports.dialback}`, "-"]);
      const refused = await machine.event((event) => event.event === "refused" && event.conn === conn);
      expect(refused).toMatchObject({ door: "dialback", reason: "dial-failed" });
    }
  });

  it("is a client to a TLS server at the other end of a connection", async () => {
    const machine = await start();
    const port = await freePort();
    const { outcome } = sServer(port);
    await listening(port);
    await run("socat", [`TCP:127.0.0.1:${port}`, `TCP:127.0.0.1:${machine.ports.client}`]);
    expect((await outcome).stdout).toMatch(CANDY);
    const events = ofConnection(machine, 1);
    expect(events[0]).toMatchObject({ event: "accepted", door: "client" });
    expect(names(events)).toContain("opened");
  });

  it("a relay between two doors lets the piñata win against itself, and reads nothing of it", async () => {
    const machine = await start();
    const { server, client } = machine.ports;
    const relay = await run("socat", ["-v", `TCP:127.0.0.1:${server}`, `TCP:127.0.0.1:${client}`]);
    expect(relay.code).toBe(0);
    await machine.event((event) => event.event === "closed" && event.conn === 1);
    await machine.event((event) => event.event === "closed" && event.conn === 2);
    for (const conn of [1, 2]) expect(names(ofConnection(machine, conn))).toContain("negotiated");
    expect(machine.trace.filter(({ event }) => event === "trap")).toEqual([]);
    // socat's report of all bytes that passed: there were some, and none of them told anything.
    expect(relay.stderr.length).toBeGreaterThan(2_000);
    expect(relay.stderr).not.toMatch(CANDY);
    expect(relay.stderr).not.toContain("and_v");
  });
});
