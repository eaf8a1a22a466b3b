/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The front page: first one word, one sentence and one picture; then the attempts and how far they get, what happened
 * when, the coins and their proofs, the doors. Everything is readable without a script; with one, `live.js` renews the
 * bound texts.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Row } from "../rows.ts";
import type { View } from "../view.ts";
import { AttemptItem } from "./attempts.tsx";
import { bound, List, shownIf, text, When } from "./bind.tsx";
import { Doors } from "./doors.tsx";
import { Funnel } from "./funnel.tsx";
import { Layout } from "./layout.tsx";
import { Pinata } from "./pinata.tsx";
import { Timeline } from "./timeline.tsx";
import { link, useVisit, type Visit } from "./visit.ts";

interface Props {
  view: View;
  attempts: readonly Row[];
  assets: Assets;
  after: string;
  visit: Visit;
}

export const Home: FC<Props> = ({ view, attempts, assets, after, visit }) => {
  const { text: t, now } = view;
  const { says } = visit.language;
  return (
    <Layout
      title={`${t.word} · piñata`}
      assets={assets}
      visit={visit}
      refresh="without-script"
      events={{ after, now }}
      state={{ now: view.state, known: view.known }}
    >
      <First view={view} />
      <section id="attempts" aria-labelledby="attempts-h">
        <h2 id="attempts-h">{says.attempts.title}</h2>
        <List
          name="attempts"
          rows={attempts}
          row={(row) => <AttemptItem row={row} now={now} />}
          empty={says.attempts.none}
        />
      </section>
      <section id="funnel" aria-labelledby="funnel-h">
        <h2 id="funnel-h">{says.funnel.title}</h2>
        <Funnel rows={view.lists.funnel} />
        <p>
          <a class="more" href={link(visit, "/funnel")}>
            {says.funnel.more}
          </a>
        </p>
      </section>
      <section id="timeline" aria-labelledby="timeline-h">
        <h2 id="timeline-h">{says.timeline.title}</h2>
        <Timeline rows={view.lists.timeline} now={now} />
        <p>
          <a class="more" href={link(visit, "/timeline")}>
            {says.timeline.all}
          </a>
        </p>
      </section>
      <Coins view={view} />
      <section id="doors" aria-labelledby="doors-h">
        <h2 id="doors-h">{says.doors.title}</h2>
        <Doors view={view} />
        <p>
          <a class="more" href={link(visit, "/guide")}>
            {says.doors.more}
          </a>
        </p>
      </section>
    </Layout>
  );
};

const First: FC<{ view: View }> = ({ view: { text: t, now } }) => {
  const visit = useVisit();
  const { says } = visit.language;
  return (
    <section class="first" aria-labelledby="state">
      <div class="picture">
        <Pinata title={t.picture ?? ""} />
      </div>
      <div class="say">
        <div role="status" aria-live="polite" aria-atomic="true">
          <h1 id="state">
            <span class="unseen">{says.is}</span>
            <span class="word" {...text(t, "word")} />
          </h1>
          <p class="sentence" {...text(t, "sentence")} />
          <p class="last" {...shownIf(t, "last")}>
            <span {...text(t, "last")} />
          </p>
        </div>
        <p class="quoted" {...shownIf(t, "monitorSays")}>
          {says.monitorSays} <q lang="en" {...text(t, "monitorSays")} />
        </p>
        <p class="note" {...shownIf(t, "asOf")}>
          <span {...text(t, "asOf")} /> <span lang="en" {...text(t, "problem")} />
        </p>
        <dl class="numbers">
          <div class="hanging">
            <dt>{says.numbers.hanging}</dt>
            <dd>
              <strong {...text(t, "hanging")} /> <small {...text(t, "hangingNote")} />{" "}
              <small {...shownIf(t, "fiat")}>
                <span {...text(t, "fiat")} />
              </small>
            </dd>
          </div>
          <div>
            <dt {...text(t, "sinceLabel")} />
            <dd>
              <When row={t} name="sinceAt" now={now} class="big" />
            </dd>
          </div>
          <div>
            <dt>{says.numbers.attempts}</dt>
            <dd>
              <strong {...text(t, "attempts")} /> <small {...text(t, "attemptsNote")} />
            </dd>
          </div>
          <div>
            <dt>{says.numbers.checked}</dt>
            <dd>
              <When row={t} name="checkedAt" now={now} class="big" /> <small {...text(t, "sources")} />
            </dd>
          </div>
          <div>
            <dt>{says.numbers.proof}</dt>
            <dd>
              <strong>{says.numbers.noProof}</strong> <small>{says.numbers.noProofNote}</small>
            </dd>
          </div>
        </dl>
        <p class="practice" {...shownIf(t, "practice")}>
          <span {...text(t, "practice")} />
        </p>
      </div>
    </section>
  );
};

const Coins: FC<{ view: View }> = ({ view: { text: t, lists, now } }) => {
  const { coins } = useVisit().language.says;
  return (
    <section id="coins" aria-labelledby="coins-h">
      <h2 id="coins-h">{coins.title}</h2>
      <List name="coins" rows={lists.coins} row={(row) => <CoinItem row={row} now={now} />} empty={coins.none} />
      <dl class="facts">
        <div {...shownIf(t, "address")}>
          <dt>{coins.address}</dt>
          <dd>
            <code {...text(t, "address")} />
          </dd>
        </div>
        <div {...shownIf(t, "descriptor")}>
          <dt>{coins.descriptor}</dt>
          <dd>
            <code {...text(t, "descriptor")} /> <span {...text(t, "refund")} />
          </dd>
        </div>
        <div>
          <dt>{coins.watched}</dt>
          <dd>
            <List
              name="sources"
              rows={lists.sources}
              row={(row) => <SourceItem row={row} now={now} />}
              empty={coins.noSource}
            />
            <span {...text(t, "tip")} />
          </dd>
        </div>
      </dl>
    </section>
  );
};

const CoinItem: FC<{ row: Row; now: number }> = ({ row, now }) => {
  const { coins } = useVisit().language.says;
  return (
    <li data-key={row.key} {...bound(row, { "data-mark": "mark" })}>
      <p class="line1">
        <strong {...text(row, "value")} /> <span class="tag" {...text(row, "coinState")} />{" "}
        <span {...text(row, "confirmations")} />
      </p>
      <p>
        <code {...text(row, "outpoint")} /> <span {...text(row, "funding")} />
      </p>
      <div class="spend" {...shownIf(row, "spendKind")}>
        <p>
          <strong {...text(row, "spendKind")} /> {coins.checked} <span lang="en" {...text(row, "spendProof")} />
        </p>
        <p>
          <code {...text(row, "spendTx")} /> <span {...text(row, "spendBlock")} /> · {coins.firstSeen}{" "}
          <When row={row} name="spendAt" now={now} />
        </p>
      </div>
    </li>
  );
};

const SourceItem: FC<{ row: Row; now: number }> = ({ row, now }) => (
  <li data-key={row.key} {...bound(row, { "data-ok": "ok" })}>
    <strong>
      <bdi {...text(row, "name")} />
    </strong>{" "}
    <span {...text(row, "kind")} />: <span {...text(row, "health")} /> <When row={row} name="answeredAt" now={now} />
  </li>
);
