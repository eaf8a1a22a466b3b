/**
 * A full mutual TLS 1.3 handshake (P-256 certificates on both sides, candy, close), seen from the server: CPU time for each, from which follows how
 * many one core can do in a second, and wall time with the client on the other core; the Node board beside Node's own tls, with the same client, in turns.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { mintPractice } from "../../infra/mint/mint.ts";
import { type Comparison, median } from "./measure.ts";

const ROUNDS = 9;
const HANDSHAKES = 200;
const AT_ONCE = 4;

/** Microseconds for one handshake. */
interface Cost {
  cpu: number;
  wall: number;
}

interface Server {
  child: ChildProcess;
  port: number;
}

export async function rows(): Promise<Comparison[]> {
  const dir = mkdtempSync(join(tmpdir(), "pinata-bench-"));
  await mintPractice({ dir: join(dir, "practice"), network: "regtest", refundHeight: 1000, now: new Date() });
  const servers = { board: await start("board", dir), node: await start("node", dir) };
  try {
    const credentials = {
      ca: readFileSync(join(dir, "practice/ca.pem")),
      cert: readFileSync(join(dir, "practice/player.pem")),
      key: readFileSync(join(dir, "practice/player.key")),
    };
    const visit = (port: number) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect({
          host: "127.0.0.1",
          port,
          servername: "localhost",
          checkServerIdentity: () => undefined,
          ...credentials,
        });
        socket.resume();
        socket.once("error", reject);
        socket.once("close", () => resolve());
      });
    const measure = async (server: Server) => {
      const before = await usage(server);
      const start = process.hrtime.bigint();
      for (let done = 0; done < HANDSHAKES; done += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => visit(server.port)));
      }
      const wall = Number(process.hrtime.bigint() - start) / 1000;
      return { cpu: ((await usage(server)) - before) / HANDSHAKES, wall: wall / HANDSHAKES };
    };
    for (const server of Object.values(servers)) await measure(server);
    const rounds: { ours: Cost; peer: Cost }[] = [];
    for (let i = 0; i < ROUNDS; i++)
      rounds.push({ ours: await measure(servers.board), peer: await measure(servers.node) });
    const row = (what: string, figure: "cpu" | "wall", target?: number): Comparison => ({
      what,
      ours: median(rounds.map(({ ours }) => ours[figure])),
      peer: { name: "node:tls", micros: median(rounds.map(({ peer }) => peer[figure])) },
      ratio: median(rounds.map(({ ours, peer }) => peer[figure] / ours[figure])),
      ...(target === undefined ? {} : { target }),
    });
    const perSecond = (of: "ours" | "peer") => Math.round(1e6 / median(rounds.map((round) => round[of].cpu)));
    const rates = `${perSecond("ours")}/s : ${perSecond("peer")}/s a core`;
    return [row(`mutual handshake, ${rates}`, "cpu", 1), row("mutual handshake, wall (with client)", "wall")];
  } finally {
    for (const { child } of Object.values(servers)) child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

function start(kind: "board" | "node", dir: string): Promise<Server> {
  const entry = join(ROOT, "test/bench/handshake-server.ts");
  const child = spawn(process.execPath, ["--import", "tsx", entry, kind, dir, join(ROOT, "build/guest")], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve({ child, port: (message as { port: number }).port }));
    child.once("exit", (code) => reject(new Error(`the ${kind} server ended with ${code}`)));
  });
}

function usage({ child }: Server): Promise<number> {
  return new Promise((resolve) => {
    child.once("message", (micros) => resolve(micros as number));
    child.send("usage");
  });
}
