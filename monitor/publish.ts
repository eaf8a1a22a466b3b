/** From what the monitor knows to what it publishes (schema.ts). Peer addresses leave shortened, here and nowhere else. */
import type { Coin } from "./coins/coin.ts";
import type { Pinata } from "./pinata.ts";
import { showOutpoint } from "./proofs/transaction.ts";
import type { Attempt, Coin as PublicCoin, Status } from "./schema.ts";
import type { AttemptRecord } from "./trace/attempts.ts";
import type { TraceTotals } from "./trace/follow.ts";
import { funnelOf, lastDayOf } from "./trace/funnel.ts";
import { isFunded, isHanging, sum } from "./verdict.ts";
import type { Snapshot } from "./watch.ts";

export function publicStatus(pinata: Pinata, watch: Snapshot, trace: TraceTotals, now: number): Status {
  const { verdict, sentence, since, checked, coins, tip, sources } = watch;
  return {
    verdict,
    sentence,
    network: pinata.network,
    address: pinata.address,
    descriptor: pinata.descriptor,
    refundHeight: pinata.output.refundHeight,
    hanging: sum(coins.filter(isHanging)),
    funded: sum(coins.filter(isFunded)),
    coins: publicCoins(coins),
    tip,
    sources,
    checked,
    since,
    attempts: {
      total: trace.counts.total ?? 0,
      last24h: lastDayOf(trace.counts, now),
      opened: trace.counts.opened ?? 0,
      funnel: funnelOf(trace.counts),
      ...(trace.counts["sampled-out"] ? { sampledOut: trace.counts["sampled-out"] } : {}),
    },
    pinata: trace.pinata,
    now,
  };
}

/** Most valuable first; a coin that is awaited again (its funding was reorged away and vanished) is not shown. */
export function publicCoins(coins: readonly Coin[]): PublicCoin[] {
  return coins
    .filter(({ position }) => position.state !== "awaited")
    .map(publicCoin)
    .sort((a, b) => b.value - a.value || (a.outpoint < b.outpoint ? -1 : 1));
}

export function publicCoin({ outpoint, value, position, candidates }: Coin): PublicCoin {
  const { state, funding, spend, confirmations } = position;
  const candidate = candidates.find(({ txid }) => txid === spend?.txid);
  const { txid, kind, proof, firstSeen } = candidate ?? {};
  return {
    outpoint: showOutpoint(outpoint),
    value,
    state: state === "awaited" ? "funding-unconfirmed" : state,
    ...(funding ? { funding } : {}),
    ...(txid && kind && proof !== undefined && firstSeen !== undefined
      ? { spend: { txid, kind, proof, firstSeen, ...(spend?.block ? { block: spend.block } : {}) } }
      : {}),
    confirmations,
  };
}

export function publicAttempt({ attempt }: Pick<AttemptRecord, "attempt">): Attempt {
  return { ...attempt, peer: shortenAddress(attempt.peer) };
}

/** The attempt's trace events; the peer's address is shortened there too, its port and the token left out. */
export function publicEvents({ events }: AttemptRecord): Record<string, unknown>[] {
  return events.map((event) => {
    if (event.event === "hello") {
      const { token: _, ...rest } = event;
      return rest;
    }
    if (event.event !== "accepted" && event.event !== "refused") return event;
    const { peer, ...rest } = event;
    return { ...rest, peer: shortenAddress(peer.address) };
  });
}

/** 203.0.113.77 → 203.0.x.x; 2001:db8:85a3::1 → 2001:db8:x; anything else is hidden whole. */
export function shortenAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  const four = /^(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(mapped);
  if (four) return `${four[1]}.x.x`;
  if (!/^[0-9a-f:]+(%\w+)?$/i.test(mapped) || !mapped.includes(":")) return "x";
  const [before = "", after] = mapped.split("%")[0]!.split("::");
  const groups = before === "" ? [] : before.split(":");
  // Zeros that "::" stands for are known to be zero only if they come within the first two groups.
  if (after !== undefined) while (groups.length < 2) groups.push("0");
  return `${groups.slice(0, 2).join(":").toLowerCase()}:x`;
}
