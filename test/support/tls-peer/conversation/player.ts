/**
 * Plays a conversation: the peer's steps become records on the way to a door, and what each side sent is kept for the model. Nothing is
 * judged here.
 */
import { Role } from "../../../../unikernel/guest/role.ts";
import type { TestVault } from "../../vault.ts";
import type { TrafficKeys } from "../keys.ts";
import { record, TYPE, uint } from "../wire.ts";
import { flipBit } from "./authentication.ts";
import { Door, openVault, Trapped } from "./door.ts";
import { Random } from "./random.ts";
import { Session } from "./session.ts";
import type { Conversation, MessageContent, Step } from "./steps.ts";
import { PINATA_KINDS, type PinataKind, type World } from "./world.ts";

/** What all conversations of one thread share: compiled modules, the vaults of the piñatas, one door's memory at a time. */
export interface Stage {
  world: World;
  door: WebAssembly.Module;
  vaults: Record<PinataKind, TestVault>;
  memory: WebAssembly.Memory;
}

export interface Modules {
  door: WebAssembly.Module;
  vault: WebAssembly.Module;
}

export function setStage(world: World, modules: Modules): Stage {
  const vault = (kind: PinataKind, index: number) =>
    openVault(modules.vault, world.seals[kind], Buffer.alloc(64, index + 1));
  const [p256, ed25519] = PINATA_KINDS.map(vault);
  return { world, door: modules.door, vaults: { p256: p256!, ed25519: ed25519! }, memory: Door.memory() };
}

export interface Played {
  session: Session;
  door: Door;
  fromPeer: Buffer;
  /** Up to the peer's end, and after it. */
  fromDoor: Buffer;
  afterFin: Buffer;
  /** What must not be on the wire as it is: the piñata's certificates are for the peer's eyes only (§4.4.2). */
  secrets: Buffer[];
  /** Whether the door had closed before the peer's end. */
  closedByItself: boolean;
  trapped: string | undefined;
}

let doors = 0;

export function play(conversation: Conversation, stage: Stage): Played {
  const generator = new Random(conversation.seed ^ 0x5eed, conversation.number);
  const door = new Door(stage.door, stage.memory, stage.vaults[conversation.pinata], ++doors % 2 ** 31);
  const session = new Session(conversation, stage.world, generator);
  const player = new Player(conversation, session, door);
  let trapped: string | undefined;
  let fromDoor = 0;
  let closedByItself = false;
  try {
    session.hear(door.start(conversation.role === "client" ? Role.Server : Role.Client, generator.bytes(32)));
    player.run();
    fromDoor = door.sent.length;
    closedByItself = door.closed;
    door.peerClosed();
  } catch (error) {
    if (!(error instanceof Trapped)) throw error;
    trapped = error.message;
  } finally {
    door.end();
  }
  return {
    ...{ session, door, closedByItself, trapped, secrets: stage.world.owned },
    fromPeer: Buffer.concat(player.sent),
    fromDoor: Buffer.concat(door.sent.slice(0, fromDoor)),
    afterFin: Buffer.concat(door.sent.slice(fromDoor)),
  };
}

class Player {
  readonly sent: Buffer[] = [];
  private held: Buffer[] = [];
  private last: Buffer = Buffer.alloc(0);
  /** Messages that wait for the next one, to share a record with it, and the keys of the first. */
  private contents: Buffer[] = [];
  private contentKeys: TrafficKeys | undefined;

  constructor(
    private readonly conversation: Conversation,
    private readonly session: Session,
    private readonly door: Door,
  ) {}

  run(): void {
    const { steps } = this.conversation;
    for (const [index, step] of steps.entries()) {
      if (step.content.is === "fin" || this.door.closed) break;
      this.take(step, steps[index + 1]);
    }
    this.deliver(Buffer.alloc(0));
  }

  private take(step: Step, next: Step | undefined): void {
    const bytes = this.bytesOf(step, next);
    if (bytes === undefined || bytes.length === 0) return;
    const damaged = damageRecord(bytes, step.damage);
    this.last = damaged;
    if (step.held && next !== undefined) this.held.push(damaged);
    else this.deliver(damaged);
  }

  private bytesOf(step: Step, next: Step | undefined): Buffer | undefined {
    const { content } = step;
    switch (content.is) {
      case "bytes":
        return Buffer.from(content.bytes);
      case "replay":
        return this.last;
      case "reflection": {
        const whole = this.session.reflect(content.value);
        return whole === undefined ? undefined : this.seal(step, TYPE.handshake, whole, this.session.keys(step.key));
      }
      case "fin":
        return undefined;
      case "record":
        return this.seal(step, content.type, content.content, this.session.keys(step.key));
      case "message":
        return this.messageBytes(step, content, next);
    }
  }

  private messageBytes(step: Step, content: MessageContent, next: Step | undefined): Buffer | undefined {
    // The keys before the message: a Finished goes under the old ones.
    const keys = this.session.keys(step.key);
    const whole = this.session.make(content);
    if (content.noted !== "noted, not sent") {
      if (this.contents.length === 0) this.contentKeys = keys;
      this.contents.push(damageMessage(whole, content.damage));
    }
    if (step.together && next?.content.is === "message") return undefined;
    const joined = Buffer.concat(this.contents.splice(0));
    return joined.length === 0 ? undefined : this.seal(step, TYPE.handshake, joined, this.contentKeys);
  }

  /** One record, or as many as the step's cuts make. */
  private seal(step: Step, type: number, content: Uint8Array, keys: TrafficKeys | undefined): Buffer {
    for (let i = 0; i < step.skipped; i++) keys?.seal(type, Buffer.alloc(0));
    const places = [...new Set(step.cuts.map((cut) => Math.floor(cut * content.length)))];
    const ends = [...places.filter((place) => place > 0).sort((a, b) => a - b), content.length];
    let from = 0;
    const records = ends.flatMap((end, index) => {
      const piece = content.subarray(from, end);
      from = end;
      const one = keys === undefined ? record(type, piece, step.version) : keys.seal(type, piece, step);
      const isFirstOfMany = index === 0 && ends.length > 1;
      return step.between !== undefined && isFirstOfMany ? [one, this.sealBetween(step.between, keys)] : [one];
    });
    return Buffer.concat(records);
  }

  private sealBetween({ type, content }: NonNullable<Step["between"]>, keys: TrafficKeys | undefined): Buffer {
    return keys === undefined || type === TYPE.ccs ? record(type, content) : keys.seal(type, content);
  }

  private deliver(bytes: Buffer): void {
    const all = Buffer.concat([...this.held.splice(0), bytes]);
    if (all.length === 0) return;
    this.sent.push(all);
    this.session.hear(this.door.receive(all, this.conversation.piece));
  }
}

function damageMessage(whole: Buffer, damage: MessageContent["damage"]): Buffer {
  if (damage === undefined) return whole;
  switch (damage.how) {
    case "flip":
      return flipBit(whole, Math.floor(damage.where * whole.length) * 8 + (damage.value & 7));
    case "length": {
      const out = Buffer.from(whole);
      out.writeUIntBE((out.readUIntBE(1, 3) + damage.value) & 0xffffff, 1, 3);
      return out;
    }
    case "truncate":
      return whole.subarray(0, Math.floor(damage.where * whole.length));
    case "append":
      return Buffer.concat([whole, Buffer.alloc(1 + (damage.value & 0xff), damage.value >>> 8)]);
  }
}

function damageRecord(bytes: Buffer, damage: Step["damage"]): Buffer {
  if (damage === undefined) return bytes;
  switch (damage.how) {
    case "flip":
      return flipBit(bytes, Math.floor(damage.where * bytes.length) * 8 + (damage.value & 7));
    case "length":
      if (bytes.length < 5) return bytes;
      return Buffer.concat([
        bytes.subarray(0, 3),
        uint(2, (bytes.readUInt16BE(3) + damage.value) & 0xffff),
        bytes.subarray(5),
      ]);
    case "truncate":
      return bytes.subarray(0, Math.floor(damage.where * bytes.length));
  }
}
