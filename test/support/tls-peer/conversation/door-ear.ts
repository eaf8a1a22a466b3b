/**
 * How the model listens to the door: its messages one by one, and in the end what is left: alerts, data, and whatever should not be there.
 */
import type { TrafficKeys } from "../keys.ts";
import { Cursor, EXTENSION, MESSAGE, RETRY_RANDOM, TYPE } from "../wire.ts";
import { Messages, RecordStream } from "./stream.ts";

/** What the door said after its handshake messages. */
export interface LastWords {
  alerts: [level: number, description: number][];
  data: Buffer;
  /** Handshake messages by type. */
  messages: number[];
  /** Records after an alert, by type. */
  afterAlert: number[];
  /** Bytes that are no whole record, or a record that the model's keys do not open. */
  unreadable: number;
}

export class DoorEar {
  /** The door's keys; undefined: in the clear. */
  keys: TrafficKeys | undefined;
  private readonly stream = new RecordStream();
  private readonly messages = new Messages();
  private readonly last: LastWords = { alerts: [], data: Buffer.alloc(0), messages: [], afterAlert: [], unreadable: 0 };
  private over = false;

  constructor(bytes: Uint8Array) {
    this.stream.push(bytes);
  }

  /** The next handshake message, past ChangeCipherSpec; undefined when there is none before something else. */
  message(): Buffer | undefined {
    for (;;) {
      const whole = this.messages.next();
      if (whole !== undefined) return whole;
      if (this.over || !this.listen()) return undefined;
    }
  }

  /** Everything that is left. */
  lastWords(): LastWords {
    const { last } = this;
    while (this.listen()) {
      for (let whole = this.messages.next(); whole !== undefined; whole = this.messages.next()) {
        last.messages.push(whole[0]!);
      }
    }
    last.unreadable += this.stream.left + this.messages.left;
    return last;
  }

  private listen(): boolean {
    const record = this.stream.next(this.keys);
    if (record === undefined) return false;
    if (record === "closed to us") {
      this.last.unreadable += 1;
      this.over = true;
      return true;
    }
    if (this.last.alerts.length > 0) this.last.afterAlert.push(record.type);
    if (record.type === TYPE.handshake) {
      this.messages.push(record.content);
      return true;
    }
    if (record.type === TYPE.ccs && !record.protected) return true;
    this.over = true;
    if (record.type === TYPE.alert) this.last.alerts.push([record.content[0] ?? 0, record.content[1] ?? -1]);
    else if (record.type === TYPE.data) this.last.data = Buffer.concat([this.last.data, record.content]);
    else this.last.unreadable += 1;
    return true;
  }
}

export interface ServerHelloFields {
  isRetry: boolean;
  suite: number;
  group: number;
  share: Buffer;
}

/** The fields of the door's ServerHello or HelloRetryRequest; undefined when it is neither. */
export function readServerHello(whole: Buffer): ServerHelloFields | undefined {
  if (whole[0] !== MESSAGE.serverHello) return undefined;
  const fields = new Cursor(whole.subarray(4));
  fields.take(2);
  const isRetry = fields.take(32).equals(RETRY_RANDOM);
  fields.vector(1);
  const suite = fields.uint(2);
  fields.take(1);
  const share = new Cursor(fields.extensions().get(EXTENSION.keyShare) ?? Buffer.alloc(4));
  return { isRetry, suite, group: share.uint(2), share: isRetry ? Buffer.alloc(0) : share.vector(2) };
}

/** The groups of the key shares in the door's ClientHello; undefined when it is none. */
export function sharesOffered(whole: Buffer): number[] | undefined {
  if (whole[0] !== MESSAGE.clientHello) return undefined;
  const fields = new Cursor(whole.subarray(4));
  fields.take(34);
  fields.vector(1);
  fields.vector(2);
  fields.vector(1);
  const list = new Cursor(new Cursor(fields.extensions().get(EXTENSION.keyShare) ?? Buffer.alloc(2)).vector(2));
  const groups: number[] = [];
  while (list.left > 0) {
    groups.push(list.uint(2));
    list.vector(2);
  }
  return groups;
}
