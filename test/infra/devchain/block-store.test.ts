import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSweep } from "../../../infra/bitcoin/sweep.ts";
import { CommandError } from "../../../infra/cli/errors.ts";
import { BlockStore, StoreError } from "../../../infra/devchain/block-store.ts";
import { DevNode, type NodeOptions } from "../../../infra/devchain/node.ts";
import { candy, START, THIEF } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-devchain-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
const newDir = () => join(root, String(++made));

interface Opened {
  node: DevNode;
  lines: string[];
}
function open(dir: string, change: Partial<NodeOptions> = {}): Opened {
  const lines: string[] = [];
  const node = new DevNode({ dir, blockSeconds: 0, clock: () => START, log: (line) => lines.push(line), ...change });
  return { node, lines };
}
const tip = (node: DevNode) => `${node.chain.height} ${node.chain.tip.hash}`;
const waiting = (node: DevNode) => node.chain.mempool.entries().map(({ tx }) => tx.txid);

/** A directory with a funded and a waiting transaction, and what the node in it last said. */
function story(): { dir: string; tip: string; waiting: string[]; address: string } {
  const dir = newDir();
  const { node } = open(dir);
  node.fund(candy.output.script, 100_000n);
  node.mine(1);
  node.fund(candy.output.script, 50_000n);
  node.fund(candy.output.script, 60_000n);
  const known = { dir, tip: tip(node), waiting: waiting(node), address: node.wallet.address };
  node.close();
  return known;
}

describe("a node", () => {
  it("starts with 101 blocks and comes back as it was: blocks, waiting transactions, wallet", () => {
    const before = story();
    const { node, lines } = open(before.dir);
    expect(tip(node)).toBe(before.tip);
    expect(waiting(node)).toEqual(before.waiting);
    expect(before.waiting).toHaveLength(2);
    expect(node.wallet.address).toBe(before.address);
    expect(lines).toEqual(["loaded 102 blocks, 2 transactions waiting"]);
    node.mine(1);
    expect(node.chain.tip.txids).toHaveLength(3);
    node.close();
  });
  it("comes back on the branch it was on after invalidation and replacement", () => {
    const dir = newDir();
    const first = open(dir).node;
    first.mine(3);
    const left = first.chain.tip.hash;
    first.invalidate(first.chain.blockAt(103)!.hash);
    first.fund(candy.output.script, 100_000n);
    first.mine(1);
    const coin = { txid: first.chain.tip.txids[1]!, vout: 0, value: 100_000 };
    const sweep = (feeRate: number) =>
      Buffer.from(buildSweep({ candy, utxos: [coin], toAddress: THIEF, feeRate }).hex, "hex");
    first.submitTransaction(sweep(1));
    first.submitTransaction(sweep(9));
    const known = [tip(first), waiting(first)];
    expect(known[1]).toHaveLength(1);
    first.close();
    const { node } = open(dir);
    expect([tip(node), waiting(node)]).toEqual(known);
    expect(node.chain.block(left)!.invalid).toBe(true);
    node.close();
  });
  it("comes back when the clock was set back by a year", () => {
    const before = story();
    const { node } = open(before.dir, { clock: () => START - 31_536_000 });
    expect(tip(node)).toBe(before.tip);
    node.close();
  });
  it("refuses a block, and loses nothing, while the clock is hours behind", () => {
    const before = story();
    const { node } = open(before.dir, { clock: () => START - 31_536_000 });
    expect(() => node.mine(1)).toThrow("time-too-new");
    expect(tip(node)).toBe(before.tip);
    node.close();
    const again = open(before.dir).node;
    again.mine(1);
    expect(again.chain.height).toBe(103);
    again.close();
  });
  it("keeps its files for their owner, and leaves no others", () => {
    const { dir } = story();
    expect(readdirSync(dir).sort()).toEqual(["blocks", "mempool", "wallet.key"]);
    expect(statSync(join(dir, "wallet.key")).mode & 0o777).toBe(0o600);
  });
  it("does not share its directory", () => {
    const dir = newDir();
    const { node } = open(dir);
    expect(() => open(dir)).toThrow(CommandError);
    expect(() => open(dir)).toThrow(`${dir} is in use by another development chain`);
    node.close();
    open(dir).node.close();
  });
  it("takes over the lock of a process that is gone, and one that is garbage", () => {
    const { dir, tip: before } = story();
    for (const stale of [
      '{"pid":999999999,"started":"1"}',
      `{"pid":${process.pid},"started":"another start"}`,
      "",
      "{",
    ]) {
      writeFileSync(join(dir, "lock"), stale);
      const { node } = open(dir);
      expect(tip(node)).toBe(before);
      node.close();
    }
  });
  it("mines until its wallet can pay, and does not when it never could", () => {
    const { node } = open(newDir());
    node.fund(candy.output.script, 12_000_000_000n);
    expect(node.chain.height).toBe(202);
    expect(() => node.fund(candy.output.script, 2_000_000_000_000_000n)).toThrow(/can spend only/);
    expect(node.chain.height).toBe(202);
    node.close();
  });
});

describe("a file that ends anywhere", () => {
  let before: ReturnType<typeof story>;
  beforeAll(() => {
    before = story();
  });
  const copy = () => {
    const dir = newDir();
    cpSync(before.dir, dir, { recursive: true });
    return dir;
  };

  it("in its last block: that block alone is lost, and the start says so", () => {
    const size = statSync(join(before.dir, "blocks")).size;
    const { node } = open(copy());
    const last = node.chain.tip;
    node.close();
    const record = last.raw.length + 9;
    // Each byte of the record's head and of its end, and every fifth of the block itself.
    const isTried = (cut: number) => cut % 5 === 1 || cut < 20 || cut > record - 20;
    for (let cut = 1; cut <= record; cut++) {
      if (!isTried(cut)) continue;
      const dir = copy();
      truncateSync(join(dir, "blocks"), size - cut);
      const { node: loaded, lines } = open(dir);
      expect(loaded.chain.tip.hash, `${cut} bytes cut`).toBe(last.previous!.hash);
      const said = lines.some((line) =>
        line.includes(`the last ${record - cut} bytes are not a whole record and are cut off`),
      );
      expect(said).toBe(cut < record);
      if (cut % 20 !== 1 && cut !== record) {
        loaded.close();
        rmSync(dir, { recursive: true });
        continue;
      }
      // The file is whole again: what is added now is found at the next start.
      loaded.mine(1);
      const after = tip(loaded);
      loaded.close();
      const again = open(dir);
      expect(tip(again.node)).toBe(after);
      expect(again.lines).toHaveLength(1);
      again.node.close();
      rmSync(dir, { recursive: true });
    }
  });
  it("in its first bytes: the chain starts anew", () => {
    for (const size of [0, 1, 25]) {
      const dir = copy();
      truncateSync(join(dir, "blocks"), size);
      const { node } = open(dir);
      expect(node.chain.height).toBe(101);
      node.close();
    }
  });
  it("in a waiting transaction: that one alone is lost", () => {
    const size = statSync(join(before.dir, "mempool")).size;
    for (const cut of [1, 4, 5, 100]) {
      const dir = copy();
      truncateSync(join(dir, "mempool"), size - cut);
      const { node } = open(dir);
      expect(waiting(node)).toEqual(before.waiting.slice(0, 1));
      node.close();
    }
  });
  it("with garbage after it: the garbage is cut off", () => {
    const dir = copy();
    appendFileSync(join(dir, "blocks"), Buffer.alloc(1000, 0xee));
    const { node, lines } = open(dir);
    expect(tip(node)).toBe(before.tip);
    expect(lines[0]).toContain("the last 1000 bytes");
    node.close();
  });
  it("with a bit wrong in a record: what comes before it is kept", () => {
    const dir = copy();
    const file = join(dir, "blocks");
    const bytes = readFileSync(file);
    bytes[bytes.length - 60]! ^= 4;
    writeFileSync(file, bytes);
    const { node, lines } = open(dir);
    expect(node.chain.height).toBe(101);
    expect(lines[0]).toContain("cut off");
    node.close();
  });
});

describe("files that are not right", () => {
  it("of another program are left alone", () => {
    const dir = newDir();
    mkdirSync(dir);
    writeFileSync(join(dir, "blocks"), "a diary that is longer than the mark at the start\n");
    expect(() => open(dir)).toThrow(StoreError);
    expect(() => open(dir)).toThrow(/not a file of the development chain/);
    expect(readFileSync(join(dir, "blocks"), "utf8")).toMatch(/^a diary/);
    expect(readdirSync(dir)).not.toContain("lock");
  });
  it("with whole records that break the rules are named, and left alone", () => {
    const { dir } = story();
    const store = new BlockStore(dir, () => {});
    const records = store.history().slice(5);
    store.close();
    const other = newDir();
    const broken = new BlockStore(other, () => {});
    broken.appendBlocks(records);
    broken.close();
    const size = statSync(join(other, "blocks")).size;
    expect(() => open(other)).toThrow(/record 1 breaks the chain's rules \(prev-blk-not-found\)/);
    expect(statSync(join(other, "blocks")).size).toBe(size);
  });
  it("with a wallet key that is none are named", () => {
    const { dir } = story();
    writeFileSync(join(dir, "wallet.key"), "");
    expect(() => open(dir)).toThrow(/wallet\.key does not hold a regtest key/);
  });
  it("with waiting transactions that no longer fit: they are dropped, and that is said", () => {
    const before = story();
    const dir = newDir();
    mkdirSync(dir);
    cpSync(join(before.dir, "mempool"), join(dir, "mempool"));
    const { node, lines } = open(dir);
    expect(waiting(node)).toEqual([]);
    expect(lines.filter((line) => line.includes("is dropped: bad-txns-inputs-missingorspent"))).toHaveLength(2);
    node.close();
  });
});

describe("a disk that fails", () => {
  it("stops all further changes, and the caller is told", () => {
    const failures: string[] = [];
    const { node } = open(newDir(), { fail: (error) => failures.push(error.message) });
    // Closing the files under the node stands for a disk that is gone.
    node.close();
    expect(() => node.mine(1)).toThrow(StoreError);
    expect(failures.length).toBeGreaterThan(0);
    expect(() => node.mine(1)).toThrow("could not be written before");
  });
});
