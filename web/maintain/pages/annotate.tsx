/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/** The form for an annotation, with what was typed, what is wrong with it, and how it will stand in the public timeline. */
import type { FC } from "hono/jsx";
import type { Annotation } from "../../../monitor/schema.ts";
import { TimelineItem } from "../../pages/timeline.tsx";
import { annotationRow } from "../../timeline.ts";
import { Frame, type Parts, Stranger, to } from "./frame.tsx";

/** The alert that is written about: its id, and what the monitor tells of it, where it is among the latest. */
export interface About {
  id: string;
  known: (NonNullable<Annotation["about"]> & { subject: string }) | null;
}

interface Props extends Parts {
  /** As it was typed. */
  text: string;
  about: About | null;
  /** What went wrong; empty: nothing did. */
  reason: string;
  /** This server's clock, milliseconds. */
  now: number;
}

export const AnnotatePage: FC<Props> = ({ text, about, reason, now, assets, visit }) => {
  const { language } = visit;
  const { annotate, back } = language.says.maintain;
  const shown = { number: 1, at: now, text: text.trim() || annotate.nothing, about: about?.known ?? null };
  return (
    <Frame title={annotate.title} asked={about === null ? {} : { alert: about.id }} assets={assets} visit={visit}>
      <h1 class="title">{annotate.title}</h1>
      <p class="acts">
        <a href={to(visit, "/maintain")}>{back}</a>
      </p>
      <p class="note">{annotate.public}</p>
      {reason !== "" && (
        <p class="note bad" role="alert">
          {reason}
        </p>
      )}
      {about !== null && (
        <p>
          {annotate.about} {about.known === null ? <code>{about.id}</code> : <Stranger text={about.known.subject} />}
        </p>
      )}
      <form class="fields" method="post" action={to(visit, "/maintain/annotate")}>
        {about !== null && <input type="hidden" name="alert" value={about.id} />}
        <label for="text">{annotate.text}</label>
        <textarea
          id="text"
          name="text"
          rows={8}
          required
          maxlength={1000}
          dir="auto"
          aria-describedby="rules"
          aria-invalid={reason === "" ? undefined : "true"}
        >
          {/* A form's first line break would be taken away by who reads the page. */}
          {`\n${text}`}
        </textarea>
        <p id="rules">{annotate.rules}</p>
        <p class="acts">
          <button type="submit" name="do" value="look">
            {annotate.look}
          </button>
          <button type="submit" name="do" value="publish" class="strong">
            {annotate.publish}
          </button>
        </p>
      </form>
      <section aria-labelledby="preview">
        <h2 id="preview">{annotate.preview}</h2>
        <ol class="timeline">
          <TimelineItem row={annotationRow(shown, language)} now={now} />
        </ol>
      </section>
    </Frame>
  );
};
