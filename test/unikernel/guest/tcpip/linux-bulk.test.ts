/**
 * The shipped net module under load, against the Linux kernel: megabytes through doors that send back what they get (harness/echo-door.ts),
 * over a good link and a bad one, to peers that read slowly or late. Every byte comes back, once and in order.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { compileGuest, ROOT } from "../../../../infra/image/compile-guest.ts";
import { type FramePractice, type FramePracticeOptions, startFramePractice } from "../../../support/frame-practice.ts";
import { LossyWire } from "../../../support/lossy-wire.ts";
import { hasTap } from "../../../support/tap/tap.ts";

const SERVER = 10000;
const MIB = 1024 * 1024;

describe.runIf(hasTap())("bytes through doors that send them back", () => {
  let door: WebAssembly.Module;
  beforeAll(async () => {
    const out = "build/harness/echo-door.wasm";
    await compileGuest({ entry: "test/unikernel/guest/harness/echo-door.ts", out, pages: 3, memory: "given" });
    door = new WebAssembly.Module(readFileSync(join(ROOT, out)));
  });

  async function hang(options: FramePracticeOptions = {}): Promise<FramePractice> {
    const piñata = await startFramePractice({ settings: "limits=64,64,60000", door, ...options });
    onTestFinished(() => piñata.stop());
    return piñata;
  }

  /** Sends `bytes` and a FIN, and gives back what comes up to the peer's FIN. */
  function echo(socket: Socket, bytes: Buffer): Promise<Buffer> {
    const back: Buffer[] = [];
    socket.on("data", (chunk) => back.push(chunk));
    socket.end(bytes);
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("end", () => resolve(Buffer.concat(back)));
    });
  }

  it("a mebibyte on one connection", async () => {
    const piñata = await hang();
    const bytes = randomBytes(MIB);
    const back = await echo(await piñata.connect(SERVER), bytes);
    expect(back.equals(bytes)).toBe(true);
    const closed = await piñata.until((e) => e.event === "closed");
    expect(closed).toMatchObject({ by: "peer", bytesIn: MIB, bytesOut: MIB });
  });

  it("64 connections at once, 32 KiB each", async () => {
    const piñata = await hang();
    const all = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const bytes = randomBytes(MIB / 32);
        return (await echo(await piñata.connect(SERVER), bytes)).equals(bytes);
      }),
    );
    expect(all.filter((same) => same).length).toBe(64);
  });

  it("to a peer that reads nothing until every buffer on the way is full, and then everything", async () => {
    // The smallest buffers that the kernel has, so that they fill soon: the window closes, and opens again.
    const piñata = await hang({ sysctl: { tcp_rmem: "2304 2304 2304", tcp_wmem: "4608 4608 4608" } });
    const bytes = randomBytes(MIB / 4);
    const socket = await piñata.connect(SERVER);
    socket.pause();
    socket.end(bytes);
    // Nothing moves any more when as many frames have come twice.
    let before = -1;
    await expect
      .poll(
        () => {
          const still = piñata.board.frames.in === before;
          before = piñata.board.frames.in;
          return still;
        },
        { interval: 150 },
      )
      .toBe(true);
    const back: Buffer[] = [];
    socket.on("data", (chunk) => back.push(chunk));
    socket.resume();
    await new Promise((resolve) => socket.once("end", resolve));
    expect(Buffer.concat(back).equals(bytes)).toBe(true);
  });

  it.each([1, 2, 3])("128 KiB over a link that loses a fiftieth, repeats and reorders (seed %i)", async (seed) => {
    const piñata = await hang({
      wire: (tap) => {
        const wire = new LossyWire(tap, { seed, loss: 0.02, duplication: 0.02, reordering: 0.05, corruption: 0.005 });
        onTestFinished(() => wire.stop());
        return wire;
      },
    });
    const bytes = randomBytes(MIB / 8);
    const back = await echo(await piñata.connect(SERVER), bytes);
    expect(back.equals(bytes)).toBe(true);
  });

  it("a door that traps costs its own connection a reset, and no other", async () => {
    const piñata = await hang();
    const bystander = await piñata.connect(SERVER);
    const victim = await piñata.connect(SERVER);
    const fate = new Promise<string | undefined>((resolve) =>
      victim.once("error", (error: NodeJS.ErrnoException) => resolve(error.code)).once("end", () => resolve("FIN")),
    );
    victim.resume().write("trap!");
    expect(await fate).toBe("ECONNRESET");
    expect(await piñata.until((e) => e.event === "closed")).toMatchObject({ by: "trap", bytesIn: 5, bytesOut: 0 });
    expect(piñata.events.filter((e) => e.event === "trap").length).toBe(1);
    expect((await echo(bystander, Buffer.from("still here"))).toString()).toBe("still here");
  });
});
