/** A chain over the Esplora API of a development chain: funding once, coins, and refusals in one line. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newWallet } from "../../../../infra/bitcoin/wallet.ts";
import { EsploraChain } from "../../../../infra/cli/chain/esplora.ts";
import { type Devchain, runDevchain } from "../../../../infra/devchain/main.ts";
import { freePort } from "../../../support/ports.ts";

describe("a chain over Esplora", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-esplora-"));
  let devchain: Devchain;
  let chain: EsploraChain;
  beforeAll(async () => {
    devchain = await runDevchain({ dir: join(folder, "chain"), port: 0, blockSeconds: 0, log: () => {} });
    chain = new EsploraChain(devchain.url);
  });
  afterAll(async () => {
    await devchain.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("funds an address once, in a block", async () => {
    const { address } = newWallet("regtest");
    const before = devchain.node.chain.height;
    await chain.fund(address, 123_456);
    await chain.fund(address, 123_456);
    expect(await chain.utxos(address)).toMatchObject([{ value: 123_456 }]);
    expect(devchain.node.chain.height - before).toBe(1);
  });

  it("says why a transaction is refused", async () => {
    await expect(chain.broadcast("00")).rejects.toThrow(/^the chain refused \/tx: /);
  });

  it("says who does not answer", async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await expect(new EsploraChain(nobody).utxos(newWallet("regtest").address)).rejects.toThrow(
      `cannot reach the chain at ${nobody}/address/`,
    );
  });
});
