/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The form that asks for the random of a ClientHello, and what its peer may see of the attempt: the whole address, and every
 * line of the trace. Of what was pasted only the text of a refused form is drawn again, for the one who sent it.
 */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { AttemptMine } from "../../monitor/schema.ts";
import type { Assets } from "../assets.ts";
import type { Language } from "../catalogue/language.ts";
import { conversationOf } from "../conversation.ts";
import { attemptRowIn, type View } from "../view.ts";
import { Facts, Ladder } from "./attempts.tsx";
import { Conversation } from "./conversation.tsx";
import { Layout } from "./layout.tsx";
import { link, useVisit, type Visit } from "./visit.ts";

interface Props {
  view: View;
  assets: Assets;
  visit: Visit;
}

/** `problem`: why the form comes back; `text`: what was in it. */
export const MineForm: FC<Props & { problem?: string; text?: string }> = (props) => {
  const { view, assets, visit, problem, text = "" } = props;
  const { mine } = visit.language.says;
  return (
    <Layout title={`${mine.title} · piñata`} assets={assets} visit={visit} refresh="never">
      <h1 class="title">{mine.title}</h1>
      <p class="sentence lead">{mine.lead}</p>
      <form class="ask" method="post" action={link(visit, "/attempts/mine")}>
        {problem !== undefined && (
          <p class="mistake" id="mistake" role="alert">
            {problem}
          </p>
        )}
        <label for="random">{mine.label}</label>
        <textarea
          id="random"
          name="random"
          rows={5}
          required
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          dir="ltr"
          aria-describedby={problem === undefined ? "hint" : "mistake hint"}
          aria-invalid={problem === undefined ? undefined : "true"}
        >
          {text}
        </textarea>
        <p class="empty" id="hint">
          {mine.hint}
        </p>
        <button type="submit">{mine.send}</button>
      </form>
      <section aria-labelledby="where-h">
        <h2 id="where-h">{mine.where}</h2>
        <p>{mine.keyLog}</p>
        <Lines text={`${view.text.cmdLook} -keylogfile keys.log\ncut -d ' ' -f 2 keys.log | uniq`} />
        <ul class="rules">
          {[mine.otherPrograms, mine.otherDoors, mine.noHello, mine.notAlone].map((rule) => (
            <li class="rule">{rule}</li>
          ))}
        </ul>
      </section>
    </Layout>
  );
};

/** `attempts`: at least one. */
export const MineFound: FC<Props & { attempts: readonly AttemptMine[] }> = ({ view, assets, visit, attempts }) => {
  const { language } = visit;
  const { mine } = language.says;
  const title = language.count(attempts.length, mine.found);
  return (
    <Layout title={`${title} · piñata`} assets={assets} visit={visit} refresh="never">
      <h1 class="title">{title}</h1>
      <p class="sentence lead">{mine.foundLead}</p>
      {attempts.map((attempt, i) => (
        <Yours attempt={attempt} view={view}>
          {/* The diagram's parts have names, so that a page has room for one. */}
          {i === 0 && attempt.ended !== null && (
            <Conversation spoken={conversationOf(attempt, attempt.events, language)} />
          )}
        </Yours>
      ))}
      <p>
        <a href={link(visit, "/attempts/mine")}>{mine.again}</a>
      </p>
    </Layout>
  );
};

const Yours: FC<PropsWithChildren<{ attempt: AttemptMine; view: View }>> = ({ attempt, view, children }) => {
  const visit = useVisit();
  const { language } = visit;
  const { mine, attempt: says, attempts: words } = language.says;
  const row = attemptRowIn(language)({ ...attempt, peer: peerOf(attempt, language) });
  return (
    <>
      <article class="attempt" data-outcome={row.outcome}>
        <h2>{says.title(row.door ?? "")}</h2>
        <p class="line1">
          <span class="tag">{row.outcomeWord}</span>{" "}
          <span>
            {words.reached} <strong>{row.reached}</strong>
          </span>
        </p>
        <p class="sentence">
          <span lang={row.reasonLang}>{row.reason}</span>
        </p>
        <Ladder step={row.step ?? ""} view={view} />
        <Facts row={row} now={view.now} />
        {attempt.peerAddress === null && <p>{mine.notAlone}</p>}
        <p>
          <a href={link(visit, row.link ?? "/")}>{mine.publicPage}</a>
        </p>
        <h3>{mine.lines}</h3>
        <Lines text={attempt.events.map(asciiJson).join("\n")} />
        <p class="empty">{mine.token}</p>
      </article>
      {children}
    </>
  );
};

const Lines: FC<{ text: string }> = ({ text }) => (
  <pre dir="ltr">
    <code>{text}</code>
  </pre>
);

function peerOf({ peer, peerAddress, peerPort }: AttemptMine, language: Language): string {
  if (peerAddress === null) return peer;
  return peerPort === null ? peerAddress : language.says.mine.peer(peerAddress, String(peerPort));
}

/** JSON in which no character can turn or hide what stands beside it. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
