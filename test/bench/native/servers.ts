/**
 * The two servers of the native handshake benchmark, each one process and one thread: the image's own code over sockets (server.c), and
 * nginx with OpenSSL doing the same: TLS 1.3, a client certificate demanded, no tickets, as many bytes as the candy has, close.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, listening } from "../../support/ports.ts";

export interface Server {
  child: ChildProcess;
  port: number;
  /** What a visitor sends to get its bytes; empty where the server speaks first. */
  request: string;
}

/** `practice` is the folder that mintPractice made. */
export async function startNative(program: string, practice: string): Promise<Server> {
  const child = spawn(program, [join(practice, "seal")], { stdio: ["pipe", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (line) => resolve(Number(line)));
    child.once("exit", (code) => reject(new Error(`the native server ended with ${code}`)));
  });
  return { child, port, request: "" };
}

/** Files go to `folder`, which is made. Its certificate is the player's: P-256, from the same CA as the visitor's. */
export async function startNginx(folder: string, practice: string, bytes: number): Promise<Server> {
  mkdirSync(folder);
  // nginx started by root gives its files to another user.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const config = `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/errors;
    events { worker_connections 256; }
    http {
      access_log off;
      ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
      server {
        listen 127.0.0.1:${port} ssl backlog=128;
        ssl_certificate ${practice}/player.pem; ssl_certificate_key ${practice}/player.key;
        ssl_client_certificate ${practice}/ca.pem; ssl_verify_client on;
        ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
        keepalive_timeout 0;
        location / { return 200 "${"a".repeat(bytes)}"; }
      }
    }`;
  writeFileSync(join(folder, "nginx.conf"), config);
  const child = spawn("nginx", ["-e", join(folder, "errors"), "-c", join(folder, "nginx.conf")], { stdio: "inherit" });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`nginx ended with ${code}`)));
  });
  await Promise.race([listening(port), ended]);
  ended.catch(() => {});
  return { child, port, request: "GET / HTTP/1.0\r\n\r\n" };
}

/** Microseconds of CPU that a server's one thread has had (Linux). */
export function cpuMicros({ child }: Server): number {
  return Number(readFileSync(`/proc/${child.pid}/schedstat`, "utf8").split(" ")[0]) / 1000;
}

export function nginxVersion(): string {
  return execFileSync("sh", ["-c", "nginx -v 2>&1"], { encoding: "utf8" }).trim().replace(/^.*\//, "nginx ");
}
