/**
 * Inputs for the target wire: the hellos of the practice piñata's real peers, read with the steps of a parser that is right (RFC 8446 §4.1.2,
 * §4.1.3) and written again, and one of each kind of access. None of them does anything that must trap.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EDGE, STEP, WHOLE, wireInput } from "../replay-wire.ts";
import { PRACTICE } from "./practice.ts";
import type { Recorded } from "./programs.ts";

const ROOM = 1024;
const RECORD_HEADER = 5;

/** A step with what its high half chooses. */
const step = (number: number, kind = 0) => number | (kind << 4);
const integer = (width: number) => step(STEP.integer, width - 1);
const write = (width: number) => step(STEP.write, width - 1);
const vector = (width: number, least = 0) => [step(STEP.vector, width - 1), least, EDGE.left];
const open = (width: number) => step(STEP.open, width - 1);
/** Reads a number and writes it. */
const pass = (width: number) => [integer(width), write(width)];
/** Reads a vector and writes it, its length included. */
const passVector = (width: number) => [...vector(width), open(width), STEP.put, STEP.close];
/** Into the vector that comes next, whose contents are written as a vector too. */
const into = (width: number, inner: number[]) => [
  ...vector(width),
  STEP.nest,
  open(width),
  ...inner,
  STEP.leave,
  STEP.close,
];
const extension = [...pass(2), ...passVector(2)];
const messageHead = [...pass(1), ...vector(3), STEP.nest, open(3)];
const messageEnd = [STEP.leave, STEP.close];
const randomAndSession = [...pass(2), STEP.take, 32, STEP.put, ...passVector(1)];

export function recordWire(): Recorded[] {
  const client = readFileSync(join(PRACTICE, "client-hello")).subarray(RECORD_HEADER);
  const server = readFileSync(join(PRACTICE, "server-hello")).subarray(RECORD_HEADER);
  const kinds = [0, 1, 2, 3, 4, 5, 6];
  const seed = (name: string, bytes: Uint8Array, steps: number[], capacity = ROOM): Recorded => ({
    name,
    input: wireInput(capacity, bytes, steps),
    candy: false,
  });
  const clientHello = [...messageHead, ...randomAndSession, ...passVector(2), ...passVector(1)];
  const serverHello = [...messageHead, ...randomAndSession, ...pass(2), ...pass(1)];
  return [
    seed("client-hello", client, [...clientHello, ...into(2, repeat(12, extension)), ...messageEnd]),
    seed("client-hello-unread", client, [...clientHello, ...vector(2), STEP.nest, ...extension, ...messageEnd]),
    seed("client-hello-cut-off", client.subarray(0, 70), [...clientHello, ...messageEnd]),
    seed("server-hello", server, [...serverHello, ...into(2, repeat(2, extension)), ...messageEnd]),
    seed("server-hello-backwards", server, [
      STEP.rest,
      STEP.from,
      9,
      ...kinds.flatMap((kind) => [step(STEP.load, kind), EDGE.left, write(4)]),
    ]),
    seed("a-vector-too-short", client, [...pass(1), step(STEP.vector, 2), EDGE.left, EDGE.left, STEP.put]),
    seed("numbers", client, [
      ...[1, 2, 3, 4].flatMap(pass),
      STEP.literal,
      0xca,
      0xfe,
      0xba,
      0xbe,
      ...[1, 2, 3, 4].map(write),
    ]),
    seed("stores", client, [
      STEP.rest,
      STEP.slice,
      8,
      32,
      ...kinds.flatMap((kind) => [step(STEP.store, kind), kind * 4]),
      STEP.put,
    ]),
    seed("views", client, [
      ...[STEP.take, 16, STEP.take, 16, step(STEP.load, WHOLE), step(STEP.store, WHOLE), 0, step(STEP.load, WHOLE)],
      ...[step(STEP.slice, 1), 4, EDGE.left, STEP.from, 6, STEP.take, 2, STEP.take, 8, step(STEP.store, WHOLE), 3],
    ]),
    seed(
      "nested",
      client,
      [open(3), open(2), open(1), ...pass(2), STEP.close, ...pass(4), STEP.close, STEP.rest, STEP.put],
      200,
    ),
    seed("failed", client, [...pass(2), STEP.fail, ...pass(4), ...vector(1), STEP.put, STEP.rest]),
  ];
}

function repeat(count: number, steps: number[]): number[] {
  return Array.from({ length: count }, () => steps).flat();
}
