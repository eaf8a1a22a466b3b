/** What whoever maintains the piñata sees: from what the parts of the monitor know to the schemas of the admin calls. Pure. */
import { KINDS } from "../alerts/kinds.ts";
import type { AlertStats } from "../alerts/service.ts";
import { severityOf, subjectOf } from "../alerts/texts.ts";
import type { KeptAlert, Overview } from "../schema.ts";
import type { Incident, StoredAlert } from "../store/store.ts";
import type { WatchReport } from "../watch.ts";

export interface OverviewParts extends WatchReport {
  now: number;
  /** Why the monitor cannot be relied on now. */
  problems: readonly string[];
  /** What began and is not over, newest first. */
  incidents: readonly Incident[];
  alerts: AlertStats;
}

export function overviewOf({ now, problems, operatorsNeeded, sources, incidents, alerts }: OverviewParts): Overview {
  return {
    now,
    problems: [...problems],
    operatorsNeeded,
    sources,
    incidents: incidents.map(({ id, draft, since, acknowledged, reminders }) => ({
      id,
      kind: draft.kind,
      severity: severityOf(draft),
      subject: subjectOf(draft),
      since,
      insists: KINDS[draft.kind].reminded === "until acknowledged",
      acknowledged,
      reminders,
    })),
    channels: alerts.channels.map(({ channel, ...stats }) => ({ name: channel, ...stats })),
    heartbeat: alerts.heartbeat ?? null,
  };
}

export function keptAlertOf({ body, deliveries }: StoredAlert): KeptAlert {
  const { sequence, id, incident, kind, phase, severity, at, subject, text } = body;
  return {
    ...{ sequence, id, incident, kind, phase, severity, at, subject, text },
    deliveries: deliveries.map(({ nextTry, ...delivery }) => {
      const isRepeated = delivery.state === "waiting" && delivery.attempts > 0;
      return { ...delivery, nextTry: isRepeated ? nextTry : null };
    }),
  };
}
