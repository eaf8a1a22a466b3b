/**
 * The rival: Debian's cloud kernel, and an initramfs with nginx and OpenSSL that does the piñata's work (TLS 1.3, client certificate
 * demanded, no tickets, as many bytes as the candy has, close). The kernel's package is downloaded once into build/ and unpacked
 * there; nothing is installed. nginx, busybox and their libraries are this machine's own.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "../../../infra/cli/errors.ts";
import { isOnPath } from "../../../infra/cli/on-path.ts";
import { type CpioEntry, cpioArchive } from "./cpio.ts";

export interface LinuxFiles {
  /** Debian's vmlinuz, as it comes. */
  kernel: string;
  /** The kernel's modules: .../lib/modules/VERSION/kernel. */
  modules: string;
  package: string;
}

/** PEM. */
export interface LinuxCredentials {
  ca: Uint8Array;
  certificate: Uint8Array;
  key: Uint8Array;
}

/** As large as the candy of a practice piñata is, nearly. */
export const ANSWER_BYTES = 700;

/** Not built in; each after those that it depends on. */
const MODULES = [
  "drivers/virtio/virtio_ring.ko",
  "drivers/virtio/virtio.ko",
  "drivers/virtio/virtio_mmio.ko",
  "net/core/failover.ko",
  "drivers/net/net_failover.ko",
  "drivers/net/virtio_net.ko",
];
const META_PACKAGE = "linux-image-cloud-amd64";
const NEEDED = [
  { program: "apt-get", package: "apt" },
  { program: "apt-cache", package: "apt" },
  { program: "dpkg-deb", package: "dpkg" },
  { program: "ldd", package: "libc-bin" },
  { program: "busybox", package: "busybox-static" },
  { program: "nginx", package: "nginx-light" },
];

/** Throws a CommandError that names what the Linux machine takes and is not here. */
export function requireLinuxTools(): void {
  const missing = NEEDED.filter(({ program }) => locate(program) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => tool.package))].join(" ");
  throw new CommandError(
    `the Linux machine takes ${missing.map(({ program }) => program).join(", ")}: not found (Debian: ${packages})`,
  );
}

/** Downloads and unpacks the kernel into `dir` when it is not there yet. Throws a CommandError. */
export function fetchKernel(dir: string): LinuxFiles {
  const unpacked = join(dir, "kernel");
  if (!existsSync(unpacked)) {
    const fresh = join(dir, "kernel.new");
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    const name = /Depends: (linux-image-\S+)/.exec(command("apt-cache", ["depends", META_PACKAGE]))?.[1];
    if (name === undefined) throw new CommandError(`apt knows no kernel for ${META_PACKAGE}: apt-get update`);
    command("apt-get", ["download", name], fresh);
    const archive = readdirSync(fresh).find((file) => file.endsWith(".deb"));
    if (archive === undefined) throw new CommandError(`apt-get download ${name} left no package`);
    command("dpkg-deb", ["-x", archive, "."], fresh);
    rmSync(join(fresh, archive));
    renameSync(fresh, unpacked);
  }
  const image = readdirSync(join(unpacked, "boot")).find((file) => file.startsWith("vmlinuz-"));
  if (image === undefined)
    throw new CommandError(`there is no kernel in ${unpacked}: remove that folder and try again`);
  const version = image.slice("vmlinuz-".length);
  return {
    kernel: join(unpacked, "boot", image),
    modules: join(unpacked, "lib/modules", version, "kernel"),
    package: `linux-image-${version}`,
  };
}

/** The initramfs, uncompressed (unpacking would cost the emulated processor time). */
export function linuxInitramfs(modules: string, credentials: LinuxCredentials): Buffer {
  const programs = ["busybox", "nginx"].map((name) => ({ name, file: locate(name)! }));
  const libraries = new Set(programs.flatMap(({ file }) => librariesOf(file)));
  const file = (path: string, content: Uint8Array | string): CpioEntry => ({
    kind: "file",
    path,
    executable: path.startsWith("bin/") || path === "init" || path.includes(".so"),
    content: typeof content === "string" ? Buffer.from(content) : content,
  });
  return cpioArchive([
    { kind: "device", path: "dev/console", major: 5, minor: 1 },
    { kind: "device", path: "dev/null", major: 1, minor: 3 },
    { kind: "device", path: "dev/urandom", major: 1, minor: 9 },
    { kind: "directory", path: "run" },
    file("init", initScript()),
    file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"),
    file("etc/group", "root:x:0:\n"),
    file("etc/nginx/nginx.conf", nginxConfiguration()),
    file("etc/nginx/ca.pem", credentials.ca),
    file("etc/nginx/server.pem", credentials.certificate),
    file("etc/nginx/server.key", credentials.key),
    ...programs.map(({ name, file: source }) => file(`bin/${name}`, readFileSync(source))),
    ...[...libraries].map((library) => file(library.slice(1), readFileSync(library))),
    ...MODULES.map((module) => file(`modules/${module.split("/").at(-1)}`, readFileSync(join(modules, module)))),
  ]);
}

/**
 * Nothing that costs Linux time: no messages, none of the mitigations that the piñata does without. Under emulation on a busy host
 * the kernel cannot measure the TSC against the PIT and hangs, so it is told the host's rate, which is what an emulated TSC runs at.
 */
export function linuxCommandLine(megahertz: number): string {
  if (!(megahertz > 0)) throw new CommandError("the system does not say the processor's rate (/proc/cpuinfo)");
  return `console=ttyS0 quiet mitigations=off panic=-1 no_timer_check tsc_early_khz=${Math.round(megahertz * 1000)}`;
}

export function initScript(): string {
  return [
    "#!/bin/busybox sh",
    ...MODULES.map((module) => `/bin/busybox insmod /modules/${module.split("/").at(-1)}`),
    "/bin/busybox ip link set lo up",
    "/bin/busybox ip addr add 10.0.2.15/24 dev eth0",
    "/bin/busybox ip link set eth0 up",
    "/bin/busybox ip route add default via 10.0.2.2",
    "exec /bin/nginx -c /etc/nginx/nginx.conf",
    "",
  ].join("\n");
}

/** One process, nothing logged, no session kept: the least that nginx can do for a handshake. */
export function nginxConfiguration(): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path /run/${kind};`)
    .join(" ");
  return `user root root;
daemon off; master_process off; worker_processes 1; pid /run/nginx.pid; error_log stderr crit;
events { worker_connections 256; }
http {
  access_log off; keepalive_timeout 0; lingering_close off; default_type text/plain; ${temporary}
  server {
    listen 10000 ssl;
    ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
    ssl_certificate server.pem; ssl_certificate_key server.key;
    ssl_client_certificate ca.pem; ssl_verify_client on;
    location / { return 200 "${"a".repeat(ANSWER_BYTES)}"; }
  }
}
`;
}

/** The absolute paths in what ldd says; none for a static program. */
export function parseLibraries(said: string): string[] {
  return said.split("\n").flatMap((line) => /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1] ?? []);
}

function librariesOf(file: string): string[] {
  try {
    return parseLibraries(execFileSync("ldd", [file], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr) + String((error as { stdout?: unknown }).stdout);
    if (/not a dynamic executable/.test(said)) return [];
    throw new CommandError(`ldd ${file}: ${said.trim()}`);
  }
}

/** Where a program is; nginx is in a folder that only root has on its PATH. */
function locate(program: string): string | undefined {
  const found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map((dir) => join(dir, program)).find(existsSync);
  return found ?? (isOnPath(program) ? execFileSync("which", [program], { encoding: "utf8" }).trim() : undefined);
}

function command(program: string, args: string[], cwd?: string): string {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      ...(cwd ? { cwd } : {}),
    });
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? (error as Error).message);
    throw new CommandError(`${program} ${args.join(" ")} failed: ${said.trim()}`);
  }
}
