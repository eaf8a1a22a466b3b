/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The front page: first one word, one sentence and one picture; then the coins and their proofs, the attempts, the
 * doors, the rules. Everything is readable without a script; with one, `live.js` renews the bound texts.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Info } from "../info.ts";
import type { Row, View } from "../view.ts";
import { AttemptItem } from "./attempts.tsx";
import { bound, List, shownIf, text, When } from "./bind.tsx";
import { Guide } from "./guide.tsx";
import { Layout } from "./layout.tsx";
import { Pinata } from "./pinata.tsx";

interface Props {
  view: View;
  attempts: readonly Row[];
  info: Info;
  assets: Assets;
  after: string;
}

export const Home: FC<Props> = ({ view, attempts, info, assets, after }) => {
  const { text: t, now } = view;
  return (
    <Layout
      title={`${t.word} · piñata`}
      assets={assets}
      refresh="without-script"
      events={{ after, now }}
      state={{ now: view.state, known: view.known }}
    >
      <First view={view} />
      <section id="coins" aria-labelledby="coins-h">
        <h2 id="coins-h">The coins</h2>
        <List
          name="coins"
          rows={view.lists.coins}
          row={(row) => <CoinItem row={row} now={now} />}
          empty="No coin has been seen at the address yet."
        />
        <dl class="facts">
          <div {...shownIf(t, "address")}>
            <dt>Address</dt>
            <dd>
              <code {...text(t, "address")} />
            </dd>
          </div>
          <div {...shownIf(t, "descriptor")}>
            <dt>Descriptor</dt>
            <dd>
              <code {...text(t, "descriptor")} /> <span {...text(t, "refund")} />
            </dd>
          </div>
          <div>
            <dt>Watched by</dt>
            <dd>
              <List
                name="sources"
                rows={view.lists.sources}
                row={(row) => <SourceItem row={row} now={now} />}
                empty="No source is known."
              />
              <span {...text(t, "tip")} />
            </dd>
          </div>
        </dl>
      </section>
      <section id="attempts" aria-labelledby="attempts-h">
        <h2 id="attempts-h">Attempts as they happen</h2>
        <List
          name="attempts"
          rows={attempts}
          row={(row) => <AttemptItem row={row} now={now} />}
          empty="Nobody has tried yet. You could be the first."
        />
        <h3 id="funnel-h">How far they get</h3>
        <List
          name="funnel"
          rows={view.lists.funnel}
          row={(row) => <FunnelItem row={row} />}
          empty="No attempt has been counted yet."
        />
      </section>
      <Guide view={view} info={info} />
    </Layout>
  );
};

const First: FC<{ view: View }> = ({ view: { text: t, now } }) => (
  <section class="first" aria-labelledby="state">
    <div class="picture">
      <Pinata title={t.picture ?? ""} />
    </div>
    <div class="say">
      <div role="status" aria-live="polite" aria-atomic="true">
        <h1 id="state">
          <span class="unseen">The piñata is </span>
          <span class="word" {...text(t, "word")} />
        </h1>
        <p class="sentence" {...text(t, "sentence")} />
        <p class="last" {...shownIf(t, "last")}>
          <span {...text(t, "last")} />
        </p>
      </div>
      <p class="note" {...shownIf(t, "asOf")}>
        <span {...text(t, "asOf")} /> <span {...text(t, "problem")} />
      </p>
      <dl class="numbers">
        <div class="hanging">
          <dt>Hanging in it</dt>
          <dd>
            <strong {...text(t, "hanging")} /> <small {...text(t, "hangingNote")} />
          </dd>
        </div>
        <div>
          <dt {...text(t, "sinceLabel")} />
          <dd>
            <When row={t} name="sinceAt" now={now} class="big" />
          </dd>
        </div>
        <div>
          <dt>Attempts so far</dt>
          <dd>
            <strong {...text(t, "attempts")} /> <small {...text(t, "attemptsNote")} />
          </dd>
        </div>
        <div>
          <dt>Last checked</dt>
          <dd>
            <When row={t} name="checkedAt" now={now} class="big" /> <small {...text(t, "sources")} />
          </dd>
        </div>
      </dl>
      <p class="practice" {...shownIf(t, "practice")}>
        <span {...text(t, "practice")} />
      </p>
    </div>
  </section>
);

const CoinItem: FC<{ row: Row; now: number }> = ({ row, now }) => (
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
        <strong {...text(row, "spendKind")} /> <span {...text(row, "spendProof")} />
      </p>
      <p>
        <code {...text(row, "spendTx")} /> <span {...text(row, "spendBlock")} /> · first seen{" "}
        <When row={row} name="spendAt" now={now} />
      </p>
    </div>
  </li>
);

const SourceItem: FC<{ row: Row; now: number }> = ({ row, now }) => (
  <li data-key={row.key} {...bound(row, { "data-ok": "ok" })}>
    <strong {...text(row, "name")} /> <span {...text(row, "kind")} />: <span {...text(row, "health")} />{" "}
    <When row={row} name="answeredAt" now={now} />
  </li>
);

const FunnelItem: FC<{ row: Row }> = ({ row }) => (
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
