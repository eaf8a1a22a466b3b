/** The watch over the development chain, asked in both ways: real transactions, checked by its rules and by ours. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Devchain, runDevchain } from "../../infra/devchain/main.ts";
import { parseTransaction } from "../../monitor/proofs/transaction.ts";
import { CoreSource } from "../../monitor/sources/core/core-source.ts";
import { EsploraSource } from "../../monitor/sources/esplora.ts";
import type { ChainSource } from "../../monitor/sources/source.ts";
import { breach, PAID } from "./support/bounty.ts";
import { Rig, temporaryFolder } from "./support/rig.ts";
import { waitFor } from "./support/wait.ts";

let stop: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

const kinds: Record<string, (devchain: Devchain) => ChainSource[]> = {
  esplora: ({ url }) => [new EsploraSource({ url })],
  core: ({ url }) => [new CoreSource({ url: `${url}/rpc`, chain: "regtest" })],
  both: ({ url }) => [new EsploraSource({ url }), new CoreSource({ url: `${url}/rpc`, chain: "regtest" })],
};

test.each(Object.keys(kinds))("funded, taken, confirmed, reorged, final (%s)", async (kind) => {
  const folder = temporaryFolder();
  const devchain = await runDevchain({ dir: join(folder.path, "chain"), port: 0, blockSeconds: 0, log: () => {} });
  const { node } = devchain;
  const rig = await new Rig(...kinds[kind]!(devchain)).start();
  stop = [async () => folder.remove(), () => devchain.close(), async () => rig.folder.remove(), () => rig.stop()];
  /** Rounds until it is so; the sources answer over real sockets, which the clock does not know of. */
  const until = (what: string) =>
    waitFor(what, async () => {
      await rig.round();
      return [rig.verdict, ...rig.coins].join(", ") === what;
    });
  await until("awaited");
  const txid = node.fund(PAID.script, 25_000_000n);
  node.mine(1);
  await until("sealed, funded 1");
  const coin = parseTransaction(node.chain.find(txid)!.tx.raw).parsed;
  const vout = coin.outs.findIndex(({ value }) => value === 25_000_000n);
  node.submitTransaction(breach({ from: [{ transaction: coin, vout }] }).toBuffer());
  await until("moving, spent-unconfirmed 0");
  const [block] = node.mine(1);
  await until("smashed, spent 1");
  node.invalidate(block!.hash);
  node.mine(2);
  await until("smashed, spent 2");
  node.mine(4);
  await until("smashed, final 6");
  expect(rig.watch.snapshot().sources.map(({ problem }) => problem)).toEqual(
    rig.watch.snapshot().sources.map(() => null),
  );
});
