/** What maintainers wrote, as events of the log: append-only and chained by hashes like every transition. */
import type { Kysely } from "kysely";
import { type Annotation, annotation as annotationSchema } from "../schema.ts";
import { appendEvents } from "./events.ts";
import type { Tables } from "./tables.ts";

/** No outpoint and not the verdict. */
const SUBJECT = "annotation";
/** Annotations that are answered. */
const LATEST = 200;

const detailRow = annotationSchema.pick({ text: true, about: true });

/** Newest first. */
export async function loadAnnotations(db: Kysely<Tables>): Promise<Annotation[]> {
  const rows = await db
    .selectFrom("events")
    .select(["id", "at", "detail"])
    .where("subject", "=", SUBJECT)
    .orderBy("id", "desc")
    .limit(LATEST)
    .execute();
  return rows.map(({ id, at, detail }) => ({ number: id, at, ...detailRow.parse(JSON.parse(detail)) }));
}

/** Part of a transaction. JSON escapes what PostgreSQL's text cannot hold. */
export async function addAnnotation(
  db: Kysely<Tables>,
  { at, text, about }: Omit<Annotation, "number">,
): Promise<Annotation> {
  const event = { at, subject: SUBJECT, kind: "written", detail: JSON.stringify({ text, about }) };
  const [number] = await appendEvents(db, [event]);
  return { number: number!, at, text, about };
}
