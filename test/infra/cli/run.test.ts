/** `pinata run` from outside, with a stand-in for QEMU and with the real one: the screen, what scripts read, and how it ends. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { metalImage } from "../../../infra/image/metal-image.ts";
import { METAL_TOOLS } from "../../../infra/image/tools.ts";
import { mintPractice } from "../../../infra/mint/mint.ts";
import { isRunning } from "../../../infra/processes.ts";
import { hasTool, run } from "../../support/run.ts";
import { fakeQemu } from "../machine/fake-qemu.ts";

const fake = fakeQemu();
const seal = join(fake.folder, "seal");
writeFileSync(seal, "a seal", { mode: 0o600 });
const image = join(fake.folder, "image.elf");
const trace = join(fake.folder, "trace.jsonl");
const pid = join(fake.shared, "pid");
const program = join(ROOT, "bin/pinata.mjs");
const ANY_PORTS = ["--server-port", "0", "--dialback-port", "0", "--client-port", "0"];
const OUTPUTS = { stdio: ["ignore", "pipe", "pipe"] } as { stdio: ["ignore", "pipe", "pipe"] };
const ONE_BYTE = Buffer.alloc(1);
let child: ChildProcess | undefined;
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    const exited = new Promise((resolve) => child?.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  }
  for (const file of [trace, pid]) rmSync(file, { force: true });
});
afterAll(() => fake.remove());

const UP = `require("node:fs").writeFileSync(${JSON.stringify(pid)}, String(process.pid)); say("# up"); boot(); stay();`;

function start(code: string, ...args: string[]) {
  writeFileSync(image, fake.image(code));
  const env = { ...process.env, PATH: fake.path };
  const command = [program, "run", "--seal", seal, "--image", image, ...ANY_PORTS, ...args];
  return watch(spawn(process.execPath, command, { ...OUTPUTS, env }));
}

function watch(started: ChildProcessByStdio<null, Readable, Readable>) {
  child = started;
  const said = { out: "", err: "" };
  started.stdout.on("data", (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  started.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => started.once("close", (exit) => resolve(exit)));
  return { started, said, exited };
}

describe("pinata run", () => {
  it("tells where the piñata hangs, keeps its trace, and ends on Ctrl-C with nothing left", async () => {
    const { started, said, exited } = start(UP);
    await expect.poll(() => said.out, { timeout: 30_000 }).toContain("Ctrl-C ends it.");
    expect(said.out).toMatch(/^ {4}image {6}[0-9a-f]{64}$/m);
    expect(said.out).toMatch(/^ {4}doors {6}127\.0\.0\.1:\d+ {3}it is the TLS server$/m);
    expect(said.out).toContain(`trace      ${trace}\n`);
    expect(said.err).toBe("  # up\n");
    const qemu = Number(readFileSync(pid, "utf8"));
    started.kill("SIGINT");
    expect(await exited).toBe(0);
    expect(isRunning(qemu)).toBe(false);
    const events = readFileSync(trace, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(events).toMatchObject([{ event: "boot" }, { event: "stopped", reason: "SIGINT" }]);
  });

  it("tells a script the same as one JSON object", async () => {
    const { started, said, exited } = start(
      UP,
      "--json",
      "--trace",
      join(fake.folder, "other.jsonl"),
      "--dial-to-port",
      "5",
    );
    await expect.poll(() => said.out, { timeout: 30_000 }).toContain("\n");
    const found = JSON.parse(said.out) as { doors: Record<string, number>; trace: string };
    expect(found).toMatchObject({ pid: started.pid, boot: "a".repeat(16), hosts: ["127.0.0.1"], doors: { dialTo: 5 } });
    expect(found.trace).toBe(join(fake.folder, "other.jsonl"));
    const [boot] = readFileSync(found.trace, "utf8").split("\n");
    const { server, dialback, client } = found.doors;
    expect(JSON.parse(boot!)).toMatchObject({ event: "boot", doors: { server, dialback, client } });
    started.kill("SIGTERM");
    expect(await exited).toBe(0);
  });

  it("joins a TAP device with the address, ports and limit that were asked for", async () => {
    const { said } = start(
      `say("# " + option("-netdev")); say("# " + option("-append")); ${UP}`,
      ...["--tap", "pinata0", "--ip", "192.0.2.7/24", "--gateway", "192.0.2.1", "--from-peer", "3", "--memory", "24"],
      ...["--server-port", "443", "--dialback-port", "444", "--client-port", "445"],
    );
    await expect.poll(() => said.out, { timeout: 30_000 }).toContain("Ctrl-C ends it.");
    expect(said.err).toContain("# tap,id=net,ifname=pinata0,script=no,downscript=no\n");
    expect(said.err).toContain(
      "# ip=192.0.2.7/24 gateway=192.0.2.1 ports=443,444,445 dial=40001 limits=64,3,10000 image=",
    );
    expect(said.out).toContain("doors      192.0.2.7:443   it is the TLS server");
    // By which a DHCP server tells the address that it gave.
    expect(said.out).toMatch(/^ {4}network {4}pinata0, 192\.0\.2\.7\/24, 52:54:00(:[0-9a-f]{2}){3}$/m);
  });

  it.each([
    [
      "what the piñata said",
      'say("# there is not enough entropy");',
      "the machine does not boot: there is not enough entropy",
    ],
    [
      "what QEMU said",
      'console.error("qemu-system-x86_64: no room"); process.exit(1);',
      "QEMU does not start: no room",
    ],
  ])("that cannot hang ends with %s", async (_, code, words) => {
    const { said, exited } = start(code);
    expect(await exited).toBe(1);
    expect(said.out).toBe("");
    expect(said.err.trim().split("\n").at(-1)).toBe(`pinata: ${words}`);
  });

  it("without QEMU says how to get it, and without a place for the trace names that", async () => {
    const args = [program, "run", "--seal", seal, "--image", image, ...ANY_PORTS];
    const bare = await run(process.execPath, args, { env: { ...process.env, PATH: fake.folder }, input: "" });
    expect(bare).toEqual({
      code: 1,
      stdout: "",
      stderr: "pinata: running the image takes qemu-system-x86_64, not on the PATH here: npm run setup:metal\n",
    });
    const env = { ...process.env, PATH: fake.path };
    const { code, stderr } = await run(process.execPath, [...args, "--trace", join(seal, "trace")], { env, input: "" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pinata: cannot write the trace: E/);
    expect(existsSync(pid)).toBe(false);
  });
});

describe.runIf(METAL_TOOLS.map(({ program }) => hasTool(program)).every(Boolean))("pinata run, the real image", () => {
  const dir = join(fake.folder, "practice");
  let built: Buffer;
  beforeAll(async () => {
    built = readFileSync((await metalImage()).file);
    await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
  }, 600_000);

  /** In a folder of its own with these files. */
  const real = (sealed: Uint8Array, booted: Uint8Array) => {
    writeFileSync(join(dir, "tried"), sealed, { mode: 0o600 });
    writeFileSync(join(dir, "image.elf"), booted);
    const files = ["--seal", join(dir, "tried"), "--image", join(dir, "image.elf")];
    return watch(spawn(process.execPath, [program, "run", ...files, ...ANY_PORTS, "--json"], OUTPUTS));
  };
  const seal = () => readFileSync(join(dir, "seal"));

  it("hangs with a minted seal, refuses a stranger, and ends on Ctrl-C with nothing left", async () => {
    const { started, said, exited } = real(seal(), built);
    await expect.poll(() => said.out, { timeout: 30_000 }).toContain("\n");
    const found = JSON.parse(said.out) as { image: string; doors: { server: number }; trace: string };
    expect(found.image).toBe(createHash("sha256").update(built).digest("hex"));
    const stranger = connect({ host: "127.0.0.1", port: found.doors.server, rejectUnauthorized: false });
    const [error] = (await once(stranger.resume(), "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
    started.kill("SIGINT");
    expect(await exited).toBe(0);
    expect(said.err).toBe("  # pinata\n  # ready\n");
    const events = readFileSync(found.trace, "utf8").trim().split("\n");
    expect(JSON.parse(events[0]!)).toMatchObject({ event: "boot", board: "metal", image: found.image });
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ event: "stopped", reason: "SIGINT" });
  });

  it.each<[string, () => [Uint8Array, Uint8Array], string]>([
    ["a seal cut short", () => [seal().subarray(0, 300), built], "the vault refuses this seal: Truncated"],
    ["no seal at all", () => [Buffer.from("a letter"), built], "the vault refuses this seal: NotASeal"],
    ["a byte too many", () => [Buffer.concat([seal(), ONE_BYTE]), built], "the vault refuses this seal: TrailingBytes"],
    ["a seal longer than any", () => [Buffer.alloc(60_000), built], "the vault refuses this seal: TooLong"],
    ["an image cut short", () => [seal(), built.subarray(0, built.length >> 1)], "QEMU does not start: "],
    [
      "an image without code",
      () => [seal(), Buffer.from(built).fill(0, 0x2000, 0x20000)],
      "the machine does not boot: ",
    ],
  ])("tells of %s in one line", async (_, files, words) => {
    const { said, exited } = real(...files());
    expect(await exited).toBe(1);
    expect(said.out).toBe("");
    expect(said.err.trim().split("\n").at(-1)).toContain(`pinata: ${words}`);
  });
});
