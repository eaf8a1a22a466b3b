/** The parts of the metal benchmark that need no machine: the archive, the arguments, what is read and what is printed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { qemuArguments } from "../../infra/machine/qemu.ts";
import { hasTool, run } from "../support/run.ts";
import { type CpioEntry, cpioArchive } from "./metal/cpio.ts";
import { parseSchedstat, withSystem } from "./metal/guest.ts";
import { initScript, linuxCommandLine, nginxConfiguration, parseLibraries } from "./metal/linux.ts";
import { type Measured, missed, print, rows } from "./metal/table.ts";

const ENTRIES: CpioEntry[] = [
  { kind: "device", path: "dev/null", major: 1, minor: 3 },
  { kind: "directory", path: "run" },
  { kind: "file", path: "init", executable: true, content: Buffer.from("#!/bin/sh\n") },
  { kind: "file", path: "etc/deep/three", executable: false, content: Buffer.from("abc") },
];

describe("the archive", () => {
  it.runIf(hasTool("busybox"))("is one that cpio lists and unpacks", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pinata-test-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const archive = cpioArchive(ENTRIES.slice(1)).toString("latin1");
    const listed = await run("busybox", ["cpio", "-t"], { input: cpioArchive(ENTRIES).toString("latin1") });
    expect(listed.code).toBe(0);
    expect(listed.stdout.trim().split("\n")).toEqual([
      "dev",
      "etc",
      "etc/deep",
      "dev/null",
      "run",
      "init",
      "etc/deep/three",
    ]);
    const unpacked = await run("busybox", ["cpio", "-i"], { cwd: dir, input: archive });
    expect(unpacked.code).toBe(0);
    expect(readFileSync(join(dir, "etc/deep/three"), "utf8")).toBe("abc");
  });

  it.each(["/etc", "a/../b", "..", "", "a b"])("refuses the path %j", (path) => {
    expect(() => cpioArchive([{ kind: "directory", path }])).toThrow(RangeError);
  });

  it("refuses a path that is there twice", () => {
    expect(() => cpioArchive([ENTRIES[1]!, ENTRIES[1]!])).toThrow("run is there twice");
  });
});

describe("the machines", () => {
  const args = qemuArguments({
    network: { kind: "user", hosts: ["127.0.0.1"], ports: { server: 1, dialback: 2, client: 3 } },
    dialTo: 40001,
    limits: { connections: 64, fromPeer: 64, handshakeMillis: 10_000 },
    memoryMiB: 16,
    kvm: false,
    image: "image",
    seal: "seal",
    imageHash: "0".repeat(64),
  });
  const other = { memoryMiB: 128, kernel: "vmlinuz", initrd: "initramfs", commandLine: "quiet" };

  it("differ in memory, kernel, initramfs and kernel command line alone", () => {
    const changed = withSystem(args, other);
    const differing = args.flatMap((arg, at) => (arg === changed[at] ? [] : [args[at - 1]]));
    expect(differing).toEqual(["-m", "-kernel", "-initrd", "-append"]);
    expect(changed).toEqual(expect.arrayContaining(["128M", "vmlinuz", "initramfs", "quiet"]));
    expect(changed).toHaveLength(args.length);
  });

  it("are refused when an option is missing or there twice", () => {
    expect(() => withSystem(args.slice(0, -2), other)).toThrow("-append is not there once");
    expect(() => withSystem([...args, "-m", "1M"], other)).toThrow("-m is not there once");
  });
});

describe("what is read", () => {
  it("takes the libraries from what ldd says", () => {
    const said =
      "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibz.so.1 => /lib/libz.so.1 (0x00007f75)\n\t/lib64/ld.so.2 (0x00007f76)\n";
    expect(parseLibraries(said)).toEqual(["/lib/libz.so.1", "/lib64/ld.so.2"]);
  });

  it("takes a thread's time and refuses anything else", () => {
    expect(parseSchedstat("123456789 42 7\n")).toBe(123_456_789);
    expect(() => parseSchedstat("")).toThrow("schedstat");
  });

  it("tells Linux the processor's rate, and refuses when the system does not say it", () => {
    expect(linuxCommandLine(2596.5)).toContain("tsc_early_khz=2596500");
    expect(() => linuxCommandLine(0)).toThrow("/proc/cpuinfo");
  });

  it("loads the network's drivers before it gives the address, and demands the client's certificate", () => {
    expect(initScript().indexOf("virtio_ring.ko")).toBeLessThan(initScript().indexOf("virtio.ko"));
    expect(initScript().indexOf("virtio_net.ko")).toBeLessThan(initScript().indexOf("10.0.2.15/24"));
    expect(nginxConfiguration()).toContain("ssl_verify_client on;");
  });
});

describe("the table", () => {
  const good = { bootMillis: 50, sequential: 90, parallel: 120, cpuMillis: 8, idle: 0 };
  const pinata: Measured = {
    imageBytes: 200 * 1024,
    memoryMiB: 16,
    rounds: [good, { ...good, bootMillis: 999 }, good],
  };
  const linux: Measured = {
    imageBytes: 26_000_000,
    memoryMiB: 128,
    rounds: [{ bootMillis: 2000, sequential: 80, parallel: 100, cpuMillis: 10, idle: 0.02 }],
  };

  it("takes medians and says that every budget is met, and by how much", () => {
    const table = rows(pinata, linux);
    expect(missed(table)).toBe(0);
    expect(print(table)).toMatch(/boot to first handshake, ms +50\.0 +2000\.0 +40\.00 × +≤ 100 ms: met, 2\.00 ×/);
    expect(print(table)).toMatch(/4 at once +120\.0 +100\.0 +1\.20 ×/);
  });

  it("says which budgets are missed, and by how much", () => {
    const slow = { ...good, bootMillis: 200, parallel: 50, cpuMillis: 20, idle: 0.5 };
    const table = rows({ imageBytes: 800 * 1024, memoryMiB: 32, rounds: [slow] }, linux);
    expect(missed(table)).toBe(7);
    expect(print(table)).toContain("≤ 400 KiB: MISSED, 0.50 ×");
  });
});
