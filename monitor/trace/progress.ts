/**
 * How far reading the traces got, as the store keeps it beside what the lines meant: where each file was read to, which
 * connections of which boot have begun, and the open attempts that are counted without being kept. Bounded.
 */
import { z } from "zod";
import { status } from "../schema.ts";
import type { Cursor } from "./tail.ts";

const whole = z.number().int().nonnegative();
const cursor: z.ZodType<Cursor> = z.object({
  inode: z.number(),
  offset: whole,
  skipping: z.boolean(),
  head: z.string(),
});

const savedBoot = z.object({
  boot: z.string(),
  /** What its boot line said; null while only its connections were seen. */
  info: status.shape.pinata,
  /** When anything was last heard of it, by its own clock. */
  heard: whole,
  seen: z.array(z.tuple([whole, whole])),
  reached: z.array(whole),
});
export type SavedBoot = z.infer<typeof savedBoot>;

/** An open attempt that is counted but not kept: what is needed to count on after a restart. */
const unkept = z.object({ id: z.string(), started: whole, reached: whole, refused: z.boolean(), opened: z.boolean() });
export type SavedUnkept = z.infer<typeof unkept>;

const saved = z.object({
  /** By the input's key: the path as configured. */
  cursors: z.record(z.string(), cursor),
  /** Least recently heard first. */
  boots: z.array(savedBoot),
  /** The boot that each input (each peer of a listening one) carries now. */
  lanes: z.record(z.string(), z.string()),
  unkept: z.array(unkept),
});
export type Progress = z.infer<typeof saved>;

/** The cursor of a monitor that read one file only: it belongs to whatever file comes first. */
export const ANY_FILE = "";

/** As the store keeps it; the form of older monitors, one file's cursor, is taken too. */
export const progress: z.ZodType<Progress, unknown> = z.union([
  saved,
  cursor.transform((each): Progress => ({ ...NOTHING_READ, cursors: { [ANY_FILE]: each } })),
]);

export const NOTHING_READ: Progress = { cursors: {}, boots: [], lanes: {}, unkept: [] };
