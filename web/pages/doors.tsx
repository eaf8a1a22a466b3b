/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * Where the doors are and what each does, and what runs behind them.
 */
import type { FC } from "hono/jsx";
import type { Row } from "../rows.ts";
import type { View } from "../view.ts";
import { List, shownIf, text, When } from "./bind.tsx";
import { useVisit } from "./visit.ts";

export const Doors: FC<{ view: View }> = ({ view: { text: t, lists, now } }) => {
  const { doors } = useVisit().language.says;
  return (
    <>
      <List name="doors" rows={lists.doors} row={(row) => <DoorItem row={row} />} empty="" />
      <p class="note" {...shownIf(t, "doorsNote")}>
        <span {...text(t, "doorsNote")} />
      </p>
      <dl class="facts">
        <div {...shownIf(t, "image")}>
          <dt>{doors.image}</dt>
          <dd>
            SHA-256 <code {...text(t, "image")} /> <span {...text(t, "board")} />
          </dd>
        </div>
        <div {...shownIf(t, "bootAt")}>
          <dt>{doors.running}</dt>
          <dd>
            <When row={t} name="bootAt" now={now} />
          </dd>
        </div>
      </dl>
    </>
  );
};

const DoorItem: FC<{ row: Row }> = ({ row }) => (
  <li data-key={row.key}>
    <p class="line1">
      <strong {...text(row, "role")} />
      <code {...shownIf(row, "address")}>
        <span {...text(row, "address")} />
      </code>
    </p>
    <p {...text(row, "what")} />
  </li>
);
