/**
 * JSON of which there is one text for each value, so that it can be hashed and signed: RFC 8785 for the types that we
 * use (objects, arrays, strings, whole numbers, booleans, null). Keys in the order of their UTF-16 units, nothing between
 * the tokens, numbers and strings as ECMAScript writes them; fractions are refused, so numbers need no rule of their own.
 *
 * Reading is as strict: a key that is there twice, a number written in two ways or an escape that need not be would let a
 * file show one thing to a person and another to a program.
 */

/** The text is not JSON that can be read in only one way; the message is for a person. */
export class JsonError extends Error {
  override name = "JsonError";
}

const MAX_DEPTH = 16;

/** The canonical text. Throws TypeError for what has none: our own mistake. */
export function canonical(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new TypeError("nested too deeply for canonical JSON");
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(Object.is(value, -0) ? 0 : value);
  if (typeof value === "string") {
    if (LONE_SURROGATE.test(value)) throw new TypeError("half a surrogate pair has no canonical JSON");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((each) => canonical(each, depth + 1)).join(",")}]`;
  if (typeof value === "object") {
    const fields = value as Record<string, unknown>;
    const keys = Object.keys(fields).sort();
    return `{${keys.map((key) => `${canonical(key)}:${canonical(fields[key], depth + 1)}`).join(",")}}`;
  }
  throw new TypeError(`${String(value)} has no canonical JSON`);
}

/** The value of a text, in which space between the tokens and the order of keys are free. Throws {@link JsonError}. */
export function readPlainJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonError("is not JSON");
  }
  let again: string;
  try {
    again = JSON.stringify(value);
  } catch {
    throw new JsonError("is JSON that is nested too deeply");
  }
  if (again !== withoutSpace(text)) {
    throw new JsonError("is JSON that can be read in two ways: a key is there twice, or a number or text is not plain");
  }
  return value;
}

/** Strings are kept as they are. `text` is JSON. */
function withoutSpace(text: string): string {
  const parts: string[] = [];
  let at = 0;
  for (let quote = text.indexOf('"'); quote >= 0; quote = text.indexOf('"', at)) {
    let end = text.indexOf('"', quote + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    parts.push(text.slice(at, quote).replace(SPACE, ""), text.slice(quote, end + 1));
    at = end + 1;
  }
  parts.push(text.slice(at).replace(SPACE, ""));
  return parts.join("");
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const SPACE = /[ \t\r\n]+/g;
