/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * An attempt as one row of the list, and as a page of its own. Texts that come from a peer stand in `<bdi>`, so that
 * none of them can turn the text around it.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Row, View } from "../view.ts";
import { bound, shownIf, text, When } from "./bind.tsx";
import { Layout } from "./layout.tsx";

export const AttemptItem: FC<{ row: Row; now: number }> = ({ row, now }) => (
  <li data-key={row.key} {...bound(row, { "data-outcome": "outcome" })}>
    <When row={row} name="startedAt" now={now} />
    <p class="line1">
      <a {...bound(row, { href: "link" })}>
        <span {...text(row, "door")} /> <bdi {...text(row, "peer")} />
      </a>{" "}
      <span class="tag" {...text(row, "outcomeWord")} />
    </p>
    <div>
      <p>
        Reached <strong {...text(row, "reached")} />: <span {...text(row, "reason")} />
      </p>
      <p class="print" {...shownIf(row, "fingerprint")}>
        <code>
          <bdi {...text(row, "fingerprint")} />
        </code>
      </p>
    </div>
  </li>
);

export const AttemptPage: FC<{ row: Row; view: View; assets: Assets; after: string }> = ({
  row,
  view,
  assets,
  after,
}) => {
  const { now } = view;
  const reached = view.lists.funnel.findIndex((step) => step.key === row.reached);
  return (
    <Layout
      title={`Attempt ${row.key} · piñata`}
      assets={assets}
      refresh={row.outcome === "open" ? "without-script" : "never"}
      events={{ after, now }}
    >
      <article class="attempt" data-key={row.key} {...bound(row, { "data-outcome": "outcome" })}>
        <h1>
          Attempt at the <span {...text(row, "door")} /> door
        </h1>
        <p class="line1">
          <span class="tag" {...text(row, "outcomeWord")} /> Reached <strong {...text(row, "reached")} />.
        </p>
        <p class="sentence">
          <span {...text(row, "reason")} />
        </p>
        {reached >= 0 && (
          <ol class="ladder" aria-label="Steps of the handshake">
            {view.lists.funnel.map((step, i) => (
              <li class={i <= reached ? "rung done" : "rung not"}>
                {step.step}
                <span class="unseen">{i <= reached ? ", reached" : ", not reached when this page was drawn"}</span>
              </li>
            ))}
          </ol>
        )}
        <dl class="facts">
          <div>
            <dt>Began</dt>
            <dd>
              <When row={row} name="startedAt" now={now} />
            </dd>
          </div>
          <div {...shownIf(row, "endedAt")}>
            <dt>Ended</dt>
            <dd>
              <When row={row} name="endedAt" now={now} />
            </dd>
          </div>
          <div>
            <dt>From</dt>
            <dd>
              <bdi {...text(row, "peer")} />
            </dd>
          </div>
          <div {...shownIf(row, "alert")}>
            <dt>Alert</dt>
            <dd {...text(row, "alert")} />
          </div>
          <div {...shownIf(row, "subject")}>
            <dt>Certificate</dt>
            <dd>
              <bdi {...text(row, "subject")} />
            </dd>
          </div>
          <div {...shownIf(row, "fingerprint")}>
            <dt>Fingerprint</dt>
            <dd>
              <code>
                <bdi {...text(row, "fingerprint")} />
              </code>
            </dd>
          </div>
          <div>
            <dt>Traffic</dt>
            <dd {...text(row, "bytes")} />
          </div>
        </dl>
      </article>
      <p>
        <a href="/#attempts">All attempts</a>
      </p>
    </Layout>
  );
};
