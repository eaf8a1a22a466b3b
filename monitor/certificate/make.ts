/**
 * Makes a spend certificate out of what the monitor proved: before the spend is in a block, and again, grown, when it is.
 * Pure. What comes out was checked as any reader will check it; what would not check out throws instead.
 */
import type { Pinata } from "../pinata.ts";
import { equalBytes, ProofError, toHex } from "../proofs/bytes.ts";
import { PERIOD } from "../proofs/difficulty.ts";
import { type Header, NETWORKS, type NetworkRules } from "../proofs/header.ts";
import { type Branch, type CoinbaseProof, type MerkleProof, readPartialTree } from "../proofs/merkle.ts";
import type { Prevouts } from "../proofs/prevouts.ts";
import { prevoutsNeeded, proveSpend } from "../proofs/taproot-spend.ts";
import { type Outpoint, type ParsedTransaction, parseTransaction, showOutpoint } from "../proofs/transaction.ts";
import { canonical } from "../witness/canonical-json.ts";
import {
  type Certificate,
  certificate as certificateSchema,
  type Inclusion,
  MAX_CERTIFICATE,
  MAX_COINS,
} from "./certificate.ts";
import { checkCertificate } from "./check.ts";

/** That a transaction is in a block of the best chain. */
export interface ProvenBlock {
  height: number;
  header: Header;
  proof: MerkleProof;
  coinbase?: CoinbaseProof;
}

export interface CertificateParts {
  pinata: Pinata;
  spend: ParsedTransaction;
  /** Coins of the piñata that it spends, with the transactions that made them. */
  coins: readonly { outpoint: Outpoint; funding: ParsedTransaction; block?: ProvenBlock }[];
  /** By "txid:vout"; at least those that the signatures commit to. The coins' own may be left out. */
  prevouts: Prevouts;
  /** Absent while the spend is in no block. */
  block?: ProvenBlock;
  /** Headers of the best chain by height, as many as are known; needed with `block`. */
  headerAt?: (height: number) => Header | undefined;
}

/** Headers on top of the spend's block: as many as make it final. */
const ON_TOP = 6;
/** Of the JSON; the rest of {@link MAX_CERTIFICATE} is for headers, previous outputs and proofs. */
const MAX_FUNDINGS = MAX_CERTIFICATE / 4;

/** The certificate as canonical JSON. Throws {@link ProofError} when the parts do not prove a breach or a refund. */
export function makeCertificate(parts: CertificateParts): string {
  const { pinata, spend, block } = parts;
  const { rules, output } = pinata;
  const coins = coinsOf(parts);
  const made: Certificate = {
    type: "pinata-certificate",
    version: 1,
    kind: coins.some(({ kind }) => kind === "breach") ? "breach" : "refund",
    network: rules.name as Certificate["network"],
    signetChallenge: challengeOf(rules),
    pinata: {
      address: pinata.address.toLowerCase(),
      scriptPubKey: toHex(output.script),
      internalKey: pinata.internalKey,
      refund: { publicKey: toHex(output.refundKey), height: output.refundHeight },
    },
    coins,
    spend: {
      txid: spend.txid,
      transaction: toHex(spend.parsed.toBuffer()),
      prevouts: othersOf(parts, coins),
      block: block ? inclusionOf(spend, block) : null,
    },
    headers: block ? headersOf(block, parts.headerAt) : null,
  };
  const fits = certificateSchema.safeParse(made);
  if (!fits.success) {
    const [issue] = fits.error.issues;
    throw new ProofError(`a spend that does not fit into a certificate (${issue?.path.join(".")}: ${issue?.message})`);
  }
  checkCertificate(made);
  const text = canonical(made);
  if (text.length > MAX_CERTIFICATE) throw new ProofError("a spend that is too large for a certificate");
  return text;
}

function challengeOf({ challenge }: NetworkRules): string | null {
  const isDefault = challenge === undefined || equalBytes(challenge, NETWORKS.signet.challenge!);
  return isDefault ? null : toHex(challenge);
}

/** Most valuable first; large transactions of worthless coins, which anybody can add, are left out. */
function coinsOf({ pinata, spend, coins, prevouts }: CertificateParts): Certificate["coins"] {
  const known = new Map(prevouts);
  for (const { outpoint, funding } of coins) {
    const paid = funding.parsed.outs[outpoint.vout];
    if (paid) known.set(showOutpoint(outpoint), { script: paid.script, value: paid.value });
  }
  let room = MAX_FUNDINGS;
  return [...coins]
    .map((coin) => ({ ...coin, value: Number(known.get(showOutpoint(coin.outpoint))?.value ?? 0n) }))
    .sort((a, b) => b.value - a.value)
    .slice(0, MAX_COINS)
    .filter(({ funding }, index) => {
      room -= 2 * funding.parsed.byteLength();
      return index === 0 || room >= 0;
    })
    .map(({ outpoint, funding, value, block }) => {
      const { kind } = proveSpend(spend, outpoint, pinata.output, known);
      if (kind === "unknown") throw new ProofError(`a spend of ${showOutpoint(outpoint)} by a script not published`);
      const transaction = toHex(funding.parsed.toBuffer());
      return {
        outpoint: showOutpoint(outpoint),
        value,
        kind,
        transaction,
        block: block ? inclusionOf(funding, block) : null,
      };
    });
}

function othersOf({ spend, coins, prevouts }: CertificateParts, shown: Certificate["coins"]) {
  const own = new Set(shown.map(({ outpoint }) => outpoint));
  const needed = new Set<string>();
  for (const { outpoint } of coins) {
    if (!own.has(showOutpoint(outpoint))) continue;
    for (const each of prevoutsNeeded(spend, outpoint)) needed.add(showOutpoint(each));
  }
  const fundings = new Map(coins.map(({ outpoint, funding }) => [showOutpoint(outpoint), { outpoint, funding }]));
  return [...needed]
    .filter((outpoint) => !own.has(outpoint))
    .map((outpoint) => {
      const coin = fundings.get(outpoint);
      const paid = prevouts.get(outpoint) ?? coin?.funding.parsed.outs[coin.outpoint.vout];
      if (!paid) throw new ProofError(`the previous output ${outpoint} is not known`);
      return { outpoint, value: Number(paid.value), script: toHex(paid.script) };
    });
}

function inclusionOf(transaction: ParsedTransaction, { height, header, proof, coinbase }: ProvenBlock): Inclusion {
  const { position, siblings } = branchOf(transaction, proof);
  return {
    height,
    header: toHex(header.raw),
    merkle: { position, siblings: [...siblings] },
    coinbase: coinbase
      ? {
          transaction: toHex(coinbase.raw),
          siblings: [...branchOf(parseTransaction(coinbase.raw), coinbase.proof).siblings],
        }
      : null,
  };
}

/** Both forms of merkle proof as the simpler one. */
function branchOf({ txid }: ParsedTransaction, proof: MerkleProof): Branch {
  if (proof.form === "branch") return proof;
  const match = readPartialTree(proof.raw).matches.find((each) => each.txid === txid);
  if (!match) throw new ProofError("a merkle proof for another transaction");
  return match;
}

/** From the start of the block's difficulty period, or the lowest that is known, to some on top of it. */
function headersOf({ height, header }: ProvenBlock, headerAt: CertificateParts["headerAt"]): Certificate["headers"] {
  const headers = [header];
  let from = height;
  for (let below = headerAt?.(from - 1); from % PERIOD !== 0 && below; below = headerAt?.(from - 1)) {
    headers.unshift(below);
    from--;
  }
  for (let top = height + 1; top <= height + ON_TOP; top++) {
    const above = headerAt?.(top);
    if (!above) break;
    headers.push(above);
  }
  return { height: from, raw: headers.map(({ raw }) => toHex(raw)) };
}
