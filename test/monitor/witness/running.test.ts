/** The witness of a running monitor: its key and chain outlive a restart, and a key that cannot be trusted ends the start. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import { certificate } from "../../../monitor/certificate/certificate.ts";
import { checkCertificate } from "../../../monitor/certificate/check.ts";
import { type RunningMonitor, runMonitor } from "../../../monitor/main.ts";
import { status } from "../../../monitor/schema.ts";
import { checkStatements } from "../../../monitor/witness/chain.ts";
import { WitnessKeyError } from "../../../monitor/witness/key.ts";
import { statementPage, witnessKey } from "../../../monitor/witness/routes.ts";
import type { SignedStatement } from "../../../monitor/witness/statement.ts";
import { breach, fundBounty, PUBLIC } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeEsplora } from "../support/fake-esplora.ts";
import { temporaryFolder } from "../support/rig.ts";
import { waitFor } from "../support/wait.ts";

const coin = fundBounty(10_000_000n);
let folder: ReturnType<typeof temporaryFolder>;
let chain: FakeChain;
let esplora: FakeEsplora;
let monitor: RunningMonitor | undefined;

beforeEach(async () => {
  folder = temporaryFolder();
  chain = new FakeChain();
  chain.mine(3, [coin]);
  esplora = await new FakeEsplora(chain).start();
  writeFileSync(join(folder.path, "public.json"), JSON.stringify(PUBLIC));
});
afterEach(async () => {
  await monitor?.stop();
  monitor = undefined;
  await esplora.stop();
  folder.remove();
});

const start = () =>
  runMonitor(
    {
      public: join(folder.path, "public.json"),
      store: join(folder.path, "store.sqlite"),
      sources: [`esplora:${esplora.url}`],
      port: 0,
      pollSeconds: 0.05,
    },
    { log: { info: () => {}, problem: () => {}, recovered: () => {} } },
  );

async function get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(await (await fetch(`${monitor!.url}${path}`)).json());
}

async function until(verdict: string): Promise<[SignedStatement, ...SignedStatement[]]> {
  return waitFor(`a statement that says ${verdict}`, async () => {
    const { statements } = await get("/v1/statements?limit=100", statementPage);
    return statements.at(-1)?.statement.verdict === verdict && (statements as [SignedStatement]);
  });
}

test("a chain over a breach and a restart, by one key that the status names", async () => {
  monitor = await start();
  await until("sealed");
  const { key } = await get("/v1/witness-key", witnessKey);
  const theft = breach({ from: [{ transaction: coin }] });
  chain.mine(1, [theft]);
  const before = await until("smashed");
  checkCertificate(await get(`/v1/breach/${theft.getId()}`, certificate));
  await monitor.stop();
  monitor = await start();
  const after = await waitFor("a statement of the new start", async () => {
    const { statements } = await get("/v1/statements?limit=100", statementPage);
    return statements.length > before.length && (statements as typeof before);
  });
  expect(after.slice(0, before.length)).toEqual(before);
  checkStatements(after, { keys: [key] });
  expect((await get("/v1/status", status)).witness).toEqual({ key, latest: after.length });
});

test("a key file that others may read ends the start with a line that names it", async () => {
  monitor = await start();
  await monitor.stop();
  monitor = undefined;
  chmodSync(join(folder.path, "store.sqlite.witness.pem"), 0o644);
  const error = await start().catch((each: unknown) => each);
  expect(error).toBeInstanceOf(WitnessKeyError);
  expect(String(error)).toContain("store.sqlite.witness.pem: the witness key may be read or changed by others");
});
