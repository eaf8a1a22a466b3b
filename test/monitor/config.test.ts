/** Settings: where they come from, and how each mistake is said. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkConfig, readConfig } from "../../monitor/config.ts";
import { readPinata, toPinata } from "../../monitor/pinata.ts";
import { toHex } from "../../monitor/proofs/bytes.ts";
import { key, PUBLIC } from "./support/bounty.ts";
import { temporaryFolder } from "./support/rig.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const GOOD = ["--public", "p.json", "--store", "s.sqlite", "--source", "esplora:http://a"];

describe("sources of settings", () => {
  test("flags, with defaults for the rest; --source may be repeated", () => {
    expect(readConfig([...GOOD, "--source", "core:/btc", "--port", "0", "--poll-seconds", "0.5"], {})).toEqual({
      public: "p.json",
      store: "s.sqlite",
      sources: ["esplora:http://a", "core:/btc"],
      port: 0,
      host: "127.0.0.1",
      pollSeconds: 0.5,
      attemptsPerSecond: 50,
      attemptDays: 90,
      attemptRows: 100_000,
      blindSeconds: 30,
      probeSeconds: 300,
    });
  });

  test("flags win over the environment, which wins over the file", () => {
    const file = join(folder.path, "config.json");
    writeFileSync(
      file,
      JSON.stringify({ public: "file", store: "file", port: 1, sources: ["core:/btc"], blindSeconds: 5 }),
    );
    const environment = {
      PINATA_MONITOR_CONFIG: file,
      PINATA_MONITOR_STORE: "env",
      PINATA_MONITOR_PORT: "2",
      PINATA_MONITOR_SOURCE: "esplora:http://x  core:http://y",
    };
    expect(readConfig(["--port", "3"], environment)).toMatchObject({
      public: "file",
      store: "env",
      port: 3,
      blindSeconds: 5,
      sources: ["esplora:http://x", "core:http://y"],
    });
  });
});

describe("the admin token's file", () => {
  const file = join(folder.path, "alerts.json");
  const channels = { a: { type: "ntfy", topic: "t" } };

  test("is enough of alerts by itself, as a flag or in the environment", () => {
    expect(readConfig([...GOOD, "--admin-token-file", "t"], {}).alerts).toMatchObject({
      adminTokenFile: "t",
      channels: {},
    });
    const environment = { PINATA_MONITOR_ADMIN_TOKEN_FILE: "e" };
    expect(readConfig(GOOD, environment).alerts).toMatchObject({ adminTokenFile: "e" });
  });

  test("goes into the file's alerts, and wins there", () => {
    writeFileSync(file, JSON.stringify({ alerts: { channels, remindSeconds: 60, adminTokenFile: "file" } }));
    const alerts = (...args: string[]) => readConfig([...GOOD, "--config", file, ...args], {}).alerts;
    expect(alerts()).toMatchObject({ adminTokenFile: "file", remindSeconds: 60 });
    expect(alerts("--admin-token-file", "flag")).toMatchObject({
      adminTokenFile: "flag",
      remindSeconds: 60,
      channels: { a: { topic: "t" } },
    });
  });

  test.each([["text"], [[]], [1]])("does not hide that alerts are wrong: %j", (alerts) => {
    writeFileSync(file, JSON.stringify({ alerts }));
    expect(() => readConfig([...GOOD, "--config", file, "--admin-token-file", "flag"], {})).toThrow(/^alerts: /);
  });
});

describe("mistakes are one line that names the key, what was expected and what was found", () => {
  test.each([
    [["--port", "70000"], /^port: .*65535.*; found "70000"$/],
    [["--port", "x"], /^port: .*number.*; found "x"$/],
    [["--source", "esplora:ftp://x"], /^sources\.1: esplora:https:\/\/host\/api.*; found "esplora:ftp:\/\/x"$/],
    [["--source", "http://x"], /^sources\.1: esplora:…, core:… or electrum:…; found "http:\/\/x"$/],
    [["--source", "core:ftp://me:secret@x"], /^sources\.1: core:.*; found "core:ftp:\/\/\(not shown\)@x"$/],
    [["--source", "core:/btc#colour=red"], /^sources\.1: core:http.*; found "core:\/btc#colour=red"$/],
    [["--poll-seconds", "0"], /^pollSeconds: .*0\.05.*; found "0"$/],
    [["--colour"], /--colour/],
    [["stray"], /stray/],
    [["--config", "/nowhere.json"], /^\/nowhere\.json: cannot be read as JSON: /],
  ])("%j", (args, message) => {
    expect(() => readConfig([...GOOD, ...args], {})).toThrow(message);
    expect(() => readConfig([...GOOD, ...args], {})).not.toThrow(/\n/);
  });

  test("what is missing", () => {
    expect(() => readConfig(GOOD.slice(2), {})).toThrow(/^public: .*; found nothing$/);
    expect(() => readConfig(GOOD.slice(0, 4), {})).toThrow("sources: ");
    expect(() => checkConfig({ public: "p", store: "s", sources: ["esplora:http://a"], ports: 1 })).toThrow(
      /^ports: .*nrecognized/,
    );
    const list = join(folder.path, "list.json");
    writeFileSync(list, "[]");
    expect(() => readConfig([...GOOD, "--config", list], {})).toThrow(`${list}: expected a JSON object`);
  });
});

describe("public.json", () => {
  const file = join(folder.path, "public.json");
  const read = (value: unknown) => {
    writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
    return () => readPinata(file);
  };

  test("is read; keys in 33 bytes are the same, other keys are allowed", () => {
    expect(read({ ...PUBLIC, trustAnchor: "x" })().address).toBe(PUBLIC.address);
    const compressed = {
      ...PUBLIC,
      internalKey: `02${PUBLIC.internalKey}`,
      refund: { ...PUBLIC.refund, publicKey: `03${PUBLIC.refund.publicKey}` },
    };
    expect(toPinata(compressed)).toEqual(toPinata(PUBLIC));
  });

  test("facts that do not belong together are refused", () => {
    const other = toHex(key("other").point);
    expect(read({ ...PUBLIC, internalKey: other })).toThrow(`${file}: scriptPubKey does not follow`);
    expect(read({ ...PUBLIC, refund: { ...PUBLIC.refund, height: 501 } })).toThrow("does not follow");
    expect(read({ ...PUBLIC, refund: { ...PUBLIC.refund, publicKey: other } })).toThrow("does not follow");
    expect(read({ ...PUBLIC, scriptPubKey: `5120${other}` })).toThrow("does not follow");
    expect(read({ ...PUBLIC, network: "mainnet" })).toThrow("address does not belong");
    expect(read({ ...PUBLIC, address: PUBLIC.address.replace("bcrt1p", "bcrt1q") })).toThrow("address does not belong");
  });

  test("mistakes name the file and the key", () => {
    expect(read({ ...PUBLIC, network: "litecoin" })).toThrow(`${file}: network: one of main, test`);
    expect(read({ ...PUBLIC, refund: { publicKey: PUBLIC.refund.publicKey } })).toThrow(`${file}: refund.height: `);
    expect(read({ ...PUBLIC, internalKey: "zz" })).toThrow(`${file}: internalKey: a public key`);
    expect(read("{")).toThrow(`${file}: cannot read the piñata's public facts`);
    expect(() => readPinata(join(folder.path, "none.json"))).toThrow("none.json: cannot read");
  });
});
