/** All parts of alerting put together for one monitor: store, outbox, sender, emergency, heartbeat. */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type AlertContext, AlertStore } from "../store/alert-store.ts";
import type { Db } from "../store/database.ts";
import { makeChannels } from "./channels/make.ts";
import { Emergency } from "./emergency.ts";
import { Heartbeat, type Pulse } from "./heartbeat.ts";
import { Outbox } from "./outbox.ts";
import { signingSecret } from "./secrets.ts";
import { Sender } from "./sender.ts";
import type { AlertSettings } from "./settings.ts";

export interface AlertParts {
  settings: AlertSettings;
  db: Db;
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

export interface Alerts {
  outbox: Outbox;
  start(): void;
  /** Ends the heartbeat first, then what is being sent. */
  stop(): Promise<void>;
}

/** A loop that has not moved for this long hangs: it moves each second by itself. */
const STUCK = 30_000;

/** Throws ConfigError when a secret's file is not there. */
export async function startAlerts(parts: AlertParts): Promise<Alerts> {
  const { settings, db, context, clock, random, monotonic, log } = parts;
  const channels = makeChannels(settings, () => clock.now());
  const store = new AlertStore(
    db,
    channels.map(({ name }) => name),
    context,
  );
  const dropped = await store.forgetOtherChannels();
  if (dropped > 0) log.info(`dropped because their channel is not configured any more: ${dropped} waiting alert(s)`);
  const emergency = new Emergency({ channels, clock, random, log, context, patience: settings.storeSeconds * 1000 });
  const outbox = new Outbox({
    store,
    incidents: await store.incidents(),
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
    start() {
      sender.start();
      heartbeat?.start();
    },
    async stop() {
      await heartbeat?.stop();
      await Promise.all([sender.stop(), emergency.stop()]);
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
