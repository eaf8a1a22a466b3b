/** The `pinata` command from outside: help, mistakes, and what it leaves behind. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { publicFile } from "../../../infra/mint/public.ts";
import { collect, run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
/** A path that is not there yet. */
const fresh = () => join(folder, `dir-${++count}`);
const pinata = (...args: string[]) =>
  run(process.execPath, [join(ROOT, "bin/pinata.mjs"), ...args], { cwd: folder, input: "" });
const oneLine = (text: string) =>
  expect(
    text
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("(")).length,
  ).toBe(1);

describe("help", () => {
  it("tells the version", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect((await pinata("--version")).stdout.trim()).toBe(version);
  });

  it("lists the commands", async () => {
    const { code, stdout } = await pinata("--help");
    expect(code).toBe(0);
    for (const command of ["start", "mint", "image", "run", "smash", "relay", "probe", "doctor"])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  it.each(["start", "mint", "image", "run", "smash", "relay", "probe", "doctor"])(
    "of %s explains each option",
    async (command) => {
      const { code, stdout } = await pinata(command, "--help");
      expect(code).toBe(0);
      const options = stdout.split("\n").filter((line) => /^ {2}--/.test(line));
      expect(options.length).toBeGreaterThan(0);
      for (const line of options) expect(line).toMatch(/^ {2}--[a-z-]+( <[A-Z]+>)?( {2,}\S|$)/);
    },
  );
});

describe("mistakes", () => {
  it.each([
    [["smite"], "unknown command 'smite'"],
    [["mint", "--practise"], "unknown option '--practise'"],
    [["mint", "--practice", "extra"], "too many arguments"],
    [["mint", "--practice", "--key", "rsa"], "Allowed choices are p256, ed25519"],
    [["mint", "--practice", "--refund-height", "0"], "whole number from 1 to 499999999"],
    [["mint", "--practice", "--refund-height", "1e3"], "whole number"],
    [["mint"], "add --practice"],
    [["mint", "--practice", "--dir", ""], "argument '' is invalid. It is empty."],
    [["mint", "--dir"], "option '--dir <DIR>' argument missing"],
    [["mint", "--practice", "--refund-height", "500000000"], "whole number from 1 to 499999999"],
    [["start", "--board", "wood"], "Allowed choices are auto, metal, node"],
    [["run"], "required option '--seal <FILE>' not specified"],
    [["run", "--seal", "/nonexistent/seal"], "cannot read the seal: ENOENT"],
    [["run", "--seal", "/dev/null", "--ip", "dhcp"], "--ip and --gateway go with --tap"],
    [["run", "--seal", "/dev/null", "--dial-to-port", "0"], "whole number from 1 to 65535"],
    [["run", "--seal", "/dev/null", "--host", "::1"], "QEMU forwards IPv4 only"],
    [["image", "--out", ""], "It is empty"],
    [["image", "extra"], "too many arguments"],
    [["start", "extra"], "too many arguments"],
    [["start", "--dir", ""], "It is empty"],
    [["start", "--host", " "], "It is empty"],
    [["start", "--chain-port", "0x10"], "whole number from 0 to 65535"],
    [["start", "--from-peer", "65"], "whole number from 1 to 64"],
    [["relay", "localhost", "extra"], "too many arguments"],
    [["relay", ""], "It is empty"],
    [["probe", "localhost", "--port", "ten"], "whole number from 0 to 65535"],
    [["probe", ""], "It is empty"],
    [["doctor", "--verbose"], "unknown option '--verbose'"],
    [["doctor", "extra"], "too many arguments"],
    [["start", "--web-port", "65536"], "whole number from 0 to 65535"],
    [["start", "--web-port", "-1"], "whole number from 0 to 65535"],
    [["start", "--block-seconds", "0"], "whole number from 1"],
    [["start", "--board", "node", "--public-url", "pinata.example"], "--public-url pinata.example is not an http"],
    [["start", "--rate", "https://a.example"], "unknown option '--rate'"],
    [["start", "--explorer", ""], "It is empty"],
    [["smash", "--fee-rate", "0.5"], "whole number"],
    [["smash", "--dir", "/nonexistent/pinata"], "/nonexistent/pinata/practice/public.json"],
  ])("%j: one line, exit 2", async (args, message) => {
    const before = readdirSync(folder);
    const { code, stderr, stdout } = await pinata(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^pinata: /);
    oneLine(stderr);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each([["relay"], ["probe"]])("%s without a piñata or a host says what to do", async (command) => {
    const { code, stderr } = await pinata(command, "--dir", fresh());
    expect(code).toBe(1);
    expect(stderr).toMatch(/no piñata runs in .*: start one \(pinata start\), or name a host/);
    oneLine(stderr);
  });

  it.each([["relay"], ["probe"]])("%s of a closed port names it", async (command) => {
    const args = command === "relay" ? ["--server-port", "1", "--client-port", "1"] : ["--port", "1"];
    const { code, stderr } = await pinata(command, "127.0.0.1", ...args);
    expect(code).toBe(1);
    expect(stderr).toBe("pinata: cannot connect to 127.0.0.1:1: ECONNREFUSED\n");
  });
});

describe("mint", () => {
  it("makes everything, secrets for the owner alone", async () => {
    const dir = fresh();
    const { code, stdout } = await pinata("mint", "--practice", "--dir", dir, "--key", "ed25519", "--json");
    expect(code).toBe(0);
    const printed = JSON.parse(stdout) as { address: string; dir: string };
    expect(printed.dir).toBe(dir);
    const kept = publicFile.parse(JSON.parse(readFileSync(join(dir, "public.json"), "utf8")));
    expect(kept.address).toBe(printed.address);
    for (const secret of ["seal", "player.key", "refund.key"])
      expect(statSync(join(dir, secret)).mode & 0o777).toBe(0o600);
    for (const open of ["ca.pem", "player.pem", "public.json"])
      expect(statSync(join(dir, open)).mode & 0o777).toBe(0o644);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
    expect(stdout).not.toMatch(/tr\([5KLc9][1-9A-HJ-NP-Za-km-z]{50,51},/);
  });

  it("says where things are, in words", async () => {
    const dir = fresh();
    const { stdout } = await pinata("mint", "--practice", "--dir", dir);
    expect(stdout).toContain(dir);
    expect(stdout).toMatch(/address +bcrt1p/);
    expect(stdout).toMatch(/after height 100000/);
  });

  it("never overwrites a seal", async () => {
    const dir = fresh();
    await pinata("mint", "--practice", "--dir", dir);
    const seal = readFileSync(join(dir, "seal"));
    const { code, stderr } = await pinata("mint", "--practice", "--dir", dir);
    expect(code).toBe(2);
    expect(stderr).toContain(dir);
    oneLine(stderr);
    expect(readFileSync(join(dir, "seal")).equals(seal)).toBe(true);
  });

  it.runIf(existsSync("/proc/self"))("ends where no folder can be made, saying so", async () => {
    for (const command of [
      ["mint", "--practice"],
      ["start", "--board", "node", "--web-port", "0"],
    ]) {
      const { code, stderr } = await pinata(...command, "--dir", "/proc/nothing/here");
      expect(code).not.toBe(0);
      expect(code).not.toBeNull();
      expect(stderr).toContain("/proc/nothing");
      oneLine(stderr);
    }
  });

  it("leaves a folder with other things alone", async () => {
    const dir = fresh();
    mkdirSync(dir);
    writeFileSync(join(dir, "diary.txt"), "mine");
    const { code } = await pinata("mint", "--practice", "--dir", dir);
    expect(code).toBe(2);
    expect(readdirSync(dir)).toEqual(["diary.txt"]);
  });
});

describe("mint where nothing can be written", () => {
  it.each([
    ["a file", (file: string) => file, 2, "is not a directory"],
    ["below a file", (file: string) => join(file, "below"), 1, "ENOTDIR"],
  ])("%s: one line, and nothing is left behind", async (_, place, exit, words) => {
    const file = fresh();
    writeFileSync(file, "mine");
    const before = readdirSync(folder);
    const { code, stdout, stderr } = await pinata("mint", "--practice", "--dir", place(file));
    expect(code).toBe(exit);
    expect(stdout).toBe("");
    expect(stderr).toContain(words);
    oneLine(stderr);
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe("doctor", () => {
  it("is no failure for a reader that has seen enough", async () => {
    const child = spawn(process.execPath, [join(ROOT, "bin/pinata.mjs"), "doctor"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    expect(await collect(child)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("tells what is needed and what is there", async () => {
    const { code, stdout } = await pinata("doctor", "--json");
    const { healthy, findings } = JSON.parse(stdout) as {
      healthy: boolean;
      findings: { what: string; found: boolean; needed: boolean }[];
    };
    expect(code).toBe(0);
    expect(healthy).toBe(true);
    expect(findings.find(({ what }) => what === "node")).toMatchObject({ found: true, needed: true });
    expect(findings.map(({ what }) => what)).toContain("bitcoind");
    expect((await pinata("doctor")).stdout).toMatch(/✓ node/);
  });
});

describe("peers that are no piñata", () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  const listen = (onConnection: (socket: Socket) => void) =>
    new Promise<string>((resolve) => {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        onConnection(socket);
      });
      servers.push(server);
      server.listen(0, "127.0.0.1", () => resolve(String((server.address() as { port: number }).port)));
    });

  it("probe tells that a server which closes is none", async () => {
    const port = await listen((socket) => socket.end("220 mail.example\r\n"));
    const { code, stdout } = await pinata("probe", "127.0.0.1", "--port", port, "--json");
    expect(code).toBe(0);
    const { certificate, findings } = JSON.parse(stdout) as { certificate: null; findings: { agreed: boolean }[] };
    expect(certificate).toBeNull();
    expect(findings.some(({ agreed }) => agreed)).toBe(false);
  });

  it("relay passes what there is and ends when both have closed", async () => {
    const port = await listen((socket) => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 40])));
    const { code, stdout } = await pinata("relay", "127.0.0.1", "--server-port", port, "--client-port", port, "--json");
    expect(code).toBe(0);
    const records = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(records).toContainEqual({ direction: "server→client", type: "alert", length: 2 });
    expect(records).toHaveLength(2);
  });
});

describe("a damaged state folder", () => {
  const dir = join(folder, "damaged");
  beforeAll(() => mkdirSync(dir, { recursive: true }));
  it("is named, not guessed at", async () => {
    writeFileSync(join(dir, "run.json"), "{");
    const { code, stderr } = await pinata("relay", "--dir", dir);
    expect(code).toBe(2);
    expect(stderr).toMatch(/run\.json is damaged: remove it/);
    oneLine(stderr);
  });
});
