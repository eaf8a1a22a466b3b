/**
 * `npm run soak`: 10,000 full handshakes in a row between Node's TLS over the Linux kernel's TCP and the shipped modules behind a TAP device,
 * then an hour's visitors (one every four seconds) over a link that loses a twentieth of its frames, 48 at a time. After each part
 * nothing may be left: no slot, and no half-open or orphaned connection, for which net would have to wake up; and 64 at once are served again.
 * Then 10,000 in a row with the metal board under QEMU (metal.ts), where its tools are. Prints figures (docs/soak.md); exits 1 when anything failed.
 * Arguments: how many connections in a row, how many over the bad link, how many on metal.
 */
import { fileURLToPath } from "node:url";
import { CANDY } from "../support/candy.ts";
import { credentialsOf, type FramePractice, startFramePractice, visit } from "../support/frame-practice.ts";
import { type Impairment, LossyWire } from "../support/lossy-wire.ts";
import { hasTap } from "../support/tap/tap.ts";
import { hasMetal, type MetalSoakFigures, soakMetal } from "./metal.ts";

export interface SoakOptions {
  connections: number;
  /** How many are under way at a time. */
  together: number;
  impairment?: Impairment;
  /** How long half-open and orphaned connections may take to go; when not given, this is not waited for. */
  settleSeconds?: number;
}

export interface SoakFigures {
  served: number;
  /** What went wrong, by message. */
  failures: Record<string, number>;
  /** Doors that trapped. */
  traps: number;
  seconds: number;
  /** Milliseconds from connect to close_notify. */
  median: number;
  worst: number;
  framesIn: number;
  framesOut: number;
  framesLost: number;
  /** Connections that still hold a slot at the end. */
  open: number;
  /** Of the 64 that came all at once afterwards. */
  servedAfterwards: number;
  /** Bytes of net's memory before and after. */
  memory: [number, number];
  /** Seconds until net had nothing left to wake up for; undefined when it still had, or was not waited for. */
  settledAfter: number | undefined;
}

const SERVER = 10000;
const AT_ONCE = 64;
const PATIENCE_MILLIS = 60_000;
const SILENCE = "silence for a minute";

export async function soak({ connections, together, impairment, settleSeconds }: SoakOptions): Promise<SoakFigures> {
  let wire: LossyWire | undefined;
  const piñata = await startFramePractice({
    settings: `limits=64,64,${impairment === undefined ? 10_000 : 40_000}`,
    wire(tap) {
      if (impairment === undefined) return tap;
      wire = new LossyWire(tap, impairment);
      return wire;
    },
  });
  try {
    const { board } = piñata;
    const failures: Record<string, number> = {};
    const times: number[] = [];
    let traps = 0;
    let left = connections;
    const memory = board.memory;
    const start = performance.now();
    const visitor = async () => {
      while (left-- > 0) {
        const began = performance.now();
        const failure = await oneVisit(piñata);
        if (failure === undefined) times.push(performance.now() - began);
        else failures[failure] = (failures[failure] ?? 0) + 1;
        traps += piñata.events.filter(({ event }) => event === "trap").length;
        piñata.events.length = 0;
      }
    };
    await Promise.all(Array.from({ length: together }, visitor));
    const seconds = (performance.now() - start) / 1000;
    const frames = { ...board.frames };
    await until(() => board.open === 0, 60);
    const { open } = board;
    const afterwards = await Promise.all(Array.from({ length: AT_ONCE }, () => oneVisit(piñata)));
    const settling = performance.now();
    const settled = settleSeconds !== undefined && (await until(() => board.nextTick === undefined, settleSeconds));
    times.sort((a, b) => a - b);
    return {
      served: times.length,
      ...{ failures, traps, seconds, open },
      median: times[times.length >> 1] ?? 0,
      worst: times.at(-1) ?? 0,
      ...{ framesIn: frames.in, framesOut: frames.out },
      framesLost: wire === undefined ? 0 : wire.in.counts.lost + wire.out.counts.lost,
      servedAfterwards: afterwards.filter((failure) => failure === undefined).length,
      memory: [memory, board.memory],
      settledAfter: settled ? (performance.now() - settling) / 1000 : undefined,
    };
  } finally {
    wire?.stop();
    await piñata.stop();
  }
}

/** Takes the candy; says what went wrong otherwise. A peer whose last segments are all lost hears nothing for ever: it gives up. */
async function oneVisit(piñata: FramePractice): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const socket = await piñata.connect(SERVER);
    const patience = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(SILENCE), PATIENCE_MILLIS);
    });
    const text = await Promise.race([visit(socket, credentials(piñata)), patience]);
    if (CANDY.test(text)) return undefined;
    socket.destroy();
    return text === SILENCE ? text : "no candy";
  } catch (error) {
    return (error as Error).message.replace(/[0-9A-F]{16}:/g, "");
  } finally {
    clearTimeout(timer);
  }
}

const known = new WeakMap<FramePractice, ReturnType<typeof credentialsOf>>();

function credentials(piñata: FramePractice): ReturnType<typeof credentialsOf> {
  const read = known.get(piñata) ?? credentialsOf(piñata);
  known.set(piñata, read);
  return read;
}

async function until(done: () => boolean, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  return done();
}

function print(title: string, figures: SoakFigures): boolean {
  const { served, failures, traps, seconds, median, worst, framesIn, framesOut, framesLost, open, memory } = figures;
  const { servedAfterwards, settledAfter } = figures;
  const rows: [string, string][] = [
    ["served", `${served} in ${seconds.toFixed(1)} s, ${(served / seconds).toFixed(1)} a second`],
    ["each", `${median.toFixed(1)} ms in the middle, ${worst.toFixed(0)} ms at worst`],
    ["failed", JSON.stringify(failures)],
    ["traps", String(traps)],
    ["frames", `${framesIn} in, ${framesOut} out, ${framesLost} lost`],
    ["memory of net", `${memory[0] / 1024} KiB before, ${memory[1] / 1024} KiB after`],
    ["slots left", String(open)],
    ["64 at once", `${servedAfterwards} served`],
    ["nothing left", settledAfter === undefined ? "not reached" : `after ${settledAfter.toFixed(1)} s`],
  ];
  process.stdout.write(`\n${title}\n${rows.map(([name, text]) => `  ${name.padEnd(16)}${text}\n`).join("")}`);
  const faults = Object.keys(failures).length + traps + open;
  return faults === 0 && servedAfterwards === AT_ONCE && memory[0] === memory[1] && settledAfter !== undefined;
}

async function main(): Promise<void> {
  if (!hasTap()) process.exit(2);
  const [inARow = 10_000, lossy = 900, onMetal = 10_000] = process.argv.slice(2).map(Number);
  const settleSeconds = 30;
  let good = print(`${inARow} in a row`, await soak({ connections: inARow, together: 1, settleSeconds }));
  const impairment = { seed: 1, loss: 0.05, duplication: 0.02, reordering: 0.1, corruption: 0.01, delayMillis: 1 };
  const bad = await soak({ connections: lossy, together: 48, impairment, settleSeconds });
  good = print(`${lossy} over a link that loses 5 %`, bad) && good;
  if (hasMetal()) good = printMetal(onMetal, await soakMetal(onMetal)) && good;
  process.exit(good ? 0 : 1);
}

/** QEMU's own memory moves by some hundreds of KiB; a page kept of each connection would be 40,000. */
const MOST_GROWTH_KIB = 2_000;

function printMetal(connections: number, figures: MetalSoakFigures): boolean {
  const { served, failures, seconds, memory, traps, boots } = figures;
  const rows: [string, string][] = [
    ["served", `${served} in ${seconds.toFixed(1)} s, ${(served / seconds).toFixed(1)} a second`],
    ["failed", JSON.stringify(failures)],
    ["traps", String(traps)],
    ["boots", String(boots)],
    ["QEMU's memory", `${memory.join(", ")} KiB`],
  ];
  process.stdout.write(
    `\n${connections} in a row on metal\n${rows.map(([name, text]) => `  ${name.padEnd(16)}${text}\n`).join("")}`,
  );
  return served === connections && traps === 0 && boots === 1 && memory.at(-1)! - memory[0]! < MOST_GROWTH_KIB;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
