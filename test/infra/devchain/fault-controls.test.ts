/** POST /dev/faults sets the faults of each face of a running development chain, `{}` ends them, and what makes no sense changes nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-faults-"));
let devchain: Devchain;

beforeAll(async () => {
  devchain = await runDevchain({ dir: join(root, "chain"), port: 0, electrumPort: 0, blockSeconds: 0, log: () => {} });
});
afterEach(() => set({}));
afterAll(async () => {
  await devchain.close();
  rmSync(root, { recursive: true });
});

async function set(faults: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${devchain.url}/dev/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(faults),
  });
  return { status: answer.status, text: await answer.text() };
}

const get = async (path: string) => {
  const answer = await fetch(devchain.url + path);
  return { status: answer.status, text: await answer.text(), after: answer.headers.get("retry-after") };
};

/** The first line that the Electrum server answers; undefined when it hangs up without one. */
function electrum(method: string, params: unknown[] = []): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(devchain.electrum!.port, "127.0.0.1");
    let text = "";
    socket.on("error", reject);
    socket.on("close", () => resolve(text.includes("\n") ? text.split("\n")[0] : undefined));
    socket.on("data", (data) => {
      text += data;
      if (text.includes("\n")) socket.destroy();
    });
    socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })}\n`);
  });
}

describe("POST /dev/faults", () => {
  it("Esplora: lies, omissions, a false tip, forgotten blocks, limits, web pages", async () => {
    const tip = (await get("/blocks/tip/hash")).text;
    const coinbase = JSON.parse((await get(`/block/${tip}/txids`)).text)[0] as string;
    const hex = (await get(`/tx/${coinbase}/hex`)).text;

    await set({ esplora: { lies: ["falseTransaction"] } });
    expect((await get(`/tx/${coinbase}/hex`)).text).toBe(`${hex.slice(0, -8)}01000000`);
    await set({ esplora: { omitted: [coinbase] } });
    expect((await get(`/tx/${coinbase}/hex`)).status).toBe(404);
    await set({ esplora: { tip: "weak" } });
    expect((await get("/blocks/tip/hash")).text).not.toBe(tip);
    await set({ esplora: { amnesia: 5 } });
    expect((await get("/blocks/tip/hash")).text).toBe(devchain.node.chain.blockAt(5)!.hash);
    await set({ esplora: { limit: { allowed: 1, retryAfter: "7" } } });
    expect((await get("/blocks/tip/hash")).status).toBe(200);
    expect(await get("/blocks/tip/hash")).toMatchObject({
      status: 429,
      after: "7",
      text: expect.stringContaining("Too Many"),
    });
    await set({ esplora: { delivery: "page", only: ["tip"] } });
    expect((await get("/blocks/tip/hash")).text).toContain("<html>");
    expect((await get(`/tx/${coinbase}/hex`)).text).toBe(hex);

    await set({});
    expect((await get("/blocks/tip/hash")).text).toBe(tip);
    expect((await get(`/tx/${coinbase}/hex`)).text).toBe(hex);
  });

  it("Esplora's push channel: connections that are refused", async () => {
    const opened = () =>
      new Promise<boolean>((resolve) => {
        const socket = new WebSocket(`${devchain.url.replace("http", "ws")}/api/v1/ws`);
        socket.on("open", () => {
          resolve(true);
          socket.close();
        });
        socket.on("error", () => resolve(false));
      });
    expect(await opened()).toBe(true);
    await set({ esplora: { push: { connections: "refused" } } });
    expect(await opened()).toBe(false);
    await set({});
    expect(await opened()).toBe(true);
  });

  it("Electrum: lies, half a message, closed doors", async () => {
    const features = await electrum("server.features");
    expect(features).toContain(devchain.node.chain.blockAt(0)!.hash);
    await set({ electrum: { lies: ["otherNetwork"] } });
    expect(await electrum("server.features")).toContain("00".repeat(32));
    await set({ electrum: { wire: "half" } });
    expect(await electrum("server.features")).toBeUndefined();
    await set({ electrum: { connections: "closed" } });
    expect(await electrum("server.features").catch(() => undefined)).toBeUndefined();
    await set({});
    expect(await electrum("server.features")).toBe(features);
  });

  it.each([
    [{ esplora: { lies: ["falsetransaction"] } }, /esplora\.lies\.0/],
    [{ esplora: { only: ["everything"] } }, /esplora\.only\.0/],
    [{ esplora: { limit: {} } }, /esplora\.limit\.allowed/],
    [{ esplora: { push: { voice: "loud" } } }, /esplora\.push\.voice/],
    [{ electrum: { lies: ["noSpends"] } }, /electrum\.lies\.0/],
    [{ electrum: { only: ["getblock"] } }, /electrum\.only\.0/],
    [{ electrum: { delay: -1 } }, /electrum\.delay/],
    [{ bitcoin: {} }, /bitcoin/],
  ])("%j is refused with its name, and nothing changes", async (faults, problem) => {
    await set({ esplora: { amnesia: 5 } });
    const answer = await set(faults);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(problem);
    expect((await get("/blocks/tip/hash")).text).toBe(devchain.node.chain.blockAt(5)!.hash);
  });
});
