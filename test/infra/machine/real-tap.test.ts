/**
 * `pinata run --tap` on the real image under the real QEMU, with the Linux kernel of a network namespace as its network: visitors
 * are seen by their addresses, the dial-back finds them there, and the device outlives the machine. And what it says when the
 * device cannot be had, each time with the commands that help.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { metalImage } from "../../../infra/image/metal-image.ts";
import { METAL_TOOLS } from "../../../infra/image/tools.ts";
import { mintPractice } from "../../../infra/mint/mint.ts";
import { CANDY } from "../../support/candy.ts";
import { visit } from "../../support/frame-practice.ts";
import { hasTool } from "../../support/run.ts";
import { hasTap, Tap } from "../../support/tap/tap.ts";
import { DEVICE, endAll, HOST_ADDRESS, hang, inside, makeDevice, qemuOf, removeDevice } from "./hung-on-tap.ts";

const TOOLS = [...METAL_TOOLS.map(({ program }) => program), "openssl", "busybox"];
const OURS = "10.9.0.7";
const STATIC = ["--ip", `${OURS}/24`, "--gateway", HOST_ADDRESS, "--json"];
/** Of another network than the device's: the answer has to find the way through the gateway. */
const VISITOR = "192.0.2.1";
const LEASED = "10.9.0.66";
const DIAL_TO = 40001;

describe.runIf(hasTap() && TOOLS.map(hasTool).every(Boolean))("pinata run --tap", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-tap-"));
  const made = join(folder, "practice");
  let image = "";
  let tap: Tap;
  let dir = "";
  let before: Map<number, string>;
  beforeAll(async () => {
    image = (await metalImage()).file;
    await mintPractice({ dir: made, network: "regtest", refundHeight: 1000, now: new Date() });
    // A router asks for its neighbours with its own address there; this kernel would with the visitor's, which is its own as well.
    tap = await Tap.open({ sysctl: { "conf/all/arp_announce": "2" } });
    await tap.ip("address", "add", `${VISITOR}/32`, "dev", "lo");
    // The test's own helper in the namespace, so that it is there before anything else is.
    await expect(tap.connect("127.0.0.1", 9)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  }, 600_000);
  beforeEach(async () => {
    dir = mkdtempSync(join(folder, "hung-"));
    writeFileSync(join(dir, "seal"), readFileSync(join(made, "seal")), { mode: 0o600 });
    before = await inside(tap);
  });
  afterEach(async () => {
    await endAll();
    expect(await inside(tap)).toEqual(before);
  });
  afterAll(async () => {
    await tap?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const player = () => ["-cert", join(made, "player.pem"), "-key", join(made, "player.key")];
  const sClient = (address: string, port: number, from = VISITOR) =>
    tap.run("openssl", [
      ...["s_client", "-connect", `${address}:${port}`, "-bind", `${from}:0`, "-tls1_3", "-ign_eof"],
      ...["-CAfile", join(made, "ca.pem"), "-verify_return_error", ...player()],
    ]);
  const won = async (address: string, port: number, from = VISITOR) => {
    const { code, stdout, stderr } = await sClient(address, port, from);
    expect(stdout).toMatch(CANDY);
    expect(stderr).not.toContain("unexpected eof");
    expect(code).toBe(0);
  };

  /** One connection too many is reset, before or after this side takes it for made; nothing is said on it. */
  const turnedAway = async (port: number) => {
    let said = "";
    try {
      const socket = await tap.connect(OURS, port, VISITOR);
      socket.on("data", (chunk: Buffer) => {
        said += chunk.toString("hex");
      });
      await new Promise((resolve) => socket.once("close", resolve));
    } catch (error) {
      expect(error).toMatchObject({ code: "ECONNRESET" });
    }
    expect(said).toBe("");
  };

  describe("on a device of its own", () => {
    beforeEach(() => makeDevice(tap));
    afterEach(async () => {
      await endAll();
      await removeDevice(tap);
    });

    it("gives the candy to a visitor from another network, knows him by his address and calls him back there", async () => {
      const { found, until, events, said, ctrlC } = hang(tap, dir, image, STATIC);
      const { doors, mac, ...place } = await found();
      expect(place).toMatchObject({ tap: DEVICE, ip: `${OURS}/24` });
      await won(OURS, doors.server);
      const [accepted] = await until("accepted");
      expect(accepted).toMatchObject({ door: "server", peer: { address: VISITOR } });
      expect(await tap.ip("neighbour", "show", OURS, "dev", DEVICE)).toContain(mac);

      const { outcome } = tap.serve("openssl", [
        ...["s_server", "-accept", `${VISITOR}:${DIAL_TO}`, "-tls1_3", "-naccept", "1"],
        ...["-CAfile", join(made, "ca.pem"), "-Verify", "2", "-verify_return_error", ...player()],
      ]);
      await tap.listening(DIAL_TO);
      const trigger = await tap.connect(OURS, doors.dialback, VISITOR);
      await new Promise((resolve) => trigger.resume().once("end", resolve));
      trigger.end();
      expect((await outcome).stdout).toMatch(CANDY);
      expect((await until("accepted", 2))[1]).toMatchObject({
        door: "dialback",
        peer: { address: VISITOR, port: DIAL_TO },
      });

      const qemu = await qemuOf(tap);
      const status = readFileSync(`/proc/${qemu}/status`, "utf8");
      expect(status).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
      expect(await ctrlC()).toBe(0);
      expect(await inside(tap)).toEqual(before);
      expect(events().at(-1)).toMatchObject({ event: "stopped", reason: "SIGINT" });
      expect(said.err).toBe("  # pinata\n  # ready\n");
    });

    it("serves 64 visitors at once and refuses the next", async () => {
      const { found, until } = hang(tap, dir, image, [...STATIC, "--from-peer", "64"]);
      const { doors } = await found();
      const sockets = await Promise.all(Array.from({ length: 64 }, () => tap.connect(OURS, doors.server, VISITOR)));
      const accepted = await until("accepted", 64);
      expect(new Set(accepted.map(({ peer }) => peer.port))).toEqual(
        new Set(sockets.map(({ localPort }) => localPort)),
      );
      await turnedAway(doors.server);
      expect((await until("refused"))[0]).toMatchObject({ reason: "too-many-connections" });
      const [ca, cert, key] = ["ca.pem", "player.pem", "player.key"].map((file) => readFileSync(join(made, file)));
      const words = await Promise.all(sockets.map((socket) => visit(socket, { ca: ca!, cert: cert!, key: key! })));
      for (const one of words) expect(one).toMatch(CANDY);
      expect(await until("opened", 64)).toHaveLength(64);
    });

    it("limits the connections of one visitor and not of another", async () => {
      const { found, until } = hang(tap, dir, image, [...STATIC, "--from-peer", "1"]);
      const { doors } = await found();
      const held = await tap.connect(OURS, doors.server, VISITOR);
      await until("accepted");
      await turnedAway(doors.server);
      expect((await until("refused"))[0]).toMatchObject({
        reason: "too-many-from-peer",
        peer: { address: VISITOR },
      });
      await won(OURS, doors.server, HOST_ADDRESS);
      held.destroy();
    });

    it("is back on the same device after QEMU was killed", async () => {
      const { found, until, said } = hang(tap, dir, image, STATIC);
      const { doors } = await found();
      await won(OURS, doors.server);
      process.kill(await qemuOf(tap), "SIGKILL");
      await until("boot", 2);
      await expect.poll(() => said.err, { timeout: 30_000 }).toContain("the machine is back\n");
      await won(OURS, doors.server);
      const accepted = await until("accepted", 2);
      expect(new Set(accepted.map(({ boot }) => boot)).size).toBe(2);
    });

    it("takes its address and gateway by DHCP", async () => {
      writeFileSync(join(dir, "leases"), "");
      writeFileSync(
        join(dir, "udhcpd.conf"),
        [
          ...[`start ${LEASED}`, `end ${LEASED}`, `interface ${DEVICE}`, `pidfile ${join(dir, "udhcpd.pid")}`],
          ...[`lease_file ${join(dir, "leases")}`, "option subnet 255.255.255.0", `option router ${HOST_ADDRESS}`],
        ].join("\n"),
      );
      const { child, outcome } = tap.serve("busybox", ["udhcpd", "-f", join(dir, "udhcpd.conf")]);
      let told = "";
      child.stderr?.on("data", (chunk: Buffer) => {
        told += chunk.toString();
      });
      const { found, until, ctrlC } = hang(tap, dir, image, ["--ip", "dhcp", "--json"]);
      const { doors, ip, mac } = await found();
      expect(ip).toBe("dhcp");
      await expect.poll(() => told, { timeout: 30_000 }).toContain(`ACK to ${LEASED}`);
      await won(LEASED, doors.server);
      expect(await tap.ip("neighbour", "show", LEASED, "dev", DEVICE)).toContain(mac);
      expect((await until("accepted"))[0]).toMatchObject({ peer: { address: VISITOR } });
      expect(await ctrlC()).toBe(0);
      child.kill("SIGTERM");
      await outcome;
    });

    it("that nobody brought up is told, with the command, and works once it is up", async () => {
      await tap.ip("link", "set", DEVICE, "down");
      const { found, said } = hang(tap, dir, image, STATIC);
      const { doors } = await found();
      expect(said.err).toContain(`  ${DEVICE} is down, and nothing passes: ip link set ${DEVICE} up\n`);
      await tap.ip("link", "set", DEVICE, "up");
      await won(OURS, doors.server, HOST_ADDRESS);
    });

    it("that another piñata has is refused", async () => {
      await hang(tap, dir, image, STATIC).found();
      const { code, out, last } = await hang(tap, dir, image, [...STATIC, "--trace", join(dir, "second")]).refused();
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(last).toMatch(
        /^pinata: QEMU cannot use the TAP device pinata0: another program has it open \(which one: grep -l/,
      );
      // The command in it finds who.
      const grep = /which one: (grep .*?)\):/.exec(last!)![1]!;
      const { stdout } = await tap.run("sh", ["-c", grep], { input: "" });
      expect(stdout).toContain(`/proc/${await qemuOf(tap)}/`);
    });

    it("and a /dev/net/tun for root alone is refused", async () => {
      expect(await hang(tap, dir, image, STATIC, "600").refused()).toEqual({
        code: 1,
        out: "",
        last: "pinata: QEMU cannot use the TAP device pinata0: /dev/net/tun is closed to nobody, as whom QEMU runs: chmod 666 /dev/net/tun (as udev has it; making a device takes root all the same)",
      });
    });
  });

  const make = `ip tuntap add dev ${DEVICE} mode tap user nobody && ip link set ${DEVICE} up`;
  it.each<[string, string[], string, string]>([
    [
      "another user's",
      ["mode", "tap", "user", "1000"],
      "tap",
      `it belongs to the user with the number 1000, not to nobody, as whom QEMU runs: ip tuntap del dev ${DEVICE} mode tap && ${make}`,
    ],
    [
      "another group's",
      ["mode", "tap", "user", "nobody", "group", "1000"],
      "tap",
      `it belongs to the group with the number 1000, not to nobody, as whom QEMU runs: ip tuntap del dev ${DEVICE} mode tap && ${make}`,
    ],
    [
      "one without Ethernet",
      ["mode", "tun", "user", "nobody"],
      "tun",
      `it is a TUN device, which carries no Ethernet: ip tuntap del dev ${DEVICE} mode tun && ${make}`,
    ],
    [
      "one with many queues",
      ["mode", "tap", "user", "nobody", "multi_queue"],
      "tap",
      `it was made with multi_queue, and the piñata has one queue: ip tuntap del dev ${DEVICE} mode tap && ${make}`,
    ],
  ])("refuses a device that is %s, and says what to do", async (_, of, mode, words) => {
    await makeDevice(tap, ...of);
    try {
      expect(await hang(tap, dir, image, STATIC).refused()).toEqual({
        code: 1,
        out: "",
        last: `pinata: QEMU cannot use the TAP device ${DEVICE}: ${words}`,
      });
    } finally {
      await tap.ip("link", "delete", DEVICE).catch(() => removeDevice(tap, mode));
    }
  });

  it("refuses a device that is not there, and one of another kind", async () => {
    const missing = await hang(tap, dir, image, STATIC).refused();
    expect(missing.last).toBe(`pinata: QEMU cannot use the TAP device ${DEVICE}: there is none of this name: ${make}`);
    await tap.ip("link", "add", DEVICE, "type", "veth", "peer", "name", "other0");
    const veth = await hang(tap, dir, image, STATIC).refused();
    await tap.ip("link", "delete", DEVICE);
    expect(veth.last).toBe(
      `pinata: QEMU cannot use the TAP device ${DEVICE}: it is a device of another kind: take a name that is free, or a TAP device's`,
    );
  });
});
