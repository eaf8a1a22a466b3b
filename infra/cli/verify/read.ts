/**
 * What `pinata verify` is given: files, standard input or URLs, bounded in size, and which of the three things they hold.
 * Nothing in them is believed; what is not exactly a certificate or a signed statement is refused with a line that says why.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { z } from "zod";
import { type Certificate, certificate, MAX_CERTIFICATE } from "../../../monitor/certificate/certificate.ts";
import { ProofError } from "../../../monitor/proofs/bytes.ts";
import { JsonError, readPlainJson } from "../../../monitor/witness/canonical-json.ts";
import { MAX_STATEMENT, type SignedStatement, signedStatement } from "../../../monitor/witness/statement.ts";
import { UsageError } from "../errors.ts";

export type Document =
  | { kind: "certificate"; certificate: Certificate }
  /** `next`: the number from which a monitor has more. */
  | { kind: "statements"; statements: SignedStatement[]; next: number | null };

const MAX_INPUT = 2 * MAX_CERTIFICATE;
const MAX_STATEMENTS = 100_000;
const MAX_PAGES = 1000;
const TIMEOUT = 30_000;
const CHUNK = 64 * 1024;

const page = z.strictObject({
  statements: z.array(z.unknown()).max(MAX_STATEMENTS),
  next: z.number().int().positive().nullable(),
});

/** Reads a place and what else its pages hold. Throws {@link UsageError} when nothing can be read, {@link ProofError} when it is not one of ours. */
export async function readDocument(place: string): Promise<Document> {
  if (!isUrl(place)) return recognise(readFile(place));
  const url = new URL(place);
  const first = recognise(await fetchText(url));
  if (first.kind === "certificate") return first;
  const { statements } = first;
  let { next } = first;
  for (let pages = 1; next !== null; pages++) {
    if (pages === MAX_PAGES || statements.length > MAX_STATEMENTS)
      throw new ProofError("more statements than can be read");
    url.searchParams.set("from", String(next));
    const more = recognise(await fetchText(url));
    if (more.kind !== "statements" || (more.next !== null && more.next <= next)) {
      throw new ProofError("a next page that does not go on");
    }
    for (const each of more.statements) statements.push(each);
    next = more.next;
  }
  return first;
}

/** Throws {@link ProofError}. */
export function recognise(text: string): Document {
  if (text.trim() === "") throw new ProofError("nothing: it is empty");
  const values = readValues(text);
  const [only] = values;
  if (values.length === 1 && isObject(only)) {
    if (only.type === "pinata-certificate") {
      return { kind: "certificate", certificate: check(certificate, only, "certificate") };
    }
    if ("statements" in only) {
      const { statements, next } = check(page, only, "page of statements");
      return { kind: "statements", statements: statements.map(toStatement), next };
    }
  }
  const list = values.length === 1 && Array.isArray(only) ? only : values;
  if (list.length === 0) throw new ProofError("a list without statements");
  if (list.length > MAX_STATEMENTS) throw new ProofError(`more than ${MAX_STATEMENTS} statements`);
  return { kind: "statements", statements: list.map(toStatement), next: null };
}

/** One value, or one for each line. */
function readValues(text: string): unknown[] {
  try {
    return [readPlainJson(text)];
  } catch (error) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    if (!(error instanceof JsonError) || lines.length < 2 || !isJson(lines[0]!)) throw asProofError(error);
    return lines.map((line, index) => {
      try {
        return readPlainJson(line);
      } catch (inner) {
        throw asProofError(inner, `whose line ${index + 1} `);
      }
    });
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function asProofError(error: unknown, where = "that "): unknown {
  return error instanceof JsonError ? new ProofError(`a file ${where}${error.message}`) : error;
}

function toStatement(value: unknown, index: number): SignedStatement {
  if (!isObject(value) || !("statement" in value)) {
    throw new ProofError("something that is neither a spend certificate nor a signed statement");
  }
  const signed = check(signedStatement, value, `statement at place ${index + 1}`);
  if (JSON.stringify(value).length > MAX_STATEMENT)
    throw new ProofError(`a statement longer than ${MAX_STATEMENT} bytes`);
  return signed;
}

function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new ProofError(`a ${what} that is malformed: ${issue.path.join(".") || "as a whole"}: ${issue.message}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isUrl(place: string): boolean {
  return /^https?:\/\//i.test(place) && URL.canParse(place);
}

function readFile(place: string): string {
  let descriptor = 0;
  try {
    if (place !== "-") descriptor = openSync(place, "r");
    const chunks: Buffer[] = [];
    for (let length = 0; ; ) {
      const chunk = Buffer.alloc(CHUNK);
      const read = readSync(descriptor, chunk);
      if (read === 0) return toText(chunks);
      length += read;
      if (length > MAX_INPUT) throw tooLong();
      chunks.push(chunk.subarray(0, read));
    }
  } catch (error) {
    if (error instanceof ProofError) throw error;
    throw new UsageError(`${place === "-" ? "standard input" : place}: cannot be read: ${(error as Error).message}`);
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
  }
}

async function fetchText(url: URL): Promise<string> {
  try {
    const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new UsageError(`${url.href}: answers ${response.status} ${response.statusText}`);
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MAX_INPUT) throw tooLong();
      chunks.push(chunk);
    }
    return toText(chunks);
  } catch (error) {
    if (error instanceof ProofError || error instanceof UsageError) throw error;
    const { message, cause } = error as Error;
    throw new UsageError(`${url.href}: cannot be read: ${cause instanceof Error ? cause.message : message}`);
  }
}

function toText(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new ProofError("bytes that are no text in UTF-8");
  }
}

function tooLong(): ProofError {
  return new ProofError(`more than ${MAX_INPUT} bytes, which nothing that is checked here has`);
}
