/**
 * The machine's process with the real QEMU and a kernel of a dozen instructions that prints what it is given: QEMU takes our arguments
 * and files, has no privileges, listens where it should and nowhere else, is started again, and goes with us.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { QEMU } from "../../../infra/machine/qemu.ts";
import { isRunning } from "../../../infra/processes.ts";
import { listening } from "../../support/ports.ts";
import { hasTool } from "../../support/run.ts";
import { ANY_PORTS, endAll, startProcess } from "./process.ts";

const BOOT = JSON.stringify({
  ...{ v: 1, time: 1, boot: "c".repeat(16), event: "boot", board: "metal", image: "0".repeat(64) },
  doors: { server: 10000, dialback: 10001, client: 10002 },
});
/** PVH entry (ebx: hvm_start_info, whose command line's address is at 24); prints a word before it, then `end`. */
const kernel = (end: string) => `
.section .note.Xen,"a",@note
.long 4, 4, 18
.asciz "Xen"
.long _start
.text
.code32
.globl _start
_start: mov $hello,%esi
  call print
  mov 24(%ebx),%esi
  call print
  mov $text,%esi
  call print
  ${end}
print: lodsb
  mov %al,%ah
  test %al,%al
  jz 2f
  mov $0x3fd,%dx
1: in %dx,%al
  test $0x20,%al
  jz 1b
  mov %ah,%al
  mov $0x3f8,%dx
  out %al,%dx
  jmp print
2: ret
nothing: .word 0
  .long 0
hello: .asciz "# command line: "
text: .ascii "\\n"
  .ascii ${JSON.stringify(BOOT)}
  .asciz "\\n"
`;
const COMPILER = "gcc";
const IDLES = "9: hlt; jmp 9b";
const RESETS = "lidt nothing; ud2";

describe.runIf(hasTool(QEMU) && hasTool(COMPILER))("under the real QEMU", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-real-qemu-"));
  let idles: Buffer;
  let resets: Buffer;
  const assemble = (end: string): Buffer => {
    const [source, out] = [join(folder, "kernel.S"), join(folder, "kernel.elf")];
    writeFileSync(source, kernel(end));
    execFileSync(COMPILER, ["-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x100000,--build-id=none", "-o", out, source]);
    return readFileSync(out);
  };
  beforeAll(() => {
    chmodSync(folder, 0o700);
    idles = assemble(IDLES);
    resets = assemble(RESETS);
  });
  afterEach(endAll);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** The one child of the machine's process: QEMU. */
  const qemu = (parent: number | undefined) => {
    const list = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(parent)], { encoding: "utf8" });
    const pids = list.split("\n").flatMap((line) => /^\s*(\d+) qemu-system/.exec(line)?.[1] ?? []);
    expect(pids).toHaveLength(1);
    return Number(pids[0]);
  };
  const status = (pid: number) => {
    const lines = readFileSync(`/proc/${pid}/status`, "utf8").split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/:\s+/) as [string, string]));
  };

  it("a piñata boots with its command line, in a process without privileges", async () => {
    const { child, ready, log, stop } = startProcess(folder, idles);
    const { ports, image } = await ready();
    expect(log()).toMatch(
      new RegExp(
        `^# command line: .*ip=10\\.0\\.2\\.15/24 gateway=10\\.0\\.2\\.2 ports=10000,10001,10002 dial=40001 limits=64,64,10000 image=${image}`,
        "m",
      ),
    );
    const pid = qemu(child.pid);
    const seen = status(pid);
    expect(seen).toMatchObject({ NoNewPrivs: "1", Seccomp: "2", CapEff: "0".repeat(16), CapPrm: "0".repeat(16) });
    if (process.getuid?.() === 0) {
      expect(seen.Uid).toBe(Array(4).fill(65534).join("\t"));
      expect(seen.Gid).toBe(Array(4).fill(65534).join("\t"));
      expect(seen.Groups?.trim()).toMatch(/^(65534)?$/);
    }
    for (const port of Object.values(ports)) await listening(port);
    expect(readdirSync("/dev/shm").filter((name) => name.startsWith("pinata-"))).toEqual([]);
    expect(await stop()).toBe(0);
    expect(isRunning(pid)).toBe(false);
    // That we ended it is no news.
    expect(log()).not.toContain("qemu-system");
  });

  it("a piñata that resets or is killed is started again on its ports", async () => {
    const killed = startProcess(folder, idles);
    const { ports } = await killed.ready();
    const pid = qemu(killed.child.pid);
    process.kill(pid, "SIGKILL");
    await expect.poll(killed.log, { timeout: 30_000 }).toContain("the machine is back\n");
    expect(killed.trace().map(({ event }) => event)).toEqual(["boot", "stopped", "boot"]);
    for (const port of Object.values(ports)) await listening(port);
    const reset = startProcess(folder, resets);
    await reset.ready();
    await expect
      .poll(reset.log, { timeout: 30_000 })
      .toContain("the machine ended (exit 0); starting it again in 1 s\n");
  });

  it("QEMU goes when its keeper is killed", async () => {
    const { child, ready, exited } = startProcess(folder, idles);
    await ready();
    const pid = qemu(child.pid);
    child.kill("SIGKILL");
    await exited;
    await expect.poll(() => isRunning(pid), { timeout: 30_000 }).toBe(false);
  });

  it("what QEMU does not take is told in its words", async () => {
    const { refused } = startProcess(folder, Buffer.from("\x7fELF and no more", "latin1"));
    expect(await refused()).toEqual({ code: 1, words: [expect.stringMatching(/^piñata: QEMU does not start: \S/)] });
  });

  it("a port that QEMU cannot have is named with its option", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const args = ["--server-port", String(port), ...ANY_PORTS.slice(2)];
    const { code, words } = await startProcess(folder, idles, args).refused();
    server.close();
    expect({ code, words }).toEqual({
      code: 1,
      words: [`piñata: port ${port} is in use: choose another with --server-port`],
    });
  });
});
