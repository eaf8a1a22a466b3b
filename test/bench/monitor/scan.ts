/**
 * Blocks looked through for watched outpoints: the monitor's scan of raw bytes beside bitcoinjs-lib, which parses the block
 * and looks each input up in a Map, without and with computing txids. They take turns, and must find the same spends.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Block } from "bitcoinjs-lib";
import { scanBlock } from "../../../monitor/sources/block-scan.ts";
import { OutpointSet } from "../../../monitor/sources/outpoint-set.ts";
import { makeBlock, outpoint, type Planted } from "./block.ts";
import { mebibytes, type Report, type Spread, spread } from "./figures.ts";

export interface ScanEffort {
  outpoints: readonly number[];
  rounds: number;
}

const TRANSACTIONS = 3_000;
const HITS = 7;
const MEASURABLE = 100_000;
const TARGET = { outpoints: 1_000_000, millis: 10 };

export function benchScan({ outpoints, rounds }: ScanEffort, report: Report): void {
  report.heading(`scan of a block of ${TRANSACTIONS} transactions, ${rounds} rounds`);
  for (const count of outpoints) {
    const watched = Math.min(HITS, count);
    const set = grown(() => new OutpointSet(named(count)));
    const map = grown(() => new Map(Array.from(named(count), (each) => [keyOf(each), each])));
    // A block of its own each time, so that nothing is in a cache because it was just read.
    const planted = Array.from({ length: watched }, (_, i) => outpoint(`watched ${i}`));
    const blocks = Array.from({ length: rounds + 1 }, (_, i) => makeBlock(TRANSACTIONS, planted, `round ${i}`));
    const ways = {
      scan: (raw: Buffer) => scanBlock(raw, { outpoints: set.made }).spends.length,
      parse: (raw: Buffer) => byParsing(raw, map.made, "inputs"),
      "parse + txid": (raw: Buffer) => byParsing(raw, map.made, "inputs and txids"),
    };
    const times = takeTurns(ways, blocks, watched);
    const { scan, parse, "parse + txid": parseAndHash } = times;
    report.line(
      `  ${count.toLocaleString("en").padStart(9)} outpoints: ${range(scan!)}, ${Math.round(1000 / scan!.median)} blocks/s${size("set", count, set.bytes)}`,
    );
    report.line(`            bitcoinjs parse ${range(parse!)}${size("Map", count, map.bytes)}`);
    report.line(`            bitcoinjs parse + txid ${range(parseAndHash!)}`);
    const timesAs = (other: Spread) => (other.median / scan!.median).toFixed(1);
    report.line(
      `            ratio ${timesAs(parse!)} x and ${timesAs(parseAndHash!)} x as fast${count < MEASURABLE ? "" : `, memory ${(set.bytes / map.bytes).toFixed(2)} x`}`,
    );
    if (count !== TARGET.outpoints) continue;
    report.target(
      `${TARGET.outpoints.toLocaleString("en")} outpoints within ${TARGET.millis} ms`,
      scan!.median <= TARGET.millis,
    );
  }
}

/** All watched outpoints; the first ones are those that are planted. */
export function* named(count: number): Generator<Planted> {
  for (let i = 0; i < count; i++) yield outpoint(`watched ${i}`);
}

/** Spends of watched outpoints, as someone finds them who parses all. */
export function byParsing(raw: Buffer, map: ReadonlyMap<string, Planted>, what: "inputs" | "inputs and txids"): number {
  let found = 0;
  for (const transaction of Block.fromBuffer(raw).transactions ?? []) {
    if (what === "inputs and txids") transaction.getId();
    for (const { hash, index } of transaction.ins) {
      if (map.has(`${Buffer.from(hash).toString("latin1")}${index}`)) found++;
    }
  }
  return found;
}

/** Outpoint as a key of that map: bytes, not hex, which is what a fast look-up would take. */
export function keyOf({ txid, vout }: Planted): string {
  return `${Buffer.from(txid, "hex").reverse().toString("latin1")}${vout}`;
}

/** The first block is for warming up. */
function takeTurns(ways: Record<string, (raw: Buffer) => number>, blocks: readonly Buffer[], expected: number) {
  const times: Record<string, number[]> = {};
  for (const [round, raw] of blocks.entries()) {
    for (const [name, way] of Object.entries(ways)) {
      const start = performance.now();
      const found = way(raw);
      const took = performance.now() - start;
      if (found !== expected) throw new Error(`${name} found ${found} of ${expected} planted spends`);
      if (round > 0) times[name] = [...(times[name] ?? []), took];
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, spread(each)]));
}

/** A few of them are lost in what the process holds anyway. */
function size(what: string, count: number, bytes: number): string {
  return count < MEASURABLE ? "" : `; ${what} ${mebibytes(bytes)}`;
}

function range({ median, min, max }: Spread): string {
  return `${median.toFixed(1)} ms (${min.toFixed(1)}..${max.toFixed(1)})`;
}

/** What it takes in memory, buffers included. */
function grown<T>(make: () => T): { made: T; bytes: number } {
  const before = held();
  const made = make();
  return { made, bytes: held() - before };
}

function held(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
