/**
 * What a function of the object code was compiled from. wasm2c calls function n of a module w2c_f<n>, or by the name that it is exported as; the
 * module's source map (revision 3; the column is the byte offset in the module) tells where its instructions come from, and the sources what
 * functions stand there. asc inlines, so a compiled function is made of one or more of the guest's.
 */
import { readFileSync } from "node:fs";

/** Functions of the guest as FILE FUNCTION (or FILE Class#method), e.g. `crypto/x25519.ts swapIf`. */
export type Names = (symbol: string) => string[];

interface SourceMap {
  sources: string[];
  sourcesContent: string[];
  mappings: string;
}
interface Position {
  offset: number;
  source: number;
  line: number;
}

/** Reads a module and the source map beside it. */
export function namesOf(wasmFile: string): Names {
  const { bodies, exported } = functionsOf(readFileSync(wasmFile));
  const map = JSON.parse(readFileSync(`${wasmFile}.map`, "utf8")) as SourceMap;
  const positions = decode(map.mappings);
  const functions = map.sourcesContent.map(functionLines);
  return (symbol) => {
    const own = /^w2c_(\w+)/.exec(symbol)?.[1] ?? "";
    const body = bodies.get(exported.get(own) ?? Number(/^f(\d+)$/.exec(own)?.[1]));
    if (body === undefined) return [symbol];
    const inside = positions.filter(({ offset }) => offset >= body.start && offset < body.end);
    const names = inside.map(({ source, line }) => `${shortened(map.sources[source]!)} ${functions[source]!(line)}`);
    return names.length === 0 ? [symbol] : [...new Set(names)];
  };
}

function shortened(source: string): string {
  return source.replace(/^unikernel\/guest\//, "").replace(/^~lib\/(bytes|arena)\b/, "prim/$1");
}

/** Where each function's code is in a module, by its number (imported functions come first and have none); numbers of exported ones by name. */
function functionsOf(wasm: Buffer): {
  bodies: Map<number, { start: number; end: number }>;
  exported: Map<string, number>;
} {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const bodies = new Map<number, { start: number; end: number }>();
  const exported = new Map<string, number>();
  let imported = 0;
  while (at < wasm.length) {
    const section = wasm[at++]!;
    const end = number() + at;
    if (section === IMPORTS) imported = importedFunctions(wasm.subarray(at, end));
    if (section === EXPORTS) {
      for (let left = number(); left > 0; left--) {
        const length = number();
        const name = wasm.toString("latin1", at, at + length);
        at += length;
        const isFunction = wasm[at++] === 0;
        const which = number();
        if (isFunction) exported.set(name, which);
      }
    }
    if (section === CODE) {
      const count = number();
      for (let i = 0; i < count; i++) {
        const length = number();
        bodies.set(imported + i, { start: at, end: at + length });
        at += length;
      }
    }
    at = end;
  }
  return { bodies, exported };
}

/** The doors import functions and one memory; all numbers in this section are below 128. */
function importedFunctions(section: Buffer): number {
  let at = 1;
  let functions = 0;
  for (let left = section[0]!; left > 0; left--) {
    for (let name = 0; name < 2; name++) at += 1 + section[at]!;
    const kind = section[at++]!;
    if (kind === 0) {
      functions += 1;
      at += 1;
    } else if (kind === MEMORY) {
      at += section[at]! & 1 ? 3 : 2;
    } else {
      throw new Error(`an import of kind ${kind}`);
    }
  }
  return functions;
}

/** The positions of a source map with one line. */
function decode(mappings: string): Position[] {
  const positions: Position[] = [];
  let [offset, source, line] = [0, 0, 0];
  for (const segment of mappings.split(",")) {
    const fields = numbers(segment);
    offset += fields[0] ?? 0;
    if (fields.length < 4) continue;
    source += fields[1]!;
    line += fields[2]!;
    positions.push({ offset, source, line: line + 1 });
  }
  return positions;
}

/** Base-64 VLQ. */
function numbers(segment: string): number[] {
  const out: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of segment) {
    const digit = BASE64.indexOf(letter);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit >= 32) continue;
    out.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return out;
}

/** For a source text: the function around a line, from 1; "(start)" outside of functions. */
export function functionLines(text: string): (line: number) => string {
  let within: string | undefined;
  let name = "(start)";
  const names = text.split("\n").map((line) => {
    const opened = /^(?:export )?(?:abstract )?class (\w+)/.exec(line)?.[1];
    if (opened !== undefined) within = opened;
    const free = /^(?:export )?function (\w+)/.exec(line)?.[1];
    const method = /^ {2}(?:(?:private|static|get|set) )*(\w+)\(/.exec(line)?.[1];
    if (free !== undefined) name = free;
    else if (within !== undefined && method !== undefined) name = `${within}#${method}`;
    const now = name;
    if (line === "}") [within, name] = [undefined, "(start)"];
    return now;
  });
  return (line) => names[line - 1] ?? "?";
}

const IMPORTS = 2;
const EXPORTS = 7;
const CODE = 10;
const MEMORY = 2;
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
