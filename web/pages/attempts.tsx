/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * An attempt as one row of the list, and as a page of its own. Texts that come from a peer stand in `<bdi>`, so that
 * none of them can turn the text around it.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Conversation as Spoken } from "../conversation.ts";
import type { Row } from "../rows.ts";
import type { View } from "../view.ts";
import { bound, shownIf, text, When } from "./bind.tsx";
import { Conversation } from "./conversation.tsx";
import { Layout } from "./layout.tsx";
import { link, useVisit, type Visit } from "./visit.ts";

export const AttemptItem: FC<{ row: Row; now: number }> = ({ row, now }) => {
  const visit = useVisit();
  return (
    <li data-key={row.key} {...bound(row, { "data-outcome": "outcome" })}>
      <When row={row} name="startedAt" now={now} />
      <p class="line1">
        <a href={row.link === undefined ? "" : link(visit, row.link)} data-a="href:link">
          <span {...text(row, "door")} /> <bdi {...text(row, "peer")} />
        </a>{" "}
        <span class="tag" {...text(row, "outcomeWord")} />
      </p>
      <div>
        <p>
          {visit.language.says.attempts.reached} <strong {...text(row, "reached")} /> –{" "}
          <span {...text(row, "reason")} />
        </p>
        <p class="print" {...shownIf(row, "fingerprint")}>
          <code>
            <bdi {...text(row, "fingerprint")} />
          </code>
        </p>
      </div>
    </li>
  );
};

interface Props {
  row: Row;
  view: View;
  assets: Assets;
  after: string;
  /** null: its trace is not at hand. */
  spoken: Spoken | null;
  visit: Visit;
}

export const AttemptPage: FC<Props> = ({ row, view, assets, after, spoken, visit }) => {
  const { now } = view;
  const { attempt: says } = visit.language.says;
  return (
    <Layout
      title={`${says.title(row.door ?? "")} · piñata`}
      assets={assets}
      visit={visit}
      refresh={row.outcome === "open" ? "without-script" : "never"}
      events={{ after, now }}
    >
      <article class="attempt" data-key={row.key} {...bound(row, { "data-outcome": "outcome" })}>
        <h1>{says.title(row.door ?? "")}</h1>
        <p class="line1">
          <span class="tag" {...text(row, "outcomeWord")} />{" "}
          <span>
            {visit.language.says.attempts.reached} <strong {...text(row, "reached")} />
          </span>
        </p>
        <p class="sentence">
          <span {...text(row, "reason")} />
        </p>
        <Ladder step={row.step ?? ""} view={view} />
        <Facts row={row} now={now} />
        <p class="empty">
          {says.who} <a href={link(visit, "/attempts/mine")}>{says.yours}</a>
        </p>
      </article>
      {spoken !== null && spoken.steps.length > 0 ? (
        <Conversation spoken={spoken} />
      ) : (
        <p class="empty">{row.outcome === "open" ? says.traceOpen : says.noTrace}</p>
      )}
      <p>
        <a href={link(visit, "/#attempts")}>{says.all}</a>
      </p>
    </Layout>
  );
};

export const Ladder: FC<{ step: string; view: View }> = ({ step, view }) => {
  const { attempt: says } = useVisit().language.says;
  const reached = view.lists.funnel.findIndex(({ key }) => key === step);
  if (reached < 0) return null;
  return (
    <ol class="ladder" aria-label={says.steps}>
      {view.lists.funnel.map((rung, i) => (
        <li class={i <= reached ? "rung done" : "rung not"}>
          {rung.step}
          <span class="unseen">{i <= reached ? says.done : says.notDone}</span>
        </li>
      ))}
    </ol>
  );
};

export const Facts: FC<{ row: Row; now: number }> = ({ row, now }) => {
  const { attempt: says } = useVisit().language.says;
  return (
    <dl class="facts">
      <div>
        <dt>{says.began}</dt>
        <dd>
          <When row={row} name="startedAt" now={now} />
        </dd>
      </div>
      <div {...shownIf(row, "endedAt")}>
        <dt>{says.ended}</dt>
        <dd>
          <When row={row} name="endedAt" now={now} />
        </dd>
      </div>
      <div>
        <dt>{says.from}</dt>
        <dd>
          <bdi {...text(row, "peer")} />
        </dd>
      </div>
      <div {...shownIf(row, "alert")}>
        <dt>{says.alert}</dt>
        <dd {...text(row, "alert")} />
      </div>
      <div {...shownIf(row, "subject")}>
        <dt>{says.certificate}</dt>
        <dd>
          <bdi {...text(row, "subject")} />
        </dd>
      </div>
      <div {...shownIf(row, "fingerprint")}>
        <dt>{says.fingerprint}</dt>
        <dd>
          <code>
            <bdi {...text(row, "fingerprint")} />
          </code>
        </dd>
      </div>
      <div>
        <dt>{says.traffic}</dt>
        <dd {...text(row, "bytes")} />
      </div>
    </dl>
  );
};
