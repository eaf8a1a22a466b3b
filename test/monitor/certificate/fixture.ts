/** Spends of the test bounty in blocks of a fake chain, as the parts of a certificate. */
import type { Transaction } from "bitcoinjs-lib";
import { type Certificate, certificate } from "../../../monitor/certificate/certificate.ts";
import { type CertificateParts, makeCertificate, type ProvenBlock } from "../../../monitor/certificate/make.ts";
import { type Header, NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { breach, ELSEWHERE, fundBounty, funding, outpointOf, PINATA, parsed, prevoutsOf } from "../support/bounty.ts";
import { branchOf, type FakeBlock, FakeChain } from "../support/fake-chain.ts";

export const chain = new FakeChain();
export const coin = fundBounty(2_000_000n);
/** Somebody else's, swept along. */
export const other = funding({ script: ELSEWHERE, value: 5_000n });
export const theft = breach({ from: [{ transaction: coin }, { transaction: other }] });
chain.mine(2);
export const fundingBlock = chain.mine(1, [fundBounty(), coin]);
chain.mine(12);
export const spendBlock = chain.mine(1, [
  funding({ script: ELSEWHERE, value: 1n }),
  theft,
  funding({ script: ELSEWHERE, value: 2n }),
]);
chain.mine(4);

export function headerAt(height: number): Header | undefined {
  const block = chain.best[height];
  return block && parseHeader(block.header, NETWORKS.regtest);
}

export function proven(block: FakeBlock, transaction: Transaction): ProvenBlock {
  const txids = chain.txids(block);
  const branch = (position: number) => {
    const { merkle, pos } = branchOf(txids, position);
    return { form: "branch", siblings: merkle, position: pos } as const;
  };
  return {
    height: block.height,
    header: parseHeader(block.header, NETWORKS.regtest),
    proof: branch(txids.indexOf(transaction.getId())),
    coinbase: { raw: block.transactions[0]!.toBuffer(), proof: branch(0) },
  };
}

/** Of a spend of {@link coin} alone, or with others swept along. */
export function partsOf(spend: Transaction, more: Partial<CertificateParts> = {}): CertificateParts {
  return {
    pinata: PINATA,
    spend: parsed(spend),
    coins: [{ outpoint: outpointOf(coin), funding: parsed(coin), block: proven(fundingBlock, coin) }],
    prevouts: prevoutsOf(other),
    headerAt,
    ...more,
  };
}

export const CONFIRMED = partsOf(theft, { block: proven(spendBlock, theft) });

/** The certificate of these parts, as a reader gets it. */
export function made(parts: CertificateParts): Certificate {
  return certificate.parse(JSON.parse(makeCertificate(parts)));
}
