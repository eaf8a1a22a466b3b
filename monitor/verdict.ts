/**
 * One word and one sentence for the whole piñata, from what is proven. Pure.
 *
 * Order of the rules: a proven breach comes first and stays (in a block that enough operators show: smashed; else:
 * moving, also when its transaction has vanished, because the key is out). Then blindness hides everything else. Then
 * what hangs there now.
 */
import type { Coin } from "./coins/coin.ts";
import type { SpendKind } from "./proofs/taproot-spend.ts";
import { requiredOperators } from "./proofs/trust.ts";
import type { Verdict } from "./schema.ts";

export interface Circumstances {
  coins: readonly Pick<Coin, "value" | "keyOut" | "position">[];
  network: string;
  /** Too few sources are healthy: since when, in whole seconds; null while enough are. */
  blindSeconds: number | null;
  /** The coins were checked at least once, by this process or an earlier one. */
  everChecked: boolean;
  /** Independent operators that are asked. */
  operators: number;
}

export interface Judgement {
  verdict: Verdict;
  sentence: string;
}

export function judge({ coins, network, blindSeconds, everChecked, operators }: Circumstances): Judgement {
  const money = (of: typeof coins): string => amount(sum(of), network);
  const required = requiredOperators("confirmed", operators);
  const inBlock = (kind: SpendKind) => {
    return coins.filter(
      ({ position: { spend } }) => spend?.kind === kind && spend.block && spend.by.length >= required,
    );
  };
  const broken = inBlock("breach");
  const keyOut = coins.filter((coin) => coin.keyOut);
  const doubted = coins.filter(({ position: { spend } }) => {
    return spend !== null && spend.kind !== "breach" && spend.block !== null && spend.by.length < required;
  });
  const hanging = [...coins.filter(isHanging), ...doubted];
  const who = requiredOperators("unspent", operators) > 1 ? "fewer than two independent sources have" : "no source has";
  const blindness =
    blindSeconds === null
      ? ""
      : ` ${upper(who)} answered usefully for ${duration(blindSeconds)}, so this may have changed.`;
  if (broken.length > 0) {
    const rest = hanging.length > 0 ? ` ${money(hanging)} still hang here, and the key is out.` : "";
    return {
      verdict: "smashed",
      sentence: `Smashed: ${money(broken)} left with a valid signature of the piñata's own key.${rest}${blindness}`,
    };
  }
  if (keyOut.length > 0) return { verdict: "moving", sentence: moving(keyOut, money) + blindness };
  if (blindSeconds !== null || !everChecked) {
    const sentence =
      blindSeconds === null
        ? "Just started: the coins have not been checked yet."
        : `Blind: ${who} answered usefully for ${duration(blindSeconds)}, so nothing can be said about the coins.`;
    return { verdict: "blind", sentence };
  }
  const odd = inBlock("unknown");
  if (odd.length > 0) {
    return {
      verdict: "smashed",
      sentence: `Gone: ${money(odd)} left by a script that was never published, neither by the piñata's key nor as a refund.`,
    };
  }
  if (hanging.length > 0) {
    const leaving = hanging.filter(({ position }) => position.spend && !position.spend.block);
    const note = leaving.length > 0 ? ` The sponsor is taking back ${money(leaving)}; that is not in a block yet.` : "";
    const doubt = doubted.length > 0 ? ` One operator alone shows a block in which ${money(doubted)} have left.` : "";
    const sentence = `Sealed: ${money(hanging)} hang here and nobody has taken them.${note}${doubt}`;
    return { verdict: "sealed", sentence };
  }
  const refunded = inBlock("refund");
  if (refunded.length > 0) {
    return {
      verdict: "refunded",
      sentence: `Over: the sponsor took back ${money(refunded)} by the published refund path.`,
    };
  }
  const coming = coins.filter(({ position }) => position.state === "funding-unconfirmed");
  return {
    verdict: "awaited",
    sentence:
      coming.length > 0
        ? `Almost: ${money(coming)} are on their way here, but not in a block yet.`
        : "Empty: no coins have been put in yet.",
  };
}

/** In a block, and not spent in a block: there to be taken. */
export function isHanging({ position: { state, funding } }: Pick<Coin, "position">): boolean {
  return state === "funded" || (state === "spent-unconfirmed" && funding !== null);
}

/** Was ever really put in: its funding is in a block, or it was spent by a proof that nobody can make up. */
export function isFunded({ position: { funding, spend } }: Pick<Coin, "position">): boolean {
  return funding !== null || spend !== null;
}

export function sum(coins: readonly Pick<Coin, "value">[]): number {
  return coins.reduce((total, { value }) => total + value, 0);
}

function moving(coins: Circumstances["coins"], money: (of: Circumstances["coins"]) => string): string {
  const pending = coins.filter(({ position: { spend } }) => spend?.kind === "breach");
  if (pending.length === 0) {
    return "The key is out: a valid signature of the piñata's own key was seen, though another transaction took the coins.";
  }
  if (pending.every(({ position: { spend } }) => spend!.block)) {
    return `Moving: ${money(pending)} left with a valid signature of the piñata's own key, in a block that one operator alone shows so far.`;
  }
  return pending.every(({ position }) => position.dormant)
    ? `The key is out: a valid signature to move ${money(pending)} was seen; its transaction has vanished for now.`
    : `Moving: ${money(pending)} are leaving with a valid signature of the piñata's own key, not in a block yet.`;
}

/** "0.10000000 BTC"; test networks say that theirs is play money. */
export function amount(satoshi: number, network: string): string {
  const unit = /^main(net)?$/.test(network) ? "BTC" : `BTC of ${network}`;
  return `${Math.floor(satoshi / 1e8)}.${String(satoshi % 1e8).padStart(8, "0")} ${unit}`;
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function duration(seconds: number): string {
  const [count, unit] =
    seconds < 120
      ? [seconds, "second"]
      : seconds < 7200
        ? [Math.floor(seconds / 60), "minute"]
        : [Math.floor(seconds / 3600), "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
