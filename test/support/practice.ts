/**
 * A practice piñata for tests: minted into a temporary folder and hung on the Node board in this process, on free ports of
 * 127.0.0.1. Its trace is kept as events. `stop` closes everything and removes the folder.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileImage, ROOT } from "../../infra/image/compile-guest.ts";
import { mintPractice } from "../../infra/mint/mint.ts";
import { type Board, type BoardOptions, DEFAULT_LIMITS, startBoard } from "../../unikernel/boards/node/board.ts";
import { type GuestModules, loadGuestModules } from "../../unikernel/boards/node/modules.ts";
import { type TraceEvent, traceEvent } from "../../unikernel/trace.ts";

export interface Practice {
  board: Board;
  /** Paths of the practice files. */
  files: { dir: string; seal: string; ca: string; player: string; playerKey: string };
  /** The private descriptor that the candy must hold. */
  trace: TraceEvent[];
  /** The first trace event from now on (or already there) that `match` accepts. */
  until(match: (event: TraceEvent) => boolean): Promise<TraceEvent>;
  stop(): Promise<void>;
}

export interface PracticeOptions {
  scheme?: "p256" | "ed25519";
  limits?: Partial<BoardOptions["limits"]>;
  dialTo?: number;
  modules?: GuestModules;
}

export async function startPractice(options: PracticeOptions = {}): Promise<Practice> {
  await compileImage();
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const dir = join(folder, "practice");
  await mintPractice({
    dir,
    network: "regtest",
    refundHeight: 1000,
    now: new Date(),
    ...(options.scheme === undefined ? {} : { scheme: options.scheme }),
  });
  const trace: TraceEvent[] = [];
  const waiting = new Set<() => void>();
  const board = await startBoard({
    modules: options.modules ?? loadGuestModules(join(ROOT, "build/guest")),
    seal: readFileSync(join(dir, "seal")),
    hosts: ["127.0.0.1"],
    ports: { server: 0, dialback: 0, client: 0, dialTo: options.dialTo ?? 1 },
    limits: { ...DEFAULT_LIMITS, fromPeer: 64, ...options.limits },
    trace: {
      write(event) {
        trace.push(traceEvent.parse(event));
        for (const wake of [...waiting]) wake();
      },
      close() {},
    },
  });
  return {
    board,
    files: {
      dir,
      seal: join(dir, "seal"),
      ca: join(dir, "ca.pem"),
      player: join(dir, "player.pem"),
      playerKey: join(dir, "player.key"),
    },
    trace,
    until(match) {
      return new Promise((resolve) => {
        const look = () => {
          const found = trace.find(match);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    async stop() {
      await board.stop("test over");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
