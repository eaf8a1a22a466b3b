/**
 * What harness/net.c does with an input, in Node: the same link, peers, time and board, so that an input goes the same way here. What net
 * sends is looked at only as far as the conversation needs it; the harness checks it.
 */
import { view } from "../../unikernel/boards/node/memory.ts";
import { Event, type NetExports, SECRETS_LENGTH } from "../support/frame-board.ts";
import { arpReply, ETHERNET, IP_HEADER, mend, OUR_MAC, packet, TCP_FLAG, UDP_HEADER } from "./packets.ts";

/** The first byte of an input; see harness/net.c. */
export const NET_FLAG = { dhcp: 1, checksums: 2, deaf: 4, echo: 8 } as const;
/** The low three bits of an operation's first byte. */
export const OP = { frame: 0, packet: 1, segment: 2, orderly: 3, time: 4, board: 5, dhcp: 6, deadline: 7 } as const;
/** The bits above them of {@link OP}.board. */
export const BOARD = { read: 0, write: 1, finish: 2, drop: 3, authenticated: 4 } as const;

const BOARD_ACTIONS = 5;
const SLOTS = 64;
const MOST_OPERATIONS = 400;
const MOST_EVENTS = 1000;
const MOST_FRAMES = 5000;
const BOOT_TIME = 1780315200000n;
const LINES = ["ip=10.0.2.15/24 gateway=10.0.2.2", "ip=dhcp limits=8,4,5000"] as const;
const FIRST_PEER = 0x0a000202;
const DIALLED_PORT = 40001;

/** Of the test build. */
interface FuzzNetExports extends NetExports {
  heapTop(): number;
}

/** A net as the harness boots it. A trap is thrown. */
export class FuzzNet {
  /** Connections that were opened so far, and frames that net has sent. */
  opened = 0;
  sent = 0;
  /** Gets each frame that net sends. */
  onFrame: (frame: Uint8Array) => void = () => {};
  private readonly net: FuzzNetExports;
  private now = BOOT_TIME;
  private readonly openSlots = new Set<number>();
  private readonly conversations = Array.from({ length: 256 }, () => ({ next: 0, seen: 0 }));
  private readonly dialledFrom = [0, 0, 0, 0];
  private readonly heapTop: number;
  private dhcpTransaction = 0;

  constructor(
    module: WebAssembly.Module,
    private readonly flags: number,
  ) {
    this.net = new WebAssembly.Instance(module, {}).exports as unknown as FuzzNetExports;
    const line = Buffer.from(LINES[flags & NET_FLAG.dhcp ? 1 : 0]);
    const length = this.toInbox(Buffer.concat([Buffer.alloc(SECRETS_LENGTH, 0x6e), OUR_MAC, line]));
    const refused = this.net.boot(length, BOOT_TIME);
    if (refused !== 0) throw new Error(`net refuses its settings: ${refused}`);
    this.heapTop = this.net.heapTop();
    this.settle();
  }

  get address(): number {
    return this.net.address() >>> 0;
  }

  /** Does the operations of an input after its first byte. */
  play(input: Uint8Array): void {
    const reader = new InputReader(input);
    for (let i = 0; i < MOST_OPERATIONS && reader.left > 0; i++) this.step(reader);
    if (this.net.heapTop() !== this.heapTop) throw new Error("net has allocated after its start");
  }

  private step(input: InputReader): void {
    const op = input.uint(1);
    switch (op & 7) {
      case OP.frame: {
        const frame = Buffer.from(input.chunk());
        if (this.flags & NET_FLAG.checksums) mend(frame);
        this.handIn(frame);
        break;
      }
      case OP.packet: {
        const protocol = input.uint(1);
        const bytes = input.chunk().subarray(0, 1480);
        const to = op & 8 ? 0xffffffff : this.address;
        this.handIn(packet(peerAddress(op >> 2), to, protocol, bytes, (this.flags & NET_FLAG.checksums) !== 0));
        break;
      }
      case OP.segment:
      case OP.orderly:
        this.segment(input, (op & 7) === OP.orderly);
        break;
      case OP.time:
        this.now += BigInt(input.uint(2)) << BigInt((op >> 5) * 2);
        this.net.tick(this.now);
        break;
      case OP.board: {
        const slot = input.uint(1) % SLOTS;
        this.board(slot, (op >> 3) % BOARD_ACTIONS, input.uint(2));
        break;
      }
      case OP.dhcp:
        this.dhcp(input);
        break;
      case OP.deadline: {
        const deadline = BigInt.asUintN(64, this.net.deadline());
        if (deadline > this.now) this.now = deadline;
        this.net.tick(this.now);
        break;
      }
    }
    this.settle();
  }

  private segment(input: InputReader, orderly: boolean): void {
    const number = input.uint(1);
    const conversation = this.conversations[number]!;
    const flags = input.uint(1);
    const signed = () => (input.uint(2) << 16) >> 16;
    const sequence = orderly ? 0 : signed();
    const acknowledgment = orderly ? 0 : signed();
    const size = orderly ? 0xffff : input.uint(2);
    let options = orderly ? 0 : (input.uint(1) & 15) * 4;
    const bytes = input.chunk().subarray(0, 1400);
    if (options > bytes.length) options = bytes.length & ~3;
    if (options > 40) options = 40;
    if (conversation.next === 0) conversation.next = 1000 + (number << 16);

    const header = Buffer.alloc(20);
    header.writeUInt16BE(peerPort(number), 0);
    header.writeUInt16BE(callsBack(number) ? this.dialledFrom[(number >> 3) & 3]! : ourPort(number), 2);
    header.writeUInt32BE((conversation.next + sequence) >>> 0, 4);
    header.writeUInt32BE((conversation.seen + acknowledgment) >>> 0, 8);
    header[12] = ((20 + options) / 4) << 4;
    header[13] = flags;
    header.writeUInt16BE(size, 14);
    if (sequence === 0) conversation.next = (conversation.next + bytes.length - options + spans(flags)) >>> 0;
    this.handIn(packet(peerAddress(number), this.address, 6, Buffer.concat([header, bytes]), true));
  }

  private dhcp(input: InputReader): void {
    const type = input.uint(1);
    const offered = 0x0a000200 + input.uint(1);
    const options = input.chunk().subarray(0, 1000);
    const udp = Buffer.alloc(UDP_HEADER + 243);
    udp.writeUInt16BE(67, 0);
    udp.writeUInt16BE(68, 2);
    udp.writeUInt16BE(udp.length + options.length, 4);
    const message = udp.subarray(UDP_HEADER);
    message.set([2, 1, 6]);
    message.writeUInt32BE(this.dhcpTransaction, 4);
    message.writeUInt32BE(offered, 16);
    message.writeUInt32BE(FIRST_PEER, 20);
    message.set(OUR_MAC, 28);
    message.writeUInt32BE(0x63825363, 236);
    message.set([53, 1, type], 240);
    this.handIn(packet(FIRST_PEER, 0xffffffff, 17, Buffer.concat([udp, options]), true));
  }

  private handIn(frame: Uint8Array): void {
    if (frame.length > this.net.inboxSize()) return;
    this.net.frame(this.toInbox(frame), this.now);
  }

  private settle(): void {
    this.takeEvents();
    for (let i = 0; ; i++) {
      const length = this.net.transmit(this.now);
      if (length === 0) return;
      if (i >= MOST_FRAMES) throw new Error("frames without end");
      const frame = this.fromOutbox(length);
      this.sent++;
      this.look(frame);
      this.onFrame(frame);
      this.answerArp(frame);
      this.takeEvents();
    }
  }

  private takeEvents(): void {
    for (let i = 0; ; i++) {
      const kind = this.net.next(this.now);
      if (kind === 0) return;
      if (i >= MOST_EVENTS) throw new Error("events without end");
      const slot = this.fromOutbox(12)[1]!;
      if (kind === Event.Refused) continue;
      if (kind === Event.Opened) {
        if (this.openSlots.has(slot)) throw new Error(`slot ${slot} is opened twice`);
        this.openSlots.add(slot);
        this.opened++;
      } else if (kind === Event.Ended) this.openSlots.delete(slot);
      else if (!this.openSlots.has(slot)) throw new Error(`event ${kind} of slot ${slot}, which is not open`);
      else if (this.flags & NET_FLAG.echo) this.echo(slot, kind);
    }
  }

  private echo(slot: number, kind: number): void {
    if (kind === Event.PeerClosed) {
      this.board(slot, BOARD.finish, 0);
      return;
    }
    for (let length = 1; length > 0 && kind === Event.Readable; ) {
      length = this.net.read(slot, this.net.outboxSize());
      this.board(slot, BOARD.write, length);
    }
  }

  private board(slot: number, action: number, amount: number): void {
    if (!this.openSlots.has(slot)) return;
    switch (action) {
      case BOARD.read:
        this.net.read(slot, amount);
        return;
      case BOARD.write: {
        const length = Math.min(amount, this.net.room(slot));
        this.toInbox(Buffer.alloc(length, "w"));
        this.net.write(slot, length);
        return;
      }
      case BOARD.finish:
        this.net.finish(slot);
        this.openSlots.delete(slot);
        return;
      case BOARD.drop:
        this.net.drop(slot);
        this.openSlots.delete(slot);
        return;
      case BOARD.authenticated:
        this.net.authenticated(slot, this.now);
        return;
    }
  }

  /** Follows the conversations by what net sends. */
  private look(frame: Buffer): void {
    if (frame.readUInt16BE(12) !== 0x0800) return;
    const ip = frame.subarray(ETHERNET, ETHERNET + frame.readUInt16BE(ETHERNET + 2));
    const payload = ip.subarray(IP_HEADER);
    if (ip[9] === 17 && payload.length >= UDP_HEADER + 240) this.dhcpTransaction = payload.readUInt32BE(UDP_HEADER + 4);
    if (ip[9] !== 6) return;
    const [from, to] = [payload.readUInt16BE(0), payload.readUInt16BE(2)];
    const flags = payload[13]!;
    const end = (payload.readUInt32BE(4) + payload.length - (payload[12]! >> 4) * 4 + spans(flags)) >>> 0;
    const listens = from >= 10000 && from <= 10002;
    const address = ip.readUInt32BE(16);
    if (!listens && to === DIALLED_PORT) this.dialledFrom[(address - FIRST_PEER) & 3] = from;
    this.conversations.forEach((conversation, number) => {
      if (peerAddress(number) !== address || peerPort(number) !== to) return;
      if (callsBack(number) ? listens : ourPort(number) !== from) return;
      if (flags & TCP_FLAG.syn || ((end - conversation.seen) | 0) > 0) conversation.seen = end;
    });
  }

  private answerArp(frame: Buffer): void {
    if (this.flags & NET_FLAG.deaf || frame.readUInt16BE(12) !== 0x0806 || frame.readUInt16BE(20) !== 1) return;
    const [sender, target] = [frame.readUInt32BE(ETHERNET + 14), frame.readUInt32BE(ETHERNET + 24)];
    if (target !== sender) this.handIn(arpReply(target, sender));
  }

  private toInbox(bytes: Uint8Array): number {
    view(this.net.memory, this.net.inbox(), bytes.length).set(bytes);
    return bytes.length;
  }

  private fromOutbox(length: number): Buffer {
    return Buffer.from(view(this.net.memory, this.net.outbox(), length));
  }
}

/** Reads an input from the front; past its end everything reads as zero or empty. */
class InputReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  uint(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) {
      value = value * 256 + (this.bytes[this.at] ?? 0);
      if (this.left > 0) this.at++;
    }
    return value;
  }

  chunk(): Uint8Array {
    const length = Math.min(this.uint(2), this.left);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

export function replayNet(module: WebAssembly.Module, input: Uint8Array): FuzzNet {
  const net = new FuzzNet(module, input[0] ?? 0);
  net.play(input.subarray(1));
  return net;
}

function peerAddress(conversation: number): number {
  return FIRST_PEER + ((conversation >> 3) & 3);
}

function callsBack(conversation: number): boolean {
  return ((conversation >> 5) & 3) === 3;
}

function peerPort(conversation: number): number {
  return callsBack(conversation) ? DIALLED_PORT : 50000 + (conversation & 7);
}

function ourPort(conversation: number): number {
  return 10000 + ((conversation >> 5) & 3);
}

/** Sequence numbers that SYN and FIN take. */
function spans(flags: number): number {
  return (flags & TCP_FLAG.syn ? 1 : 0) + (flags & TCP_FLAG.fin ? 1 : 0);
}
