/**
 * Whose attempt was it: the randoms of ClientHellos in what a visitor pasted, and the monitor's answer to them. A random is
 * asked about and forgotten: it is in no address, no cache and no log. Questions to the monitor are bounded, for all visitors
 * together: {@link BURST} at once, and {@link PER_SECOND} more each second.
 */
import { type AttemptMine, mineAnswer } from "../monitor/schema.ts";
import type { Clock } from "./clock.ts";
import type { Feed } from "./feed.ts";

/** Randoms that one visit may ask about. */
export const MOST_RANDOMS = 20;
export const BURST = 60;
export const PER_SECOND = 20;
/** Attempts that one answer shows. */
const MOST_SHOWN = 10;

/** A line of a key log (RFC 9850): label, random, secret. Without the secret it is as good. */
const KEY_LOG_LINE = /^[a-z][a-z0-9_]* +([0-9a-f]{64})(?: +[0-9a-f]+)?$/i;
/** What stands before the digits where a program names them, such as Wireshark. Short, so that no text makes it slow. */
const NAME = /^[a-z ]{0,20}random[a-z ]{0,20}[:=]/i;
const BETWEEN_DIGITS = /0x|[\s:,;-]/gi;

/**
 * The randoms in `text`, 64 lower-case hex digits each, all different, from the last to the first (a key log grows at its end),
 * at most {@link MOST_RANDOMS}. The text is one of them, with or without spaces, line breaks, colons, commas or 0x, or has one a line,
 * by itself or in a line of a key log. Other lines are passed over.
 */
export function randomsIn(text: string): string[] {
  const whole = digitsOf(text);
  if (whole !== undefined) return [whole];
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  const found = lines.flatMap((line) => KEY_LOG_LINE.exec(line)?.[1]?.toLowerCase() ?? digitsOf(line) ?? []);
  return [...new Set(found.reverse())].slice(0, MOST_RANDOMS);
}

function digitsOf(text: string): string | undefined {
  const digits = text.trim().replace(NAME, "").replace(BETWEEN_DIGITS, "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}

/** `busy`: nobody was asked, seconds until it may be. `silent`: the monitor does not answer. */
export type Found =
  | { kind: "found"; attempts: readonly AttemptMine[] }
  | { kind: "none" }
  | { kind: "busy"; seconds: number }
  | { kind: "silent" };

export type Finder = (randoms: readonly string[]) => Promise<Found>;

/** The finder answers the attempts of all randoms in their order, those of one newest first; at most 10. */
export function createFinder({ feed, clock }: { feed: Pick<Feed, "ask">; clock: Clock }): Finder {
  let room = BURST;
  let filled = clock.now();

  /** Seconds to wait; 0 when the questions may be asked, and then they are counted. */
  const waitFor = (questions: number): number => {
    const now = clock.now();
    // A clock that was set back gives nothing.
    room = Math.min(BURST, room + (Math.max(0, now - filled) * PER_SECOND) / 1000);
    filled = now;
    if (room < questions) return Math.max(1, Math.ceil((questions - room) / PER_SECOND));
    room -= questions;
    return 0;
  };

  return async (randoms) => {
    const seconds = waitFor(randoms.length);
    if (seconds > 0) return { kind: "busy", seconds };
    try {
      const answers = await Promise.all(randoms.map((random) => feed.ask("v1/attempts/mine", mineAnswer, { random })));
      const attempts = answers.flatMap((answer) => answer?.attempts ?? []).slice(0, MOST_SHOWN);
      return attempts.length === 0 ? { kind: "none" } : { kind: "found", attempts };
    } catch {
      return { kind: "silent" };
    }
  };
}
