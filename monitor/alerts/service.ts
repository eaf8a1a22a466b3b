/** All parts of alerting put together for one term of a leader: outbox, sender, heartbeat. */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { AlertContext, Saved, Store } from "../store/store.ts";
import type { Channel } from "./channels/channel.ts";
import type { Emergency } from "./emergency.ts";
import { Heartbeat, type HeartbeatStats, type Pulse } from "./heartbeat.ts";
import { Outbox } from "./outbox.ts";
import { signingSecret } from "./secrets.ts";
import { type ChannelStats, Sender } from "./sender.ts";
import type { AlertSettings } from "./settings.ts";

export interface AlertParts {
  settings: AlertSettings;
  store: Store;
  saved: Pick<Saved, "incidents" | "dropped">;
  channels: readonly Channel[];
  /** Goes on when the store is lost and alerts are stopped. */
  emergency: Emergency;
  context: AlertContext;
  clock: Clock;
  random: () => number;
  /** Milliseconds that only ever count up. */
  monotonic: () => number;
  log: Log;
  pulse: () => Pulse;
  /** When the watch's loop moved last, by the monotonic clock. */
  moved: () => number;
}

export interface AlertStats {
  channels: readonly ChannelStats[];
  /** Absent when there is none. */
  heartbeat?: HeartbeatStats;
}

export interface Alerts {
  outbox: Outbox;
  /** For metrics and maintainers. */
  stats(): AlertStats;
  start(): void;
  /** Ends the heartbeat first, then what is being sent. */
  stop(): Promise<void>;
}

/** A loop that has not moved for this long hangs: it moves each second by itself. */
const STUCK = 30_000;

/** Throws ConfigError when a secret's file is not there. */
export function makeAlerts(parts: AlertParts): Alerts {
  const { settings, store, saved, channels, emergency, clock, random, monotonic, log } = parts;
  if (saved.dropped > 0) {
    log.info(`dropped because their channel is not configured any more: ${saved.dropped} waiting alert(s)`);
  }
  const outbox = new Outbox({
    store,
    incidents: saved.incidents,
    remindMillis: settings.remindSeconds * 1000,
    disagreeMillis: settings.disagreeSeconds * 1000,
    monotonic,
    emergency,
    wake: () => sender.wake(),
  });
  const sender: Sender = new Sender({ store, channels, clock, random, log, report: (found) => outbox.report(found) });
  const heartbeat =
    settings.heartbeat && makeHeartbeat(parts, settings.heartbeat, { sender, emergency, channels: channels.length });
  return {
    outbox,
    stats: () => ({ channels: sender.stats(), ...(heartbeat ? { heartbeat: heartbeat.stats() } : {}) }),
    start() {
      sender.start();
      heartbeat?.start();
    },
    async stop() {
      await heartbeat?.stop();
      await sender.stop();
    },
  };
}

function makeHeartbeat(
  { clock, log, pulse, context, moved, monotonic }: AlertParts,
  settings: NonNullable<AlertSettings["heartbeat"]>,
  { sender, emergency, channels }: { sender: Sender; emergency: Emergency; channels: number },
): Heartbeat {
  return new Heartbeat({
    url: settings.url,
    secret: signingSecret("alerts.heartbeat", settings),
    everyMillis: settings.seconds * 1000,
    address: context.address,
    clock,
    log,
    pulse,
    withheld: () => {
      if (emergency.failing) return "the store cannot be written";
      if (monotonic() - moved() > STUCK) return "the monitor's loop does not move";
      return sender.failing().length === channels ? "no channel takes alerts" : null;
    },
  });
}
