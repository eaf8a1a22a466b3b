/** QEMU's command line: sandboxed, without defaults, doors on IPv4 addresses only, and no text that could become another option. */
import { describe, expect, it } from "vitest";
import {
  commandLine,
  type MachineSettings,
  qemuArguments,
  refusedForwarding,
  type TapNetwork,
  type UserNetwork,
} from "../../../infra/machine/qemu.ts";

const hash = "ab".repeat(32);
const user: UserNetwork = {
  kind: "user",
  hosts: ["127.0.0.1", "192.0.2.1"],
  ports: { server: 4001, dialback: 4002, client: 4003 },
};
const tap: TapNetwork = {
  kind: "tap",
  name: "pinata0",
  ip: "192.0.2.7/24",
  gateway: "192.0.2.1",
  ports: { server: 443, dialback: 444, client: 445 },
  mac: "52:54:00:aa:bb:cc",
};
const settings = (more: Partial<MachineSettings> = {}): MachineSettings => ({
  network: user,
  dialTo: 40001,
  limits: { connections: 64, fromPeer: 16, handshakeMillis: 10_000 },
  memoryMiB: 16,
  kvm: false,
  image: "/dev/fd/3",
  seal: "/dev/fd/4",
  imageHash: hash,
  ...more,
});
const value = (args: string[], option: string) => args[args.indexOf(option) + 1];

describe("QEMU's arguments", () => {
  it("shut everything that a piñata does not need", () => {
    const args = qemuArguments(settings());
    expect(value(args, "-M")).toMatch(/^microvm,/);
    expect(args).toEqual(expect.arrayContaining(["-nodefaults", "-no-user-config", "-no-reboot"]));
    expect(value(args, "-sandbox")).toBe("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    expect(value(args, "-serial")).toBe("stdio");
    expect(value(args, "-display")).toBe("none");
    expect(args.filter((word) => word === "-device")).toHaveLength(2);
    for (const absent of ["-monitor", "-drive", "-smp", "-usb"]) expect(args).not.toContain(absent);
  });

  it("emulate a processor, or hand on the real one with KVM", () => {
    const emulated = qemuArguments(settings());
    expect([value(emulated, "-accel"), value(emulated, "-cpu"), value(emulated, "-m")]).toEqual(["tcg", "max", "16M"]);
    const real = qemuArguments(settings({ kvm: true, memoryMiB: 32 }));
    expect([value(real, "-accel"), value(real, "-cpu"), value(real, "-m")]).toEqual(["kvm", "host", "32M"]);
  });

  it("forward each door from each address to where it is inside", () => {
    expect(value(qemuArguments(settings()), "-netdev")).toBe(
      "user,id=net,ipv6=off," +
        "hostfwd=tcp:127.0.0.1:4001-:10000,hostfwd=tcp:127.0.0.1:4002-:10001,hostfwd=tcp:127.0.0.1:4003-:10002," +
        "hostfwd=tcp:192.0.2.1:4001-:10000,hostfwd=tcp:192.0.2.1:4002-:10001,hostfwd=tcp:192.0.2.1:4003-:10002",
    );
  });

  it("join a TAP device without running any script", () => {
    const args = qemuArguments(settings({ network: tap }));
    expect(value(args, "-netdev")).toBe("tap,id=net,ifname=pinata0,script=no,downscript=no");
    expect(value(args, "-device")).toBe("virtio-net-device,netdev=net,mac=52:54:00:aa:bb:cc");
  });

  it.each<[string, UserNetwork | TapNetwork]>([
    ["an IPv6 address", { ...user, hosts: ["::1"] }],
    ["a name", { ...user, hosts: ["localhost"] }],
    ["another option behind an address", { ...user, hosts: ["127.0.0.1,restrict=off"] }],
    ["another option behind a device", { ...tap, name: "t,script=/x" }],
    ["a device's name of 16 characters", { ...tap, name: "a".repeat(16) }],
    ["another option behind a card's address", { ...tap, mac: "52:54:00:aa:bb:cc,x=1" }],
  ])("refuse %s", (_, network) => {
    expect(() => qemuArguments(settings({ network }))).toThrow(RangeError);
  });
});

describe("the piñata's command line", () => {
  it("in the user network does not count peers, who all look like one", () => {
    expect(commandLine(settings())).toBe(
      `ip=10.0.2.15/24 gateway=10.0.2.2 ports=10000,10001,10002 dial=40001 limits=64,64,10000 image=${hash}`,
    );
  });

  it("on a TAP device has the address, ports and limits that were asked for", () => {
    expect(commandLine(settings({ network: tap, dialTo: 5 }))).toBe(
      `ip=192.0.2.7/24 gateway=192.0.2.1 ports=443,444,445 dial=5 limits=64,16,10000 image=${hash}`,
    );
    const { gateway: _, ...dhcp } = { ...tap, ip: "dhcp" };
    expect(commandLine(settings({ network: dhcp }))).toMatch(/^ip=dhcp ports=443,444,445 /);
  });
});

describe("a forwarding that QEMU refuses", () => {
  it("is found in its words", () => {
    const words =
      "-netdev user,id=n,hostfwd=tcp:127.0.0.1:1-:10000: Could not set up host forwarding rule 'tcp:127.0.0.1:1-:10000'";
    expect(refusedForwarding(words)).toEqual({ host: "127.0.0.1", port: 1 });
    expect(refusedForwarding("could not load PVH image")).toBeUndefined();
  });
});
