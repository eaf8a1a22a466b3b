/**
 * A stand-in for bitcoind in regtest mode: keeps to the flags that `pinata start --bitcoind` gives, writes the cookie where the real one
 * does and its process id beside it, answers JSON-RPC at / with the development chain's methods, and knows `stop`. Like the real one it refuses unknown flags.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { runDevchain } from "../../../infra/devchain/main.ts";
import { rpcServer } from "../../../infra/devchain/rpc.ts";

const KNOWN = [
  ...["regtest", "server", "datadir", "listen", "dnsseed", "disablewallet", "printtoconsole", "debuglogfile"],
  ...["rpcport", "rpcbind", "rpcallowip"],
];

const given = new Map(
  process.argv.slice(2).map((argument) => {
    const [name = "", value = "1"] = argument.replace(/^-/, "").split("=");
    if (!KNOWN.includes(name)) {
      process.stderr.write(`Error: Error parsing command line arguments: Invalid parameter ${argument}\n`);
      process.exit(1);
    }
    return [name, value] as const;
  }),
);
const dir = join(given.get("datadir")!, "regtest");
mkdirSync(dir, { recursive: true });
const { node, close } = await runDevchain({ dir: join(dir, "blocks"), port: 0, blockSeconds: 86_400 });
const password = randomBytes(16).toString("hex");
const cookie = join(dir, ".cookie");
const inner = rpcServer(node, { login: { user: "__cookie__", password } });
const app = new Hono();
app.post("/", async (c) => {
  const body = await c.req.text();
  const answer = await inner.request("/rpc", { method: "POST", body, headers: c.req.raw.headers });
  if (answer.status !== 401 && (JSON.parse(body) as { method?: string }).method === "stop") {
    setTimeout(stop, 10);
    return c.json({ result: "Bitcoin Core stopping", error: null, id: "pinata" });
  }
  return answer;
});
const pidFile = join(dir, "bitcoind.pid");
writeFileSync(pidFile, `${process.pid}\n`);
const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(given.get("rpcport")) }, () =>
  writeFileSync(cookie, `__cookie__:${password}`, { mode: 0o600 }),
);
server.on("error", () => {
  rmSync(pidFile, { force: true });
  process.stderr.write("Error: Unable to start HTTP server. See debug log for details.\n");
  process.exit(1);
});

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  rmSync(cookie, { force: true });
  server.close();
  await close();
  rmSync(pidFile, { force: true });
  process.exit(0);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
