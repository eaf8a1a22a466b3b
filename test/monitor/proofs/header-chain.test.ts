/** Chains of headers from a block that is known for certain; of several the one with most work. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../../monitor/proofs/bytes.ts";
import { workOfTarget } from "../../../monitor/proofs/difficulty.ts";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { checkHeaderChain, genesisCheckpoint, mostWork, readCheckpoint } from "../../../monitor/proofs/header-chain.ts";
import { FakeChain } from "../support/fake-chain.ts";

const { main, signet, regtest } = NETWORKS;
const NOW = 1_800_000_000_000;

describe("checkpoints", () => {
  test.each(Object.values(NETWORKS))("$name starts at its genesis block", (rules) => {
    expect(readCheckpoint(genesisCheckpoint(rules), rules).hash).toBe(rules.genesis);
  });

  test("mainnet's built-in one has the hash that it says", () => {
    expect(readCheckpoint(main.checkpoint!, main).bits).toBe(0x172c071d);
  });

  test("another height, hash, header or network is refused", () => {
    const { checkpoint } = main;
    const genesis = genesisCheckpoint(main);
    for (const height of [570_529, -2016, 2016.5]) {
      expect(() => readCheckpoint({ ...checkpoint!, height }, main)).toThrow("not the start of a difficulty period");
    }
    expect(() => readCheckpoint({ ...checkpoint!, hash: main.genesis }, main)).toThrow("whose header hashes to");
    expect(() => readCheckpoint({ ...checkpoint!, header: genesis.header }, main)).toThrow("whose header hashes to");
    expect(() => readCheckpoint({ ...checkpoint!, header: "00" }, main)).toThrow("a block header of 1 bytes");
    expect(() => readCheckpoint({ ...checkpoint!, header: "xyz" }, main)).toThrow("not hexadecimal");
    expect(() => readCheckpoint({ ...checkpoint!, height: 0 }, main)).toThrow("not the genesis block of main");
    expect(() => readCheckpoint(genesisCheckpoint(regtest), main)).toThrow("too easy for main");
    expect(() => readCheckpoint(genesis, regtest)).toThrow("not regtest's");
  });
});

describe("real chains", () => {
  /** Mainnet's blocks 1 and 2. */
  const early = [
    "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299",
    "010000004860eb18bf1b1620e37e9490fc8a427514416fd75159ab86688e9a8300000000d5fdcc541e25de1c7a5addedf24858b8bb665c9f36ef744ee42c316022c90f9bb0bc6649ffff001d08d2bd61",
  ].map(fromHex);

  test("mainnet from its genesis block", () => {
    const chain = checkHeaderChain(genesisCheckpoint(main), early, main, NOW);
    expect(chain.tip).toEqual({
      height: 2,
      hash: "000000006a625f06636b8bb6ac7b960a8d03705d1ace08b1a19da3fdcc99ddbd",
    });
    expect(chain.work).toBe(2n * 0x100010001n);
  });

  test("signet from its genesis block", () => {
    const { blocks } = JSON.parse(readFileSync(new URL("../vectors/signet-blocks.json", import.meta.url), "utf8")) as {
      blocks: string[];
    };
    const [first, tenth] = blocks.map((block) => fromHex(block.slice(0, 160)));
    const chain = checkHeaderChain(genesisCheckpoint(signet), [first!], signet, NOW);
    expect(chain.tip.hash).toBe("00000086d6b2636cb2a392d45edc4ec544a10024d30141c9adf4bfd9de533b53");
    expect(() => checkHeaderChain(genesisCheckpoint(signet), [first!, tenth!], signet, NOW)).toThrow(
      "does not continue",
    );
  });

  test("in another order, from another start, or before its time, it is none", () => {
    const genesis = genesisCheckpoint(main);
    expect(() => checkHeaderChain(genesis, early.toReversed(), main, NOW)).toThrow("does not continue");
    expect(() => checkHeaderChain(main.checkpoint!, early, main, NOW)).toThrow("does not continue");
    expect(() => checkHeaderChain(genesis, early, main, 1_231_000_000_000)).toThrow("two hours ahead");
    expect(() => checkHeaderChain(genesis, [early[0]!, early[1]!.subarray(1)], main, NOW)).toThrow("79 bytes");
    const forged = Uint8Array.from(early[1]!);
    forged[40]! ^= 1;
    expect(() => checkHeaderChain(genesis, [early[0]!, forged], main, NOW)).toThrow("without proof of work");
  });
});

describe("most work", () => {
  const genesis = genesisCheckpoint(regtest);
  const chainOf = (length: number) => {
    const chain = new FakeChain();
    chain.mine(length);
    return checkHeaderChain(
      genesis,
      chain.best.slice(1).map(({ header }) => header),
      regtest,
      NOW,
    );
  };

  test("the chain with more of it; of equals the first", () => {
    const [long, first, second] = [chainOf(5), chainOf(4), chainOf(4)];
    expect(first.tip.hash).not.toBe(second.tip.hash);
    expect(mostWork([first, long, second])).toBe(long);
    expect(mostWork([first, second])).toBe(first);
    expect(mostWork([second, first])).toBe(second);
    expect(first.work).toBe(8n);
  });

  test("few hard blocks against many easy ones: work, not length", () => {
    const easy = chainOf(6);
    const start = easy.start;
    const hard = { ...chainOf(1), start, work: workOfTarget(1n << 250n) };
    expect(hard.tip.height).toBeLessThan(easy.tip.height);
    expect(mostWork([easy, hard])).toBe(hard);
  });

  test("chains from different blocks cannot be compared", () => {
    const other = checkHeaderChain(genesisCheckpoint(main), [], main, NOW);
    expect(other.headers.map(({ raw }) => toHex(raw))).toEqual([toHex(main.genesisHeader)]);
    expect(parseHeader(other.headers[0]!.raw, main).hash).toBe(main.genesis);
    expect(() => mostWork([chainOf(1), other])).toThrow("do not start at one block");
  });
});
