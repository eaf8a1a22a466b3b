/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What happened when: a short list on the front page, and all of it on a page of its own.
 */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Row } from "../rows.ts";
import type { View } from "../view.ts";
import { bound, List, shownIf, text, When } from "./bind.tsx";
import { Layout } from "./layout.tsx";
import { useVisit, type Visit } from "./visit.ts";

/** The latest, on a page that is live. */
export const Timeline: FC<{ rows: readonly Row[]; now: number }> = ({ rows, now }) => (
  <List
    name="timeline"
    rows={rows}
    row={(row) => <TimelineItem row={row} now={now} />}
    empty={useVisit().language.says.timeline.none}
  />
);

export const TimelineItem: FC<PropsWithChildren<{ row: Row; now: number }>> = ({ row, now, children }) => (
  <li data-key={row.key} {...bound(row, { "data-mark": "mark" })}>
    <When row={row} name="whenAt" now={now} />
    <p>
      <strong {...text(row, "what")} /> <bdi {...text(row, "detail")} />
    </p>
    {children}
    <p class="evidence" {...shownIf(row, "proof")}>
      <a download="" {...bound(row, { href: "proof" })} {...text(row, "proofName")} />
    </p>
  </li>
);

/** With what else can be said of each, where the page stands still. */
const WholeItem: FC<{ row: Row; now: number }> = ({ row, now }) => {
  const { timeline } = useVisit().language.says;
  const explorers = [0, 1, 2].filter((i) => row[`explorer${i}`]);
  return (
    <TimelineItem row={row} now={now}>
      {row.txid && (
        <p class="evidence">
          {timeline.transaction} <code>{row.txid}</code>
          {explorers.length > 0 && ` ${timeline.lookUp}`}
          {explorers.map((i) => (
            <>
              {" "}
              <a href={row[`at${i}`]}>{row[`explorer${i}`]}</a>
            </>
          ))}
        </p>
      )}
    </TimelineItem>
  );
};

interface Props {
  view: View;
  rows: readonly Row[];
  assets: Assets;
  visit: Visit;
}

export const TimelinePage: FC<Props> = ({ view, rows, assets, visit }) => {
  const { timeline } = visit.language.says;
  return (
    <Layout title={`${timeline.title} · piñata`} assets={assets} visit={visit} refresh="never">
      <h1 class="title">{timeline.title}</h1>
      <p class="lead">{timeline.note}</p>
      <section aria-label={timeline.title}>
        {view.text.ahead && (
          <p class="ahead">
            <span class="tag">{timeline.ahead}</span> {view.text.ahead}
          </p>
        )}
        {rows.length === 0 && <p class="empty">{timeline.none}</p>}
        <ol class="timeline">
          {rows.map((row) => (
            <WholeItem row={row} now={view.now} />
          ))}
        </ol>
      </section>
    </Layout>
  );
};
