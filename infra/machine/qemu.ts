/**
 * QEMU's command line for one piñata, and the kernel command line in it (docs/design.md, "Boards"): a microvm with a network
 * card, a source of randomness and a serial line, and nothing else. Pure: settings in, words out. Every text that ends up inside
 * an option of QEMU's is checked here, since a comma would begin another option.
 */
import { isIPv4 } from "node:net";

export interface DoorPorts {
  server: number;
  dialback: number;
  client: number;
}

/** Doors on addresses of this machine, forwarded by QEMU: the piñata sees every peer as {@link USER_GATEWAY}. */
export interface UserNetwork {
  kind: "user";
  /** IPv4 addresses; QEMU forwards no others. */
  hosts: string[];
  ports: DoorPorts;
}

/** A network of its own through a TAP device that is there already; the piñata has an address and sees its peers'. */
export interface TapNetwork {
  kind: "tap";
  /** The device's name, at most 15 characters. */
  name: string;
  /** "dhcp", or address and prefix: 192.0.2.7/24. */
  ip: string;
  gateway?: string;
  ports: DoorPorts;
  /** The card's address, e.g. 52:54:00:12:34:56. */
  mac: string;
}

export interface MachineSettings {
  network: UserNetwork | TapNetwork;
  /** The caller's port that the dial-back door calls. */
  dialTo: number;
  limits: { connections: number; fromPeer: number; handshakeMillis: number };
  memoryMiB: number;
  /** The processor's own virtualisation (/dev/kvm) instead of emulation. */
  kvm: boolean;
  /** Paths that QEMU opens. */
  image: string;
  seal: string;
  /** SHA-256 of the image, 64 hex digits: the piñata says it in its first trace line. */
  imageHash: string;
}

export const QEMU = "qemu-system-x86_64";
/** MiB: the compartments' memories take nearly all of it. */
export const LEAST_MEMORY = 16;
/** MiB: the piñata has no use for as much, and the board does not boot with twice that. */
export const MOST_MEMORY = 1024;
/** Where the doors are inside the user network. */
export const GUEST_PORTS: DoorPorts = { server: 10000, dialback: 10001, client: 10002 };
const USER_ADDRESS = "10.0.2.15/24";
export const USER_GATEWAY = "10.0.2.2";

export const DOORS = ["server", "dialback", "client"] as const;

/** Throws a RangeError for a text that has no place in an option. */
export function qemuArguments(settings: MachineSettings): string[] {
  const { kvm, memoryMiB, image, seal, network } = settings;
  const mac = network.kind === "tap" ? `,mac=${checked(network.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)}` : "";
  return [
    ...["-M", "microvm,acpi=off,pic=off,pit=on,rtc=on,x-option-roms=off"],
    ...["-accel", kvm ? "kvm" : "tcg", "-cpu", kvm ? "host" : "max", "-m", `${memoryMiB}M`],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-global", "virtio-mmio.force-legacy=false"],
    ...["-netdev", netdev(network), "-device", `virtio-net-device,netdev=net${mac}`],
    ...["-device", "virtio-rng-device"],
    ...["-kernel", image, "-initrd", seal, "-append", commandLine(settings)],
  ];
}

/** What the piñata is told at boot; public (unikernel/guest/tcpip/settings.ts reads all but the image's hash). */
export function commandLine({ network, dialTo, limits, imageHash }: MachineSettings): string {
  const user = network.kind === "user";
  const gateway = user ? USER_GATEWAY : network.gateway;
  const { server, dialback, client } = user ? GUEST_PORTS : network.ports;
  // One address for all peers: a limit for each of them would be one for all of them together.
  const fromPeer = user ? limits.connections : limits.fromPeer;
  return [
    `ip=${user ? USER_ADDRESS : network.ip}`,
    ...(gateway === undefined ? [] : [`gateway=${gateway}`]),
    `ports=${server},${dialback},${client}`,
    `dial=${dialTo}`,
    `limits=${limits.connections},${fromPeer},${limits.handshakeMillis}`,
    `image=${imageHash}`,
  ].join(" ");
}

/** The host's address and port of the forwarding that QEMU could not set up; undefined when it said no such thing. */
export function refusedForwarding(words: string): { host: string; port: number } | undefined {
  const found = /Could not set up host forwarding rule 'tcp:([\d.]+):(\d+)-/.exec(words);
  return found === null ? undefined : { host: found[1]!, port: Number(found[2]) };
}

function netdev(network: UserNetwork | TapNetwork): string {
  if (network.kind === "tap") {
    return `tap,id=net,ifname=${checked(network.name, /^[\w.-]{1,15}$/)},script=no,downscript=no`;
  }
  const forwards = network.hosts.flatMap((host) => {
    if (!isIPv4(host)) throw new RangeError(`${host} is not an IPv4 address`);
    return DOORS.map((door) => `hostfwd=tcp:${host}:${network.ports[door]}-:${GUEST_PORTS[door]}`);
  });
  return ["user", "id=net", "ipv6=off", ...forwards].join(",");
}

function checked(text: string, form: RegExp): string {
  if (!form.test(text)) throw new RangeError(`${JSON.stringify(text)} cannot be given to QEMU`);
  return text;
}
