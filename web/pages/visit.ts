/**
 * How one visitor reads the page: in which language, and what its own links carry. Pages put it into a context, so that
 * every part of them can say its words and draw its links.
 */
import { createContext, useContext } from "hono/jsx";
import { byDefault, type Chosen } from "../catalogue/choose.ts";

export type Visit = Chosen;

export const plainVisit: Visit = byDefault;

export const VisitContext = createContext<Visit>(plainVisit);

export function useVisit(): Visit {
  return useContext(VisitContext);
}

/** A link within the site: `/attempts/x#y` with the language that the visitor asked for. */
export function link({ query }: Visit, path: string): string {
  const [before = "", fragment] = path.split("#");
  return `${before}${query}${fragment === undefined ? "" : `#${fragment}`}`;
}
