/**
 * `pinata smash`: the winner's journey on a practice piñata, step by step: the player's certificate opens the server door, the
 * candy comes through it, the sweep is signed with the key inside and broadcast. Nothing is lost when a step fails: the
 * candy is kept in DIR/candy.txt (0600) as soon as it is there, and the key that receives the coins is written before they move.
 */
import { closeSync, existsSync, fchmodSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { z } from "zod";
import { CandyError, parseCandy } from "../bitcoin/candy.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import { buildSweep, type Sweep, SweepError } from "../bitcoin/sweep.ts";
import { newWallet } from "../bitcoin/wallet.ts";
import { type PublicFile, readPublicFile } from "../mint/public.ts";
import type { Chain } from "./chain/chain.ts";
import { chainAt } from "./chain/place.ts";
import { CommandError, UsageError } from "./errors.ts";
import { readRunning, type StateDir, stateDir } from "./start/state-dir.ts";

interface SmashOptions {
  dir: string;
  host?: string;
  port?: number;
  chain?: string;
  to?: string;
  feeRate: number;
  dryRun?: boolean;
  json?: boolean;
}

const winner = z.object({ address: z.string() });
const PATIENCE_MILLIS = 15_000;
const MOST_CANDY = 8_192;

export async function smash(options: SmashOptions): Promise<void> {
  const dir = stateDir(options.dir);
  const piñata = readPublicFile(join(dir.practice, "public.json"));
  requireAddress(options.to, piñata);
  const running = readRunning(dir);
  const host = options.host ?? running?.host;
  const place = options.chain === undefined ? running?.chain : { kind: "esplora" as const, url: options.chain };
  if (host === undefined)
    throw new CommandError(`no piñata runs in ${dir.path}: start one (pinata start), or say --host`);
  if (place === undefined) throw new CommandError("no chain is known: say --chain URL (an Esplora API)");
  const step = (line: string) => {
    if (!options.json) process.stdout.write(`  ${line}\n`);
  };

  const port = options.port ?? running?.doors.server ?? 10000;
  const chain = chainAt(place);
  const { text, suite } = await takeCandy(host, port, dir);
  step(`✓ shook hands with ${host}:${port} (TLS 1.3, ${suite}), showing the player's certificate`);
  writeSecret(join(dir.path, "candy.txt"), text);
  const sweep = await makeSweep(text, piñata, chain, dir, options, step);
  if (options.dryRun) {
    if (options.json) process.stdout.write(`${JSON.stringify({ ...sweep, broadcast: false })}\n`);
    else process.stdout.write(`\n  not sent (--dry-run):\n${sweep.hex}\n`);
    return;
  }
  const txid = await chain.broadcast(sweep.hex);
  step(`✓ broadcast: ${txid}`);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...sweep, txid, broadcast: true })}\n`);
  else
    process.stdout.write(
      `\n  Smashed. ${btc(sweep.amount)} BTC went to ${sweep.to}.${running ? ` Watch ${running.web}` : ""}\n`,
    );
}

async function makeSweep(
  text: string,
  piñata: PublicFile,
  chain: Chain,
  dir: StateDir,
  options: SmashOptions,
  step: (line: string) => void,
): Promise<Sweep & { to: string }> {
  try {
    const candy = parseCandy(text);
    if (candy.address !== piñata.address)
      throw new CommandError(`the candy is for ${candy.address}, not for this piñata's address`);
    step(`✓ the candy is here: the private key of ${candy.address} (kept in ${join(dir.path, "candy.txt")})`);
    const utxos = await chain.utxos(candy.address);
    if (utxos.length === 0)
      throw new CommandError("no coins hang at the piñata's address: it was smashed before, or never filled");
    const toAddress = options.to ?? winnersAddress(dir, piñata);
    const sweep = buildSweep({ candy, utxos, toAddress, feeRate: options.feeRate });
    step(
      `✓ swept ${utxos.length} coin${utxos.length === 1 ? "" : "s"} to ${toAddress}: ${sweep.vsize} vbytes, fee ${sweep.fee} sat`,
    );
    return { ...sweep, to: toAddress };
  } catch (error) {
    if (error instanceof CandyError || error instanceof SweepError) throw new CommandError(error.message);
    throw error;
  }
}

/** Found out before the piñata is touched, so that a slip of the pen costs nothing. */
function requireAddress(to: string | undefined, { network }: PublicFile): void {
  if (to === undefined || scriptOfAddress(to, network) !== undefined) return;
  throw new UsageError(`--to: ${to.slice(0, 100)} is not an address of ${network}`);
}

/** For the owner alone, also where the file was there before with other rights. */
function writeSecret(path: string, text: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}

/** The winner's own address: of the key in DIR/winner.json, which is made when it is not there. */
function winnersAddress(dir: StateDir, piñata: PublicFile): string {
  const file = join(dir.path, "winner.json");
  if (existsSync(file)) return readWinner(file, piñata);
  const wallet = newWallet(piñata.network);
  writeFileSync(file, `${JSON.stringify(wallet, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  return wallet.address;
}

function readWinner(file: string, { network }: PublicFile): string {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    found = undefined;
  }
  const parsed = winner.safeParse(found);
  if (parsed.success && scriptOfAddress(parsed.data.address, network) !== undefined) return parsed.data.address;
  throw new UsageError(`${file} is damaged, and may still hold a key: move it away, or say --to ADDRESS`);
}

/** Connects with the player's certificate and reads what the door sends to the end. */
function takeCandy(host: string, port: number, dir: StateDir): Promise<{ text: string; suite: string }> {
  const read = (name: string) => {
    try {
      return readFileSync(join(dir.practice, name));
    } catch (error) {
      throw new UsageError(`cannot read the player's files: ${(error as Error).message}`);
    }
  };
  const credentials = { ca: read("ca.pem"), cert: read("player.pem"), key: read("player.key") };
  return new Promise((resolve, reject) => {
    // The piñata's certificate is for localhost and pinata, wherever it hangs: the trust anchor is what identifies it.
    const options = { host, port, servername: "localhost", minVersion: "TLSv1.3" as const, ...credentials };
    const socket: TLSSocket = connect(options, () => {
      suite = socket.getCipher().standardName;
    });
    let suite = "";
    let text = "";
    const fail = (why: string) => {
      socket.destroy();
      reject(new CommandError(`no candy from ${host}:${port}: ${why}`));
    };
    socket.setTimeout(PATIENCE_MILLIS, () => fail("no answer"));
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.length > MOST_CANDY) fail("it sends more than a candy");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once("end", () => {
      socket.end();
      if (text === "") fail("it closed without a word");
      else resolve({ text, suite });
    });
  });
}

/** Satoshi as BTC, exact. */
function btc(sats: number): string {
  const whole = Math.floor(sats / 100_000_000);
  return `${whole}.${String(sats % 100_000_000).padStart(8, "0")}`;
}
