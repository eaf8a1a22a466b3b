/** What the picture shows, and so what it depends on: its cache and its address change with these and with nothing else. */
import type { Verdict } from "../../../monitor/schema.ts";
import type { Snapshot } from "../../feed.ts";
import { summaryOf } from "../summary.ts";

export interface PictureFacts {
  state: Verdict;
  known: Verdict;
  /** Lines beside the picture, in capitals; empty where nothing can be said. */
  amount: string;
  note: string;
  days: string;
}

const DAY = 86_400_000;

export function pictureFacts(snapshot: Snapshot): PictureFacts {
  const { state, known, amount, note } = summaryOf(snapshot);
  const proven = state === "blind" && known !== "blind" ? `${known.toUpperCase()} WHEN LAST SEEN` : "";
  const facts = { state, known, amount: (amount ?? proven).toUpperCase(), note: note.toUpperCase(), days: "" };
  const { status } = snapshot;
  if (status === null || state !== "sealed") return facts;
  const days = Math.max(0, Math.floor((status.now - status.since) / DAY));
  return { ...facts, days: `WHOLE FOR ${days} ${days === 1 ? "DAY" : "DAYS"}` };
}

/** In a picture's address: who fetched it for one state fetches it again for another. */
export function pictureTag(snapshot: Snapshot): string {
  const v = Object.values(pictureFacts(snapshot)).join("-").toLowerCase();
  return new URLSearchParams({ v }).toString();
}
