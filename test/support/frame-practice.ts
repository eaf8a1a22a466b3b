/**
 * A practice piñata behind frames: minted into a temporary folder and hung on the frame board (frame-board.ts) at 10.7.0.2, with the Linux
 * kernel of a namespace (tap/tap.ts) as the network around it, at 10.7.0.1. `stop` removes all of it.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { compileImage, ROOT } from "../../infra/image/compile-guest.ts";
import { mintPractice } from "../../infra/mint/mint.ts";
import { loadGuestModules } from "../../unikernel/boards/node/modules.ts";
import { type BoardEvent, FrameBoard } from "./frame-board.ts";
import type { FrameWire } from "./frame-wire.ts";
import { Tap, type TapOptions } from "./tap/tap.ts";

/** The piñata's address, and the kernel's. */
export const OURS = "10.7.0.2";
export const KERNEL = "10.7.0.1";
export const STATIC = `ip=${OURS}/24 gateway=${KERNEL}`;

export interface FramePracticeOptions extends TapOptions {
  /** Settings besides the address, e.g. "limits=64,64,10000". */
  settings?: string;
  /** The address setting; {@link STATIC} when not given. */
  address?: string;
  /** Another door than the image's. */
  door?: WebAssembly.Module;
  /** Puts something between TAP and board. */
  wire?(tap: Tap): FrameWire;
}

export interface FramePractice {
  board: FrameBoard;
  tap: Tap;
  files: { ca: string; player: string; playerKey: string };
  events: BoardEvent[];
  /** The first event from `start` on (or already there) that `match` accepts. */
  until(match: (event: BoardEvent) => boolean, start?: number): Promise<BoardEvent>;
  /** A TCP connection from the namespace to a port of the piñata. */
  connect(port: number, from?: string): Promise<Socket>;
  stop(): Promise<void>;
}

export async function startFramePractice(options: FramePracticeOptions = {}): Promise<FramePractice> {
  await compileImage();
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const dir = join(folder, "practice");
  await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
  const modules = loadGuestModules(join(ROOT, "build/guest"));
  const tap = await Tap.open(options);
  const events: BoardEvent[] = [];
  const waiting = new Set<() => void>();
  let board: FrameBoard;
  try {
    board = new FrameBoard({
      modules: options.door === undefined ? modules : { ...modules, door: options.door },
      seal: readFileSync(join(dir, "seal")),
      wire: options.wire?.(tap) ?? tap,
      commandLine: `${options.address ?? STATIC} ${options.settings ?? ""}`.trim(),
      onEvent(event) {
        events.push(event);
        for (const wake of [...waiting]) wake();
      },
    });
  } catch (error) {
    await tap.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    board,
    tap,
    files: { ca: join(dir, "ca.pem"), player: join(dir, "player.pem"), playerKey: join(dir, "player.key") },
    events,
    until(match, start = 0) {
      return new Promise((resolve) => {
        const look = () => {
          const found = events.slice(start).find(match);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    connect: (port, from) => tap.connect(OURS, port, from),
    async stop() {
      board.stop();
      await tap.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The player's certificate and key, and the anchor, read once for many visits. */
export function credentialsOf({ files }: FramePractice): { ca: Buffer; cert: Buffer; key: Buffer } {
  return { ca: readFileSync(files.ca), cert: readFileSync(files.player), key: readFileSync(files.playerKey) };
}

/** A TLS client over a connection: all that the piñata says up to close_notify. Rejects with the TLS error, also for a bare FIN. */
export function visit(socket: Duplex, credentials: { ca: Buffer; cert?: Buffer; key?: Buffer }): Promise<string> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket, servername: "localhost", ...credentials });
    let text = "";
    tls.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    tls.once("error", reject);
    tls.once("end", () => {
      tls.end();
      resolve(text);
    });
  });
}
