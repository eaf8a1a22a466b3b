/** Why a TAP device cannot be had, from what QEMU and /sys say: one line with the commands that help, for root and for others. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isDown, whyNoTap } from "../../../infra/machine/tap.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-devices-"));
const tun = join(folder, "tun");
const host = { devices: folder, tun };
writeFileSync(tun, "");
chmodSync(tun, 0o600);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NOBODY = { uid: 65_534, gid: 65_534 };
const [ME, MY_GROUP] = [process.geteuid!(), process.getegid!()];
/** IFF_TAP, IFF_NO_PI, IFF_PERSIST: what `ip tuntap add mode tap` makes. */
const PLAIN = 0x1802;
const NOT_PERMITTED = "could not configure /dev/net/tun (x): Operation not permitted";
const INVALID = "could not configure /dev/net/tun (x): Invalid argument";
let made = 0;

/** A device in /sys, as the kernel writes it. */
function device(files: Record<string, string>): string {
  const name = `t${++made}`;
  mkdirSync(join(folder, name));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), `${text}\n`);
  return name;
}
const tapDevice = ({ flags = PLAIN, owner = -1, group = -1 } = {}) =>
  device({ tun_flags: `0x${flags.toString(16)}`, owner: String(owner), group: String(group) });
const why = (name: string, words: string, owner?: typeof NOBODY) =>
  whyNoTap(name, `-netdev tap,id=net,ifname=${name},script=no,downscript=no: ${words}`, owner, host);
const make = (name: string, user: string | number) =>
  `ip tuntap add dev ${name} mode tap user ${user} && ip link set ${name} up`;
const remake = (name: string, user: string | number, mode = "tap") =>
  `ip tuntap del dev ${name} mode ${mode} && ${make(name, user)}`;

describe("a TAP device that cannot be had", () => {
  it.each([
    ["root, whose QEMU is nobody", NOBODY, "nobody"],
    ["another user", undefined, ME],
  ])("is made for %s when it is not there", (_, owner, user) => {
    expect(why("none0", NOT_PERMITTED, owner)).toBe(`there is none of this name: ${make("none0", user)}`);
  });

  it("is another's: user or group, each where it is set", () => {
    const his = tapDevice({ owner: 1234 });
    expect(why(his, NOT_PERMITTED, NOBODY)).toBe(
      `it belongs to the user with the number 1234, not to nobody, as whom QEMU runs: ${remake(his, "nobody")}`,
    );
    const theirs = tapDevice({ owner: 65_534, group: 1234 });
    expect(why(theirs, NOT_PERMITTED, NOBODY)).toBe(
      `it belongs to the group with the number 1234, not to nobody, as whom QEMU runs: ${remake(theirs, "nobody")}`,
    );
    const nobodys = tapDevice({ owner: 65_534 });
    expect(why(nobodys, NOT_PERMITTED)).toBe(`it belongs to nobody, not to you: ${remake(nobodys, ME)}`);
  });

  it("is not said to be another's when it is ours or anyone's", () => {
    for (const [name, owner] of [
      [tapDevice(), NOBODY],
      [tapDevice({ owner: 65_534, group: 65_534 }), NOBODY],
      [tapDevice(), undefined],
      [tapDevice({ owner: ME, group: MY_GROUP }), undefined],
    ] as const) {
      expect(why(name, NOT_PERMITTED, owner)).toBe(NOT_PERMITTED);
    }
  });

  it("is of another kind", () => {
    const ethernet = device({ flags: "0x1003" });
    expect(why(ethernet, INVALID, NOBODY)).toMatch(/^it is a device of another kind: take a name that is free/);
    const tunnel = tapDevice({ flags: 0x1801, owner: 65_534 });
    expect(why(tunnel, INVALID, NOBODY)).toBe(
      `it is a TUN device, which carries no Ethernet: ${remake(tunnel, "nobody", "tun")}`,
    );
    const many = tapDevice({ flags: PLAIN | 0x100, owner: 65_534 });
    expect(why(many, INVALID, NOBODY)).toBe(
      `it was made with multi_queue, and the piñata has one queue: ${remake(many, "nobody")}`,
    );
  });

  it("is in another program's hands", () => {
    const name = tapDevice({ owner: 65_534 });
    expect(why(name, `could not configure /dev/net/tun (${name}): Device or resource busy`, NOBODY)).toBe(
      `another program has it open (which one: grep -l 'iff:.*${name}$' /proc/[0-9]*/fdinfo/*): end that one, or take a device of another name`,
    );
  });

  it("cannot be opened, since /dev/net/tun is closed or not here", () => {
    const closed = `could not open ${tun}: Permission denied`;
    expect(why("t0", closed, NOBODY)).toMatch(/tun is closed to nobody, as whom QEMU runs: chmod 666 \S+tun \(/);
    expect(why("t0", closed)).toMatch(/tun is closed to you: chmod 666 \S+tun \(/);
    expect(why("t0", `could not open ${tun}: No such device`)).toMatch(/tun is not here: modprobe tun, or/);
    const nowhere = { devices: folder, tun: join(folder, "none") };
    const words = `-netdev tap: could not open ${nowhere.tun}: No such file or directory`;
    expect(whyNoTap("t0", words, NOBODY, nowhere)).toMatch(/none is not here: modprobe tun, or/);
  });

  it("for a reason unheard of is told in QEMU's words", () => {
    expect(why(tapDevice({ owner: 65_534 }), "could not configure it: Too many open files", NOBODY)).toBe(
      "could not configure it: Too many open files",
    );
    expect(why("t0", `could not open ${tun}: Too many open files`, NOBODY)).toBe(
      `could not open ${tun}: Too many open files`,
    );
  });
});

describe("a device that is there", () => {
  it("is down unless it was brought up; one that cannot be seen is not said to be", () => {
    expect(isDown(device({ flags: "0x1002" }), host)).toBe(true);
    expect(isDown(device({ flags: "0x1003" }), host)).toBe(false);
    expect(isDown("none0", host)).toBe(false);
  });
});
