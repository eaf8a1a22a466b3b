/** What has changed of chain and mempool between two looks: blocks that came, transactions that entered or left without one. */
import type { Chain, StoredBlock } from "./chain.ts";
import { txJson } from "./esplora-json.ts";
import type { MempoolEntry } from "./mempool.ts";
import { outpointOf } from "./transaction.ts";

export interface Moved {
  json: ReturnType<typeof txJson>;
  /** Script hashes of its inputs and outputs. */
  touches: ReadonlySet<string>;
  /** Who spends one of its coins instead. */
  replacedBy?: string;
}

export interface Change {
  /** On the best chain, oldest first. */
  blocks: StoredBlock[];
  /** Blocks were left. */
  reorganised: boolean;
  entered: Moved[];
  left: Moved[];
}

export class Changes {
  readonly #chain: Chain;
  #tip: StoredBlock;
  #waiting = new Map<string, { entry: MempoolEntry; json: Moved["json"] }>();

  constructor(chain: Chain) {
    this.#chain = chain;
    this.#tip = chain.tip;
    this.take();
  }

  /** Since the last time. */
  take(): Change {
    const { tip, mempool } = this.#chain;
    const blocks: StoredBlock[] = [];
    const fork = this.#fork();
    for (let at = tip; at !== fork; at = at.previous!) blocks.unshift(at);
    const reorganised = fork !== this.#tip;
    this.#tip = tip;
    const before = this.#waiting;
    this.#waiting = new Map();
    const entered: Moved[] = [];
    for (const entry of mempool.entries()) {
      const { txid } = entry.tx;
      const known = before.get(txid);
      const json = known?.json ?? txJson(this.#chain, { tx: entry.tx });
      this.#waiting.set(txid, { entry, json });
      if (!known) entered.push({ json, touches: entry.touches });
    }
    const left = [...before.values()]
      .filter(({ entry }) => !this.#chain.find(entry.tx.txid))
      .map(({ entry, json }) => this.#gone(entry, json));
    return { blocks, reorganised, entered, left };
  }

  #gone({ tx, touches }: MempoolEntry, json: Moved["json"]): Moved {
    const rival = tx.parsed.ins.map((input) => this.#chain.spender(outpointOf(input))).find((spend) => spend);
    return { json, touches, ...(rival ? { replacedBy: rival.txid } : {}) };
  }

  /** The highest block of the old branch that is on the best chain still. */
  #fork(): StoredBlock {
    let at = this.#tip;
    while (!this.#chain.isActive(at)) at = at.previous!;
    return at;
  }
}
