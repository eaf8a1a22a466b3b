/** The metal board from power-on: it boots and says so, shows its memory map, refuses what it must with one line, and is quiet when idle. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildMetal } from "../../../../infra/image/build-metal.ts";
import { mintPractice } from "../../../../infra/mint/mint.ts";
import { CANDY } from "../../../support/candy.ts";
import { run } from "../../../support/run.ts";
import { ADDRESS, HAS_TOOLS, type MachineOptions, Metal } from "./machine.ts";

describe.skipIf(!HAS_TOOLS)("metal board", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const dir = join(folder, "practice");
  const seal = join(dir, "seal");
  let image = "";

  beforeAll(async () => {
    image = (await buildMetal()).file;
    await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = (options: Partial<MachineOptions> = {}) => Metal.start({ image, seal, ...options });

  it("boots in 16 MiB, names its image and its doors, and its clock is right", async () => {
    const hash = "0123456789abcdef".repeat(4);
    const machine = await start({ commandLine: `${ADDRESS} ports=20,21,22 image=${hash}` });
    await machine.line(/^# ready$/);
    expect(machine.trace).toHaveLength(1);
    expect(machine.trace[0]).toMatchObject({
      event: "boot",
      board: "metal",
      image: hash,
      doors: { server: 20, dialback: 21, client: 22 },
    });
    expect(Math.abs(machine.trace[0]!.time - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    ["nothing", ""],
    ["something else", "image=xyz"],
    ["too few digits", `image=${"a".repeat(63)}`],
  ])("says zeros for an image that is given as %s", async (_, word) => {
    const machine = await start({ commandLine: `${ADDRESS} ${word}` });
    const event = await machine.event(({ event }) => event === "boot");
    expect(event).toMatchObject({ image: "0".repeat(64) });
  });

  it("gives each boot a number of its own", async () => {
    const boots = await Promise.all(
      [start(), start()].map(async (started) => (await (await started).event(({ event }) => event === "boot")).boot),
    );
    expect(boots[0]).not.toBe(boots[1]);
  });

  it("has a whole mutual handshake with openssl and gives the candy, then idles", async () => {
    const machine = await start();
    await machine.line(/^# ready$/);
    const { stdout } = await run("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${machine.port}`, "-tls1_3", "-quiet"],
      ...["-CAfile", join(dir, "ca.pem"), "-verify_return_error"],
      ...["-cert", join(dir, "player.pem"), "-key", join(dir, "player.key")],
    ]);
    expect(stdout).toMatch(CANDY);
    await machine.event(({ event }) => event === "closed");
    const names = machine.trace.map(({ event }) => event);
    for (const name of ["accepted", "hello", "negotiated", "certificate", "opened", "closed"])
      expect(names).toContain(name);
    const before = machine.cpuMillis();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // A loop that polls would have used all of the two seconds.
    expect(machine.cpuMillis() - before).toBeLessThan(500);
  });

  it("refuses a player without a certificate with the right alert", async () => {
    const machine = await start();
    await machine.line(/^# ready$/);
    const target = `127.0.0.1:${machine.port}`;
    const { stderr, stdout } = await run("openssl", ["s_client", "-connect", target, "-tls1_3", "-quiet"]);
    expect(stderr + stdout).toMatch(/certificate required/);
    expect(stdout).not.toMatch(CANDY);
    await machine.event((event) => event.event === "alert" && event.direction === "sent" && event.alert === 116);
  });

  it("boots with one source of randomness, whichever it is", async () => {
    await (await start({ cpu: "qemu64" })).line(/^# ready$/);
    await (await start({ entropyDevice: "none" })).line(/^# ready$/);
  });

  describe("memory map, from the page tables in use", async () => {
    interface Region {
      from: bigint;
      to: bigint;
      rights: string;
      what: string;
    }
    let regions: Region[] = [];
    const named = (what: RegExp) => regions.filter((region) => what.test(region.what));

    it("is printed when asked for", async () => {
      const machine = await start({ commandLine: `${ADDRESS} map=1` });
      await machine.line(/^# ready$/);
      regions = machine.lines.flatMap((line) => {
        const [, from, to, rights, what] = /^# map ([0-9a-f]{12})-([0-9a-f]{12}) (\S{3}) (.+)$/.exec(line) ?? [];
        return from ? [{ from: BigInt(`0x${from}`), to: BigInt(`0x${to}`), rights: rights!, what: what! }] : [];
      });
      expect(regions.length).toBeGreaterThan(70);
      expect(machine.lines.filter((line) => line.startsWith("# map ")).length).toBe(regions.length);
    });

    it("has nothing that is both writable and executable, and code nowhere but in the image", () => {
      expect(regions.map(({ rights }) => rights).every((rights) => ["r--", "rw-", "r-x"].includes(rights))).toBe(true);
      expect(regions.filter(({ rights }) => rights === "r-x").map(({ what }) => what)).toEqual(["code"]);
      for (const region of named(/^(constants|seal|page tables)/)) expect(region.rights).toBe("r--");
    });

    it("has page 0 and everything else below the image unmapped", () => {
      expect(regions[0]).toMatchObject({ from: 0x100000n, what: "code" });
    });

    it("has a window for each linear memory, with nothing else within 8 GiB behind it but the seal's copy, which is out of reach", () => {
      const memories = named(/^(door \d+|net|vault)$/);
      expect(memories).toHaveLength(66);
      const reach = 8n << 30n;
      for (const { from, to, rights } of memories) {
        expect(rights).toBe("rw-");
        // An access is base + 32 bits + 32 bits, of 8 bytes at most.
        expect(regions.filter((other) => other.from >= to && other.from < from + reach + 8n)).toEqual([]);
        expect(regions.filter((other) => other.to > from - 4096n && other.to <= from)).toEqual([]);
      }
      expect(named(/^door/).every(({ from, to }) => to - from === 0x30000n)).toBe(true);
      expect(named(/^seal$/)[0]!.from - named(/^vault$/)[0]!.from).toBeGreaterThan(reach);
    });

    it("has at least 64 KiB of nothing on either side of each stack, and a page between those of the devices", () => {
      for (const stack of named(/stack$/)) {
        const near = regions.filter(
          (other) => other !== stack && other.to > stack.from - 65536n && other.from < stack.to + 65536n,
        );
        expect(near).toEqual([]);
      }
      for (const { from, to } of named(/^rings/)) {
        expect(to - from).toBe(4096n);
        expect(regions.some((other) => other.from === to)).toBe(false);
      }
    });
  });

  describe("refuses with one line and ends", () => {
    const refusals: [string, Partial<MachineOptions>, string][] = [
      ["a command line without an address", { commandLine: "" }, "# the command line is refused: 1"],
      ["an address that is none", { commandLine: "ip=10.0.2.1500/24" }, "# the command line is refused: 2"],
      [
        "an endless command line",
        { commandLine: `${ADDRESS} ${"x".repeat(2100)}` },
        "# the command line is refused: 8",
      ],
      [
        "neither processor nor device randomness",
        { cpu: "qemu64", entropyDevice: "none" },
        "# there is no source of randomness",
      ],
      ["no network card", { card: "none" }, "# there is no network card"],
      ["too little memory", { memoryMiB: 12 }, "# there is not enough memory"],
    ];
    it.each(refusals)("%s", async (_, options, words) => {
      const machine = await start(options);
      expect(await machine.ended).toBe(3);
      expect(machine.lines.filter((line) => line !== "# pinata")).toEqual([expect.stringContaining(words)]);
    });

    it("no seal", async () => {
      const machine = await Metal.start({ image });
      expect(await machine.ended).toBe(3);
      expect(machine.lines.at(-1)).toBe("# there is no seal (-initrd)");
    });

    it.each([
      ["cut short", (bytes: Buffer) => bytes.subarray(0, 500), 4],
      ["something else", () => Buffer.from("hello\n"), 3],
      ["longer than any", () => Buffer.alloc(25_000, "x"), 2],
    ])("a seal that is %s", async (name, change, error) => {
      const bad = join(folder, `seal ${name}`.replaceAll(" ", "-"));
      writeFileSync(bad, change(readFileSync(seal)));
      const machine = await start({ seal: bad });
      expect(await machine.ended).toBe(3);
      expect(machine.lines.at(-1)).toBe(`# the seal is refused: ${error}`);
    });
  });
});
