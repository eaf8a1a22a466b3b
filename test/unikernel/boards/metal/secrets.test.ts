/**
 * Where the seal's secrets are in the machine's memory: all of it is dumped through QEMU's monitor, and every place that holds one is
 * looked up in the page tables. After boot and after a win they are in the vault's window alone; nothing of them is where the
 * seal was loaded, in a door, in net, on a stack or in a frame. And a connection that is over leaves nothing but zeros in its window.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { buildMetal } from "../../../../infra/image/build-metal.ts";
import { mintPractice } from "../../../../infra/mint/mint.ts";
import { CANDY } from "../../../support/candy.ts";
import { run } from "../../../support/run.ts";
import { HAS_TOOLS, Metal } from "./machine.ts";

const MEMORY_MIB = 16;
const PAGE = 4096;
/** As in board.h: the windows of 64 doors, net and the vault, 16 GiB each. */
const WINDOWS = 0x10000000000;
const STRIDE = 2 ** 34;
const VAULT = 65;
const DOORS = 64;

describe.skipIf(!HAS_TOOLS)("the seal's secrets in the machine's memory", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const dir = join(folder, "practice");
  const seal = join(dir, "seal");
  let image = "";
  let secrets: Record<"candy" | "server key" | "client key", Buffer>;

  beforeAll(async () => {
    image = (await buildMetal()).file;
    await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
    const fields = sealFields(readFileSync(seal));
    secrets = {
      // The private key alone, as the candy writes it.
      candy: Buffer.from(/\b[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}\b/.exec(fields[1]!.toString())![0]),
      "server key": fields[4]!.subarray(-32),
      "client key": fields[6]!.subarray(-32),
    };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("are in the vault's window, and nowhere else: after boot, and after a win", async () => {
    const socket = join(folder, "qmp");
    const extra = ["-qmp", `unix:${socket},server=on,wait=off`];
    const machine = await Metal.start({ image, seal, memoryMiB: MEMORY_MIB, extra });
    await machine.line(/^# ready$/);
    const monitor = await Monitor.open(socket);

    const places = await monitor.find(join(folder, "after-boot"), secrets);
    // The piñata's own copy and that for the next vault; the control that searching finds anything at all.
    for (const name of Object.keys(secrets))
      expect(places.filter((place) => place.secret === name).length).toBeGreaterThanOrEqual(2);
    expect(places.filter(({ where }) => where !== "vault")).toEqual([]);

    const { stdout } = await run("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${machine.port}`, "-tls1_3", "-quiet"],
      ...["-cert", join(dir, "player.pem"), "-key", join(dir, "player.key")],
    ]);
    expect(stdout).toMatch(CANDY);
    expect(stdout).toContain(secrets.candy.toString());
    await machine.event(({ event }) => event === "closed");
    const after = await monitor.find(join(folder, "after-win"), secrets);
    expect(after.filter(({ where }) => where !== "vault")).toEqual([]);
    monitor.close();
  });

  it("a connection that is over leaves zeros in its door's window, however it ended", async () => {
    const socket = join(folder, "qmp-wipe");
    const extra = ["-qmp", `unix:${socket},server=on,wait=off`];
    const machine = await Metal.start({ image, seal, memoryMiB: MEMORY_MIB, extra });
    await machine.line(/^# ready$/);
    const monitor = await Monitor.open(socket);
    const used = async (name: string) => {
      const { memory, pages } = await monitor.dump(join(folder, name));
      const nonzero = [...pages].filter(([at]) => memory.subarray(at, at + PAGE).some((byte) => byte !== 0));
      return new Set(nonzero.map(([, virtual]) => windowOf(virtual)).filter((window) => window >= 0 && window < DOORS));
    };
    expect((await used("nobody")).size).toBe(0);
    // One that only says half a record and stays; one that wins; one that is refused.
    const staying = connect(machine.port, "127.0.0.1");
    staying.on("error", () => {});
    staying.write(Buffer.from([22, 3, 1, 2, 0, 1]));
    await machine.event(({ event }) => event === "accepted");
    const key = ["-cert", join(dir, "player.pem"), "-key", join(dir, "player.key")];
    for (const [conn, more] of [
      [2, key],
      [3, []],
    ] as const) {
      await run("openssl", ["s_client", "-connect", `127.0.0.1:${machine.port}`, "-tls1_3", "-quiet", ...more]);
      await machine.event((event) => event.event === "closed" && event.conn === conn);
    }
    expect((await used("one-stays")).size).toBe(1);
    staying.destroy();
    await machine.event((event) => event.event === "closed" && event.conn === 1);
    expect((await used("all-gone")).size).toBe(0);
    monitor.close();
  });
});

const windowOf = (virtual: number) => Math.floor((virtual - WINDOWS) / STRIDE);

interface Place {
  secret: string;
  where: string;
}

/** QEMU's machine protocol, as far as it is needed: stop, dump, page tables, go on. */
class Monitor {
  private constructor(
    private readonly ask: (command: string, args?: object) => Promise<unknown>,
    readonly close: () => void,
  ) {}

  static async open(path: string): Promise<Monitor> {
    const socket = connect(path);
    const waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
    createInterface({ input: socket }).on("line", (line) => {
      const message = JSON.parse(line) as { return?: unknown; error?: { desc: string } };
      if (message.error) waiting.shift()?.reject(new Error(message.error.desc));
      else if ("return" in message) waiting.shift()?.resolve(message.return);
    });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const ask = (execute: string, args?: object) =>
      new Promise<unknown>((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
      });
    await ask("qmp_capabilities");
    return new Monitor(ask, () => socket.destroy());
  }

  /** All memory, and which virtual page each physical page is. */
  async dump(file: string): Promise<{ memory: Buffer; pages: Map<number, number> }> {
    await this.ask("stop");
    await this.ask("pmemsave", { val: 0, size: MEMORY_MIB * 2 ** 20, filename: file });
    const tables = z.string().parse(await this.ask("human-monitor-command", { "command-line": "info tlb" }));
    await this.ask("cont");
    const pages = new Map<number, number>();
    for (const [, virtual, physical] of tables.matchAll(/^([0-9a-f]{16}): ([0-9a-f]{16}) /gm)) {
      pages.set(Number.parseInt(physical!, 16), Number.parseInt(virtual!, 16));
    }
    return { memory: readFileSync(file), pages };
  }

  /** Every place of each secret, in either byte order. */
  async find(file: string, secrets: Record<string, Buffer>): Promise<Place[]> {
    const { memory, pages } = await this.dump(file);
    const where = (page: number) => {
      const virtual = pages.get(page);
      if (virtual === undefined) return `unmapped ${page.toString(16)}`;
      return windowOf(virtual) === VAULT ? "vault" : virtual.toString(16);
    };
    expect([...pages.keys()].filter((page) => where(page) === "vault").length).toBeGreaterThanOrEqual(128);
    const places: Place[] = [];
    for (const [secret, bytes] of Object.entries(secrets)) {
      for (const form of [bytes, Buffer.from(bytes).reverse()]) {
        for (let at = memory.indexOf(form); at >= 0; at = memory.indexOf(form, at + 1)) {
          places.push({ secret, where: where(at - (at % PAGE)) });
        }
      }
    }
    return places;
  }
}

/** The values of the seal's seven fields (infra/mint/seal.ts). */
function sealFields(file: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = file.indexOf("\n") + 1; at < file.length; ) {
    const length = file.readUIntBE(at + 1, 3);
    fields.push(file.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}
