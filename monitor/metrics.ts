/**
 * Metrics in Prometheus' text format (version 0.0.4), read when they are asked for. Names follow its conventions: base
 * units, `_total` for what only counts up, and no label whose values a stranger can make up. docs/metrics.md lists them all.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AlertStats } from "./alerts/service.ts";
import { type Verdict, verdict as verdicts } from "./schema.ts";
import type { TraceTotals } from "./trace/follow.ts";
import { funnelOf } from "./trace/funnel.ts";
import { isFunded, isHanging, sum } from "./verdict.ts";
import type { Snapshot } from "./watch.ts";

/** What a source's notifications did since the start. */
export interface SourceStats {
  source: string;
  received: number;
  /** Notifications that are known to be missing. */
  gaps: number;
}

/** What is looked at while this monitor leads. */
export interface Watched {
  snapshot: () => Snapshot;
  trace: () => TraceTotals;
  alerts: () => AlertStats;
  sources: () => readonly SourceStats[];
  /** What would make /readyz say no. */
  problems: () => readonly string[];
  streamClients: () => number;
}

/** Why a line of a trace counted for nothing, by the counter's name. */
const SKIPPED = {
  "lines:unreadable": "unreadable",
  "lines:too-long": "too-long",
  "lines:torn": "torn",
  "lines:repeated": "repeated",
  orphans: "orphan",
} as const;
const COIN_STATES = ["funding-unconfirmed", "funded", "spent-unconfirmed", "spent", "final"] as const;
/** Seconds: from what memory answers to what a busy store does. */
const DURATIONS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"route" | "status">;
  readonly #durations: Histogram<"route">;
  readonly #refused: Counter;
  #watched: Watched | undefined;
  #tip: { hash: string; since: number } | undefined;

  constructor() {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: "pinata_api_requests_total",
      help: "Requests answered by the API.",
      labelNames: ["route", "status"],
      registers,
    });
    this.#durations = new Histogram({
      name: "pinata_api_request_duration_seconds",
      help: "Time from a request to its answer; of an event stream, to its beginning.",
      labelNames: ["route"],
      buckets: DURATIONS,
      registers,
    });
    this.#refused = new Counter({
      name: "pinata_monitor_admin_refused_total",
      help: "Admin calls refused because they showed no token or a wrong one.",
      registers,
    });
    this.#makeChain();
    this.#makeSources();
    this.#makeAlerts();
    this.#makeAttempts();
    this.#gauge("pinata_leader", "1 while this monitor leads, 0 while it is a standby.", (set) => {
      set(this.#watched ? 1 : 0);
    });
    this.#gauge("pinata_ready", "1 while /readyz says yes.", (set) => {
      set(this.#watched && this.#watched.problems().length === 0 ? 1 : 0);
    });
    this.#gauge("pinata_event_stream_clients", "Clients that follow /v1/events.", (set) => {
      if (this.#watched) set(this.#watched.streamClients());
    });
  }

  /** What the process itself uses; once for each process. */
  addProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** undefined while another monitor leads. */
  watch(watched: Watched | undefined): void {
    this.#watched = watched;
  }

  /** Called after each step, to know since when the tip is what it is. */
  moved(now: number): void {
    const hash = this.#watched?.snapshot().tip?.hash;
    if (hash !== undefined && hash !== this.#tip?.hash) this.#tip = { hash, since: now };
  }

  /** `route`: as registered, never a path that was asked for. */
  answered(route: string, status: number, seconds: number): void {
    this.#requests.inc({ route, status: String(status) });
    this.#durations.observe({ route }, seconds);
  }

  /** An admin call without the token. */
  adminRefused(): void {
    this.#refused.inc();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A value, or one for each value of a label, that is read when it is asked for; what is not set is not there. */
  #gauge<L extends string = never>(name: string, help: string, read: Read<L>, labelNames: readonly L[] = []): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        // Without labels, reset() sets it to 0, which would be a claim.
        if (labelNames.length === 0) this.remove();
        read((value, labels) => (labels ? this.set(labels, value) : this.set(value)));
      },
    });
  }

  #counter<L extends string = never>(name: string, help: string, read: Read<L>, labelNames: readonly L[] = []): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        if (labelNames.length === 0) this.remove();
        read((value, labels) => (labels ? this.inc(labels, value) : this.inc(value)));
      },
    });
  }

  /** With what is watched; nothing is there while nothing is. */
  #of<L extends string>(read: (watched: Watched, set: Set<L>) => void): Read<L> {
    return (set) => {
      if (this.#watched) read(this.#watched, set);
    };
  }

  #makeChain(): void {
    this.#gauge(
      "pinata_verdict",
      "1 for the present verdict, 0 for the others.",
      this.#of<"verdict">(({ snapshot }, set) => {
        const now: Verdict = snapshot().verdict;
        for (const verdict of verdicts.options) set(verdict === now ? 1 : 0, { verdict });
      }),
      ["verdict"],
    );
    this.#gauge(
      "pinata_verdict_since_timestamp_seconds",
      "When the verdict became what it is.",
      this.#of(({ snapshot }, set) => set(snapshot().since / 1000)),
    );
    this.#gauge(
      "pinata_coins",
      "Coins by state.",
      this.#of<"state">(({ snapshot }, set) => {
        const { coins } = snapshot();
        for (const state of COIN_STATES)
          set(coins.filter(({ position }) => position.state === state).length, { state });
      }),
      ["state"],
    );
    this.#gauge(
      "pinata_hanging_satoshis",
      "What hangs in the piñata, unspent.",
      this.#of(({ snapshot }, set) => set(sum(snapshot().coins.filter(isHanging)))),
    );
    this.#gauge(
      "pinata_funded_satoshis",
      "What was ever put into the piñata.",
      this.#of(({ snapshot }, set) => set(sum(snapshot().coins.filter(isFunded)))),
    );
    this.#gauge(
      "pinata_last_check_timestamp_seconds",
      "When the coins were last checked successfully.",
      this.#of(({ snapshot }, set) => {
        const { checked } = snapshot();
        if (checked !== null) set(checked / 1000);
      }),
    );
    this.#gauge(
      "pinata_tip_height",
      "Height of the best verified block.",
      this.#of(({ snapshot }, set) => {
        const { tip } = snapshot();
        if (tip) set(tip.height);
      }),
    );
    this.#gauge(
      "pinata_tip_since_timestamp_seconds",
      "When this process first saw the best block.",
      this.#of((_watched, set) => {
        if (this.#tip) set(this.#tip.since / 1000);
      }),
    );
  }

  #makeSources(): void {
    this.#gauge(
      "pinata_source_healthy",
      "1 while the source's latest answer was believed.",
      this.#of<"source" | "kind">(({ snapshot }, set) => {
        for (const { name, kind, healthy } of snapshot().sources) set(healthy ? 1 : 0, { source: name, kind });
      }),
      ["source", "kind"],
    );
    this.#gauge(
      "pinata_source_last_answer_timestamp_seconds",
      "When the source last answered.",
      this.#of<"source">(({ snapshot }, set) => {
        for (const { name, lastAnswer } of snapshot().sources)
          if (lastAnswer !== null) set(lastAnswer / 1000, { source: name });
      }),
      ["source"],
    );
    this.#gauge(
      "pinata_source_behind_blocks",
      "How many blocks the source's tip is behind the best verified one.",
      this.#of<"source">(({ snapshot }, set) => {
        const { tip: best, sources } = snapshot();
        for (const { name, tip } of sources)
          if (best && tip) set(Math.max(0, best.height - tip.height), { source: name });
      }),
      ["source"],
    );
    this.#counter(
      "pinata_source_notifications_total",
      "Notifications received from the source since it was connected first.",
      this.#of<"source">(({ sources }, set) => {
        for (const { source, received } of sources()) set(received, { source });
      }),
      ["source"],
    );
    this.#counter(
      "pinata_source_notification_gaps_total",
      "Notifications of the source that are known to be missing.",
      this.#of<"source">(({ sources }, set) => {
        for (const { source, gaps } of sources()) set(gaps, { source });
      }),
      ["source"],
    );
  }

  #makeAlerts(): void {
    this.#gauge(
      "pinata_alerts_waiting",
      "Alerts that the channel has not taken yet.",
      this.#of<"channel">(({ alerts }, set) => {
        for (const { channel, waiting } of alerts().channels) set(waiting, { channel });
      }),
      ["channel"],
    );
    this.#gauge(
      "pinata_alerts_oldest_waiting_timestamp_seconds",
      "When the oldest alert that waits for the channel was written; not there when none waits.",
      this.#of<"channel">(({ alerts }, set) => {
        for (const { channel, oldest } of alerts().channels) if (oldest !== null) set(oldest / 1000, { channel });
      }),
      ["channel"],
    );
    const done = {
      sent: "Alerts that the channel has taken.",
      failed: "Attempts to send an alert that failed.",
      refused: "Alerts set aside because the channel does not want them.",
    } as const;
    for (const [what, help] of Object.entries(done) as [keyof typeof done, string][]) {
      this.#counter(
        `pinata_alerts_${what}_total`,
        help,
        this.#of<"channel">(({ alerts }, set) => {
          for (const stats of alerts().channels) set(stats[what], { channel: stats.channel });
        }),
        ["channel"],
      );
    }
    this.#gauge(
      "pinata_heartbeat_last_taken_timestamp_seconds",
      "When the heartbeat's receiver last took one; 0 before the first, not there without a heartbeat.",
      this.#of(({ alerts }, set) => {
        const { heartbeat } = alerts();
        if (heartbeat) set((heartbeat.taken ?? 0) / 1000);
      }),
    );
  }

  #makeAttempts(): void {
    const totals = {
      pinata_attempts_total: ["total", "Connections to piñatas."],
      pinata_attempts_opened_total: ["opened", "Attempts that were given the candy."],
      pinata_attempts_refused_total: ["refused", "Attempts that a piñata refused."],
      pinata_attempts_sampled_out_total: ["sampled-out", "Attempts that are counted but not kept, in a flood."],
      pinata_trace_gaps_total: ["gaps", "Breaks of a pipe or connection after which lines may be missing."],
    } as const;
    for (const [name, [counter, help]] of Object.entries(totals)) {
      this.#counter(
        name,
        help,
        this.#of(({ trace }, set) => set(trace().counts[counter] ?? 0)),
      );
    }
    this.#counter(
      "pinata_attempts_reached_total",
      "Attempts that reached at least the state.",
      this.#of<"state">(({ trace }, set) => {
        for (const { name, count } of funnelOf(trace().counts)) set(count, { state: name });
      }),
      ["state"],
    );
    this.#counter(
      "pinata_trace_lines_skipped_total",
      "Lines of traces that counted for nothing.",
      this.#of<"reason">(({ trace }, set) => {
        const { counts } = trace();
        for (const [name, reason] of Object.entries(SKIPPED)) set(counts[name] ?? 0, { reason });
      }),
      ["reason"],
    );
    this.#gauge(
      "pinata_trace_input_healthy",
      "1 while the input of a trace can be read.",
      this.#of<"input" | "kind">(({ trace }, set) => {
        for (const { name, kind, problem } of trace().inputs ?? [])
          set(problem === null ? 1 : 0, { input: name, kind });
      }),
      ["input", "kind"],
    );
    this.#gauge(
      "pinata_trace_input_last_line_timestamp_seconds",
      "When a line last came from the input.",
      this.#of<"input">(({ trace }, set) => {
        for (const { name, heard } of trace().inputs ?? []) if (heard !== null) set(heard / 1000, { input: name });
      }),
      ["input"],
    );
    this.#gauge(
      "pinata_running",
      "Piñatas that run, as their traces tell.",
      this.#of(({ trace }, set) => set((trace().boots ?? []).filter(({ info }) => info?.running).length)),
    );
    this.#gauge(
      "pinata_connections_missing",
      "Connections that remembered piñatas numbered and no line told of.",
      this.#of(({ trace }, set) => set((trace().boots ?? []).reduce((all, { seen }) => all + seen.missing, 0))),
    );
  }
}

type Set<L extends string> = (value: number, labels?: Record<L, string>) => void;
type Read<L extends string> = (set: Set<L>) => void;
