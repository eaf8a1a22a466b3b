/**
 * `pinata verify`: checks signed statements, chains of them and spend certificates, without network unless a URL is given.
 * Says in plain words what is proven and what is not. Exit 0: all is valid; 1: something is not; 2: nothing could be checked.
 */
import { type CertificatePins, checkCertificate } from "../../monitor/certificate/check.ts";
import { type Pinata, readPinata } from "../../monitor/pinata.ts";
import { ProofError } from "../../monitor/proofs/bytes.ts";
import { checkStatements } from "../../monitor/witness/chain.ts";
import type { SignedStatement } from "../../monitor/witness/statement.ts";
import { UsageError } from "./errors.ts";
import { type Document, readDocument } from "./verify/read.ts";

export interface VerifyOptions {
  public?: string;
  key?: string[];
  block?: string;
  json?: boolean;
}

interface Result {
  place: string;
  valid: boolean;
  kind: Document["kind"] | null;
  headline: string;
  proven: string[];
  notProven: string[];
  /** What is wrong; null when it is valid. */
  problem: string | null;
}

/** `places`: files, `-` for standard input, or URLs. Statements of all of them, in this order, are one chain. */
export async function verify(places: string[], options: VerifyOptions): Promise<void> {
  const pinata = options.public === undefined ? undefined : readPublic(options.public);
  if (places.filter((place) => place === "-").length > 1)
    throw new UsageError("standard input (-) can be read only once");
  const results: Result[] = [];
  const chain: { places: string[]; statements: SignedStatement[] } = { places: [], statements: [] };
  for (const place of places) {
    const document = await attempt(place, null, () => readDocument(place));
    if ("valid" in document) results.push(document);
    else if (document.kind === "statements") {
      chain.places.push(place);
      for (const each of document.statements) chain.statements.push(each);
    } else {
      const pins: CertificatePins = {
        ...(pinata ? { pinata: { ...pinata, network: pinata.rules.name } } : {}),
        ...(options.block === undefined ? {} : { block: options.block }),
      };
      results.push(await conclude(place, "certificate", () => checkCertificate(document.certificate, pins)));
    }
  }
  const [first, ...rest] = chain.statements;
  if (first) {
    const keys = options.key ?? [];
    const pins = { keys, ...(pinata ? { pinata: { address: pinata.address, network: pinata.network } } : {}) };
    const place = chain.places.join(", ");
    results.push(await conclude(place, "statements", () => checkStatements([first, ...rest], pins)));
  }
  refuseIdlePins(results, options);
  print(results, options);
  if (results.some(({ valid }) => !valid)) process.exitCode = 1;
}

/** What `task` answers, or a result that says why it is not valid. */
async function attempt<T>(place: string, kind: Result["kind"], task: () => T | Promise<T>): Promise<T | Result> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    return { place, valid: false, kind, headline: "", proven: [], notProven: [], problem: error.message };
  }
}

async function conclude(
  place: string,
  kind: Document["kind"],
  check: () => { headline: string; proven: string[]; notProven: string[] },
): Promise<Result> {
  return attempt(place, kind, () => ({ place, valid: true, kind, ...check(), problem: null }));
}

/** Whoever pins something must not believe that it was looked at when it was not. */
function refuseIdlePins(results: readonly Result[], { key, block }: VerifyOptions): void {
  if (results.some(({ kind }) => kind === null)) return;
  if (key?.length && !results.some(({ kind }) => kind === "statements")) {
    throw new UsageError("--key is for statements; a certificate is signed by nobody but the spender");
  }
  if (block !== undefined && !results.some(({ kind }) => kind === "certificate")) {
    throw new UsageError("--block is for certificates; statements hold no headers");
  }
}

function readPublic(file: string): Pinata {
  try {
    return readPinata(file);
  } catch (error) {
    throw new UsageError(`--public: ${(error as Error).message}`);
  }
}

function print(results: readonly Result[], { json }: VerifyOptions): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ valid: results.every(({ valid }) => valid), results })}\n`);
    return;
  }
  process.stdout.write(results.map(show).join("\n"));
}

function show({ place, valid, headline, proven, notProven, problem }: Result): string {
  if (!valid) return `NOT VALID  ${harmless(place)}: shows ${harmless(problem ?? "")}\n`;
  const list = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `\n  ${title}\n${lines.map((line) => `    - ${harmless(line)}\n`).join("")}`;
  return `VALID  ${harmless(headline)}\n${list("What is proven", proven)}${list("What is not", notProven)}`;
}

/** The texts come from a file that may be hostile: nothing in them may steer the terminal or fill it. */
function harmless(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
  return plain.length > MAX_LINE ? `${plain.slice(0, MAX_LINE)}…` : plain;
}

const MAX_LINE = 500;
