/**
 * Mutations of the order of messages and of their keys (RFC 8446 §4, §5, appendix A), in the manner of the state-machine attacks on TLS
 * (SMACK and FREAK, Beurdouche et al. 2015): skipped, repeated, swapped, early, another role's, under another key.
 */
import { TYPE } from "../../wire.ts";
import type { Random } from "../random.ts";
import {
  type Conversation,
  type KeyChoice,
  MESSAGE_NAMES,
  type MessageName,
  message,
  step,
  stepsOf,
} from "../steps.ts";
import { insert, type Mutation, NOTED, pickKey, pickMessage, pickPlace } from "./mutation.ts";

const OF_CLIENT: readonly MessageName[] = [
  "clientHello",
  "certificate",
  "certificateVerify",
  "finished",
  "endOfEarlyData",
];
const OF_SERVER: readonly MessageName[] = [
  ...(["helloRetryRequest", "serverHello", "encryptedExtensions", "certificateRequest", "certificate"] as const),
  ...(["certificateVerify", "finished", "newSessionTicket"] as const),
];
const OF_NOBODY = MESSAGE_NAMES.filter((name) => !OF_CLIENT.includes(name) && !OF_SERVER.includes(name));

function insertMessage(conversation: Conversation, random: Random, names: readonly MessageName[]): string {
  const name = random.pick(names);
  const [noted, key, place] = [random.pick(NOTED), pickKey(random), pickPlace(conversation, random)];
  insert(conversation, place, step(message(name, { extra: true, noted }), { key, together: random.chance(0.2) }));
  return `${name} before step ${place + 1} (${noted}, key: ${key})`;
}

function early(name: MessageName): Mutation {
  return {
    apply(conversation, random) {
      const place = random.below(conversation.steps.length);
      const noted = random.pick(NOTED);
      insert(conversation, place, step(message(name, { extra: true, noted }), { key: pickKey(random) }));
      return `${name} early, before step ${place + 1} (${noted})`;
    },
  };
}

function skip(...names: MessageName[]): Mutation {
  return {
    apply(conversation) {
      const before = conversation.steps.length;
      conversation.steps = conversation.steps.filter(
        ({ content }) => content.is !== "message" || !names.includes(content.name),
      );
      return conversation.steps.length === before ? undefined : `without ${names.join(" and ")}`;
    },
  };
}

function under(key: KeyChoice): Mutation {
  return {
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.step.key = key;
      return `${found.content.name} under: ${key}`;
    },
  };
}

export const ORDER: Record<string, Mutation> = {
  "a step skipped": {
    apply(conversation, random) {
      if (conversation.steps.length === 0) return undefined;
      const place = random.below(conversation.steps.length);
      conversation.steps.splice(place, 1);
      return `step ${place + 1} is skipped`;
    },
  },
  "no CertificateVerify": skip("certificateVerify"),
  "no Certificate and no CertificateVerify": skip("certificate", "certificateVerify"),
  "no Finished": skip("finished"),
  "a message lost": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.content.noted = "noted, not sent";
      return `${found.content.name} is noted and not sent`;
    },
  },
  "a message hidden from the transcript": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.content.noted = "sent, not noted";
      return `${found.content.name} is sent and not noted`;
    },
  },
  "a step repeated": {
    apply(conversation, random) {
      if (conversation.steps.length === 0) return undefined;
      const from = random.below(conversation.steps.length);
      const copy = structuredClone(conversation.steps[from]!);
      if (copy.content.is === "message") copy.content.noted = random.pick(NOTED);
      const place = random.chance(0.5) ? from + 1 : pickPlace(conversation, random);
      insert(conversation, place, copy);
      return `step ${from + 1} again before step ${place + 1}`;
    },
  },
  "steps swapped": {
    apply({ steps }, random) {
      if (steps.length < 2) return undefined;
      const a = random.below(steps.length);
      const b = (a + 1 + random.below(steps.length - 1)) % steps.length;
      [steps[a], steps[b]] = [steps[b]!, steps[a]!];
      return `steps ${a + 1} and ${b + 1} are swapped`;
    },
  },
  "a step moved": {
    apply(conversation, random) {
      if (conversation.steps.length < 2) return undefined;
      const from = random.below(conversation.steps.length);
      const [moved] = conversation.steps.splice(from, 1);
      const place = pickPlace(conversation, random);
      insert(conversation, place, moved!);
      return `step ${from + 1} is moved before step ${place + 1}`;
    },
  },
  "a message of this role inserted": {
    apply: (conversation, random) =>
      insertMessage(conversation, random, conversation.role === "client" ? OF_CLIENT : OF_SERVER),
  },
  "a message of the other role inserted": {
    apply: (conversation, random) =>
      insertMessage(conversation, random, conversation.role === "client" ? OF_SERVER : OF_CLIENT),
  },
  "a message of no role inserted": { apply: (conversation, random) => insertMessage(conversation, random, OF_NOBODY) },
  "Finished early": early("finished"),
  "KeyUpdate early": early("keyUpdate"),
  "NewSessionTicket early": early("newSessionTicket"),
  "Certificate again before Finished": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random, "finished");
      if (found === undefined) return undefined;
      const noted = random.pick(NOTED);
      insert(conversation, found.index, step(message("certificate", { extra: true, noted })));
      return `Certificate before Finished (${noted})`;
    },
  },
  "application data early": {
    apply(conversation, random) {
      const place = random.below(conversation.steps.length + 1);
      const content = random.bytes(1 + random.below(100));
      insert(conversation, place, step({ is: "record", type: TYPE.data, content }, { key: pickKey(random) }));
      return `application data before step ${place + 1}`;
    },
  },
  "early data too late": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random, "certificateVerify", "finished");
      const isOffered = conversation.offers.some(({ name }) => name === "early_data");
      if (conversation.role !== "client" || found === undefined || isOffered) return undefined;
      conversation.offers.push({ name: "early_data", value: 0 });
      const content = random.bytes(17 + random.below(100));
      insert(conversation, found.index, step({ is: "record", type: TYPE.data, content }, { key: "clear" }));
      return `early_data offered, and a record of it before ${found.content.name}`;
    },
  },
  "the peer's end": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      insert(conversation, place, step({ is: "fin" }));
      return `FIN before step ${place + 1}`;
    },
  },
  "a record replayed": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      insert(conversation, place, step({ is: "replay" }));
      return `the record before step ${place + 1} once more`;
    },
  },
  "the door's own message sent back": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      const key = pickKey(random);
      insert(conversation, place, step({ is: "reflection", value: random.u32() }, { key }));
      return `one of the door's messages before step ${place + 1} (key: ${key})`;
    },
  },
  "HelloRetryRequest twice": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random, "helloRetryRequest");
      if (found === undefined) return undefined;
      insert(conversation, found.index + 1, step(message("helloRetryRequest")));
      return "another HelloRetryRequest after the first";
    },
  },
  "another suite after HelloRetryRequest": {
    apply(conversation, random) {
      if (stepsOf(conversation, "helloRetryRequest").length === 0) return undefined;
      const others = [0x1301, 0x1302, 0x1303].filter((suite) => suite !== conversation.suite);
      conversation.suiteAfterRetry = random.pick(others);
      return `ServerHello with suite 0x${conversation.suiteAfterRetry.toString(16)}`;
    },
  },
  "a record in the clear": under("clear"),
  "a record under the next key": under("application"),
  "a record under the other direction's key": under("other direction"),
  "a record under an earlier connection's key": under("earlier connection"),
  "a sequence number skipped": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.step.skipped = 1 + random.below(3);
      return `${found.step.skipped} sequence numbers skipped before ${found.content.name}`;
    },
  },
};
