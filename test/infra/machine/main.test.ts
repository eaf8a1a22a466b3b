/** The machine's process, with a stand-in for QEMU: ready or refused with whose words, started again, ended, and gone with its parent. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { isRunning } from "../../../infra/processes.ts";
import { freePort } from "../../support/ports.ts";
import { collect } from "../../support/run.ts";
import { fakeQemu } from "./fake-qemu.ts";
import { ANY_PORTS, endAll, MAIN, SEAL, startProcess } from "./process.ts";

const fake = fakeQemu();
const TELLS_PID = `require("node:fs").writeFileSync(${JSON.stringify(join(fake.shared, "pid"))}, String(process.pid));`;
const UP = `${TELLS_PID} say("# up"); boot(); stay();`;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await endAll();
  for (const file of readdirSync(fake.shared)) rmSync(join(fake.shared, file));
});
afterAll(() => fake.remove());

const qemuPid = () => Number(readFileSync(join(fake.shared, "pid"), "utf8"));

/** Starts a machine that does what `code` says. */
const machine = (code: string | undefined, args = ANY_PORTS, path = fake.path) =>
  startProcess(fake.folder, code === undefined ? Buffer.from("no image") : fake.image(code), args, path);

describe("a machine", () => {
  it("that boots is ready, with its doors as they are from outside", async () => {
    const { ready, trace, stop, log } = machine(UP);
    const { boot, image, ports } = await ready();
    expect(boot).toBe("a".repeat(16));
    expect(image).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(Object.values(ports)).size).toBe(3);
    expect(Object.values(ports)).not.toContain(0);
    expect(trace()).toEqual([{ v: 1, time: 1, boot, event: "boot", board: "metal", image, doors: ports }]);
    expect(log()).toBe("# up\n");
    expect(await stop()).toBe(0);
    expect(trace().slice(1)).toEqual([{ v: 1, time: expect.any(Number), boot, event: "stopped", reason: "SIGTERM" }]);
    expect(isRunning(qemuPid())).toBe(false);
  });

  it("is told what it is and where, and has seal and image though they are their owner's alone", async () => {
    const { ready, log, folder } = machine(`
      say("# seal " + JSON.stringify(seal.toString()));
      say("# words " + Object.entries(words).map((pair) => pair.join("=")).join(" "));
      say("# ports " + ports.join(" "));
      say("# files " + option("-kernel") + " " + option("-initrd"));
      say("# user " + process.getuid() + " " + process.getgid() + " " + process.getgroups().join(","));
      boot(); stay();`);
    const { ports, image } = await ready();
    expect(log()).toContain(`# seal ${JSON.stringify(SEAL)}\n`);
    expect(log()).toContain(
      `# words ip=10.0.2.15/24 gateway=10.0.2.2 ports=10000,10001,10002 dial=40001 limits=64,64,10000 image=${image}\n`,
    );
    expect(log()).toContain(
      `# ports ${["server", "dialback", "client"].map((door) => `127.0.0.1:${ports[door]}`).join(" ")}\n`,
    );
    expect(log()).toContain("# files /dev/fd/3 /dev/fd/4\n");
    if (process.getuid?.() === 0) expect(log()).toMatch(/# user 65534 65534 (65534)?\n/);
    expect(statSync(join(folder, "seal")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["image", "seal", "trace.jsonl"]);
  });

  it("writes what the schema accepts to the trace and all else to the log, whatever it says", async () => {
    const { ready, trace, log } = machine(`
      say("\\x1b[2J{");
      boot();
      event("a", { event: "opened" });
      event("a", { event: "opened", conn: 1 });
      say("x".repeat(100000));
      stay();`);
    await ready();
    await expect.poll(trace).toHaveLength(2);
    expect(trace()[1]).toEqual({ v: 1, time: 1, boot: "a".repeat(16), event: "opened", conn: 1 });
    await expect.poll(log).toContain("(a line of more than 4096 bytes is left out)\n");
    expect(log()).toContain("?[2J{\n");
    expect(log()).toContain('"event":"opened"}\n');
  });

  it("that floods its line costs no memory and fills no disk", async () => {
    const { ready, log, child, stop } = machine(`boot(); const noise = "y".repeat(4000) + "\\n";
      for (let i = 0; i < 50000; i++) say(noise); ${TELLS_PID} stay();`);
    await ready();
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]);
    const before = rss();
    await expect.poll(() => existsSync(join(fake.shared, "pid")), { timeout: 50_000 }).toBe(true);
    expect(rss() - before).toBeLessThan(64 * 1024);
    expect(log().length).toBeLessThan(2_000_000);
    expect(await stop()).toBe(0);
  });

  it("that dies is started again on the same ports with the same files, and the trace tells both", async () => {
    const { ready, trace, log, folder, messages } = machine(
      `const fs = require("node:fs"), mark = ${JSON.stringify(join(fake.shared, "second"))};
       const second = fs.existsSync(mark); fs.writeFileSync(mark, ""); boot(second ? "b" : "a"); say("# " + seal);
       ${TELLS_PID} stay();`,
    );
    const { ports } = await ready();
    await expect.poll(() => existsSync(join(fake.shared, "pid"))).toBe(true);
    writeFileSync(join(folder, "seal"), "another");
    const pid = qemuPid();
    process.kill(pid, "SIGKILL");
    await expect.poll(log, { timeout: 30_000 }).toContain("the machine is back\n");
    expect(log()).toContain("the machine ended (SIGKILL); starting it again in 1 s\n");
    expect(messages.slice(1)).toEqual([
      { tell: "the machine ended (SIGKILL); starting it again in 1 s" },
      { tell: "the machine is back" },
    ]);
    expect(log()).not.toContain("another");
    expect(trace().map(({ event, boot, doors, reason }) => [event, (boot as string)[0], doors ?? reason])).toEqual([
      ["boot", "a", ports],
      ["stopped", "a", "the machine ended (SIGKILL)"],
      ["boot", "b", ports],
    ]);
    expect(qemuPid()).not.toBe(pid);
  });

  it("that said itself that it stopped is not said to have stopped twice", async () => {
    const { ready, trace, log } = machine('boot(); event("a", { event: "stopped", reason: "enough" });');
    await ready();
    await expect.poll(log, { timeout: 30_000 }).toContain("the machine ended (exit 0); starting it again in 1 s");
    expect(trace().filter(({ event }) => event === "stopped")).toMatchObject([{ reason: "enough" }]);
  });

  it("that is deaf is ended by force", async () => {
    const { ready, stop, trace } = machine(`process.on("SIGTERM", () => {}); ${UP}`);
    await ready();
    expect(await stop()).toBe(0);
    expect(isRunning(qemuPid())).toBe(false);
    expect(trace().at(-1)).toMatchObject({ event: "stopped", reason: "SIGTERM" });
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "told to end by %s before it has booted ends without a complaint",
    async (signal) => {
      const { child, exited, log, trace } = machine(`${TELLS_PID} say("# booting"); stay();`);
      await expect.poll(log, { timeout: 30_000 }).toContain("# booting");
      child.kill(signal);
      expect(await exited).toBe(0);
      expect(log()).toBe("# booting\n");
      expect(trace()).toEqual([]);
      expect(isRunning(qemuPid())).toBe(false);
    },
  );

  it("started by hand, without a parent to tell, writes its trace to standard output", async () => {
    const [image, seal] = [join(fake.folder, "by-hand.elf"), join(fake.folder, "by-hand.seal")];
    writeFileSync(image, fake.image(UP));
    writeFileSync(seal, SEAL, { mode: 0o600 });
    const args = ["--import", "tsx", MAIN, "--image", image, "--seal", seal, ...ANY_PORTS];
    const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, PATH: fake.path } });
    const outcome = collect(child);
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    await expect.poll(() => out, { timeout: 20_000 }).toContain('"event":"boot"');
    child.kill("SIGINT");
    const { code, stdout } = await outcome;
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(2);
    expect(stdout).toContain('"event":"stopped","reason":"SIGINT"');
  });

  it("ends when its parent lets go of it", async () => {
    const { child, ready, exited, trace } = machine(UP);
    await ready();
    child.disconnect();
    expect(await exited).toBe(0);
    expect(trace().at(-1)).toMatchObject({ event: "stopped", reason: "the parent process is gone" });
    expect(isRunning(qemuPid())).toBe(false);
  });

  it("leaves no QEMU behind when it is killed", async () => {
    const { child, ready, exited } = machine(UP);
    await ready();
    child.kill("SIGKILL");
    await exited;
    await expect.poll(() => isRunning(qemuPid()), { timeout: 30_000 }).toBe(false);
  });
});

describe("a machine that does not boot", () => {
  it.each([
    [
      "the seal is refused",
      'say("# pinata"); say("# the seal is refused: 3");',
      "the vault refuses this seal: NotASeal",
    ],
    [
      "the seal is refused for a reason unheard of",
      'say("# the seal is refused: 99");',
      "the vault refuses this seal: error 99",
    ],
    [
      "it falls after its first line",
      'say("# pinata");',
      "the machine does not boot: QEMU ended (exit 0) without a word",
    ],
    [
      "QEMU refuses",
      'console.error("qemu-system-x86_64: warning: old"); console.error("qemu-system-x86_64: no such machine"); process.exit(1);',
      "QEMU does not start: no such machine",
    ],
    [
      "QEMU only warns",
      'console.error("qemu-system-x86_64: warning: old"); say("# no entropy");',
      "the machine does not boot: no entropy",
    ],
    ["nobody says a word", "process.exit(7)", "the machine does not boot: QEMU ended (exit 7) without a word"],
    [
      "QEMU is killed",
      'process.kill(process.pid, "SIGKILL"); stay();',
      "the machine does not boot: QEMU ended (SIGKILL) without a word",
    ],
  ])("because %s ends with one line and is not tried again", async (_, code, words) => {
    const counted = `require("node:fs").appendFileSync(${JSON.stringify(join(fake.shared, "starts"))}, "x");`;
    const { refused, trace } = machine(counted + code);
    expect(await refused()).toEqual({ code: 1, words: [`piñata: ${words}`] });
    expect(readFileSync(join(fake.shared, "starts"), "utf8")).toBe("x");
    expect(trace()).toEqual([]);
  });

  it("because there is no such TAP device says how to make it, for whom QEMU runs as", async () => {
    const code = `console.error("qemu-system-x86_64: -netdev tap,id=net,ifname=none0,script=no: could not configure /dev/net/tun (none0): Operation not permitted"); process.exit(1);`;
    const { refused } = machine(code, ["--tap", "none0"]);
    const user = process.getuid?.() === 0 ? "nobody" : process.getuid?.();
    expect(await refused()).toEqual({
      code: 1,
      words: [
        `piñata: QEMU cannot use the TAP device none0: there is none of this name: ip tuntap add dev none0 mode tap user ${user} && ip link set none0 up`,
      ],
    });
  });

  it("because QEMU is not here says so", async () => {
    const { refused } = machine(UP, ANY_PORTS, "/nonexistent");
    expect(await refused()).toEqual({ code: 1, words: [expect.stringMatching(/qemu-system-x86_64.*ENOENT/)] });
  });

  it("because its port is taken names port and option", async () => {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { refused } = machine(UP, [...ANY_PORTS.slice(0, 4), "--client-port", String(port)]);
    expect(await refused()).toEqual({
      code: 1,
      words: [`piñata: port ${port} is in use: choose another with --client-port`],
    });
  });

  const LOST = `
    const rule = "tcp:" + ports[0] + "-:10000";
    const lost = () => { console.error("qemu-system-x86_64: -netdev user: Could not set up host forwarding rule '" + rule + "'"); process.exit(1); };`;

  it("because a port was taken in between: another is tried when any would do", async () => {
    const mark = JSON.stringify(join(fake.shared, "tries"));
    const { ready } = machine(`${LOST} const fs = require("node:fs"); fs.appendFileSync(${mark}, ports[0] + "\\n");
      if (fs.readFileSync(${mark}, "utf8").trim().split("\\n").length < 3) lost(); ${UP}`);
    const { ports } = await ready();
    const tried = readFileSync(join(fake.shared, "tries"), "utf8").trim().split("\n");
    expect(tried).toHaveLength(3);
    expect(tried.at(-1)).toBe(`127.0.0.1:${ports.server}`);
  });

  it("because a port was taken in between, and that one was wanted", async () => {
    const port = await freePort();
    const { refused } = machine(`${LOST} lost();`, ["--server-port", String(port), ...ANY_PORTS.slice(2)]);
    expect(await refused()).toEqual({
      code: 1,
      words: [`piñata: QEMU cannot listen on port ${port} of 127.0.0.1: choose another with --server-port`],
    });
  });

  it("because every free port is taken at once gives up", async () => {
    const { refused } = machine(`${LOST} lost();`);
    expect(await refused()).toEqual({ code: 1, words: ["piñata: no free port for --server-port stays free"] });
  });
});

describe("mistakes", () => {
  const image = join(fake.folder, "any.elf");
  writeFileSync(image, fake.image(UP));
  it.each<[string[], string]>([
    [["--seal", "/nonexistent/seal"], "cannot read the seal: ENOENT"],
    [["--image", "/nonexistent/image"], "cannot read the image: ENOENT"],
    [["--seal", "/dev/null"], "/dev/null is no seal: see pinata mint"],
    [["--server-port", "65536"], "--server-port is at most 65535"],
    [["--connections", "65"], "--connections is at most 64"],
    [["--memory", "x"], "--memory takes a number"],
    [["--memory", "15"], "--memory is at least 16"],
    [["--memory", "1025"], "--memory is at most 1024"],
    [["--bogus"], "Unknown option '--bogus'"],
    [["--host", "::1"], "QEMU forwards IPv4 only, and ::1 is not: see --host"],
    [["--host", "nowhere.invalid"], "no IPv4 address is known for nowhere.invalid: see --host"],
    [["--ip", "192.0.2.1/24"], "--ip and --gateway go with --tap"],
    [["--gateway", "192.0.2.1"], "--ip and --gateway go with --tap"],
    [["--tap", "a,b=c"], "a,b=c is no name of a device: see --tap"],
    [["--tap", "t0", "--host", "127.0.0.1"], "--host goes without --tap"],
    [["--tap", "t0", "--ip", "192.0.2.1"], "--ip takes an address and a prefix"],
    [["--tap", "t0", "--ip", "192.0.2.1/31"], "--ip takes an address and a prefix"],
    [["--tap", "t0", "--ip", "192.0.2.1/24 image=0"], "--ip takes an address and a prefix"],
    [["--tap", "t0", "--gateway", "192.0.2.1"], "--gateway goes with a fixed --ip"],
    [["--tap", "t0", "--ip", "192.0.2.2/24", "--gateway", "x"], "--gateway takes an IPv4 address"],
    [["--tap", "t0", "--server-port", "0"], "--server-port takes a port above 0 with --tap"],
    [["--tap", "t0", "--server-port", "5", "--client-port", "5"], "with --tap each door has a port of its own"],
  ])("%j: one line, exit 2, and nothing started", async (args, words) => {
    const { exited, log } = machine(UP, args);
    expect(await exited).toBe(2);
    expect(log()).toContain(`piñata: ${words}`);
    expect(log().trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(fake.shared, "pid"))).toBe(false);
  });

  it("a file that is no image is named", async () => {
    const { exited, log } = machine(undefined);
    expect(await exited).toBe(2);
    expect(log()).toMatch(/^piñata: .*image is no image: see pinata image\n$/);
  });
});
