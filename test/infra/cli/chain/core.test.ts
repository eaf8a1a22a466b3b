/** A chain over Bitcoin Core's JSON-RPC: the development chain answers for the node, and a script where Core's own mood matters. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { newWallet } from "../../../../infra/bitcoin/wallet.ts";
import { BitcoindRpc, RpcError } from "../../../../infra/bitcoind/rpc.ts";
import { CoreChain } from "../../../../infra/cli/chain/core.ts";
import { CommandError } from "../../../../infra/cli/errors.ts";
import { type Devchain, runDevchain } from "../../../../infra/devchain/main.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-core-"));
const cookie = join(folder, ".cookie");
writeFileSync(cookie, "__cookie__:secret");
const COIN = 5_000_000_000;
const { address } = newWallet("regtest");
const chains: Devchain[] = [];
const servers: Server[] = [];
let made = 0;
afterEach(async () => {
  for (const chain of chains.splice(0)) await chain.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function onDevchain() {
  const devchain = await runDevchain({
    dir: join(folder, String(++made)),
    port: 0,
    blockSeconds: 0,
    rpc: { login: { user: "__cookie__", password: "secret" } },
    log: () => {},
  });
  chains.push(devchain);
  const rpc = new BitcoindRpc(`${devchain.url}/rpc`, cookie);
  const generate = (blocks: number, to: string) =>
    rpc.call("generatetoaddress", [blocks, to], z.array(z.string()).length(blocks));
  return { chain: new CoreChain(rpc), generate, height: () => rpc.call("getblockcount", [], z.number()) };
}

/** A node that gives the next of the answers to each call of a method, the last one again and again. */
async function onScript(script: Record<string, object[]>) {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method } = JSON.parse(body) as { method: string };
    calls.push(method);
    const answers = script[method] ?? [{ error: { code: -32601, message: "Method not found" } }];
    const next = answers.length > 1 ? answers.shift() : answers[0];
    response.end(JSON.stringify({ result: null, error: null, ...next }));
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { chain: new CoreChain(new BitcoindRpc(`http://127.0.0.1:${port}/`, cookie)), calls };
}
const found = (...unspents: object[]) => ({ result: { success: true, height: 200, unspents } });
const a = "aa".repeat(32);
const b = "bb".repeat(32);

describe("funding", () => {
  it("hangs one block reward that can be spent", async () => {
    const { chain, height } = await onDevchain();
    const before = await height();
    await chain.fund(address);
    expect((await height()) - before).toBe(101);
    expect(await chain.utxos(address)).toEqual([{ txid: expect.any(String), vout: 0, value: COIN }]);
  });

  it("adds nothing when it is called again", async () => {
    const { chain, height } = await onDevchain();
    await chain.fund(address);
    const before = await height();
    await chain.fund(address);
    expect(await height()).toBe(before);
    expect(await chain.utxos(address)).toHaveLength(1);
  });

  it.each([0, 1, 99])("finishes what was interrupted %i blocks after the reward", async (blocks) => {
    const { chain, generate, height } = await onDevchain();
    const before = await height();
    await generate(1, address);
    if (blocks > 0) await generate(blocks, newWallet("regtest").address);
    await chain.fund(address);
    expect((await height()) - before).toBe(101);
    expect(await chain.utxos(address)).toHaveLength(1);
  });

  it("fails when the coin is not where it was mined to", async () => {
    const { chain } = await onScript({ scantxoutset: [found()], generatetoaddress: [{ result: [a] }] });
    await expect(chain.fund(address)).rejects.toThrow("the piñata's coin is not in it");
  });
});

describe("coins", () => {
  it("are none at an address where nothing was", async () => {
    expect(await (await onDevchain()).chain.utxos(address)).toEqual([]);
  });

  it("do not count when their spend waits in the mempool", async () => {
    const coins = [
      { txid: a, vout: 1, amount: 0.00000001, height: 3 },
      { txid: b, vout: 0, amount: 20_999_999.9769, height: 4 },
    ];
    const { chain } = await onScript({
      scantxoutset: [found(...coins)],
      gettxspendingprevout: [
        {
          result: [
            { txid: a, vout: 1, spendingtxid: b },
            { txid: b, vout: 0 },
          ],
        },
      ],
    });
    expect(await chain.utxos(address)).toEqual([{ txid: b, vout: 0, value: 2_099_999_997_690_000 }]);
  });

  it("are looked for again while the node scans for somebody else", async () => {
    const busy = { error: { code: -8, message: 'Scan already in progress, use action "abort" or "status"' } };
    const { chain, calls } = await onScript({ scantxoutset: [busy, busy, found()] });
    expect(await chain.utxos(address)).toEqual([]);
    expect(calls).toHaveLength(3);
  });

  it("are not looked for again when the node refuses for another reason", async () => {
    const { chain, calls } = await onScript({
      scantxoutset: [{ error: { code: -8, message: "Scan range too large" } }],
    });
    await expect(chain.utxos(address)).rejects.toThrow(RpcError);
    expect(calls).toHaveLength(1);
  });

  it("are not said to be none when the scan was given up", async () => {
    const { chain } = await onScript({ scantxoutset: [{ result: { success: false, height: 1, unspents: [] } }] });
    await expect(chain.utxos(address)).rejects.toThrow("gave up scanning");
  });
});

describe("a broadcast", () => {
  it("gives the transaction's id", async () => {
    const { chain } = await onScript({ sendrawtransaction: [{ result: a }] });
    expect(await chain.broadcast("00")).toBe(a);
  });

  it("that is refused says why", async () => {
    const { chain } = await onDevchain();
    const error: unknown = await chain.broadcast("00").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).message).toMatch(/^bitcoind refused sendrawtransaction: TX decode failed/);
  });
});
