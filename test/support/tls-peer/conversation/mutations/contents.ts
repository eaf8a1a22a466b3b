/**
 * Mutations of what messages say (RFC 8446 §4): hellos and extensions that must not be, certificates that are not trusted, proofs by
 * other keys over other things, and messages that are changed on the way.
 */
import {
  CERTIFICATE_BENDS,
  CERTIFICATE_REQUEST_BENDS,
  ENCRYPTED_EXTENSIONS_BENDS,
  FINISHED_BENDS,
  HELLO_BENDS,
  VERIFY_BENDS,
} from "../bends.ts";
import { serverBends } from "../messages.ts";
import type { Conversation, MessageContent, MessageName } from "../steps.ts";
import { stepsOf } from "../steps.ts";
import { fraction, type Mutation, pickMessage } from "./mutation.ts";

function bend(names: (conversation: Conversation) => readonly string[], ...on: MessageName[]): Mutation {
  return {
    apply(conversation, random) {
      const found = pickMessage(conversation, random, ...on);
      if (found === undefined) return undefined;
      found.content.bend = { name: random.pick(names(conversation)), value: random.u32() };
      return `${found.content.name}: ${found.content.bend.name}`;
    },
  };
}

const wrong = (bends: Record<string, { faults: readonly number[] }>) =>
  Object.keys(bends).filter((name) => bends[name]!.faults.length > 0);

function damage(how: NonNullable<MessageContent["damage"]>["how"], words: string): Mutation {
  return {
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      // Small edits of a length as well as any.
      const value = how === "length" && random.chance(0.7) ? random.pick([-1, 1, -4, 4, 256]) : random.u32() | 0;
      found.content.damage = { how, where: fraction(random), value };
      return `${found.content.name} ${words}`;
    },
  };
}

export const CONTENTS: Record<string, Mutation> = {
  "a ClientHello that must not be": bend(() => wrong(HELLO_BENDS), "clientHello"),
  "a second ClientHello that is not the first": {
    apply(conversation, random) {
      const hellos = stepsOf(conversation, "clientHello");
      const second = hellos.length < 2 ? undefined : conversation.steps[hellos[1]!]!.content;
      if (conversation.role !== "client" || second?.is !== "message") return undefined;
      const known = conversation.offers.map(({ name }) => name);
      const names = Object.keys(HELLO_BENDS).filter((name) => HELLO_BENDS[name]!.offered && !known.includes(name));
      if (names.length === 0) return undefined;
      second.bend = { name: random.pick(names), value: random.u32() };
      return `the second hello: ${second.bend.name}`;
    },
  },
  "a ServerHello that must not be": bend(() => wrong(serverBends(false)), "serverHello"),
  "a HelloRetryRequest that must not be": bend(() => wrong(serverBends(true)), "helloRetryRequest"),
  "EncryptedExtensions that must not be": bend(() => wrong(ENCRYPTED_EXTENSIONS_BENDS), "encryptedExtensions"),
  "a CertificateRequest that must not be": bend(() => wrong(CERTIFICATE_REQUEST_BENDS), "certificateRequest"),
  "a Certificate that must not be": bend(() => Object.keys(CERTIFICATE_BENDS), "certificate"),
  "a CertificateVerify that proves nothing": bend(() => VERIFY_BENDS.wrong, "certificateVerify"),
  "a Finished that is wrong": bend(() => FINISHED_BENDS, "finished"),
  "a chain that is not trusted": {
    apply(conversation, random, world) {
      conversation.identity = random.pick(world.distrusted[conversation.role]).name;
      return `the peer has ${conversation.identity}`;
    },
  },
  "the piñata's own certificate": {
    apply(conversation, random, world) {
      conversation.identity = random.pick(world.stolen[conversation.role]).name;
      return `the peer shows ${conversation.identity}`;
    },
  },
  "a bit of a message flipped on the way": damage("flip", "has a bit flipped on the way"),
  "a message's length edited": damage("length", "has another length in its header"),
  "a message cut short": damage("truncate", "is cut short"),
  "bytes after a message": damage("append", "has bytes behind it"),
};
