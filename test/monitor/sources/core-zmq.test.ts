/** Core's ZMQ notifications as hints, over the development chain's publisher: what hurries a round, and what is lost without harm. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { XPublisher } from "zeromq";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { CoreSource } from "../../../monitor/sources/core/core-source.ts";
import { breach, ELSEWHERE, PAID, PUBLIC } from "../support/bounty.ts";
import { waitFor } from "../support/wait.ts";

const TARGET = { script: PAID.script, address: PUBLIC.address };
const root = mkdtempSync(join(tmpdir(), "core-zmq-"));
afterAll(() => rmSync(root, { recursive: true }));
const TOPICS = ["rawtx", "hashblock", "sequence"];
let made = 0;
let devchain: Devchain;
let source: CoreSource;
let news: number;
/** Messages published before anyone listened. */
let sent: number;

beforeEach(async () => {
  const dir = join(root, String(++made));
  devchain = await runDevchain({ dir, port: 0, zmqPort: 0, blockSeconds: 0, log: () => {} });
  source = new CoreSource({ url: `${devchain.url}/rpc`, chain: "regtest" });
  news = 0;
});
afterEach(async () => {
  source.close();
  await devchain.close();
});

async function listen(): Promise<void> {
  source.onNews(() => news++);
  await source.tip();
  await waitFor(
    "the subscriptions",
    () => devchain.zmq!.subscriptions === TOPICS.length && source.stats().connections === 1,
  );
  sent = published();
}

/** A confirmed coin of the piñata. */
function fund(sats = 1_000_000n) {
  const { node } = devchain;
  const txid = node.fund(PAID.script, sats);
  node.mine(1);
  const coin = parseTransaction(node.chain.find(txid)!.tx.raw).parsed;
  return { coin, vout: coin.outs.findIndex(({ value }) => value === sats), txid };
}

/** Waits until all that was published since {@link listen} has come, and something that is no news last. */
async function settled(): Promise<void> {
  devchain.node.fund(ELSEWHERE, 20_000n);
  await waitFor("the last message", () => source.stats().received === published() - sent);
}

/** Messages on the topics that are subscribed to. */
function published(): number {
  return TOPICS.reduce((sum, topic) => sum + (devchain.zmq!.published.get(topic) ?? 0), 0);
}

describe("with ZMQ of the node, found by asking it", () => {
  test("a spend of a watched coin and a payment to the script are news; other transactions are not", async () => {
    const { coin, vout, txid } = fund();
    await listen();
    await source.fundings(TARGET);
    await source.spender({ txid, vout });
    const before = news;
    await settled();
    expect(news).toBe(before);
    devchain.node.submitTransaction(breach({ from: [{ transaction: coin, vout }] }).toBuffer());
    await waitFor("news of the spend", () => news > before);
    const between = news;
    const funding = devchain.node.fund(PAID.script, 50_000n);
    await waitFor("news of the funding", () => news > between);
    expect((await source.fundings(TARGET)).find((each) => each.txid === funding)).toEqual({
      txid: funding,
      vout: expect.any(Number),
      value: 50_000,
    });
    expect(source.stats()).toMatchObject({ gaps: 0, malformed: 0 });
    expect(source.stats().lastMessage).toBeGreaterThan(0);
  });

  test("a block is news, and so is one that is taken away, of which hashblock says nothing", async () => {
    await listen();
    let before = news;
    const [block] = devchain.node.mine(1);
    await waitFor("news of the block", () => news > before);
    await settled();
    before = news;
    devchain.node.invalidate(block!.hash);
    await waitFor("news of its end", () => news > before);
  });

  test("that a spend was replaced is news", async () => {
    const { coin, vout, txid } = fund();
    await listen();
    devchain.node.submitTransaction(breach({ from: [{ transaction: coin, vout }] }).toBuffer());
    await source.spender({ txid, vout });
    await settled();
    const before = news;
    devchain.zmq!.faults.keep = (topic) => topic === "sequence";
    devchain.node.submitTransaction(breach({ from: [{ transaction: coin, vout }], fee: 5_000n }).toBuffer());
    await waitFor("news of the removal", () => news > before);
  });

  test.each([
    [
      "messages that are lost",
      () => {
        devchain.zmq!.faults.keep = (_topic, number) => number % 3 !== 0;
      },
    ],
    ["a counter that begins anew", () => devchain.zmq!.resetCounters()],
  ])("%s are news", async (_what, harm) => {
    await listen();
    await settled();
    const before = { news, gaps: source.stats().gaps };
    harm();
    for (let i = 0; i < 4; i++) devchain.node.fund(ELSEWHERE, 20_000n);
    await waitFor("news of the gap", () => news > before.news);
    expect(source.stats().gaps).toBeGreaterThan(before.gaps);
  });
});

describe("over a publisher of the test's own", () => {
  let publisher: XPublisher;
  let endpoint: string;
  const open = async (at = "tcp://127.0.0.1:*") => {
    publisher = new XPublisher({ linger: 0, verbosity: "allSubs" });
    // The one before gives its port up a little after it was closed.
    await waitFor("the port", () =>
      publisher.bind(at).then(
        () => true,
        () => false,
      ),
    );
    endpoint = publisher.lastEndpoint!;
  };
  beforeEach(() => open());
  afterEach(() => publisher.close());
  const connected = async (times = 1) => {
    await waitFor("the connection", () => source.stats().connections >= times);
    for (let left = TOPICS.length; left > 0; ) if ((await publisher.receive())[0]![0] === 1) left--;
  };
  const number = (value: number) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32LE(value);
    return counter;
  };

  test("a new connection is news, since anything may have been missed", async () => {
    source = new CoreSource({ url: `${devchain.url}/rpc`, chain: "regtest", zmq: [endpoint] });
    source.onNews(() => news++);
    await connected();
    expect(news).toBe(1);
    publisher.close();
    await open(endpoint);
    await connected(2);
    expect(news).toBe(2);
    // The counter of a publisher that was started anew is no gap.
    await publisher.send(["hashblock", Buffer.alloc(32), number(7)]);
    await waitFor("the block", () => source.stats().received === 1);
    expect(source.stats().gaps).toBe(0);
  });

  test("what is no notification is counted and not believed", async () => {
    source = new CoreSource({ url: `${devchain.url}/rpc`, chain: "regtest", zmq: [endpoint] });
    source.onNews(() => news++);
    await connected();
    const wrong: (string | Buffer)[][] = [
      ["hashblock", Buffer.alloc(31), number(0)],
      ["hashblock", Buffer.alloc(32)],
      ["hashblock", Buffer.alloc(32), number(1), "more"],
      ["hashblock", Buffer.alloc(32), Buffer.alloc(8)],
      ["rawtx", Buffer.from("not a transaction"), number(0)],
      ["rawtx", Buffer.alloc(0), number(1)],
      ["rawtxt", Buffer.alloc(1), number(2)],
      ["sequence", Buffer.alloc(33), number(0)],
      ["sequence", Buffer.concat([Buffer.alloc(32), Buffer.from("A")]), number(1)],
      ["sequence", Buffer.alloc(0), number(2)],
    ];
    for (const frames of wrong) await publisher.send(frames);
    await waitFor("all of them", () => source.stats().received === wrong.length);
    expect(source.stats()).toMatchObject({ malformed: wrong.length, gaps: 0 });
    expect(news).toBe(1);
  });

  test("a frame longer than any transaction ends the connection, which comes back", async () => {
    source = new CoreSource({ url: `${devchain.url}/rpc`, chain: "regtest", zmq: [endpoint] });
    source.onNews(() => news++);
    await connected();
    await publisher.send(["rawtx", Buffer.alloc(5_000_000), number(0)]);
    await connected(2);
    expect(source.stats().received).toBe(0);
  });
});

test("without listeners nothing is connected; with a node that has no ZMQ nothing is missing", async () => {
  await source.tip();
  expect(source.stats().endpoints).toEqual([]);
  const dir = join(root, String(++made));
  const silent = await runDevchain({ dir, port: 0, blockSeconds: 0, log: () => {} });
  const other = new CoreSource({ url: `${silent.url}/rpc`, chain: "regtest" });
  other.onNews(() => news++);
  expect((await other.tip()).height).toBe(101);
  expect(other.stats().endpoints).toEqual([]);
  other.close();
  await silent.close();
});
