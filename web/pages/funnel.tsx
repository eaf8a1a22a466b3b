/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * How far attempts get: the steps on the front page; on a page of their own also the reasons, beside those that the first
 * piñata's authors published, and the latest days.
 */
import type { FC } from "hono/jsx";
import type { FunnelAnswer } from "../../monitor/schema.ts";
import type { Assets } from "../assets.ts";
import { reasonRows } from "../reasons.ts";
import type { Row } from "../rows.ts";
import type { View } from "../view.ts";
import { bound, List, text } from "./bind.tsx";
import { Layout } from "./layout.tsx";
import { useVisit, type Visit } from "./visit.ts";

const REVIEW = "https://mirage.io/blog/bitcoin-pinata-results";

export const Funnel: FC<{ rows: readonly Row[] }> = ({ rows }) => {
  const { funnel } = useVisit().language.says;
  return <List name="funnel" rows={rows} row={(row) => <Stage row={row} />} empty={funnel.none} />;
};

const Stage: FC<{ row: Row }> = ({ row }) => (
  <li class="stage" data-key={row.key}>
    <span class="step" {...text(row, "step")} />
    <svg class="bar" aria-hidden="true">
      <rect height="100%" {...bound(row, { width: "bar" })} />
    </svg>
    <span class="many">
      <strong {...text(row, "reachedBy")} /> <span {...text(row, "percent")} />
    </span>
  </li>
);

interface Props {
  view: View;
  /** null: the monitor has not told. */
  counts: FunnelAnswer | null;
  assets: Assets;
  visit: Visit;
}

export const FunnelPage: FC<Props> = ({ view, counts, assets, visit }) => {
  const { funnel, attempts } = visit.language.says;
  return (
    <Layout title={`${funnel.title} · piñata`} assets={assets} visit={visit} refresh="never">
      <h1 class="title">{funnel.title}</h1>
      <section aria-label={funnel.title}>
        <Funnel rows={view.lists.funnel} />
        {counts !== null && counts.sampledOut > 0 && <p class="note">{attempts.sampled}</p>}
      </section>
      <Reasons counts={counts} />
      {counts !== null && counts.days.length > 0 && <Days counts={counts} />}
    </Layout>
  );
};

const Reasons: FC<{ counts: FunnelAnswer | null }> = ({ counts }) => {
  const { language } = useVisit();
  const { funnel } = language.says;
  return (
    <section aria-labelledby="why-h">
      <h2 id="why-h">{funnel.why}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{funnel.reason}</th>
            <th scope="col">{funnel.here}</th>
            <th scope="col">{funnel.before}</th>
          </tr>
        </thead>
        <tbody>
          {reasonRows(counts, language).map(({ name, here, share, before }) => (
            <tr>
              <th scope="row">{name}</th>
              <td>{here === "" ? "–" : `${here} (${share})`}</td>
              <td>{before || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="empty">
        {funnel.beforeNote} <a href={REVIEW}>{funnel.beforeSource}</a>.
      </p>
    </section>
  );
};

const Days: FC<{ counts: FunnelAnswer }> = ({ counts }) => {
  const { language } = useVisit();
  const { funnel } = language.says;
  const steps = counts.funnel.map(({ name }) => name);
  const names: Readonly<Record<string, string>> = funnel.steps;
  return (
    <div>
      <h2 id="days-h">{funnel.daily}</h2>
      {/* What scrolls must be reachable by keyboard. */}
      <section class="wide" aria-labelledby="days-h" tabindex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{funnel.day}</th>
              {steps.map((name) => (
                <th scope="col">{names[name] ?? name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {counts.days.map((day) => (
              <tr>
                <th scope="row">
                  <time datetime={day.day}>{language.day(day.day)}</time>
                </th>
                {steps.map((name) => (
                  <td>{language.number(day.funnel.find((step) => step.name === name)?.count ?? 0)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
};
