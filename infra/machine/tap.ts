/**
 * A TAP device as QEMU meets it (Linux, Documentation/networking/tuntap.rst and drivers/net/tun.c). Making one takes CAP_NET_ADMIN and
 * is the host's business, before and apart from us; joining one takes /dev/net/tun and being its owner (decision 8).
 * Here is why QEMU could not, and what to do about it: nothing is refused beforehand, since only the kernel's answer counts.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NOBODY, type Owner } from "./unprivileged.ts";

/** Where the kernel tells of devices; the network namespace's own where /sys is mounted in it, as `ip netns exec` does. */
export interface Host {
  devices: string;
  tun: string;
}

const HOST: Host = { devices: "/sys/class/net", tun: "/dev/net/tun" };
/** linux/if_tun.h */
const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
/** linux/if.h */
const IFF_UP = 0x0001;
/** What /sys says of an owner or a group that was not set: everyone may join. */
const ANYONE = -1;

/**
 * Why QEMU could not join the device `name`, and the commands that change it. `qemuSaid` is its complaint; `owner` is whom it
 * runs as, undefined when as we do.
 */
export function whyNoTap(name: string, qemuSaid: string, owner: Owner | undefined, host = HOST): string {
  const user = owner === undefined ? String(process.geteuid!()) : "nobody";
  const words = qemuSaid.replace(/^-netdev [^:]*: /, "");
  const make = `ip tuntap add dev ${name} mode tap user ${user} && ip link set ${name} up`;
  const remake = (mode = "tap") => `ip tuntap del dev ${name} mode ${mode} && ${make}`;

  if (words.startsWith("could not open ")) return whyNoTun(words, owner, host);
  if (/device or resource busy/i.test(words)) {
    return `another program has it open (which one: grep -l 'iff:.*${name}$' /proc/[0-9]*/fdinfo/*): end that one, or take a device of another name`;
  }
  const device = join(host.devices, name);
  if (!existsSync(device)) return `there is none of this name: ${make}`;
  const flags = number(join(device, "tun_flags"));
  if (flags === undefined) return "it is a device of another kind: take a name that is free, or a TAP device's";
  if ((flags & IFF_TUN) !== 0) return `it is a TUN device, which carries no Ethernet: ${remake("tun")}`;
  const foreign = foreignTo(device, owner);
  if (foreign !== undefined) return `it belongs to ${foreign}, not to ${runner(owner)}: ${remake()}`;
  if ((flags & IFF_MULTI_QUEUE) !== 0) return `it was made with multi_queue, and the piñata has one queue: ${remake()}`;
  return words;
}

/** Whether the device is there and was not brought up, so that no frame passes. */
export function isDown(name: string, host = HOST): boolean {
  const flags = number(join(host.devices, name, "flags"));
  return flags !== undefined && (flags & IFF_UP) === 0;
}

function whyNoTun(words: string, owner: Owner | undefined, { tun }: Host): string {
  if (!existsSync(tun) || /no such device/i.test(words)) {
    return `${tun} is not here: modprobe tun, or give it to this container (--device ${tun})`;
  }
  if (!/permission denied/i.test(words)) return words;
  return `${tun} is closed to ${runner(owner)}: chmod 666 ${tun} (as udev has it; making a device takes root all the same)`;
}

function runner(owner: Owner | undefined): string {
  return owner === undefined ? "you" : "nobody, as whom QEMU runs";
}

/** Whose the device is when QEMU's user may not join it: the kernel wants both, the owner and the group, where they are set. */
function foreignTo(device: string, owner: Owner | undefined): string | undefined {
  const [uid, gid] = [number(join(device, "owner")) ?? ANYONE, number(join(device, "group")) ?? ANYONE];
  const groups = owner === undefined ? [process.getegid!(), ...process.getgroups!()] : [owner.gid];
  if (uid !== ANYONE && uid !== (owner?.uid ?? process.geteuid!())) {
    return uid === NOBODY ? "nobody" : `the user with the number ${uid}`;
  }
  return gid !== ANYONE && !groups.includes(gid) ? `the group with the number ${gid}` : undefined;
}

/** The number, decimal or 0x, that a file of /sys holds. */
function number(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
