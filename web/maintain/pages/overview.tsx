/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The maintainers' page: what is wrong first, then what is open, then whom the monitor asks, tells and hears, and the latest
 * alerts. It stands still and says as of when.
 */
import type { FC } from "hono/jsx";
import type { Annotation, KeptAlert, Overview, PinataList } from "../../../monitor/schema.ts";
import { TimelineItem } from "../../pages/timeline.tsx";
import { useVisit } from "../../pages/visit.ts";
import { annotationRow } from "../../timeline.ts";
import type { View } from "../../view.ts";
import { AlertList } from "./alerts.tsx";
import { Act, Frame, Moment, type Parts, Stranger, to } from "./frame.tsx";
import { Channels, Inputs, Sources } from "./tables.tsx";

export interface Done {
  /** What was just published. */
  published: Annotation | undefined;
  /** What was just acknowledged. */
  acknowledged: Overview["incidents"][number] | undefined;
}

interface Props extends Parts {
  overview: Overview;
  /** null: the monitor did not tell. */
  inputs: PinataList["inputs"] | null;
  alerts: readonly KeptAlert[] | null;
  view: View;
  done: Done;
}

export const OverviewPage: FC<Props> = ({ overview, inputs, alerts, view, done, assets, visit }) => {
  const { maintain: says, words } = visit.language.says;
  const { now } = overview;
  return (
    <Frame title={says.title} assets={assets} visit={visit}>
      <h1 class="title">{says.title}</h1>
      <div class="acts">
        <span>{says.asOf(visit.language.moment(now))}</span>
        <a href={to(visit, "/maintain")}>{says.refresh}</a>
        <a href={to(visit, "/maintain/annotate")}>{says.write}</a>
        <Act path="/maintain/sign-out" label={says.signOut} />
      </div>
      <Notice done={done} now={now} />
      <section class="now" data-state={view.state} aria-label={words[view.state]}>
        <p class="word">{view.text.word}</p>
        <p class="sentence">{view.text.sentence}</p>
        <p>
          {view.text.sinceLabel} <Moment at={Date.parse(view.text.sinceAt ?? "")} now={now} never="" />
        </p>
        {view.text.last && <p class="last">{view.text.last}</p>}
      </section>
      <div class="first-things">
        <Wrong overview={overview} inputs={inputs} />
        <Incidents overview={overview} />
      </div>
      <Sources overview={overview} />
      <Channels overview={overview} />
      <Inputs inputs={inputs} now={now} />
      <section aria-labelledby="alerts-h">
        <h2 id="alerts-h">{says.alerts.title}</h2>
        {alerts === null ? <p class="empty">{says.wrong.noAlerts}</p> : <AlertList alerts={alerts} now={now} />}
        <p>
          <a class="more" href={to(visit, "/maintain/alerts")}>
            {says.alerts.all}
          </a>
        </p>
      </section>
    </Frame>
  );
};

const Notice: FC<{ done: Done; now: number }> = ({ done: { published, acknowledged }, now }) => {
  const { language } = useVisit();
  const { maintain: says } = language.says;
  return (
    <>
      {acknowledged !== undefined && (
        <p class="note done" role="status">
          {says.acknowledged} <Stranger text={acknowledged.subject} />
        </p>
      )}
      {published !== undefined && (
        <div class="note done" role="status">
          <p>{says.published}</p>
          <ol class="timeline">
            <TimelineItem row={annotationRow(published, language)} now={now} />
          </ol>
        </div>
      )}
    </>
  );
};

/** All that is wrong anywhere below, in one place. */
const Wrong: FC<{ overview: Overview; inputs: PinataList["inputs"] | null }> = ({ overview, inputs }) => {
  const { maintain, coins } = useVisit().language.says;
  const { wrong: says } = maintain;
  const named = (label: string, list: readonly { name: string; problem: string | null }[]) =>
    list.flatMap(({ name, problem }) => (problem === null ? [] : [{ label, name, problem }]));
  const wrong = [
    ...overview.problems.map((problem) => ({ label: "", name: "", problem })),
    ...named(
      says.source,
      overview.sources
        .filter(({ healthy }) => !healthy)
        .map(({ name, problem }) => ({ name, problem: problem ?? coins.noAnswer })),
    ),
    ...named(says.channel, overview.channels),
    ...named(says.heartbeat, [{ name: "", problem: overview.heartbeat?.problem ?? null }]),
    ...named(says.input, inputs ?? []),
  ];
  return (
    <section aria-labelledby="wrong-h">
      <h2 id="wrong-h">{says.title}</h2>
      {wrong.length === 0 && <p class="right">{says.none}</p>}
      <ul class="wrong">
        {wrong.map(({ label, name, problem }) => (
          <li>
            {label !== "" && (
              <strong>
                {label} <bdi>{name}</bdi>
              </strong>
            )}{" "}
            <Stranger text={problem} />
          </li>
        ))}
      </ul>
    </section>
  );
};

const Incidents: FC<{ overview: Overview }> = ({ overview: { incidents, now } }) => {
  const { incidents: says } = useVisit().language.says.maintain;
  return (
    <section aria-labelledby="open-h">
      <h2 id="open-h">{says.title}</h2>
      {incidents.length === 0 && <p class="right">{says.none}</p>}
      <ol class="told">
        {incidents.map((incident) => (
          <Incident incident={incident} now={now} />
        ))}
      </ol>
    </section>
  );
};

const Incident: FC<{ incident: Overview["incidents"][number]; now: number }> = ({ incident, now }) => {
  const visit = useVisit();
  const { language } = visit;
  const { incidents: says, severities } = language.says.maintain;
  const { id, kind, severity, subject, since, insists, acknowledged, reminders } = incident;
  const asks = insists && acknowledged === null;
  return (
    <li data-severity={severity}>
      <p class="line1">
        <span class="tag">{severities[severity]}</span> <code>{kind}</code> {says.began}{" "}
        <Moment at={since} now={now} never="" />
      </p>
      <p>
        <strong>
          <Stranger text={subject} />
        </strong>
      </p>
      <p>
        {asks && `${says.insists} `}
        {acknowledged !== null && `${says.seen(language.moment(acknowledged))} `}
        {reminders > 0 && language.count(reminders, says.reminders)}
      </p>
      <div class="acts">
        {asks && (
          <Act path="/maintain/acknowledge" fields={{ alert: id }} label={says.acknowledge} of={says.of(subject)} />
        )}
        <a href={to(visit, "/maintain/annotate", { alert: id })}>
          {says.annotate}
          <span class="unseen">{says.of(subject)}</span>
        </a>
      </div>
    </li>
  );
};
