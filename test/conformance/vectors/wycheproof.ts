/**
 * Reads a Wycheproof file (C2SP/wycheproof, testvectors_v1, doc/types.md) and makes a suite of it: every test of every group, in order,
 * under its tcId. "acceptable" tests are decided by their flags; a suite whose file has some must say how.
 */
import { z } from "zod";
import { type Alter, type Finding, type VectorCase, type VectorSuite, vectorSuite } from "./case.ts";
import { readVectors } from "./files.ts";

/** Bytes that the file writes in hexadecimal. */
export const bytes = z
  .string()
  .regex(/^([0-9a-f]{2})*$/)
  .transform((text) => Uint8Array.from(Buffer.from(text, "hex")));

const COMMON = z.object({
  tcId: z.number(),
  comment: z.string().default(""),
  flags: z.array(z.string()).default([]),
  result: z.enum(["valid", "invalid", "acceptable"]),
});
const DOCUMENT = z.object({
  algorithm: z.string(),
  numberOfTests: z.number(),
  testGroups: z.array(z.looseObject({ tests: z.array(z.unknown()) })),
});

export type Common = z.output<typeof COMMON>;
/** What decides a test: its own fields and its group's. */
export type Check<G, T> = (test: T & Common, group: G) => Finding;

export interface WycheproofFile<G, T> {
  name: string;
  /** Without `_test.json`. */
  file: string;
  /** What the file must say that it is. */
  algorithm: string;
  atLeast: number;
  group: z.ZodType<G>;
  test: z.ZodType<T>;
  /** The fields of a test that the guest is to compute or, of a signature, to accept. */
  computed: (keyof T & string)[];
  /** What to expect of an acceptable test, and the reason in a comment beside it. */
  acceptable?: (flags: string[]) => "valid" | "invalid";
  /** Loads the guest's code. */
  check(): Promise<Check<G, T>>;
}

const SOURCE = "C2SP/wycheproof ee7b4f7 (2026-06-25), testvectors_v1";

export function wycheproof<G, T>(it: WycheproofFile<G, T>): VectorSuite {
  return vectorSuite({
    name: `Wycheproof: ${it.name}`,
    source: `${SOURCE}/${it.file}_test.json`,
    atLeast: it.atLeast,
    async cases(_length, alter) {
      const check = await it.check();
      return read(it).map(({ test, group }): VectorCase => {
        for (const field of it.computed) test[field] = alterBytes(test[field], alter);
        return { name: label(test), expected: expected(test, it.acceptable), find: () => check(test, group) };
      });
    },
  });
}

function read<G, T>(it: WycheproofFile<G, T>): { test: T & Common; group: G }[] {
  const document = DOCUMENT.parse(JSON.parse(readVectors(`wycheproof/${it.file}_test.json`)));
  if (document.algorithm !== it.algorithm) throw new Error(`${it.file} is of ${document.algorithm}`);
  const all = document.testGroups.flatMap(({ tests, ...rest }) => {
    const group = it.group.parse(rest);
    return tests.map((test) => ({ test: { ...it.test.parse(test), ...COMMON.parse(test) }, group }));
  });
  if (all.length !== document.numberOfTests) throw new Error(`${it.file} says that it has ${document.numberOfTests}`);
  return all;
}

function expected(test: Common, acceptable: WycheproofFile<never, never>["acceptable"]): "valid" | "invalid" {
  if (test.result !== "acceptable") return test.result;
  if (!acceptable) throw new Error(`tcId ${test.tcId} is acceptable: ${test.flags}`);
  return acceptable(test.flags);
}

function label({ tcId, comment, flags }: Common): string {
  return `tcId ${tcId} ${comment}${flags.length > 0 ? ` (${flags.join(", ")})` : ""}`;
}

function alterBytes<V>(value: V, alter: Alter): V {
  return value instanceof Uint8Array ? (alter(value) as V & Uint8Array) : value;
}
