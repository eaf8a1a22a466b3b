/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/** Alerts as they were written, and what came of each at every channel: the latest on the overview, all on a page of their own. */
import type { FC } from "hono/jsx";
import type { KeptAlert } from "../../../monitor/schema.ts";
import { useVisit } from "../../pages/visit.ts";
import type { AlertPage } from "../admin-client.ts";
import { Frame, Moment, type Parts, Stranger, to } from "./frame.tsx";

export const AlertList: FC<{ alerts: readonly KeptAlert[]; now: number }> = ({ alerts, now }) => {
  const { says } = useVisit().language;
  if (alerts.length === 0) return <p class="empty">{says.maintain.alerts.none}</p>;
  return (
    <ol class="told">
      {alerts.map((alert) => (
        <Alert alert={alert} now={now} />
      ))}
    </ol>
  );
};

const Alert: FC<{ alert: KeptAlert; now: number }> = ({ alert, now }) => {
  const visit = useVisit();
  const { alerts, incidents, severities } = visit.language.says.maintain;
  const { id, subject, severity, phase, kind, at, text, deliveries } = alert;
  return (
    <li data-severity={phase === "recovered" ? "info" : severity}>
      <p class="line1">
        <span class="tag">
          {severities[severity]}, {alerts.phases[phase]}
        </span>{" "}
        <code>{kind}</code> <Moment at={at} now={now} never="" />
      </p>
      <p>
        <strong>
          <Stranger text={subject} />
        </strong>
      </p>
      <ul class="deliveries">
        {deliveries.map((delivery) => (
          <Delivery delivery={delivery} />
        ))}
      </ul>
      {deliveries.length === 0 && <p class="empty">{alerts.nobody}</p>}
      <details>
        <summary>
          {alerts.whole}
          <span class="unseen">{incidents.of(subject)}</span>
        </summary>
        <p>
          <Stranger text={text} />
        </p>
      </details>
      <p>
        <a href={to(visit, "/maintain/annotate", { alert: id })}>
          {incidents.annotate}
          <span class="unseen">{incidents.of(subject)}</span>
        </a>
      </p>
    </li>
  );
};

const Delivery: FC<{ delivery: KeptAlert["deliveries"][number] }> = ({ delivery }) => {
  const { language } = useVisit();
  const { alerts } = language.says.maintain;
  const { channel, state, attempts, nextTry, problem } = delivery;
  const parts = [alerts.states[state]];
  if (attempts > 0) parts.push(language.count(attempts, alerts.attempts));
  if (nextTry !== null) parts.push(alerts.next(language.moment(nextTry)));
  return (
    <li class={state === "sent" || (state === "waiting" && problem === null) ? undefined : "bad"}>
      <bdi>{channel}</bdi>: {parts.join(", ")}
      {problem !== null && (
        <>
          {" – "}
          <Stranger text={problem} />
        </>
      )}
    </li>
  );
};

interface Props extends Parts {
  page: AlertPage;
  /** Milliseconds, by this server's clock. */
  now: number;
  /** What it was paged from; undefined: the newest. */
  before: number | undefined;
}

export const AlertsPage: FC<Props> = ({ page: { alerts, next }, now, before, assets, visit }) => {
  const { alerts: says, back } = visit.language.says.maintain;
  return (
    <Frame
      title={says.all}
      asked={before === undefined ? {} : { before: String(before) }}
      assets={assets}
      visit={visit}
    >
      <h1 class="title">{says.all}</h1>
      <p class="acts">
        <a href={to(visit, "/maintain")}>{back}</a>
        {before !== undefined && <a href={to(visit, "/maintain/alerts")}>{says.newest}</a>}
      </p>
      <AlertList alerts={alerts} now={now} />
      {next !== null && (
        <p>
          <a class="more" href={to(visit, "/maintain/alerts", { before: String(next) })}>
            {says.older}
          </a>
        </p>
      )}
    </Frame>
  );
};
