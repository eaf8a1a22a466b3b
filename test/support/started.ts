/** A whole `pinata start` as a child process on free ports, as a user would run it, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { freePort } from "./ports.ts";

export interface Started {
  child: ChildProcess;
  dir: string;
  board: string;
  image: string;
  address: string;
  web: string;
  monitor: string;
  chain: { kind: string; url: string };
  doors: { server: number; dialback: number; client: number; dialTo: number };
  /** Absent with --no-maintainers. */
  maintain?: { url: string; tokenFile: string };
  /** What it has written to standard error so far. */
  said(): string;
  /** Sends SIGINT, as Ctrl-C does, and waits for the exit code. */
  interrupt(): Promise<number | null>;
}

/** Starts, on the Node board unless `extra` says another, and waits until everything is up. Throws with what the program said when it ends instead. */
export async function startEverything(
  dir: string,
  extra: string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Started> {
  const dialTo = await freePort();
  const zero = ["--web-port", "--monitor-port", "--chain-port", "--server-port", "--dialback-port", "--client-port"];
  const child = spawn(
    process.execPath,
    [
      ...[join(ROOT, "bin/start.mjs"), "--dir", dir, "--json", "--from-peer", "64", "--dial-to-port", String(dialTo)],
      ...zero.flatMap((option) => [option, "0"]),
      ...(extra.includes("--board") ? [] : ["--board", "node"]),
      ...extra,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env },
  );
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  let said = "";
  const first = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes("\n")) resolve(out);
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    void exited.then((code) => reject(new Error(`pinata start ended with ${code}: ${said}`)));
  });
  const up = JSON.parse(first) as Omit<Started, "child" | "said" | "interrupt">;
  return {
    ...up,
    child,
    said: () => said,
    interrupt() {
      child.kill("SIGINT");
      return exited;
    },
  };
}
