/**
 * Mutations of records (RFC 8446 §5, §6): alerts and ChangeCipherSpec anywhere, empty and overlong records, records between fragments, damage
 * after encryption, and floods.
 */
import { ALERT, alert, TYPE, uint } from "../../wire.ts";
import type { Random } from "../random.ts";
import { changeCipherSpec, type KeyChoice, type Step, step } from "../steps.ts";
import { fraction, insert, type Mutation, pickKey, pickMessage, pickPlace } from "./mutation.ts";

/** Records of one type and content at a random place. */
function records(
  words: string,
  make: (random: Random) => { type: number; content: Uint8Array; key?: KeyChoice; padding?: number },
): Mutation {
  return {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      const { type, content, key = pickKey(random), padding = 0 } = make(random);
      insert(conversation, place, step({ is: "record", type, content }, { key, padding }));
      return `${words} before step ${place + 1} (key: ${key})`;
    },
  };
}

function damage(how: NonNullable<Step["damage"]>["how"], words: string): Mutation {
  return {
    apply(conversation, random) {
      if (conversation.steps.length === 0) return undefined;
      const place = random.below(conversation.steps.length);
      const value = how === "length" && random.chance(0.7) ? random.pick([-1, 1, -16, 16]) : random.u32() | 0;
      conversation.steps[place]!.damage = { how, where: fraction(random), value };
      return `the record of step ${place + 1} ${words}`;
    },
  };
}

const OTHER_ALERTS = [
  ...[ALERT.handshakeFailure, ALERT.badCertificate, ALERT.internalError, ALERT.decryptError, ALERT.protocolVersion],
  ...[1, 41, 86, 100, 120, 255],
];

export const RECORDS: Record<string, Mutation> = {
  "ChangeCipherSpec anywhere": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      insert(conversation, place, changeCipherSpec());
      return `ChangeCipherSpec before step ${place + 1}`;
    },
  },
  "a wrong ChangeCipherSpec": records("ChangeCipherSpec of another content", (random) => ({
    ...{ type: TYPE.ccs, key: "clear" },
    content: random.pick([Buffer.of(0), Buffer.of(2), Buffer.of(1, 1), Buffer.alloc(0), Buffer.alloc(100, 1)]),
  })),
  "a protected ChangeCipherSpec": records("a protected ChangeCipherSpec", () => ({
    ...{ type: TYPE.ccs, content: Buffer.of(1), key: "own" },
  })),
  "a fatal alert": records("a fatal alert", (random) => ({
    ...{ type: TYPE.alert, content: alert(random.pick(OTHER_ALERTS), 2) },
  })),
  "an alert at warning level": records("an alert at warning level", (random) => ({
    ...{ type: TYPE.alert, content: alert(random.pick(OTHER_ALERTS), 1) },
  })),
  close_notify: records("close_notify", () => ({ type: TYPE.alert, content: alert(ALERT.closeNotify, 1) })),
  "user_canceled anywhere": records("user_canceled", () => ({
    ...{ type: TYPE.alert, content: alert(ALERT.userCanceled, 1) },
  })),
  "a malformed alert": records("a malformed alert", (random) => ({
    ...{
      type: TYPE.alert,
      content: random.pick([Buffer.of(2), Buffer.of(1, 0, 1, 0), Buffer.alloc(3), Buffer.alloc(80)]),
    },
  })),
  "an empty record": records("an empty record", (random) => ({
    ...{ type: random.pick([TYPE.handshake, TYPE.alert, TYPE.data, TYPE.ccs]), content: Buffer.alloc(0) },
    ...{ padding: random.pick([0, 0, 40]) },
  })),
  "a record of padding only": records("a record of padding only", (random) => ({
    ...{ type: 0, content: Buffer.alloc(0), key: "own", padding: random.below(64) },
  })),
  "a record of an unknown type": records("a record of an unknown type", (random) => ({
    ...{ type: random.pick([0, 1, 19, 24, 25, 64, 128, 255]), content: random.bytes(1 + random.below(30)) },
  })),
  "an overlong record": records("an overlong record", (random) => ({
    type: random.pick([TYPE.handshake, TYPE.alert, TYPE.data]),
    content: Buffer.alloc(16385 + random.below(400), 1),
  })),
  "a record between fragments": {
    apply(conversation, random) {
      const found = pickMessage(conversation, random);
      if (found === undefined) return undefined;
      found.step.cuts = [0.2 + fraction(random) * 0.6];
      const [type, content] = random.pick([
        [TYPE.ccs, Buffer.of(1)],
        [TYPE.alert, alert(ALERT.userCanceled, 1)],
        [TYPE.data, Buffer.alloc(5)],
        [TYPE.handshake, Buffer.alloc(0)],
      ] as const);
      found.step.between = { type, content };
      return `a record of type ${type} between the fragments of ${found.content.name}`;
    },
  },
  "bytes beside all records": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      const length = random.pick([1, 4, 5, 20, 300]);
      insert(conversation, place, step({ is: "bytes", bytes: random.bytes(length) }));
      return `${length} random bytes before step ${place + 1}`;
    },
  },
  "a header and no more": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      const type = random.pick([TYPE.handshake, TYPE.data, TYPE.alert]);
      const header = Buffer.concat([
        Buffer.of(type, 3, 3),
        uint(2, random.pick([1, 16384, 16385, 16640, 16641, 65535])),
      ]);
      insert(conversation, place, step({ is: "bytes", bytes: header }), step({ is: "fin" }));
      return `a header of type ${type} before step ${place + 1}, then FIN`;
    },
  },
  "a bit of a record flipped on the way": damage("flip", "has a bit flipped on the way"),
  "a record's length edited": damage("length", "has another length in its header"),
  "a record cut short": damage("truncate", "is cut short"),
  "too many records": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      const one = Buffer.of(TYPE.ccs, 3, 3, 0, 1, 1);
      const count = random.pick([1000, 1030, 1100]);
      insert(
        conversation,
        place,
        step({ is: "bytes", bytes: Buffer.concat(Array.from({ length: count }, () => one)) }),
      );
      return `${count} ChangeCipherSpec records before step ${place + 1}`;
    },
  },
  "too many bytes": {
    apply(conversation, random) {
      const place = pickPlace(conversation, random);
      const one = () =>
        step({ is: "record", type: TYPE.alert, content: alert(ALERT.userCanceled, 1) }, { padding: 16000 });
      const count = 3 + random.below(3);
      insert(conversation, place, ...Array.from({ length: count }, one));
      return `${count} records of 16,000 bytes of padding before step ${place + 1}`;
    },
  },
};
