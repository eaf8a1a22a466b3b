/**
 * The generator: conversation `number` of `seed` is a valid handshake with up to four mutations, the same ones every time. A failure is made
 * small by leaving out mutations as long as it stays a failure.
 */
import { check, type Result } from "./check.ts";
import { CONTENTS } from "./mutations/contents.ts";
import { HARMLESS } from "./mutations/harmless.ts";
import type { Mutation } from "./mutations/mutation.ts";
import { ORDER } from "./mutations/order.ts";
import { RECORDS } from "./mutations/records.ts";
import { play, type Stage } from "./player.ts";
import { Random } from "./random.ts";
import { type Conversation, planSteps, type Step, validConversation } from "./steps.ts";
import type { World } from "./world.ts";

export const MUTATIONS: Record<string, Mutation> = { ...HARMLESS, ...ORDER, ...CONTENTS, ...RECORDS };
export const MUTATION_KINDS = Object.keys(MUTATIONS);
const HARMLESS_KINDS = Object.keys(HARMLESS);
const HARMFUL_KINDS = MUTATION_KINDS.filter((kind) => MUTATIONS[kind]!.harmless === undefined);

/** Of all conversations, those that have harmless mutations only. */
const HARMLESS_SHARE = 0.25;
const MOST_MUTATIONS = 4;

/** A conversation before it is built: which mutations, each with its own randomness, so that one can be left out. */
export interface Recipe {
  seed: number;
  number: number;
  mutations: { kind: string; seed: number }[];
}

export interface Built {
  conversation: Conversation;
  /** Of the mutations that could be applied, in words. */
  mutations: { kind: string; words: string }[];
}

export interface Conversed extends Built {
  result: Result;
}

export function recipe(seed: number, number: number): Recipe {
  const random = new Random(seed, number);
  const one = (kinds: readonly string[]) => ({ kind: random.pick(kinds), seed: random.u32() });
  const isHarmless = random.chance(HARMLESS_SHARE);
  // Few rather than many: the first that is refused hides what comes after it.
  const count = isHarmless ? random.below(MOST_MUTATIONS + 1) : random.pick([0, 0, 0, 1, 1, 2, MOST_MUTATIONS - 1]);
  const some = Array.from({ length: count }, () => one(isHarmless ? HARMLESS_KINDS : MUTATION_KINDS));
  return { seed, number, mutations: isHarmless ? some : [...some, one(HARMFUL_KINDS)] };
}

export function build({ seed, number, mutations }: Recipe, world: World): Built {
  const conversation = validConversation(seed, number, new Random(seed ^ 0xba5e, number), world);
  planSteps(conversation);
  const applied: Built["mutations"] = [];
  for (const { kind, seed: own } of mutations) {
    const words = MUTATIONS[kind]!.apply(conversation, new Random(own), world);
    if (words !== undefined) applied.push({ kind, words });
  }
  return { conversation, mutations: applied };
}

export function converse(made: Recipe, stage: Stage): Conversed {
  const built = build(made, stage.world);
  return { ...built, result: check(play(built.conversation, stage)) };
}

/** Whether a conversation went wrong: at all, or in the way that is looked for. */
export type IsFailure = (result: Result) => boolean;

export const anyFailure: IsFailure = ({ complaints }) => complaints.length > 0;

/** The fewest of a failing recipe's mutations with which it still fails. */
export function minimise(failing: Recipe, stage: Stage, isFailure: IsFailure = anyFailure): Recipe {
  let smallest = failing;
  for (let i = 0; i < smallest.mutations.length; ) {
    const less = { ...smallest, mutations: smallest.mutations.filter((_, index) => index !== i) };
    if (isFailure(converse(less, stage).result)) smallest = less;
    else i++;
  }
  return smallest;
}

/** Everything that repeats and explains a failure. */
export function explain({ seed, number }: Recipe, { conversation, mutations, result }: Conversed): string {
  const { role, pinata, suite, group, retry, identity, offers, asks, sessionId, piece } = conversation;
  const { verdict, state } = result.judgement;
  return [
    `conversation ${number} of seed ${seed}:`,
    ...result.complaints.map((complaint) => `  ! ${complaint}`),
    `  the model: ${JSON.stringify(verdict)}, waiting for: ${state}`,
    `  the peer is a ${role} before a piñata with ${pinata} keys; suite 0x${suite.toString(16)}, group 0x${group.toString(16)}, retry: ${retry}`,
    `  it has ${identity}; offers ${offers.map(({ name }) => name).join(", ") || "nothing more"}; session id ${sessionId}; asks: ${asks}; pieces of ${piece}`,
    ...mutations.map(({ kind, words }) => `  mutation: ${kind}: ${words}`),
    ...conversation.steps.map((step, index) => `  ${index + 1}. ${stepInWords(step)}`),
  ].join("\n");
}

function stepInWords({ content, key, padding, cuts, between, together, held, version, skipped, damage }: Step): string {
  const words: string[] = [];
  if (content.is === "message") {
    words.push(content.name);
    if (content.bend !== undefined) words.push(`(${content.bend.name})`);
    if (content.noted !== "sent and noted") words.push(`[${content.noted}]`);
    if (content.damage !== undefined)
      words.push(`${content.damage.how} of the message at ${content.damage.where.toFixed(3)}`);
  } else if (content.is === "record") words.push(`record of type ${content.type}, ${content.content.length} bytes`);
  else words.push(content.is === "bytes" ? `${content.bytes.length} bytes` : content.is);
  if (key !== "own") words.push(`key: ${key}`);
  if (padding > 0) words.push(`padding ${padding}`);
  if (cuts.length > 0) words.push(`cut at ${cuts.map((cut) => cut.toFixed(2)).join(", ")}`);
  if (between !== undefined) words.push(`with a record of type ${between.type} between`);
  if (together) words.push("together with the next");
  if (held) words.push("held");
  if (version !== 0x0303) words.push(`version 0x${version.toString(16)}`);
  if (skipped > 0) words.push(`${skipped} skipped`);
  if (damage !== undefined) words.push(`${damage.how} of the record at ${damage.where.toFixed(3)} by ${damage.value}`);
  return words.join(" ");
}
