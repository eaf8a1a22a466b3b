/** `pinata smash` where something is wrong: it says what, and nothing is lost. The happy end is in test/e2e/story.test.ts. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newWallet } from "../../../infra/bitcoin/wallet.ts";
import { EsploraChain } from "../../../infra/cli/chain/esplora.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { readPublicFile } from "../../../infra/mint/public.ts";
import { freePort } from "../../support/ports.ts";
import { type Practice, startPractice } from "../../support/practice.ts";
import { run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-smash-"));
const HANGS = 1_000_000_000;
let practice: Practice;
let devchain: Devchain;
let address: string;
let count = 0;
beforeAll(async () => {
  practice = await startPractice();
  devchain = await runDevchain({ dir: join(folder, "chain"), port: 0, blockSeconds: 0, log: () => {} });
  ({ address } = readPublicFile(join(practice.files.dir, "public.json")));
  await new EsploraChain(devchain.url).fund(address, HANGS);
});
afterAll(async () => {
  await practice.stop();
  await devchain.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A player's folder: the practice files, and nothing that says where the piñata is. */
function player(): string {
  const dir = join(folder, `player-${++count}`);
  mkdirSync(dir);
  cpSync(practice.files.dir, join(dir, "practice"), { recursive: true });
  return dir;
}
const pinata = (...args: string[]) =>
  run(process.execPath, [join(ROOT, "bin/pinata.mjs"), ...args], { cwd: folder, input: "" });
const smash = (dir: string, ...args: string[]) =>
  pinata(
    ...["smash", "--dir", dir, "--host", "127.0.0.1", "--port", String(practice.board.ports.server)],
    ...["--chain", devchain.url, ...args],
  );
const mode = (file: string) => statSync(file).mode & 0o777;
const candy = (dir: string) => join(dir, "candy.txt");
const winner = (dir: string) => join(dir, "winner.json");

describe("a command line that is wrong", () => {
  it.each([
    [["--to", "nonsense"], "--to: nonsense is not an address of regtest"],
    [["--to", newWallet("mainnet").address], "is not an address of regtest"],
    [["--to", ""], "It is empty"],
    [["--chain", "localhost:3000"], "It takes a URL that starts with http:// or https://"],
    [["--fee-rate", "10001"], "a whole number from 1 to 10000"],
  ])("%j is refused before the piñata is touched", async (args, message) => {
    const dir = player();
    const seen = practice.trace.length;
    const { code, stdout, stderr } = await smash(dir, ...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(practice.trace).toHaveLength(seen);
    expect(existsSync(candy(dir))).toBe(false);
    expect(existsSync(winner(dir))).toBe(false);
  });

  it.each([
    [[], /^pinata: no piñata runs in .*: start one \(pinata start\), or say --host\n$/],
    [["--host", "127.0.0.1"], /^pinata: no chain is known: say --chain URL \(an Esplora API\)\n$/],
  ])("%j, without a piñata that runs here, says what is missing", async (args, message) => {
    const { code, stderr } = await pinata("smash", "--dir", player(), ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it("of a folder whose piñata is gone says so", async () => {
    const dir = player();
    const doors = { server: 1, dialback: 2, client: 3, dialTo: 4 };
    const chain = { kind: "esplora", url: devchain.url };
    const pid = Number((await run(process.execPath, ["-p", "process.pid"])).stdout);
    writeFileSync(
      join(dir, "run.json"),
      JSON.stringify({ pid, board: "node", image: "00", host: "localhost", doors, web: "", monitor: "", chain }),
    );
    const { code, stderr } = await pinata("smash", "--dir", dir);
    expect(code).toBe(1);
    expect(stderr).toContain(`no piñata runs in ${dir}`);
  });
});

describe("no candy", () => {
  it("where nobody listens", async () => {
    const dir = player();
    const port = String(await freePort());
    const { code, stderr } = await smash(dir, "--port", port);
    expect(code).toBe(1);
    expect(stderr).toBe(`pinata: no candy from 127.0.0.1:${port}: ECONNREFUSED\n`);
    expect(existsSync(candy(dir))).toBe(false);
  });

  it("from another piñata: its certificate is not of this authority", async () => {
    const dir = player();
    rmSync(join(dir, "practice"), { recursive: true });
    expect((await pinata("mint", "--practice", "--dir", join(dir, "practice"))).code).toBe(0);
    const { code, stderr } = await smash(dir);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pinata: no candy from 127\.0\.0\.1:\d+: [A-Z_]*(CERT|SIGNATURE)[A-Z_]*\n$/);
    expect(existsSync(candy(dir))).toBe(false);
  });

  it("without the player's key", async () => {
    const dir = player();
    rmSync(join(dir, "practice/player.key"));
    const { code, stderr } = await smash(dir);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^pinata: cannot read the player's files: .*player\.key'\n$/);
  });
});

describe("the candy", () => {
  it("is kept when the chain is gone, for its owner alone", async () => {
    const dir = player();
    writeFileSync(candy(dir), "an older one, open to all");
    chmodSync(candy(dir), 0o644);
    const chain = `http://127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await smash(dir, "--chain", chain);
    expect(code).toBe(1);
    expect(stdout).toContain(candy(dir));
    expect(stderr).toMatch(new RegExp(`^pinata: cannot reach the chain at ${chain}/address/.*ECONNREFUSED\n$`));
    expect(readFileSync(candy(dir), "utf8")).toContain(address);
    expect(mode(candy(dir))).toBe(0o600);
  });

  it("is kept when there is no chain but something else", async () => {
    const dir = player();
    const { code, stderr } = await smash(dir, "--chain", `${devchain.url}/nowhere`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pinata: the chain refused \/address\//);
    expect(existsSync(candy(dir))).toBe(true);
  });

  it("makes a sweep that is not sent, with --dry-run; the winner's key is kept and used again", async () => {
    const dir = player();
    const first = await smash(dir, "--dry-run", "--json");
    expect(first.code).toBe(0);
    const made = JSON.parse(first.stdout) as { to: string; amount: number; fee: number; broadcast: boolean };
    expect(made.broadcast).toBe(false);
    expect(made.amount + made.fee).toBe(HANGS);
    expect(mode(winner(dir))).toBe(0o600);
    const kept = readFileSync(winner(dir), "utf8");
    expect(JSON.parse(kept)).toMatchObject({ address: made.to, network: "regtest" });
    const second = await smash(dir, "--dry-run", "--json", "--fee-rate", "10000");
    expect(JSON.parse(second.stdout)).toMatchObject({ to: made.to, fee: made.fee * 5_000 });
    expect(readFileSync(winner(dir), "utf8")).toBe(kept);
    expect(await new EsploraChain(devchain.url).utxos(address)).toHaveLength(1);
  });

  it.each(["", "{", "{}", '{"address":"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"}'])(
    "is not swept to a winner.json that holds %j, which is left alone",
    async (text) => {
      const dir = player();
      writeFileSync(winner(dir), text);
      const { code, stderr } = await smash(dir);
      expect(code).toBe(2);
      expect(stderr).toBe(
        `pinata: ${winner(dir)} is damaged, and may still hold a key: move it away, or say --to ADDRESS\n`,
      );
      expect(readFileSync(winner(dir), "utf8")).toBe(text);
      expect(existsSync(candy(dir))).toBe(true);
    },
  );

  it("is not swept back to the piñata", async () => {
    const { code, stderr } = await smash(player(), "--to", address);
    expect(code).toBe(1);
    expect(stderr).toBe("pinata: that is the piñata's own address: its key is known by now\n");
  });
});

describe("in the end", () => {
  it("the coins move once; after that there are none, and the script knows", async () => {
    const dir = player();
    const to = newWallet("regtest").address;
    const { code, stdout } = await smash(dir, "--to", to, "--json");
    expect(code).toBe(0);
    const { txid, amount } = JSON.parse(stdout) as { txid: string; amount: number };
    expect(existsSync(winner(dir))).toBe(false);
    devchain.node.mine(1);
    const again = await smash(dir, "--json");
    expect(again.code).toBe(1);
    expect(again.stdout).toBe("");
    expect(again.stderr).toBe(
      "pinata: no coins hang at the piñata's address: it was smashed before, or never filled\n",
    );
    expect(await new EsploraChain(devchain.url).utxos(to)).toMatchObject([{ txid, value: amount }]);
  });
});
