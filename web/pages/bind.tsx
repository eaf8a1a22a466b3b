/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * How an element says which text of the view it shows, so that assets/live.js can renew it: `data-t` the text,
 * `data-when` a moment, `data-if` shown only when the text is not empty, `data-a` attributes (`attribute:name …`),
 * `data-list` a list whose rows are clones of its template. The server draws the same elements filled.
 */
import type { Child, FC } from "hono/jsx";
import type { Row } from "../rows.ts";
import { useVisit } from "./visit.ts";

/** Attributes of an element whose whole text is `row[name]`, in the language `row[nameLang]` where it is not the page's. */
export function text(row: Row, name: string): { "data-t": string; lang?: string; children: string } {
  const lang = row[`${name}Lang`];
  return { ...(lang ? { lang } : {}), "data-t": name, children: row[name] ?? "" };
}

/** Attributes of an element that is there only when `row[name]` is not empty. */
export function shownIf(row: Row, name: string): { "data-if": string; hidden?: true } {
  return row[name] ? { "data-if": name } : { "data-if": name, hidden: true };
}

/** Attributes bound to texts: `bound(row, { href: "link" })`. */
export function bound(row: Row, names: Record<string, string>): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [attribute, name] of Object.entries(names)) attributes[attribute] = row[name] ?? "";
  const spec = Object.entries(names).map(([attribute, name]) => `${attribute}:${name}`);
  return { ...attributes, "data-a": spec.join(" ") };
}

/** A moment in UTC with how long ago it was beside it; hidden when there is none. */
export const When: FC<{ row: Row; name: string; now: number; class?: string }> = ({ row, name, now, class: extra }) => {
  const { language } = useVisit();
  const at = row[name] ?? "";
  return (
    <span class={extra ? `when ${extra}` : "when"} data-when={name} hidden={at === ""}>
      <time datetime={at}>{language.utc(at)}</time> <span class="ago">{at === "" ? "" : language.ago(at, now)}</span>
    </span>
  );
};

/** A list with its row template; `row` draws one row, whose root must carry `data-key`. */
export const List: FC<{
  name: string;
  rows: readonly Row[];
  row: (row: Row) => Child;
  class?: string;
  empty: string;
}> = (props) => (
  <>
    <ol class={props.class ?? props.name} data-list={props.name}>
      <template>{props.row({ key: "" })}</template>
      {props.rows.map(props.row)}
    </ol>
    <p class="empty" data-empty={props.name} hidden={props.rows.length > 0}>
      {props.empty}
    </p>
  </>
);
