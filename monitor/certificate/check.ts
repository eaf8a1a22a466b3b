/**
 * Checks a spend certificate from its bytes alone: no network, no clock, no trust in who made it. Answers what is proven
 * and what is not, in sentences for a person; anything that does not fit throws a ProofError that says what.
 */
import { toPinata } from "../pinata.ts";
import { equalBytes, fromHex, type Hash, ProofError } from "../proofs/bytes.ts";
import { checkConfirmation } from "../proofs/confirmation.ts";
import { type Header, NETWORKS, type NetworkRules, parseHeader } from "../proofs/header.ts";
import { medianTimePast } from "../proofs/header-rules.ts";
import { customSignet } from "../proofs/networks.ts";
import { type Prevout, prevoutsNeeded, proveSpend, type WatchedOutput } from "../proofs/taproot-spend.ts";
import {
  type ParsedTransaction,
  parseExpected,
  parseTransaction,
  readOutpoint,
  showOutpoint,
} from "../proofs/transaction.ts";
import { amount } from "../verdict.ts";
import type { Certificate, Inclusion } from "./certificate.ts";
import { checkDifficultyIsCredible, checkHeaderRun, type HeaderRun, showWork } from "./header-run.ts";

/** What the reader knows from elsewhere. */
export interface CertificatePins {
  /** The piñata that it must be about. */
  pinata?: { output: Pick<WatchedOutput, "script">; network: string; address: string };
  /** The hash of a block that is on the chain, from a node that the reader trusts. */
  block?: Hash;
}

/** In sentences. */
export interface Finding {
  headline: string;
  proven: string[];
  notProven: string[];
}

/** Throws {@link ProofError} at the first thing that is wrong. */
export function checkCertificate(certificate: Certificate, pins: CertificatePins = {}): Finding {
  const { network, coins, spend } = certificate;
  const { output, address } = toWatched(certificate);
  const rules = rulesOf(certificate);
  const finding: Finding = { headline: "", proven: [], notProven: [] };
  const { proven, notProven } = finding;
  checkPin(output, address, rules, pins, finding);
  if (certificate.signetChallenge !== null) {
    notProven.push("That this is a signet that you know: its challenge is the certificate's own.");
  }

  const transaction = parseExpected(fromHex(spend.transaction), spend.txid);
  const prevouts = readPrevouts(certificate, transaction, output);
  const total = coins.reduce((sum, { value }) => sum + value, 0);
  for (const coin of coins) {
    const proof = proveSpend(transaction, readOutpoint(coin.outpoint)!, output, prevouts);
    if (proof.kind !== coin.kind) {
      throw new ProofError(`coin ${coin.outpoint} spent as ${proof.kind}, where the certificate says ${coin.kind}`);
    }
    const value = amount(coin.value, network);
    proven.push(`Coin ${coin.outpoint} of ${value} pays this address: its raw transaction hashes to that txid.`);
    proven.push(proof.proof);
  }
  const isBreach = coins.some(({ kind }) => kind === "breach");
  if (certificate.kind !== (isBreach ? "breach" : "refund")) {
    throw new ProofError(`a certificate of a ${certificate.kind}, whose coins say otherwise`);
  }
  if (isBreach) {
    proven.push(`BREACH: whoever made transaction ${spend.txid} could sign with the piñata's own key.`);
    notProven.push("How the key was used: a copy of it in other hands, if there is one, signs just the same.");
  } else {
    proven.push(`REFUND, not a breach: the sponsor took the coins back by the published script.`);
  }
  finding.headline = `${isBreach ? "breach" : "refund"} of ${amount(total, network)} at ${address} by ${spend.txid}`;
  checkBlocks(certificate, transaction, rules, pins, finding);
  return finding;
}

/** The piñata that the certificate's own facts make. */
function toWatched({ network, pinata }: Certificate): ReturnType<typeof toPinata> {
  const { internalKey, refund } = pinata;
  const descriptor = `tr(${internalKey},and_v(v:pk(${refund.publicKey}),after(${refund.height})))`;
  try {
    return toPinata({ ...pinata, network, descriptor });
  } catch (error) {
    throw new ProofError(`a piñata whose facts do not fit: ${error instanceof Error ? error.message : error}`);
  }
}

function rulesOf({ network, signetChallenge }: Certificate): NetworkRules {
  if (signetChallenge === null) return NETWORKS[network];
  if (network !== "signet") throw new ProofError(`a signet's challenge on ${network}, which is no signet`);
  return customSignet(fromHex(signetChallenge));
}

function checkPin(
  output: WatchedOutput,
  address: string,
  rules: NetworkRules,
  { pinata }: CertificatePins,
  { proven, notProven }: Finding,
): void {
  const { refundHeight } = output;
  proven.push(`Address ${address} is made of this key and this refund script, which opens at height ${refundHeight}.`);
  if (pinata === undefined) {
    notProven.push(`That this is the piñata you mean: compare the address, or give its public.json with --public.`);
    return;
  }
  if (pinata.network !== rules.name || !equalBytes(pinata.output.script, output.script)) {
    throw new ProofError(`another piñata, ${address} on ${rules.name}, than yours, ${pinata.address}`);
  }
  proven.push("It is the piñata of the public.json that you gave.");
}

/** What the spend's inputs spend: the coins from their raw transactions, the others as claimed; exactly those needed. */
function readPrevouts(
  { coins, spend }: Certificate,
  transaction: ParsedTransaction,
  output: WatchedOutput,
): Map<string, Prevout> {
  const prevouts = new Map<string, Prevout>();
  const needed = new Set<string>();
  for (const coin of coins) {
    if (prevouts.has(coin.outpoint)) throw new ProofError(`coin ${coin.outpoint} twice`);
    const { txid, vout } = readOutpoint(coin.outpoint) ?? { txid: "", vout: 0 };
    const paid = parseExpected(fromHex(coin.transaction), txid).parsed.outs[vout];
    if (!paid) throw new ProofError(`coin ${coin.outpoint}, which its transaction does not have`);
    if (!equalBytes(paid.script, output.script))
      throw new ProofError(`coin ${coin.outpoint}, which pays another script`);
    if (paid.value !== BigInt(coin.value)) {
      throw new ProofError(`coin ${coin.outpoint} of ${coin.value} satoshi, which is one of ${paid.value}`);
    }
    prevouts.set(coin.outpoint, { script: paid.script, value: paid.value });
    for (const each of prevoutsNeeded(transaction, { txid, vout })) needed.add(showOutpoint(each));
  }
  const others = [...needed].filter((outpoint) => !prevouts.has(outpoint));
  if (others.length !== spend.prevouts.length || others.some((each, i) => each !== spend.prevouts[i]!.outpoint)) {
    throw new ProofError("previous outputs that are not those which the signatures commit to, in the inputs' order");
  }
  for (const { outpoint, script, value } of spend.prevouts) {
    prevouts.set(outpoint, { script: fromHex(script), value: BigInt(value) });
  }
  return prevouts;
}

function checkBlocks(
  { coins, spend, headers }: Certificate,
  transaction: ParsedTransaction,
  rules: NetworkRules,
  { block }: CertificatePins,
  { proven, notProven }: Finding,
): void {
  if ((spend.block === null) !== (headers === null)) {
    throw new ProofError("a block of the spend without headers, or headers without one");
  }
  const run = headers ? checkHeaderRun(headers.height, headers.raw, rules, block) : undefined;
  for (const coin of coins) {
    if (coin.block === null) {
      notProven.push(`That coin ${coin.outpoint} ever was in a block: its transaction alone is shown.`);
      continue;
    }
    const header = checkInclusionIn(coin.block, parseTransaction(fromHex(coin.transaction)), rules, run);
    if (run?.at(coin.block.height)) {
      proven.push(`The transaction of coin ${coin.outpoint} is in block ${coin.block.height} (${header.hash}).`);
    } else {
      const { hash } = header;
      proven.push(`The transaction of coin ${coin.outpoint} is in a block ${hash}, which holds ${showWork([header])}.`);
      notProven.push(`That block ${hash} is on the chain, at height ${coin.block.height}: it is shown alone.`);
    }
  }
  if (!spend.block || !run) {
    if (block !== undefined) throw new ProofError("no headers, so that the block you know cannot be among them");
    notProven.push("That the spend is in a block: it may still be replaced. What its signature proves stays.");
    return;
  }
  const { height } = spend.block;
  if (!run.at(height)) throw new ProofError(`headers among which the spend's block ${height} is not`);
  const { hash } = checkInclusionIn(spend.block, transaction, rules, run);
  const above = run.top - height;
  proven.push(
    `Transaction ${spend.txid} is in block ${height} (${hash}): its merkle branch leads to the header's root.`,
  );
  sayWork(run, height, above, rules, { proven, notProven });
}

function sayWork(
  run: HeaderRun,
  height: number,
  above: number,
  rules: NetworkRules,
  { proven, notProven }: Pick<Finding, "proven" | "notProven">,
): void {
  const work = showWork(Array.from({ length: above + 1 }, (_, i) => run.at(height + i)!));
  const on = `Block ${height} and the ${above} on top of it hold ${work}, by the difficulty rule of ${rules.name}.`;
  if (run.anchor === null) {
    proven.push(on);
    notProven.push(
      `That block ${height} is on the chain: look its hash up, or give a block hash you know with --block.`,
    );
  } else {
    const link = run.anchor.height < height ? "descends from" : "is, or is an ancestor of,";
    proven.push(`${on} It ${link} ${run.anchor.name}, header by header.`);
  }
  if (run.anchor !== null && run.anchor.height >= height) return;
  notProven.push(`That no other chain has more work: only a node that sees the whole network can tell.`);
  if (rules.difficulty === "fixed") notProven.push("Anything by work: on regtest a block costs nothing.");
  else if (rules.challenge)
    notProven.push("Much by work: on a signet the block's signature counts, and that one is valid.");
  else if (rules.difficulty !== "period") notProven.push(`Much by work: on ${rules.name} late blocks are cheap.`);
}

function checkInclusionIn(
  { height, header: raw, merkle, coinbase }: Inclusion,
  transaction: ParsedTransaction,
  rules: NetworkRules,
  run: HeaderRun | undefined,
): Header {
  const header = parseHeader(fromHex(raw), rules);
  const expected = run?.at(height);
  if (expected && expected.hash !== header.hash) {
    throw new ProofError(`block ${header.hash} at height ${height}, where the headers have ${expected.hash}`);
  }
  if (!expected) checkDifficultyIsCredible(header, height, rules);
  const medianTime = run && medianTimePast(height, run.at);
  checkConfirmation(
    {
      transaction,
      proof: { form: "branch", ...merkle },
      header,
      height,
      ...(medianTime === undefined ? {} : { medianTime }),
      ...(coinbase
        ? {
            coinbase: {
              raw: fromHex(coinbase.transaction),
              proof: { form: "branch", position: 0, siblings: coinbase.siblings },
            },
          }
        : {}),
    },
    rules,
  );
  return header;
}
