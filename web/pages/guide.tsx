/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What an attacker wants to know: the doors, what counts as a win, what is in scope, the limits, safe harbour, how to
 * practise, the trust anchor, and how to build the machine that runs.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import type { Info } from "../info.ts";
import type { Row } from "../rows.ts";
import type { View } from "../view.ts";
import { text } from "./bind.tsx";
import { Doors } from "./doors.tsx";
import { Layout } from "./layout.tsx";
import { link, useVisit, type Visit } from "./visit.ts";

interface Props {
  view: View;
  info: Info;
  assets: Assets;
  visit: Visit;
}

export const GuidePage: FC<Props> = ({ view, info, assets, visit }) => {
  const { text: t } = view;
  const { guide, doors, colon } = visit.language.says;
  return (
    <Layout title={`${guide.title} · piñata`} assets={assets} visit={visit} refresh="never">
      <h1 class="title">{guide.title}</h1>
      <p class="sentence lead">{guide.lead}</p>
      <section id="doors" aria-labelledby="doors-h">
        <h2 id="doors-h">{doors.title}</h2>
        <Doors view={view} />
      </section>
      <Rules />
      <Practise t={t} folder={info.practiceDir} />
      {info.trustAnchor !== null && (
        <section id="anchor" aria-labelledby="anchor-h">
          <h2 id="anchor-h">{guide.anchor}</h2>
          <p>{guide.anchorText}</p>
          <Command text={info.trustAnchor} />
        </section>
      )}
      <section id="image" aria-labelledby="image-h">
        <h2 id="image-h">{guide.image}</h2>
        <p>{guide.imageText}</p>
        <p>
          {t.image ? (
            <>
              {guide.told}
              {colon} <code>{t.image}</code> {t.board}
            </>
          ) : (
            guide.notTold
          )}
        </p>
        <Command text={"npm run setup:metal\nnpx pinata image\nnpx pinata image --check"} />
        <p>{guide.nodeBoard}</p>
      </section>
    </Layout>
  );
};

const Rules: FC = () => {
  const visit = useVisit();
  const { guide } = visit.language.says;
  const rules = [
    [guide.win, guide.winText],
    [guide.notWin, guide.notWinText],
    [guide.inScope, guide.inScopeText],
    [guide.outScope, guide.outScopeText],
    [guide.harbour, guide.harbourText],
    [guide.seen, guide.seenText],
  ];
  return (
    <section id="rules" aria-labelledby="rules-h">
      <h2 id="rules-h">{guide.rules}</h2>
      <ul class="rules">
        {rules.map(([name, what]) => (
          <li class="rule">
            <strong>{name}</strong> {what}
          </li>
        ))}
      </ul>
      <p>
        <a href={link(visit, "/attempts/mine")}>{guide.yours}</a>
      </p>
      <h3 id="limits">{guide.limits}</h3>
      <dl class="facts limits">
        {guide.limitRows.map(([what, limit]) => (
          <div>
            <dt>{what}</dt>
            <dd>{limit}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
};

const Practise: FC<{ t: Row; folder: string | null }> = ({ t, folder }) => {
  const { guide } = useVisit().language.says;
  const { steps } = guide;
  return (
    <section id="practise" aria-labelledby="practise-h">
      <h2 id="practise-h">{guide.practise}</h2>
      <p>{guide.practiseOne}</p>
      <Command text="npx pinata start" />
      <p>{folder === null ? guide.practiseThere : guide.practiseHere(folder)}</p>
      <ol class="steps">
        <Step what={steps.look} row={t} name="cmdLook" />
        <Step what={steps.play} row={t} name="cmdPlay" />
        <Step what={steps.serve} row={t} name="cmdServe" />
        <Step what={steps.dialBack} row={t} name="cmdDialBack" />
        <Step what={steps.reverse} row={t} name="cmdReverse" />
        <Step what={steps.relay} row={t} name="cmdRelay" />
        <Step what={steps.smash} row={t} name="cmdSmash" />
      </ol>
    </section>
  );
};

const Step: FC<{ what: string; row: Row; name: string }> = ({ what, row, name }) => (
  <li>
    <p>{what}</p>
    <pre dir="ltr">
      <code {...text(row, name)} />
    </pre>
  </li>
);

const Command: FC<{ text: string }> = ({ text: command }) => (
  <pre dir="ltr">
    <code>{command}</code>
  </pre>
);
