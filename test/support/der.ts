/**
 * A small DER encoder and decoder for tests, independent of the guest's: takes certificates apart, changes them, and
 * puts them together again with right lengths. Decodes only what it is given to be valid; it judges nothing.
 */

/** One element: constructed ones have `children`, primitive ones `content`. */
export interface Node {
  tag: number;
  children?: Node[];
  content?: Uint8Array;
  /** Written in place of the element, as it is: for encodings that DER has not. */
  raw?: Uint8Array;
}

/** Decodes exactly one element. */
export function decode(bytes: Uint8Array): Node {
  const { node, end } = decodeAt(bytes, 0);
  if (end !== bytes.length) throw new Error(`${bytes.length - end} bytes after the element`);
  return node;
}

/** Encodes with minimal lengths. */
export function encode(node: Node): Uint8Array {
  if (node.raw) return node.raw;
  const content = node.children ? concat(...node.children.map(encode)) : (node.content ?? new Uint8Array(0));
  return element(node.tag, content);
}

/** `tag ‖ minimal length ‖ parts`. */
export function element(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  return concat(Uint8Array.of(tag), lengthBytes(content.length), content);
}

export function sequence(...parts: Uint8Array[]): Uint8Array {
  return element(0x30, ...parts);
}

export function primitive(tag: number, content: Uint8Array | number[] | string): Node {
  return { tag, content: typeof content === "string" ? new TextEncoder().encode(content) : Uint8Array.from(content) };
}

export function constructed(tag: number, ...children: Node[]): Node {
  return { tag, children };
}

/** An OBJECT IDENTIFIER from its dotted form; arcs below 2^28. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return element(0x06, Uint8Array.from(bytes));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A big-endian number of `width` bytes. */
export function uint(width: number, value: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => (value / 2 ** (8 * (width - 1 - i))) & 0xff);
}

/** An ECDSA signature `r ‖ s` as DER SEQUENCE { r, s }. */
export function signatureToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}

function integer(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  return element(0x02, digits[0]! >= 0x80 ? concat(Uint8Array.of(0), digits) : digits);
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  return length < 0x100 ? Uint8Array.of(0x81, length) : concat(Uint8Array.of(0x82), uint(2, length));
}

function decodeAt(bytes: Uint8Array, at: number): { node: Node; end: number } {
  const tag = bytes[at]!;
  const first = bytes[at + 1]!;
  const size = first < 0x80 ? 0 : first & 0x7f;
  let length = first;
  if (size > 0) length = bytes.subarray(at + 2, at + 2 + size).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = at + 2 + size;
  const end = start + length;
  if (end > bytes.length) throw new Error(`an element at ${at} ends past the input`);
  if ((tag & 0x20) === 0) return { node: { tag, content: bytes.slice(start, end) }, end };
  const children: Node[] = [];
  for (let next = start; next < end; ) {
    const child = decodeAt(bytes.subarray(0, end), next);
    children.push(child.node);
    next = child.end;
  }
  return { node: { tag, children }, end };
}
