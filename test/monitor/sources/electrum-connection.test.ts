/** The Electrum source's connections: who is on the other side, what breaks them, and how they come back. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { makeCertificate } from "../../../infra/devchain/electrum/certificate.ts";
import { lies, type Wire } from "../../../infra/devchain/electrum/faults.ts";
import { NETWORKS } from "../../../monitor/proofs/header.ts";
import { ElectrumSource } from "../../../monitor/sources/electrum/electrum-source.ts";
import { FIRST_PAUSE, LONGEST_PAUSE } from "../../../monitor/sources/electrum/link.ts";
import { QUIET } from "../../../monitor/sources/electrum/session.ts";
import { ElectrumBench, TARGET } from "../support/electrum.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { temporaryFolder } from "../support/rig.ts";
import { ScriptedServer } from "../support/scripted-server.ts";
import { waitFor } from "../support/wait.ts";

let stop: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

async function bench(...options: Parameters<typeof ElectrumBench.start>): Promise<ElectrumBench> {
  const started = await ElectrumBench.start(...options);
  stop.push(() => started.stop());
  return started;
}

describe("TLS", () => {
  test("with the right pin; with a wrong one nothing is sent", async () => {
    const certificate = await makeCertificate(new Date());
    const server = await bench({ tls: certificate });
    const url = server.url.replace("tcp:", "tls:");
    const pinned = server.source({ url: `${url}#sha256:${certificate.fingerprint}` });
    expect(await pinned.tip()).toMatchObject({ height: 101 });
    expect(pinned.name).toBe(`electrum 127.0.0.1:${server.server.port}`);
    server.asked = [];
    const other = await makeCertificate(new Date());
    const wrong = server.source({ url: `${url}#sha256:${other.fingerprint}` });
    await expect(wrong.tip()).rejects.toMatchObject({
      message: `shows another certificate than the pinned one: sha256:${certificate.fingerprint}`,
      lost: true,
    });
    expect(server.asked).toEqual([]);
  });

  test("without a pin a certificate that nobody vouches for is refused, and how to pin it is said", async () => {
    const certificate = await makeCertificate(new Date());
    const server = await bench({ tls: certificate });
    const url = server.url.replace("tcp:", "tls:");
    await expect(server.source({ url }).tip()).rejects.toThrow(
      `does not trust (DEPTH_ZERO_SELF_SIGNED_CERT); if its fingerprint is what the operator says, pin it: ${url}#sha256:${certificate.fingerprint}`,
    );
    expect(server.asked).toEqual([]);
  });

  test("without a pin the system's roots decide, and the name must fit", async () => {
    const certificate = await makeCertificate(new Date());
    const server = await bench({ tls: certificate });
    const folder = temporaryFolder();
    stop.push(() => folder.remove());
    const roots = join(folder.path, "roots.pem");
    writeFileSync(roots, certificate.cert);
    const module = (path: string) => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);
    const script = `
      import { ElectrumSource } from ${module("monitor/sources/electrum/electrum-source.ts")};
      import { NETWORKS } from ${module("monitor/proofs/header.ts")};
      for (const host of ["localhost", "127.0.0.1"]) {
        const source = new ElectrumSource({ url: "tls://" + host + ":${server.server.port}", rules: NETWORKS.regtest });
        console.log(await source.tip().then(({ height }) => height, ({ message }) => message));
        source.close();
      }`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", script],
      { env: { ...process.env, NODE_EXTRA_CA_CERTS: roots }, cwd: fileURLToPath(new URL("../../..", import.meta.url)) },
    );
    const [named, byAddress] = stdout.trim().split("\n");
    expect(named).toBe("101");
    expect(byAddress).toMatch(/does not trust \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  test("spoken to a server without TLS, and the other way round", async () => {
    const plain = await bench();
    await expect(plain.source({ url: plain.url.replace("tcp:", "tls:") }).tip()).rejects.toMatchObject({ lost: true });
    const server = await bench({ tls: await makeCertificate(new Date()) });
    await expect(server.source().tip()).rejects.toMatchObject({
      message: expect.stringMatching(/^hung up/),
      lost: true,
    });
  });
});

describe("who is on the other side", () => {
  test("another network is refused, with its genesis block's hash, also during the pause that follows", async () => {
    const server = await bench();
    server.faults.lies.set("server.features", lies.otherNetwork);
    const source = server.source();
    const message = `is on another network: its genesis block is ${"00".repeat(32)}, not regtest's`;
    await expect(source.tip()).rejects.toThrow(message);
    await expect(source.fundings(TARGET)).rejects.toThrow(message);
    expect(new Set(server.asked)).toEqual(new Set(["server.version", "server.features"]));
  });

  test.each(["1.4", "1.4.2", "1.4.5"])("protocol %s is spoken", async (version) => {
    const server = await bench();
    server.faults.lies.set("server.version", () => ["some server", version]);
    expect(await server.source().tip()).toMatchObject({ height: 101 });
  });

  test.each(["1.3", "1.4.6", "1.5", "1.10", "2", "", "1.4\n", "latest", "1.4.2.1.1"])(
    "protocol %j is not",
    async (version) => {
      const server = await bench();
      server.faults.lies.set("server.version", () => ["some server", version]);
      await expect(server.source().tip()).rejects.toThrow(
        `speaks Electrum protocol "${version.trim()}${version.endsWith("\n") ? " " : ""}", not 1.4 to 1.4.5`,
      );
    },
  );

  test("a server that refuses the version says why", async () => {
    const { connections, port } = await scripted();
    const source = sourceAt(port);
    await expect(source.tip()).rejects.toMatchObject({
      message: 'answers "unsupported protocol version: 1.4 to 1.4.5"',
      lost: true,
    });
    expect(connections()).toBe(1);
  });
});

describe("what breaks a connection", () => {
  test.each<[Wire, RegExp]>([
    ["never", /^did not answer server\.version within 300 ms$/],
    ["garbage", /^sent something that is not JSON$/],
    ["endless", /^sent a line longer than \d+ bytes$/],
    ["half", /^hung up in the middle of a line$/],
  ])("messages that leave as %j", async (wire, message) => {
    const server = await bench();
    server.faults.wire = wire;
    const source = server.source({ timeout: wire === "never" ? 300 : 20_000 });
    await expect(source.tip()).rejects.toMatchObject({ message: expect.stringMatching(message), lost: true });
    await expect(source.transaction("00".repeat(32))).rejects.toThrow(message);
  });

  test("messages that leave twice or late change nothing; the second ones are counted", async () => {
    const server = await bench();
    const coin = server.fund();
    server.faults.wire = "twice";
    server.faults.delay = 5;
    const source = server.source();
    await source.tip();
    expect(await source.fundings(TARGET)).toMatchObject([{ txid: coin.txid }]);
    expect(await source.spender(coin)).toBeUndefined();
    expect(source.strays).toBeGreaterThan(5);
  });

  test("nobody there, and a port that hangs up at once", async () => {
    const server = await bench();
    server.faults.connections = "closed";
    await expect(server.source().tip()).rejects.toMatchObject({ message: "hung up", lost: true });
    const port = await freePort();
    await expect(sourceAt(port).tip()).rejects.toMatchObject({ message: "refuses connections", lost: true });
  });

  test("after its end nothing is asked", async () => {
    const server = await bench();
    const source = server.source();
    await source.tip();
    source.close();
    await expect(source.tip()).rejects.toMatchObject({ lost: true });
    await waitFor("the server to notice", () => server.server.clients === 0);
    const early = server.source();
    const asking = early.tip();
    early.close();
    await expect(asking).rejects.toMatchObject({ lost: true });
    await waitFor("the server to notice", () => server.server.clients === 0);
  });
});

describe("coming back", () => {
  test("after longer and longer pauses with jitter, in which nobody is bothered", async () => {
    const clock = new FakeClock();
    const { connections, port } = await scripted();
    const source = sourceAt(port, clock);
    let pause = FIRST_PAUSE;
    await expect(source.tip()).rejects.toThrow("unsupported");
    for (let failures = 1; failures < 12; failures++) {
      expect(connections()).toBe(failures);
      await expect(source.tip()).rejects.toThrow("unsupported");
      await clock.advance(pause * 0.75 - 1);
      expect(connections()).toBe(failures);
      await clock.advance(1);
      await waitFor("the next attempt", () => connections() === failures + 1);
      await expect(source.tip()).rejects.toThrow("unsupported");
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
    expect(pause).toBe(LONGEST_PAUSE);
  });

  test("a session that held for long begins with short pauses again; each new one is news and asks all anew", async () => {
    const clock = new FakeClock();
    const server = await bench();
    const source = server.source({ clock, random: () => 0.5 });
    let news = 0;
    source.onNews(() => news++);
    const coin = server.fund();
    for (let i = 0; i < 3; i++) {
      await source.tip();
      expect(await source.fundings(TARGET)).toMatchObject([{ txid: coin.txid }]);
      await clock.advance(31_000);
      server.asked = [];
      server.server.hangUp();
      await waitFor("the loss to be noticed", async () => (await problemOf(source)) === "hung up");
      expect(news).toBe(i);
      await clock.advance(FIRST_PAUSE * 0.75);
      await waitFor("the new session", () => news === i + 1);
      await source.tip();
      await source.fundings(TARGET);
      expect(server.asked.slice(0, 5)).toEqual([
        "server.version",
        "server.features",
        "blockchain.headers.subscribe",
        "blockchain.headers.subscribe",
        "blockchain.scripthash.subscribe",
      ]);
      expect(server.asked).toContain("blockchain.scripthash.get_history");
    }
  });

  test("what happened meanwhile is seen", async () => {
    const clock = new FakeClock();
    const server = await bench();
    const source = server.source({ clock });
    const coin = server.fund();
    server.node.mine(1);
    await source.tip();
    expect(await source.spender(coin)).toBeUndefined();
    server.server.hangUp();
    await waitFor("the loss to be noticed", async () => (await problemOf(source)) === "hung up");
    server.node.invalidate(server.node.chain.tip.hash);
    const spend = server.take(coin);
    server.node.mine(3);
    await clock.advance(FIRST_PAUSE);
    await waitFor("the new session", async () => (await problemOf(source)) === undefined);
    const { height } = await source.tip();
    expect(height).toBe(server.node.chain.height);
    const holder = server.node.chain.find(spend)!.block!;
    expect(await source.spender(coin)).toEqual({ txid: spend, block: { height: holder.height, hash: holder.hash } });
  });

  test("a quiet session is kept alive with pings, and a dead one is found by them", async () => {
    const clock = new FakeClock();
    const server = await bench();
    const source = server.source({ clock, timeout: 5_000 });
    await source.tip();
    server.asked = [];
    await clock.advance(QUIET);
    await waitFor("a ping", () => server.asked.length === 1);
    expect(server.asked).toEqual(["server.ping"]);
    server.faults.wire = "never";
    await waitFor("the next ping", async () => {
      await clock.advance(QUIET / 4);
      return server.asked.length >= 2;
    });
    await waitFor("the loss to be noticed", async () => {
      await clock.advance(1_000);
      return server.server.clients === 0;
    });
  });
});

/** undefined when it answers. */
function problemOf(source: ElectrumSource): Promise<string | undefined> {
  return source.tip().then(
    () => undefined,
    ({ message }: Error) => message,
  );
}

/** A server that refuses every version. */
async function scripted() {
  const server = await ScriptedServer.start(({ id }) => [
    JSON.stringify({ id, error: { code: 1, message: "unsupported protocol version: 1.4 to 1.4.5" } }),
  ]);
  stop.push(() => server.stop());
  return { connections: () => server.connections, port: server.port };
}

function sourceAt(port: number, clock?: FakeClock): ElectrumSource {
  const url = `tcp://127.0.0.1:${port}`;
  const source = new ElectrumSource({
    url,
    rules: NETWORKS.regtest,
    timeout: 20_000,
    random: () => 0.5,
    ...(clock ? { clock } : {}),
  });
  stop.push(() => source.close());
  return source;
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = await ScriptedServer.start(() => []);
  const { port } = server;
  await server.stop();
  return port;
}
