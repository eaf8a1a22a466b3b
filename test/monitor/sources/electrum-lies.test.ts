/** The watch with an Electrum server that lies, leaves out, or falls silent: it says so, and believes nothing. */
import { afterEach, describe, expect, test } from "vitest";
import { lies } from "../../../infra/devchain/electrum/faults.ts";
import { ElectrumServer } from "../../../infra/devchain/electrum/server.ts";
import { toHex } from "../../../monitor/proofs/bytes.ts";
import { statusOf } from "../../../monitor/sources/electrum/status.ts";
import { breach, funding, key, PAID } from "../support/bounty.ts";
import { type Coin, ElectrumBench, hanging, TARGET, until, untilProblem, watching } from "../support/electrum.ts";

let stop: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

describe("a server that does wrong changes nothing but its own health", () => {
  const cases: { name: string; problem: RegExp; wrong: (bench: ElectrumBench, coin: Coin) => void }[] = [
    {
      name: "false bytes for the transaction that spends",
      problem: /sent asked for transaction \w+, got/,
      wrong: (bench, coin) => {
        bench.faults.lies.set("blockchain.transaction.get", lies.falseBytes);
        bench.take(coin);
      },
    },
    {
      name: "a spend with a signature of another key",
      problem: /a signature \(SIGHASH_DEFAULT\) that is not valid/,
      wrong: ({ faults, node }, coin) => {
        const forged = breach({ from: [coin], secret: key("liar").secret });
        const items = [
          { tx_hash: coin.txid, height: node.chain.height },
          { tx_hash: forged.getId(), height: 0 },
        ];
        faults.lies.set("blockchain.scripthash.get_history", () => items);
        faults.lies.set("blockchain.scripthash.subscribe", () => statusOf(items));
        faults.lies.set("blockchain.scripthash.listunspent", () => []);
        faults.lies.set("blockchain.transaction.get", (truth, [txid]) =>
          txid === forged.getId() ? toHex(forged.toBuffer()) : truth,
        );
      },
    },
    {
      name: "a funding in a block that does not hold it",
      problem: /merkle branch that does not lead to the block's root/,
      wrong: ({ faults, node }, coin) => {
        const false_ = funding({ script: PAID.script, value: 900_000_000n });
        const items = [coin.txid, false_.getId()].map((txid) => ({ tx_hash: txid, height: node.chain.height }));
        const unspent = [
          { tx_hash: coin.txid, tx_pos: coin.vout, height: node.chain.height, value: 25_000_000 },
          { tx_hash: false_.getId(), tx_pos: 0, height: node.chain.height, value: 900_000_000 },
        ];
        faults.lies.set("blockchain.scripthash.get_history", () => items);
        faults.lies.set("blockchain.scripthash.subscribe", () => statusOf(items));
        faults.lies.set("blockchain.scripthash.listunspent", () => unspent);
        faults.lies.set("blockchain.transaction.get", (truth, [txid]) =>
          txid === false_.getId() ? toHex(false_.toBuffer()) : truth,
        );
        faults.lies.set("blockchain.transaction.get_merkle", (_truth, [, height]) => ({
          block_height: height,
          merkle: ["ab".repeat(32)],
          pos: 1,
        }));
      },
    },
    {
      name: "a header with too little work",
      problem: /a block header without proof of work/,
      wrong: ({ faults }) => {
        faults.lies.set("blockchain.headers.subscribe", lies.weakTip);
        faults.lies.set("blockchain.block.headers", lies.weakHeaders);
      },
    },
    {
      name: "a tip at another height",
      problem: /says that its tip has height 202, but it has height 102/,
      wrong: ({ faults }) => {
        faults.lies.set("blockchain.headers.subscribe", (truth) => {
          const { height, hex } = truth as { height: number; hex: string };
          return { height: height + 100, hex };
        });
      },
    },
    {
      name: "the coin left out of a history whose status is the true one",
      problem: /another history of the address than the one whose status it announces/,
      wrong: (bench) => {
        bench.faults.lies.set("blockchain.scripthash.get_history", lies.emptyHistory);
        bench.fund(5_000n);
      },
    },
    {
      name: "the coin left out of everything that is said about the address",
      problem: /does not list the coin \w+:\d/,
      wrong: ({ faults }) => {
        faults.lies.set("blockchain.scripthash.subscribe", () => null);
        faults.lies.set("blockchain.scripthash.get_history", lies.emptyHistory);
        faults.lies.set("blockchain.scripthash.listunspent", lies.emptyHistory);
      },
    },
    {
      name: "silence about one question only",
      problem: /did not answer blockchain\.transaction\.get within 1000 ms/,
      wrong: (bench, coin) => {
        bench.faults.wire = "never";
        bench.faults.only.add("blockchain.transaction.get");
        bench.take(coin);
      },
    },
    {
      name: "bytes that are no JSON",
      problem: /not JSON/,
      wrong: ({ faults }) => {
        faults.wire = "garbage";
      },
    },
    {
      name: "a line without end",
      problem: /a line longer than/,
      wrong: ({ faults }) => {
        faults.wire = "endless";
      },
    },
    {
      name: "half a line",
      problem: /hung up in the middle of a line/,
      wrong: ({ faults }) => {
        faults.wire = "half";
      },
    },
    {
      name: "silence on an open connection",
      problem: /did not answer \S+ within 1000 ms/,
      wrong: ({ faults }) => {
        faults.wire = "never";
      },
    },
    {
      name: "another network after a reconnect",
      problem: /is on another network/,
      wrong: ({ faults, server }) => {
        faults.lies.set("server.features", lies.otherNetwork);
        server.hangUp();
      },
    },
  ];

  test.each(cases)("$name", async ({ problem, wrong }) => {
    const { bench, rig, coin } = await hanging(stop, 1_000);
    wrong(bench, coin);
    await untilProblem(rig, problem);
    expect(rig.watch.snapshot().coins.filter(({ keyOut }) => keyOut)).toEqual([]);
    expect(rig.watch.snapshot().coins.filter(({ position }) => position.funding)).toHaveLength(1);
    expect(rig.watch.snapshot().tip).toEqual({ height: 102, hash: bench.node.chain.tip.hash });
    bench.faults.clear();
    await untilProblem(rig, null);
    expect(rig.coins[0]).toMatch(/^(funded 1|spent-unconfirmed 0)$/);
  });

  test("a bad merkle branch for the block of a true breach: the breach counts, the block does not", async () => {
    const { bench, rig, coin } = await hanging(stop);
    bench.faults.lies.set("blockchain.transaction.get_merkle", lies.badBranch);
    bench.take(coin);
    await until(rig, "moving, spent-unconfirmed 0");
    bench.node.mine(1);
    await untilProblem(rig, /merkle branch/);
    expect(rig.verdict).toBe("moving");
    bench.faults.clear();
    await until(rig, "smashed, spent 1");
  });

  test("one that leaves the breach out and one that does not: the breach is seen", async () => {
    const { bench, coin } = await hanging(stop);
    const silent = await ElectrumServer.start(bench.node, { port: 0 });
    stop.push(() => silent.close());
    const liar = bench.source({ url: `tcp://127.0.0.1:${silent.port}` });
    const { height } = bench.node.chain;
    const items = [{ tx_hash: coin.txid, height }];
    silent.faults.lies.set("blockchain.scripthash.subscribe", () => statusOf(items));
    silent.faults.lies.set("blockchain.scripthash.get_history", () => items);
    silent.faults.lies.set("blockchain.scripthash.listunspent", () => [
      { tx_hash: coin.txid, tx_pos: coin.vout, height, value: 25_000_000 },
    ]);
    bench.take(coin);
    const fooled = await watching(stop, liar);
    await until(fooled, "sealed, funded 1");
    const rig = await watching(stop, bench.source({ url: `tcp://127.0.0.1:${silent.port}` }), bench.source());
    await until(rig, "moving, spent-unconfirmed 0");
    bench.node.mine(1);
    // One operator alone shows the block.
    await until(rig, "moving, spent 1");
    expect([rig.problem(0), rig.problem(1)]).toEqual([null, null]);
  });

  test("one that has not seen the coin's block is behind, and says nothing about the coin", async () => {
    const { bench, coin } = await hanging(stop);
    const source = bench.source();
    const { height } = bench.node.chain;
    const nothing = await ElectrumBench.start();
    stop.push(() => nothing.stop());
    const lagging = nothing.source();
    await source.tip();
    await source.fundings(TARGET);
    await lagging.tip();
    await lagging.fundings(TARGET);
    expect(await source.spender(coin, height)).toBeUndefined();
    expect(await lagging.spender(coin, height)).toBeUndefined();
    nothing.node.mine(1);
    await lagging.tip();
    await expect(lagging.spender(coin, height)).rejects.toThrow(`does not list the coin ${coin.txid}:${coin.vout}`);
    expect(await lagging.spender(coin)).toBeUndefined();
  });
});
