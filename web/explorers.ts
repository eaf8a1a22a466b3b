/**
 * Block explorers: where a visitor may look a transaction up. They are links and nothing more, followed only on a click;
 * the page's own claims do not rest on them.
 */
export interface Explorer {
  name: string;
  /** `{txid}` stands for the transaction. */
  transaction: string;
}

/** At most so many are linked. */
const MOST_EXPLORERS = 3;

const BY_NETWORK: Readonly<Record<string, readonly Explorer[]>> = {
  mainnet: [
    { name: "mempool.space", transaction: "https://mempool.space/tx/{txid}" },
    { name: "blockstream.info", transaction: "https://blockstream.info/tx/{txid}" },
    { name: "blockchair.com", transaction: "https://blockchair.com/bitcoin/transaction/{txid}" },
  ],
  testnet4: [{ name: "mempool.space", transaction: "https://mempool.space/testnet4/tx/{txid}" }],
  signet: [{ name: "mempool.space", transaction: "https://mempool.space/signet/tx/{txid}" }],
};

/** The operator's choice, or the usual ones of the network; none where the chain is nobody else's. */
export function explorersOf(network: string, chosen: readonly Explorer[] | undefined): readonly Explorer[] {
  const usual = BY_NETWORK[/^(bitcoin|main)$/.test(network) ? "mainnet" : network] ?? [];
  return (chosen ?? usual).slice(0, MOST_EXPLORERS);
}

/** `https://host/…{txid}…`, as the operator gives it. Throws one clear line. */
export function readExplorer(text: string): Explorer {
  const sample = text.replace("{txid}", "0".repeat(64));
  const url = URL.canParse(sample) ? new URL(sample) : undefined;
  if (url?.protocol !== "https:" || url.username !== "" || !text.includes("{txid}")) {
    throw new Error(
      `--explorer ${text} is not an https URL with {txid} in it, such as https://mempool.space/tx/{txid}`,
    );
  }
  return { name: url.host, transaction: text };
}

export function transactionUrl({ transaction }: Explorer, txid: string): string {
  return transaction.replace("{txid}", txid);
}
