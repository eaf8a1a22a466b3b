/** Which network a machine gets, from the options that a person or `pinata start` gave. Every mistake is told by the option's name. */
import { createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIPv4, isIPv6 } from "node:net";
import { hostname } from "node:os";
import { UsageError } from "../cli/errors.ts";
import { PORT_OPTIONS } from "./ports.ts";
import { DOORS, type DoorPorts, type TapNetwork, type UserNetwork } from "./qemu.ts";

export interface NetworkOptions {
  ports: DoorPorts;
  /** Addresses or names of this machine; only with the user network. */
  host?: string[] | undefined;
  tap?: string | undefined;
  ip?: string | undefined;
  gateway?: string | undefined;
}

/** Throws a UsageError. */
export async function chooseNetwork({
  ports,
  host,
  tap,
  ip,
  gateway,
}: NetworkOptions): Promise<UserNetwork | TapNetwork> {
  if (tap !== undefined) {
    if (host !== undefined)
      throw new UsageError("--host goes without --tap: there the piñata has an address of its own");
    return tapNetwork({ ports, tap, ip, gateway });
  }
  if (ip !== undefined || gateway !== undefined) throw new UsageError("--ip and --gateway go with --tap");
  return { kind: "user", hosts: await ipv4Hosts(host ?? ["127.0.0.1"]), ports };
}

/** IPv6 addresses beside others are left out: QEMU forwards none. */
async function ipv4Hosts(hosts: string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const host of hosts) {
    if (isIPv4(host)) found.add(host);
    else if (!isIPv6(host)) found.add(await addressOf(host));
  }
  if (found.size === 0) throw new UsageError(`QEMU forwards IPv4 only, and ${hosts.join(" and ")} is not: see --host`);
  return [...found];
}

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name, { family: 4 })).address;
  } catch {
    throw new UsageError(`no IPv4 address is known for ${name}: see --host`);
  }
}

function tapNetwork({ ports, tap, ip = "dhcp", gateway }: NetworkOptions & { tap: string }): TapNetwork {
  if (!/^[\w.-]{1,15}$/.test(tap)) throw new UsageError(`${tap} is no name of a device: see --tap`);
  const [address = "", prefix = "", ...rest] = ip.split("/");
  const fixed =
    isIPv4(address) && /^\d+$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= 30 && rest.length === 0;
  if (ip !== "dhcp" && !fixed) throw new UsageError(`--ip takes an address and a prefix, 192.0.2.7/24, or dhcp`);
  if (gateway !== undefined && !fixed) throw new UsageError("--gateway goes with a fixed --ip: DHCP tells it");
  if (gateway !== undefined && !isIPv4(gateway)) throw new UsageError("--gateway takes an IPv4 address");
  const none = DOORS.find((door) => ports[door] === 0);
  if (none !== undefined) throw new UsageError(`${PORT_OPTIONS[none]} takes a port above 0 with --tap`);
  if (new Set(Object.values(ports)).size < DOORS.length)
    throw new UsageError("with --tap each door has a port of its own");
  return { kind: "tap", name: tap, ip, ports, mac: stationAddress(tap), ...(gateway === undefined ? {} : { gateway }) };
}

/** The same after a restart, and not another's on the same network: from this machine's name and the device's. */
function stationAddress(tap: string): string {
  const digest = createHash("sha256").update(`${hostname()} ${tap}`).digest("hex");
  return ["52", "54", "00", ...[0, 2, 4].map((at) => digest.slice(at, at + 2))].join(":");
}
