/** What is published on which topic, in which order, as measured on a real node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { Subscriber } from "zeromq";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { CommandError } from "../../../infra/cli/errors.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import { candy, THIEF } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-zmq-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
let devchain: Devchain;
let socket: Subscriber;

beforeEach(async () => {
  const dir = join(root, String(++made));
  devchain = await runDevchain({ dir, port: 0, zmqPort: 0, blockSeconds: 0, log: () => {} });
  socket = new Subscriber({ receiveHighWaterMark: 0, linger: 0 });
  socket.connect(devchain.zmq!.endpoint);
  socket.subscribe("rawtx", "hashtx", "hashblock", "rawblock", "sequence");
  socket.receiveTimeout = 10_000;
  await expect.poll(() => devchain.zmq!.subscriptions, { timeout: 20_000 }).toBe(5);
});
afterEach(async () => {
  socket.close();
  await devchain.close();
});

const counters = new Map<string, number>();

/** Lines up to the one that ends it: topic, and what it says with hashes shortened to names. */
async function told(isLast: (line: string) => boolean, names: Record<string, string> = {}): Promise<string[]> {
  const lines: string[] = [];
  const name = (hash: string) => names[hash] ?? hash.slice(0, 8);
  for (;;) {
    const [topicBytes, body, counter, ...more] = await socket.receive();
    const topic = topicBytes!.toString();
    expect(counter).toHaveLength(4);
    expect(more).toEqual([]);
    counters.set(topic, counter!.readUInt32LE(0));
    let line = topic;
    if (topic.startsWith("hash")) line += ` ${name(body!.toString("hex"))}`;
    if (topic === "rawtx") line += ` ${name(rawTxid(body!))}`;
    if (topic === "sequence") {
      const label = String.fromCharCode(body![32]!);
      line += ` ${label} ${name(body!.subarray(0, 32).toString("hex"))}`;
      if (body!.length === 41) line += ` ${body!.readBigUInt64LE(33)}`;
      else expect(body).toHaveLength(33);
    }
    lines.push(line);
    if (isLast(line)) return lines;
  }
}

function rawTxid(raw: Buffer): string {
  const { chain } = devchain.node;
  const waiting = chain.mempool.entries().map(({ tx }) => tx);
  const mined = [...blocks].flatMap((block) => chain.contents(block).txs);
  const rawHex = toHex(raw);
  return [...waiting, ...mined, ...known].find((tx) => toHex(tx.raw) === rawHex)?.txid ?? "unknown";
}
const blocks = new Set<ReturnType<Devchain["node"]["mine"]>[number]>();
const known: { txid: string; raw: Uint8Array }[] = [];

it("a transaction, its replacement, the block that holds it, and the end of that block", async () => {
  const { node } = devchain;
  const funding = node.fund(candy.output.script, 100_000n);
  const fundingTx = node.chain.mempool.get(funding)!.tx;
  known.push(fundingTx);
  const first = node.chain.mempool.sequence - 1;
  const names: Record<string, string> = { [funding]: "funding" };
  expect(await told((line) => line.startsWith("sequence"), names)).toEqual([
    "hashtx funding",
    "rawtx funding",
    `sequence A funding ${first}`,
  ]);
  const [block] = node.mine(1);
  blocks.add(block!);
  names[block!.hash] = "block";
  names[block!.txids[0]!] = "coinbase";
  // Nothing is told of the funding's leaving, but the mempool's number has grown by it.
  expect(await told((line) => line.startsWith("rawblock"), names)).toEqual([
    "hashtx coinbase",
    "rawtx coinbase",
    "hashtx funding",
    "rawtx funding",
    "sequence C block",
    "hashblock block",
    "rawblock",
  ]);
  const sweep = (feeRate: number) =>
    buildSweep({ candy, utxos: [{ txid: funding, vout: 0, value: 100_000 }], toAddress: THIEF, feeRate });
  const [old, better] = [sweep(2), sweep(9)];
  for (const { txid, hex } of [old, better]) known.push({ txid, raw: new Uint8Array(Buffer.from(hex, "hex")) });
  names[old.txid] = "old";
  names[better.txid] = "better";
  node.submitTransaction(Buffer.from(old.hex, "hex"));
  node.submitTransaction(Buffer.from(better.hex, "hex"));
  expect(await told((line) => line.startsWith("sequence A better"), names)).toEqual([
    "hashtx old",
    "rawtx old",
    `sequence A old ${first + 2}`,
    `sequence R old ${first + 3}`,
    "hashtx better",
    "rawtx better",
    `sequence A better ${first + 4}`,
  ]);
  const [swept] = node.mine(1);
  blocks.add(swept!);
  names[swept!.hash] = "swept";
  names[swept!.txids[0]!] = "reward";
  await told((line) => line.startsWith("rawblock"), names);
  node.invalidate(swept!.hash);
  const undone = await told((line) => line.startsWith("sequence A better"), names);
  expect(undone.slice(0, 5)).toEqual([
    "hashtx reward",
    "rawtx reward",
    "hashtx better",
    "rawtx better",
    "sequence D swept",
  ]);
  expect(undone.filter((line) => line.includes("block"))).toEqual([]);
});

it("each topic counts its own messages; counters begin anew, and what is silenced is counted", async () => {
  const { node, zmq } = devchain;
  node.mine(1);
  await told((line) => line.startsWith("rawblock"));
  const before = counters.get("hashblock")!;
  zmq!.faults.publishing = "silent";
  node.mine(2);
  zmq!.faults.clear();
  node.mine(1);
  await told((line) => line.startsWith("rawblock"));
  expect(counters.get("hashblock")).toBe(before + 3);
  zmq!.resetCounters();
  node.mine(1);
  await told((line) => line.startsWith("rawblock"));
  expect(counters.get("hashblock")).toBe(0);
});

it("a port that is in use is one clear error", async () => {
  const port = Number(new URL(devchain.zmq!.endpoint.replace("tcp", "http")).port);
  const second = runDevchain({
    dir: join(root, String(++made)),
    port: 0,
    zmqPort: port,
    blockSeconds: 0,
    log: () => {},
  });
  await expect(second).rejects.toThrow(new CommandError(`port ${port} is in use: choose another with --zmq-port`));
});
