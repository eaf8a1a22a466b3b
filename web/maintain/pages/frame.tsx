/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What the maintainers' pages share: their frame, links with parameters, tables that become cards on narrow screens, times,
 * and texts of strangers, which stand in `<bdi>` with their line breaks kept by the style.
 */
import type { Child, FC, PropsWithChildren } from "hono/jsx";
import type { Assets } from "../../assets.ts";
import { Layout } from "../../pages/layout.tsx";
import { useVisit, type Visit } from "../../pages/visit.ts";
import { iso } from "../../text.ts";

export interface Parts {
  assets: Assets;
  visit: Visit;
}

/** A path of this site with parameters and the language that was asked for. */
export function to({ query }: Visit, path: string, parameters: Readonly<Record<string, string>> = {}): string {
  const all = new URLSearchParams(parameters);
  for (const [name, value] of new URLSearchParams(query)) all.set(name, value);
  return all.size === 0 ? path : `${path}?${all}`;
}

/** `asked`: parameters of the page's address that stay in another language. */
type FrameProps = PropsWithChildren<Parts & { title: string; asked?: Readonly<Record<string, string>> }>;

export const Frame: FC<FrameProps> = ({ title, asked = {}, assets, visit, children }) => (
  <Layout
    title={`${title} · piñata`}
    assets={assets}
    visit={visit}
    refresh="never"
    sheet="maintain.css"
    foot={visit.language.says.maintain.foot}
    asked={asked}
  >
    {children}
  </Layout>
);

/** A text that the monitor passes on in English, from wherever. */
export const Stranger: FC<{ text: string }> = ({ text }) => (
  <bdi lang="en" class="kept">
    {text}
  </bdi>
);

/** A moment and how long ago it was; `never` where there is none. */
export const Moment: FC<{ at: number | null; now: number; never: string }> = ({ at, now, never }) => {
  const { language } = useVisit();
  if (at === null) return <>{never}</>;
  return (
    <span class="when">
      <time datetime={iso(at)}>{language.moment(at)}</time> <span class="ago">{language.ago(iso(at), now)}</span>
    </span>
  );
};

/** A form with one button. `of`: what the button is about, for who hears it without the line that it stands in. */
export const Act: FC<{ path: string; fields?: Readonly<Record<string, string>>; label: string; of?: string }> = (
  props,
) => {
  const { path, fields = {}, label, of = "" } = props;
  return (
    <form method="post" action={to(useVisit(), path)}>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit">
        {label}
        {of !== "" && <span class="unseen">{of}</span>}
      </button>
    </form>
  );
};

export interface Line {
  /** `no` where something is wrong. */
  ok: "yes" | "no";
  /** In the order of the columns. */
  cells: readonly Child[];
}

/** A table that is laid out as cards loses its own roles in some browsers, so they are said. */
const ROLE = {
  table: { role: "table" },
  rowgroup: { role: "rowgroup" },
  row: { role: "row" },
  columnheader: { role: "columnheader" },
  rowheader: { role: "rowheader" },
  cell: { role: "cell" },
} as const;

/** Lines of a list, by column; a narrow screen shows each line as a card. `label`: the id of what names it. */
export const Table: FC<{ label: string; columns: readonly string[]; lines: readonly Line[]; empty: string }> = (
  props,
) => {
  const { label, columns, lines, empty } = props;
  if (lines.length === 0) return <p class="empty">{empty}</p>;
  return (
    <table class="cards" {...ROLE.table} aria-labelledby={label}>
      <thead {...ROLE.rowgroup}>
        <tr {...ROLE.row}>
          {columns.map((column) => (
            <th {...ROLE.columnheader} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody {...ROLE.rowgroup}>
        {lines.map(({ ok, cells: [first, ...others] }) => (
          <tr {...ROLE.row} data-ok={ok}>
            <th {...ROLE.rowheader} scope="row">
              {first}
            </th>
            {others.map((cell, i) => (
              <td {...ROLE.cell} data-label={columns[i + 1]}>
                <div>{cell}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
};

/** A page that says why something was not done, and leads back. */
export const ProblemPage: FC<Parts & { title: string; sentence: string }> = ({ title, sentence, assets, visit }) => (
  <Frame title={title} assets={assets} visit={visit}>
    <article class="problem">
      <h1>{title}</h1>
      <p class="sentence">{sentence}</p>
      <p>
        <a href={to(visit, "/maintain")}>{visit.language.says.maintain.back}</a>
      </p>
    </article>
  </Frame>
);
