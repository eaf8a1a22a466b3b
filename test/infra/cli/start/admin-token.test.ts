/** The maintainers' token: whose it is, that it is made once and for its owner alone, and that the screen names the file only. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { adminToken } from "../../../../infra/cli/start/admin-token.ts";
import { readyScreen } from "../../../../infra/cli/start/screen.ts";
import { type Running, stateDir } from "../../../../infra/cli/start/state-dir.ts";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import type { PublicFile } from "../../../../infra/mint/public.ts";
import { readAdminToken } from "../../../../monitor/alerts/secrets.ts";
import { alertSettings } from "../../../../monitor/alerts/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-admin-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fresh = () => stateDir(mkdtempSync(join(folder, "dir-")));

describe("without a token of the user's own", () => {
  it("one is made that the monitor takes, for its owner alone", () => {
    const dir = fresh();
    const made = adminToken(dir, {});
    expect(made).toEqual({ file: join(dir.path, "admin-token"), flags: ["--admin-token-file", dir.adminToken] });
    expect(statSync(made.file).mode & 0o777).toBe(0o600);
    expect(readFileSync(made.file, "utf8")).toMatch(/^[\w-]{43}\n$/);
    expect(readAdminToken(alertSettings.parse({ adminTokenFile: made.file }))).toHaveLength(43);
    expect(readdirSync(dir.path)).toEqual(["admin-token"]);
  });

  it("it is kept, and another piñata has another", () => {
    const dir = fresh();
    const first = readFileSync(adminToken(dir, {}).file, "utf8");
    expect(readFileSync(adminToken(dir, {}).file, "utf8")).toBe(first);
    expect(readFileSync(adminToken(fresh(), {}).file, "utf8")).not.toBe(first);
  });

  it("what a crash left half-made is made anew, not widened", () => {
    const dir = fresh();
    const draft = `${dir.adminToken}.draft`;
    writeFileSync(draft, "abc");
    chmodSync(draft, 0o666);
    const { file } = adminToken(dir, {});
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toHaveLength(44);
  });

  it("a folder that cannot be written is one line", () => {
    const dir = stateDir(join(folder, "nowhere"));
    expect(() => adminToken(dir, {})).toThrow(/^cannot write .*admin-token: ENOENT/);
  });
});

describe("with settings of the user's own", () => {
  const config = (name: string, content: string) => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };

  it("their token's file is named, and none is made", () => {
    const file = config("own.json", JSON.stringify({ alerts: { adminTokenFile: "/etc/pinata/admin-token" } }));
    const dir = fresh();
    expect(adminToken(dir, { PINATA_MONITOR_CONFIG: file })).toEqual({ file: "/etc/pinata/admin-token", flags: [] });
    expect(adminToken(dir, { PINATA_MONITOR_ADMIN_TOKEN_FILE: "own-token" })).toEqual({
      file: join(ROOT, "own-token"),
      flags: [],
    });
    expect(readdirSync(dir.path)).toEqual([]);
  });

  it.each([
    ["channels only", JSON.stringify({ alerts: { channels: {} } })],
    ["no alerts", "{}"],
    ["no JSON", "{"],
    ["an empty name", JSON.stringify({ alerts: { adminTokenFile: "" } })],
  ])("that name none (%s) one is made beside them", (name, content) => {
    const dir = fresh();
    const file = config(`${name}.json`, content);
    expect(adminToken(dir, { PINATA_MONITOR_CONFIG: file }).flags).toEqual(["--admin-token-file", dir.adminToken]);
    expect(adminToken(dir, { PINATA_MONITOR_CONFIG: join(folder, "not-there") }).file).toBe(dir.adminToken);
  });
});

describe("the screen", () => {
  const dir = fresh();
  const state: Running = {
    ...{ pid: 1, board: "node", image: "0".repeat(64), host: "localhost" },
    doors: { server: 1, dialback: 2, client: 3, dialTo: 4 },
    ...{ web: "http://localhost:8080", monitor: "http://127.0.0.1:8081" },
    chain: { kind: "esplora", url: "http://127.0.0.1:8082" },
  };
  const piñata = { address: "bcrt1p", network: "regtest" } as PublicFile;

  it("says in one line where the maintainers' page is and in which file the token lies", () => {
    const { file } = adminToken(dir, {});
    const screen = readyScreen(state, piñata, dir, { url: "http://localhost:8080/maintain", tokenFile: file });
    const line = `    maintain   http://localhost:8080/maintain   the token is in ${relative(process.cwd(), file)}\n`;
    expect(screen).toContain(`    page       http://localhost:8080\n${line}    doors`);
    expect(screen).not.toContain(readFileSync(file, "utf8").trim());
  });

  it("says nothing of it when there is no such page", () => {
    expect(readyScreen(state, piñata, dir, undefined)).not.toMatch(/maintain|token/);
  });
});
