/**
 * Mutations that a receiver has to take (RFC 8446 §5.1, §5.4, §6.1, §9.3, appendix D.4; RFC 8701): the same handshake in other pieces, with
 * padding, with more on offer, with ChangeCipherSpec where it is tolerated.
 */
import { ALERT, alert, handshake, TYPE } from "../../wire.ts";
import { CERTIFICATE_REQUEST_BENDS, ENCRYPTED_EXTENSIONS_BENDS, HELLO_BENDS, VERIFY_BENDS } from "../bends.ts";
import type { Random } from "../random.ts";
import {
  type Conversation,
  changeCipherSpec,
  MESSAGES,
  type MessageName,
  message,
  type Step,
  step,
  stepsOf,
} from "../steps.ts";
import { fraction, insert, type Mutation, pickMessage } from "./mutation.ts";

const OFFERS = Object.keys(HELLO_BENDS).filter((name) => HELLO_BENDS[name]!.offered && name !== "early_data");

/** The places after the first hello and before the peer's own Finished; undefined when the Finished is not there. */
function tolerantPlace(conversation: Conversation, random: Random): number | undefined {
  const [finished] = stepsOf(conversation, "finished");
  const first = conversation.role === "client" ? stepsOf(conversation, "clientHello")[0] : -1;
  if (finished === undefined || first === undefined || finished <= first) return undefined;
  return first + 1 + random.below(finished - first);
}

function bend(names: readonly string[], ...on: MessageName[]): Mutation["apply"] {
  return (conversation, random) => {
    const found = pickMessage(conversation, random, ...on);
    if (found === undefined || found.content.bend !== undefined) return undefined;
    found.content.bend = { name: random.pick(names), value: random.u32() };
    return `${found.content.name}: ${found.content.bend.name}`;
  };
}

const rightBends = (bends: Record<string, { faults: readonly number[] }>) =>
  Object.keys(bends).filter((name) => bends[name]!.faults.length === 0);

export const HARMLESS: Record<string, Mutation> = {
  "records cut elsewhere": {
    harmless: true,
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.step.cuts = Array.from({ length: 1 + random.below(4) }, () => fraction(random));
      return `${found.content.name} in ${found.step.cuts.length + 1} records`;
    },
  },
  "messages in one record": {
    harmless: true,
    apply(conversation, random) {
      const names: MessageName[] = ["encryptedExtensions", "certificateRequest", "certificate", "certificateVerify"];
      const found = pickMessage(conversation, random, ...names);
      if (found === undefined) return undefined;
      found.step.together = true;
      return `${found.content.name} and the next message in one record`;
    },
  },
  "padded records": {
    harmless: true,
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.step.padding = 1 + random.below(random.chance(0.1) ? 8000 : 300);
      return `${found.step.padding} bytes of padding after ${found.content.name}`;
    },
  },
  "ChangeCipherSpec where it is tolerated": {
    harmless: true,
    apply(conversation, random) {
      const place = tolerantPlace(conversation, random);
      if (place === undefined) return undefined;
      insert(conversation, place, changeCipherSpec());
      return `ChangeCipherSpec before step ${place + 1}`;
    },
  },
  user_canceled: {
    harmless: true,
    apply(conversation, random) {
      const place = tolerantPlace(conversation, random);
      if (place === undefined) return undefined;
      const content = alert(ALERT.userCanceled, random.pick([1, 1, 2, 0]));
      insert(conversation, place, step({ is: "record", type: TYPE.alert, content }));
      return `user_canceled before step ${place + 1}`;
    },
  },
  "pieces of TCP": {
    harmless: true,
    apply(conversation, random) {
      conversation.piece = 1 + random.below(random.pick([8, 100, 2000]));
      return `delivered in pieces of ${conversation.piece} bytes`;
    },
  },
  "records in one piece of TCP": {
    harmless: true,
    apply(conversation, random) {
      const names: MessageName[] =
        conversation.role === "client"
          ? ["certificate", "certificateVerify"]
          : ["serverHello", "encryptedExtensions", "certificateRequest", "certificate", "certificateVerify"];
      const found = pickMessage(conversation, random, ...names);
      if (found === undefined) return undefined;
      found.step.held = true;
      return `${found.content.name} delivered with the next step`;
    },
  },
  "another version in a record's header": {
    harmless: true,
    apply(conversation, random) {
      const found = pickMessage(conversation, random, "clientHello", "helloRetryRequest", "serverHello");
      if (found === undefined) return undefined;
      found.step.version = random.pick([0x0301, 0x0302, 0x0304, 0x0000, 0x7f7f]);
      return `record version 0x${found.step.version.toString(16)} on ${found.content.name}`;
    },
  },
  "more on offer": {
    harmless: true,
    apply(conversation, random) {
      const known = conversation.offers.map(({ name }) => name);
      const names = OFFERS.filter((name) => !known.includes(name));
      if (conversation.role !== "client" || names.length === 0) return undefined;
      conversation.offers.push({ name: random.pick(names), value: random.u32() });
      return `the hellos offer ${conversation.offers.at(-1)!.name}`;
    },
  },
  "another session id": {
    harmless: true,
    apply(conversation, random) {
      if (conversation.role !== "client") return undefined;
      conversation.sessionId = random.below(32);
      return `a session id of ${conversation.sessionId} bytes`;
    },
  },
  "early data that nobody takes": {
    harmless: true,
    apply(conversation, random) {
      const [first] = stepsOf(conversation, "clientHello");
      const isOffered = conversation.offers.some(({ name }) => name === "early_data");
      if (conversation.role !== "client" || first === undefined || isOffered) return undefined;
      conversation.offers.push({ name: "early_data", value: 0 });
      const data = () =>
        step({ is: "record", type: TYPE.data, content: random.bytes(17 + random.below(400)) }, { key: "clear" });
      const records = Array.from({ length: random.below(4) }, data);
      insert(conversation, first + 1, ...records);
      return `early_data offered, ${records.length} records of it`;
    },
  },
  "an unusual signature": { harmless: true, apply: bend(VERIFY_BENDS.fine, "certificateVerify") },
  "unusual EncryptedExtensions": {
    harmless: true,
    apply: bend(rightBends(ENCRYPTED_EXTENSIONS_BENDS), "encryptedExtensions"),
  },
  "an unusual CertificateRequest": {
    harmless: true,
    apply: bend(rightBends(CERTIFICATE_REQUEST_BENDS), "certificateRequest"),
  },
  "words after the end": {
    harmless: true,
    apply(conversation, random) {
      if (stepsOf(conversation, "finished").length === 0) return undefined;
      const { words, steps } = random.pick(LATER)(random);
      conversation.steps.push(...steps);
      return `at the end: ${words}`;
    },
  },
};

/** What a peer may or may not say once the candy is on its way: the door reads it, or closes; the candy is out in any case. */
const LATER: ((random: Random) => { words: string; steps: Step[] })[] = [
  (random) => {
    const count = random.pick([1, 2, 16, 17, 20]);
    return { words: `${count} KeyUpdates`, steps: Array.from({ length: count }, () => step(message("keyUpdate"))) };
  },
  (random) => {
    const body = random.pick([Buffer.of(2), Buffer.of(255), Buffer.alloc(0), Buffer.alloc(2)]);
    const content = handshake(MESSAGES.keyUpdate, body);
    return {
      words: `a KeyUpdate of ${body.toString("hex") || "nothing"}`,
      steps: [step({ is: "record", type: TYPE.handshake, content })],
    };
  },
  () => ({
    words: "two KeyUpdates in one record",
    steps: [step(message("keyUpdate", { extra: true }), { together: true }), step(message("keyUpdate"))],
  }),
  () => ({
    words: "data between the fragments of a KeyUpdate",
    steps: [step(message("keyUpdate"), { cuts: [0.5], between: { type: TYPE.data, content: Buffer.of(1) } })],
  }),
  () => ({
    words: "KeyUpdate twice under one key",
    steps: ["", ""].map(() => step(message("keyUpdate", { extra: true }))),
  }),
  () => ({
    words: "KeyUpdate and data in the new key",
    steps: [step(message("keyUpdate")), step({ is: "record", type: TYPE.data, content: Buffer.from("thanks") })],
  }),
  (random) => ({
    words: "data",
    steps: [
      step({ is: "record", type: TYPE.data, content: random.bytes(random.below(900)) }, { padding: random.below(90) }),
    ],
  }),
  () => ({ words: "NewSessionTicket", steps: [step(message("newSessionTicket"), { cuts: [0.5] })] }),
  (random) => {
    const name = random.pick(["certificate", "finished", "clientHello", "certificateRequest", "unknown"] as const);
    return { words: name, steps: [step(message(name, { extra: true, noted: "sent, not noted" }))] };
  },
  () => ({ words: "ChangeCipherSpec", steps: [changeCipherSpec()] }),
  (random) => {
    const content = alert(random.pick([ALERT.closeNotify, ALERT.userCanceled, ALERT.internalError]), 1);
    return { words: "an alert", steps: [step({ is: "record", type: TYPE.alert, content })] };
  },
  (random) => ({
    words: "a record under another key",
    steps: [
      step({ is: "record", type: TYPE.data, content: random.bytes(9) }, { key: random.pick(["handshake", "clear"]) }),
    ],
  }),
];
