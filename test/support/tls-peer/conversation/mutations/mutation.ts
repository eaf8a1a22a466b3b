/** What a mutation of a conversation is: a kind by name, and a change that the kind makes with randomness of its own. */
import type { Random } from "../random.ts";
import { type Conversation, type KeyChoice, type MessageContent, type Noted, type Step, stepsOf } from "../steps.ts";
import type { World } from "../world.ts";

export interface Mutation {
  /** Bends nothing that a receiver may mind: a handshake with only such mutations has to be accepted. */
  harmless?: true;
  /** Changes the conversation in place and says what it did; undefined: there is nothing here that it could change. */
  apply(conversation: Conversation, random: Random, world: World): string | undefined;
}

/** A step that sends a message, at random; undefined when there is none. */
export function pickMessage(
  conversation: Conversation,
  random: Random,
  ...names: MessageContent["name"][]
): { step: Step; content: MessageContent; index: number } | undefined {
  const indices = stepsOf(conversation, ...names);
  if (indices.length === 0) return undefined;
  const index = random.pick(indices);
  const step = conversation.steps[index]!;
  return step.content.is === "message" ? { step, content: step.content, index } : undefined;
}

/** A place between the steps, the ends included. */
export function pickPlace({ steps }: Conversation, random: Random): number {
  return random.below(steps.length + 1);
}

export function insert({ steps }: Conversation, place: number, ...more: Step[]): void {
  steps.splice(place, 0, ...more);
}

export const NOTED: readonly Noted[] = ["sent and noted", "noted, not sent", "sent, not noted"];

const WRONG_KEYS: readonly KeyChoice[] = ["clear", "handshake", "application", "other direction", "earlier connection"];

/** Mostly the keys in force. */
export function pickKey(random: Random): KeyChoice {
  return random.chance(0.75) ? "own" : random.pick(WRONG_KEYS);
}

/** A fraction of [0, 1). */
export function fraction(random: Random): number {
  return random.u32() / 2 ** 32;
}
