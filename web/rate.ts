/**
 * What a bitcoin is worth elsewhere, for `Info.rate`: one source is asked every ten minutes, sooner again when it did not
 * answer well. Its answer is JSON as mempool.space's GET /api/v1/prices gives it: seconds since 1970 and a whole number
 * for each currency, `{"time": 1700000000, "USD": 37000, "EUR": 34000, …}`, with -1 for one that it does not know
 * (mempool/mempool, backend/src/tasks/price-updater.ts). At most 64 KiB are read, redirects are not followed, and what is
 * absurd or told more than an hour ago is never shown.
 */
import { z } from "zod";
import { type Clock, systemClock } from "./clock.ts";
import type { Rate } from "./info.ts";

export interface RateSource {
  /** http or https. */
  url: string;
  /** ISO 4217: the field of the answer that counts. */
  currency: string;
}

export interface RateParts {
  clock?: Clock;
  fetch?: typeof globalThis.fetch;
  /** 0 to 1. */
  random?: () => number;
  /** Told once when the source stops answering well, and once when it does again. */
  log?: (line: string) => void;
}

export interface RateFollower {
  /** The latest rate; null before the first, and once it is older than {@link GOOD_FOR}. */
  now(): Rate | null;
  stop(): void;
}

/** Milliseconds between two questions, and after which a rate is not shown any more. */
export const ASK_RATE_EVERY = 600_000;
export const GOOD_FOR = 3_600_000;
const ANSWER_WITHIN = 10_000;
const MAX_ANSWER = 64 * 1024;
const BACK_OFF = { first: 30_000, longest: ASK_RATE_EVERY } as const;
/** A source's clock may be ahead of ours by so much. */
const AHEAD = 300_000;
/** More than any currency of today; a source that says more has a fault. */
const MOST = 1e13;

const answer = z.looseObject({ time: z.number().int().positive().max(MOST) });
const perBitcoin = z.number().positive().max(MOST);

/** Checks what the operator named. Throws one clear line that begins with the flag. */
export function rateSource(url: string, currency: string): RateSource {
  const read = URL.canParse(url) ? new URL(url) : undefined;
  if (read === undefined || !/^https?:$/.test(read.protocol) || read.username !== "" || read.password !== "") {
    throw new Error(
      `--rate ${url} is not an http or https URL without user, such as https://mempool.space/api/v1/prices`,
    );
  }
  if (!/^[A-Z]{3}$/.test(currency) || !Intl.supportedValuesOf("currency").includes(currency)) {
    throw new Error(`--currency ${currency} is not a currency by ISO 4217: three capital letters, such as EUR`);
  }
  return { url: read.href, currency };
}

/** Begins to ask, and goes on until `stop`. */
export function followRate({ url, currency }: RateSource, parts: RateParts = {}): RateFollower {
  const { clock = systemClock, fetch = globalThis.fetch, random = Math.random, log = console.error } = parts;
  const source = new URL(url).host;
  let latest: Rate | null = null;
  let failures = 0;
  let cancel = () => {};
  let asking = new AbortController();
  let stopped = false;

  const isGood = ({ at }: Rate) => clock.now() - at <= GOOD_FOR && at - clock.now() <= AHEAD;

  const ask = async (): Promise<Rate> => {
    const question = new AbortController();
    asking = question;
    const inTime = clock.after(ANSWER_WITHIN, () => question.abort(new Error("it does not answer in time")));
    try {
      const headers = { accept: "application/json" };
      const response = await fetch(url, { headers, redirect: "error", signal: question.signal });
      if (response.status !== 200) throw new Error(`it answered ${response.status}`);
      const told = answer.safeParse(json(await boundedText(response)));
      const price = perBitcoin.safeParse(told.data?.[currency]);
      if (!told.success || !price.success) throw new Error(`its answer has no time and ${currency} that make sense`);
      const rate = { perBitcoin: price.data, currency, source, at: told.data.time * 1000 };
      if (!isGood(rate)) throw new Error("its rate is not of the last hour");
      return rate;
    } finally {
      inTime();
      // What was not read of an answer is not waited for.
      question.abort();
    }
  };

  const round = async (): Promise<void> => {
    let pause: number = ASK_RATE_EVERY * (0.9 + random() / 5);
    try {
      const rate = await ask();
      if (stopped) return;
      if (failures > 0) log(`web: ${source} tells the rate again`);
      failures = 0;
      latest = rate;
    } catch (error) {
      if (stopped) return;
      if (failures === 0) log(`web: no rate from ${source}: ${inWords(error)}`);
      // Half of it and more, by chance, so that many pages do not come back in one moment.
      pause = Math.min(BACK_OFF.first * 2 ** failures, BACK_OFF.longest) * (0.5 + random() / 2);
      failures = Math.min(failures + 1, 16);
    }
    cancel = clock.after(pause, () => void round());
  };

  void round();
  return {
    now: () => (latest !== null && isGood(latest) ? latest : null),
    stop() {
      stopped = true;
      cancel();
      asking.abort();
    },
  };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER) throw new Error("its answer is longer than 64 KiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` says "fetch failed" and hides why in the cause. */
function inWords(error: unknown): string {
  if (!(error instanceof Error)) return "it cannot be reached";
  const { cause } = error;
  return error.message === "fetch failed" && cause instanceof Error ? cause.message : error.message;
}
