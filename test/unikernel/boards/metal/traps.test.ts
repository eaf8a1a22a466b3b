/**
 * Traps on metal, in images whose guest is changed for the test: a bounds check whose result nobody uses, recursion without end, an
 * `assert`, all cost one connection and nothing else; a trapped vault and a trapped net start again.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildMetal } from "../../../../infra/image/build-metal.ts";
import { compileGuest, GUEST_MODULES, type GuestModule } from "../../../../infra/image/compile-guest.ts";
import { mintPractice } from "../../../../infra/mint/mint.ts";
import { CANDY } from "../../../support/candy.ts";
import { run } from "../../../support/run.ts";
import { ADDRESS, HAS_TOOLS, Metal } from "./machine.ts";

/** Puts `added` before `before` in one file of a module; throws when it is not there once. */
async function patched(name: GuestModule, changes: { file: string; before: string; added: string }[]): Promise<string> {
  const out = `build/test-metal/${name}.wasm`;
  await compileGuest({
    ...GUEST_MODULES[name],
    out,
    patch: (file, text) =>
      changes
        .filter((change) => change.file === file)
        .reduce((result, { before, added }) => {
          if (result.split(before).length !== 2) throw new Error(`${file} does not have ${before} once`);
          return result.replace(before, () => added + before);
        }, text),
  });
  return out;
}

describe.skipIf(!HAS_TOOLS)("traps on metal", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const dir = join(folder, "practice");
  let image = "";
  let vaultImage = "";

  beforeAll(async () => {
    await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
    const door = await patched("door", [
      {
        file: "unikernel/guest/prim/arena.ts",
        before: "/** Opens a scope;",
        added: `
          export function readOutside(): void { load<u32>(0xfffffffc); }
          export function readJustOutside(): void { load<u32>((<usize>memory.size() << 16) - 3); }
          export function recurse(n: u32): u32 { return n == 0 ? 0 : recurse(n - 1) * 3 + n; }
        `,
      },
      {
        file: "unikernel/guest/door.ts",
        before: "  ENGINE.receive(INPUT.aim(INBOX, 0, length));",
        added: `
          if (INBOX[0] == 0x41) assert(length == 0);
          if (INBOX[0] == 0x42) readOutside();
          if (INBOX[0] == 0x43) readJustOutside();
          if (INBOX[0] == 0x44 && recurse(1000000 + length) == 7) return 0;
        `,
      },
      {
        file: "unikernel/guest/door.ts",
        before: 'import { release } from "arena";',
        added: 'import { readJustOutside, readOutside, recurse } from "arena";\n',
      },
    ]);
    const net = await patched("net", [
      {
        file: "unikernel/guest/net.ts",
        before: "  return handle < 0 ? 0 : TCP.read(handle,",
        added:
          "  if (handle >= 0 && TCP.room(handle) > 0 && most == 8192) {\n    const n = TCP.read(handle, VIEW.aim(OUTBOX, 0, most));\n    assert(OUTBOX[0] != 0x4e);\n    return n;\n  }\n",
      },
    ]);
    image = (await buildMetal({ out: "build/test-metal/traps.elf", modules: { door, net } })).file;
    const vault = await patched("vault", [
      {
        file: "unikernel/guest/vault.ts",
        before: "  let length: u32 = 0;\n  if (isReady()",
        added: "  assert(hashLength == 0);\n",
      },
    ]);
    vaultImage = (await buildMetal({ out: "build/test-metal/vault.elf", modules: { vault } })).file;
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = async (file: string) => {
    const machine = await Metal.start({
      image: file,
      seal: join(dir, "seal"),
      commandLine: `${ADDRESS} limits=64,64,60000`,
    });
    await machine.line(/^# ready$/);
    return machine;
  };
  const play = (machine: Metal) =>
    run("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${machine.port}`, "-tls1_3", "-quiet"],
      ...["-CAfile", join(dir, "ca.pem"), "-cert", join(dir, "player.pem"), "-key", join(dir, "player.key")],
    ]);

  it.each([
    ["an assert", "A"],
    ["a load far outside whose result is not used", "B"],
    ["a load that begins inside and ends outside", "C"],
    ["recursion without end", "D"],
  ])("%s in a door ends that connection only", async (_, letter) => {
    const machine = await start(image);
    const bystander = await open(machine.port);
    const victim = await open(machine.port);
    const said: Buffer[] = [];
    victim.on("data", (bytes: Buffer) => said.push(bytes));
    const gone = new Promise<void>((resolve) => victim.once("close", () => resolve()));
    victim.write(letter);
    await gone;
    expect(Buffer.concat(said)).toHaveLength(0);
    const trap = await machine.event(({ event }) => event === "trap");
    expect(trap).toMatchObject({ compartment: "door" });
    const closed = await machine.event(({ event }) => event === "closed");
    expect(closed).toMatchObject({ by: "trap", conn: (trap as { conn: number }).conn, bytesIn: 1, bytesOut: 0 });
    // The other is still there: it gets an answer to what is no record.
    const answered = new Promise<Buffer>((resolve) => bystander.once("data", resolve));
    bystander.write("not TLS at all");
    expect((await answered)[0]).toBe(21);
    // Its slot serves again, from a pristine door.
    expect((await play(machine)).stdout).toMatch(CANDY);
    expect(machine.trace.filter(({ event }) => event === "trap")).toHaveLength(1);
  });

  it("a trap in net ends every connection, and net starts again", async () => {
    const machine = await start(image);
    const other = await open(machine.port);
    await machine.event(({ event }) => event === "accepted");
    const victim = await open(machine.port);
    victim.write("N");
    await machine.event((event) => event.event === "trap" && event.compartment === "net");
    const closed = () => machine.trace.filter((event) => event.event === "closed" && event.by === "trap");
    await machine.event(() => closed().length === 2);
    // The new net knows neither of them and resets what they send.
    const reset = new Promise<void>((resolve) => other.once("close", () => resolve()));
    other.write("still here?");
    await reset;
    expect((await play(machine)).stdout).toMatch(CANDY);
  });

  it("a trap in the vault costs the call, and a new vault answers the next connection", async () => {
    const machine = await start(vaultImage);
    for (let conn = 1; conn <= 3; conn++) {
      const { stdout } = await play(machine);
      expect(stdout).not.toMatch(CANDY);
      await machine.event((event) => event.event === "closed" && event.conn === conn);
    }
    const traps = machine.trace.filter(({ event }) => event === "trap");
    expect(traps).toMatchObject([1, 2, 3].map((conn) => ({ conn, compartment: "vault" })));
    // Each got as far as the first: to where the vault has to sign.
    const alerts = machine.trace.filter(({ event }) => event === "alert");
    expect(alerts).toHaveLength(3);
    expect(new Set(alerts.map((event) => JSON.stringify({ ...event, time: 0, conn: 0 }))).size).toBe(1);
  });
});

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}
