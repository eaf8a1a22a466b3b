/**
 * Snapshots for the page's tests: one believable status for each verdict, and attempts. All checked by the schema.
 */
import {
  type Attempt,
  attempt as attemptSchema,
  type Coin,
  type Status,
  status as statusSchema,
  type Verdict,
} from "../../../monitor/schema.ts";
import type { Change, Feed, Snapshot } from "../../../web/feed.ts";
import type { Info } from "../../../web/info.ts";

/** 2026-03-01 12:00:00 UTC */
export const NOW = Date.UTC(2026, 2, 1, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;
export const TXID = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
export const SPEND = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16";
const BLOCK = { height: 204_113, hash: "00000000000000000001f1a2b3c4d5e6f70819203a4b5c6d7e8f901a2b3c4d5e" };

const SENTENCES: Record<Verdict, string> = {
  awaited: "No coins hang in the piñata yet.",
  sealed: "The piñata is whole: its coins have not moved.",
  moving: "The coins are moving: a spend by the key is proven and waits for its block.",
  smashed: "The piñata is smashed: its coins were moved by the key.",
  refunded: "The piñata is over: the sponsor took the coins back after the published height.",
  blind: "No source has answered for 5 minutes, so nothing is claimed.",
};

function coins(verdict: Verdict): Coin[] {
  if (verdict === "awaited") return [];
  const outpoint = `${TXID}:0`;
  const value = 10_00_000_000 + 12_345;
  const whole: Coin = { outpoint, value, state: "funded", funding: BLOCK, confirmations: 1_729 };
  if (verdict === "sealed" || verdict === "blind") return [whole];
  const kind = verdict === "refunded" ? "refund" : "breach";
  const proof =
    kind === "refund"
      ? "the refund leaf of the published descriptor, its height reached, its signature right"
      : "a key-path signature that verifies against the output key";
  const spend = { txid: SPEND, kind, proof, firstSeen: NOW - 3 * MINUTE } as const;
  if (verdict === "moving") return [{ ...whole, state: "spent-unconfirmed", confirmations: 0, spend }];
  return [
    { ...whole, state: "spent", confirmations: 2, spend: { ...spend, block: { ...BLOCK, height: BLOCK.height + 9 } } },
  ];
}

export function sampleStatus(verdict: Verdict, changes: Partial<Status> = {}): Status {
  const list = coins(verdict);
  const source = { kind: "esplora", lastAnswer: NOW - 4_000, tip: BLOCK } as const;
  return statusSchema.parse({
    verdict,
    sentence: SENTENCES[verdict],
    network: "regtest",
    address: "bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    descriptor:
      "tr(a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c,and_v(v:pk(79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798),after(400000)))#q7hc2zkd",
    refundHeight: 400_000,
    hanging: list.filter((coin) => coin.spend === undefined).reduce((sum, coin) => sum + coin.value, 0),
    funded: list.reduce((sum, coin) => sum + coin.value, 0),
    coins: list,
    tip: BLOCK,
    sources: [
      {
        ...source,
        name: "node in the cellar",
        healthy: verdict !== "blind",
        problem: verdict === "blind" ? "no answer for 5 minutes" : null,
      },
      { ...source, name: "esplora two", healthy: false, problem: "three blocks behind the others" },
    ],
    checked: NOW - 4_000,
    since: NOW - 12 * DAY,
    attempts: {
      total: 1_234,
      last24h: 57,
      opened: 2,
      funnel: [
        { name: "connected", count: 1_234 },
        { name: "record", count: 640 },
        { name: "hello", count: 411 },
        { name: "key exchange", count: 230 },
        { name: "certificate", count: 38 },
        { name: "authenticated", count: 2 },
        { name: "handshake complete", count: 2 },
        { name: "opened", count: 2 },
      ],
    },
    pinata: {
      boot: "5f3a09c1d2e4b687",
      board: "node",
      image: "9".repeat(64),
      started: NOW - 12 * DAY,
      running: true,
      doors: { server: 10_000, dialback: 10_001, client: 10_002 },
    },
    now: NOW,
    ...changes,
  });
}

export function sampleAttempt(n: number, changes: Partial<Attempt> = {}): Attempt {
  return attemptSchema.parse({
    id: `5f3a09c1d2e4b687-${n}`,
    door: (["server", "dialback", "client"] as const)[n % 3],
    peer: `203.0.x.x`,
    started: NOW - 90 * MINUTE + n * MINUTE,
    ended: NOW - 90 * MINUTE + n * MINUTE + 1_200,
    reached: { state: 3, name: "key exchange" },
    outcome: "refused",
    reason: "no certificate (RFC 8446 §4.4.2.4)",
    alert: { direction: "sent", name: "certificate_required", code: 116 },
    fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1",
    subject: null,
    bytesIn: 517,
    bytesOut: 1_402,
    ...changes,
  });
}

export const INFO: Info = {
  doorsHost: "pinata.example",
  trustAnchor: `-----BEGIN CERTIFICATE-----\n${"MIIBfTCCASOgAwIBAgIUZ3J1cG8gZGUgcGHDsGF0YXMwCgYIKoZIzj0EAwIwGDEW\n".repeat(7)}-----END CERTIFICATE-----\n`,
  practiceDir: "/home/player/.pinata/practice",
  dialPort: 40_001,
};

/** A feed that a test moves by hand. */
export class HandFeed implements Feed {
  state: Snapshot;
  readonly #listeners = new Set<(change: Change) => void>();
  /** What the monitor answers beside the snapshot, by path. */
  readonly answers = new Map<string, unknown>();
  /** The id of the next event. */
  nextId = 1_000;

  constructor(state: Partial<Snapshot> = {}) {
    this.state = {
      status: null,
      attempts: [],
      fresh: false,
      heard: null,
      began: NOW - MINUTE,
      problem: null,
      ...state,
    };
  }

  snapshot(): Snapshot {
    return this.state;
  }

  async attempt(id: string): Promise<Attempt | undefined> {
    return this.state.attempts.find((attempt) => attempt.id === id);
  }

  async ask<T>(path: string, schema: { parse(value: unknown): T }): Promise<T | undefined> {
    const answer = this.answers.get(path);
    if (answer instanceof Error) throw answer;
    return answer === undefined ? undefined : schema.parse(answer);
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#listeners.clear();
  }

  show(verdict: Verdict, changes: Partial<Status> = {}): void {
    this.set({ status: sampleStatus(verdict, changes), heard: NOW, fresh: true });
  }

  set(changes: Partial<Snapshot>): void {
    this.state = { ...this.state, ...changes };
    this.tell({ kind: "status", id: this.nextId++ });
  }

  hit(attempt: Attempt): void {
    const others = this.state.attempts.filter(({ id }) => id !== attempt.id);
    this.state = { ...this.state, attempts: [attempt, ...others] };
    this.tell({ kind: "attempt", attempt, id: this.nextId++ });
  }

  tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** A feed that has just heard `verdict`, with `attempts` attempts. */
export function feedWith(verdict: Verdict, attempts = 25): HandFeed {
  return new HandFeed({
    status: sampleStatus(verdict),
    heard: NOW,
    fresh: true,
    attempts: Array.from({ length: attempts }, (_, i) => sampleAttempt(attempts - i)),
  });
}
