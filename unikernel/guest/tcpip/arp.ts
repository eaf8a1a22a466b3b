/**
 * ARP for IPv4 over Ethernet (RFC 826; RFC 5227 in spirit): answers who asks for us, and finds neighbours.
 *
 * Nobody can replace a neighbour that we know: only an answer to a question of ours that is still open sets a MAC address; what
 * comes unasked is ignored, but that a neighbour who asks for us is remembered where there is room and nothing is known yet.
 * What is known is asked for again, from the neighbour itself, once a minute while it is used; who does not answer three
 * questions a second apart is forgotten. When the table is full, the known neighbour that was used longest ago gives way, but only
 * to one that we want to reach; those that are asked for have half of the table at most, so that a flood from neighbours that do
 * not exist costs no known one its place. One packet waits for each answer.
 */
import { Bytes } from "bytes";
import { Count } from "./count";
import { Counters } from "./counters";
import {
  BROADCAST,
  FRAME_MAX,
  HEADER_LENGTH,
  isHostMac,
  macAt,
  pad,
  putHeader,
  putMac,
  sourceOf,
  TYPE_ARP,
} from "./ethernet";
import { FrameQueue } from "./frame-queue";
import { Host } from "./host";

/** Neighbours in the table. */
export const NEIGHBOURS: i32 = 64;
/** Of them, those whose MAC is not known yet. */
export const UNKNOWN: i32 = 32;
/** Packets that wait for an answer, in all. */
export const HELD: i32 = 8;
const FRESH_MILLIS: u64 = 60_000;
const ASK_MILLIS: u64 = 1_000;
const ASKS: u32 = 3;

const ARP_LENGTH: u32 = 28;
/** Hardware Ethernet, protocol IPv4, lengths 6 and 4. */
const ETHERNET_IPV4: u64 = 0x0001_0800_0604;
const REQUEST: u32 = 1;
const REPLY: u32 = 2;
const OPERATION: u32 = HEADER_LENGTH + 6;
const SENDER_MAC: u32 = HEADER_LENGTH + 8;
const SENDER: u32 = HEADER_LENGTH + 14;
const TARGET_MAC: u32 = HEADER_LENGTH + 18;
const TARGET: u32 = HEADER_LENGTH + 24;

const NOT_HELD: i32 = -1;

/** A neighbour. `address` 0: a free place; `mac` 0: not known yet. */
@final
class Neighbour {
  address: u32 = 0;
  mac: u64 = 0;
  usedAt: u64 = 0;
  /** When what we know wants to be confirmed. */
  staleAt: u64 = 0;
  /** Questions asked without an answer, and when the last was. 0: none is open. */
  asks: u32 = 0;
  askedAt: u64 = 0;
  /** The question is to be sent. */
  due: bool = false;
  held: i32 = NOT_HELD;
}

@final
export class Arp {
  private readonly neighbours: StaticArray<Neighbour> = newNeighbours();
  private readonly frames: Bytes = Bytes.alloc(<u32>HELD * FRAME_MAX);
  /** Lengths of the frames that wait; 0: a free place. */
  private readonly lengths: StaticArray<u32> = new StaticArray<u32>(HELD);
  private readonly view: Bytes = Bytes.empty();

  constructor(
    private readonly host: Host,
    private readonly queue: FrameQueue,
    private readonly counters: Counters,
  ) {}

  /** Forgets everybody: our own address has changed. */
  reset(): void {
    for (let i = 0; i < NEIGHBOURS; i++) this.forget(this.neighbours[i]);
  }

  /** The MAC of a neighbour's address; 0: not known, and asked for. */
  resolve(address: u32, now: u64): u64 {
    let neighbour = this.find(address);
    if (neighbour == null) {
      neighbour = this.makeRoom();
      if (neighbour == null) {
        this.counters.add(Count.ArpFull);
        return 0;
      }
      neighbour.address = address;
    }
    neighbour.usedAt = now;
    if (neighbour.asks == 0 && (neighbour.mac == 0 || now >= neighbour.staleAt)) this.ask(neighbour, now);
    return neighbour.mac;
  }

  /** Keeps a frame of `length` bytes for `address`, whose MAC {@link resolve} did not know; a second one is dropped. */
  hold(address: u32, frame: Bytes, length: u32): void {
    const neighbour = this.find(address);
    if (neighbour != null && neighbour.held == NOT_HELD) {
      for (let i = 0; i < HELD; i++) {
        if (this.lengths[i] != 0) continue;
        this.frames.put(<u32>i * FRAME_MAX, this.view.aim(frame, 0, length));
        this.lengths[i] = length;
        neighbour.held = i;
        return;
      }
    }
    this.counters.add(Count.ArpUnresolved);
  }

  /** The next frame that has waited long enough, to the start of `out`; its length, 0: none. */
  release(out: Bytes): u32 {
    for (let i = 0; i < NEIGHBOURS; i++) {
      const neighbour = this.neighbours[i];
      if (neighbour.held == NOT_HELD || neighbour.mac == 0) continue;
      const length = this.lengths[neighbour.held];
      out.put(0, this.view.aim(this.frames, <u32>neighbour.held * FRAME_MAX, length));
      putMac(out, 0, neighbour.mac);
      this.drop(neighbour);
      return length;
    }
    return 0;
  }

  /** The next question, to the start of `out`; its length, 0: none. */
  question(out: Bytes): u32 {
    for (let i = 0; i < NEIGHBOURS; i++) {
      const neighbour = this.neighbours[i];
      if (!neighbour.due) continue;
      neighbour.due = false;
      // Whom we know is asked itself; only who is not known is asked for by everybody.
      const destination = neighbour.mac == 0 ? BROADCAST : neighbour.mac;
      return this.write(out, REQUEST, destination, 0, neighbour.address);
    }
    return 0;
  }

  /** An ARP frame, at least an Ethernet header. */
  receive(frame: Bytes, now: u64): void {
    if (!this.accept(frame, now)) this.counters.add(Count.ArpRefused);
  }

  /** Asks again, and forgets who has not answered. */
  tick(now: u64): void {
    for (let i = 0; i < NEIGHBOURS; i++) {
      const neighbour = this.neighbours[i];
      if (neighbour.asks == 0 || now < neighbour.askedAt + ASK_MILLIS) continue;
      if (neighbour.asks < ASKS) {
        this.ask(neighbour, now);
        continue;
      }
      if (neighbour.held != NOT_HELD) this.counters.add(Count.ArpUnresolved);
      this.forget(neighbour);
    }
  }

  deadline(): u64 {
    let earliest: u64 = 0;
    for (let i = 0; i < NEIGHBOURS; i++) {
      const neighbour = this.neighbours[i];
      const at = neighbour.askedAt + ASK_MILLIS;
      if (neighbour.asks != 0 && (earliest == 0 || at < earliest)) earliest = at;
    }
    return earliest;
  }

  private accept(frame: Bytes, now: u64): bool {
    if (frame.length < HEADER_LENGTH + ARP_LENGTH || macAt(frame, HEADER_LENGTH) != ETHERNET_IPV4) return false;
    const mac = macAt(frame, SENDER_MAC);
    const sender = frame.u32be(SENDER);
    const operation = frame.u16be(OPERATION);
    if (!isHostMac(mac) || mac != sourceOf(frame) || this.host.address == 0) return false;
    // A probe (RFC 5227 §2.1.1) comes from nobody: whoever wants our address is told, but not remembered.
    const probe = sender == 0 && operation == REQUEST;
    if (!probe && !this.host.isNeighbour(sender)) return false;
    if (operation == REPLY) return this.hear(sender, mac, now);
    if (operation != REQUEST || frame.u32be(TARGET) != this.host.address) return false;
    if (!probe) this.meet(sender, mac, now);
    if (this.queue.full) this.counters.add(Count.QueueFull);
    else this.queue.commit(this.write(this.queue.reserve(), REPLY, mac, mac, sender));
    return true;
  }

  /** An answer: counts only when we have asked. */
  private hear(sender: u32, mac: u64, now: u64): bool {
    const neighbour = this.find(sender);
    if (neighbour == null || neighbour.asks == 0) return false;
    // Whom we know and ask again answers as it did, or is forgotten first.
    if (neighbour.mac != 0 && neighbour.mac != mac) return false;
    neighbour.mac = mac;
    neighbour.asks = 0;
    neighbour.due = false;
    neighbour.staleAt = now + FRESH_MILLIS;
    return true;
  }

  /** A neighbour who asks for us will want an answer from above too. */
  private meet(sender: u32, mac: u64, now: u64): void {
    if (this.find(sender) != null) return;
    for (let i = 0; i < NEIGHBOURS; i++) {
      const neighbour = this.neighbours[i];
      if (neighbour.address != 0) continue;
      neighbour.address = sender;
      neighbour.mac = mac;
      neighbour.usedAt = now;
      neighbour.staleAt = now + FRESH_MILLIS;
      return;
    }
  }

  private ask(neighbour: Neighbour, now: u64): void {
    neighbour.asks += 1;
    neighbour.askedAt = now;
    neighbour.due = true;
  }

  /** Writes an ARP frame to `frame`; its length. */
  private write(frame: Bytes, operation: u32, destination: u64, targetMac: u64, target: u32): u32 {
    putHeader(frame, destination, this.host.mac, TYPE_ARP);
    putMac(frame, HEADER_LENGTH, ETHERNET_IPV4);
    frame.putU16be(OPERATION, operation);
    putMac(frame, SENDER_MAC, this.host.mac);
    frame.putU32be(SENDER, this.host.address);
    putMac(frame, TARGET_MAC, targetMac);
    frame.putU32be(TARGET, target);
    return pad(frame, HEADER_LENGTH + ARP_LENGTH);
  }

  private find(address: u32): Neighbour | null {
    for (let i = 0; i < NEIGHBOURS; i++) {
      if (this.neighbours[i].address == address && address != 0) return this.neighbours[i];
    }
    return null;
  }

  /** A free place for one more to be asked for, or that of the known neighbour used longest ago of whom nothing is asked. */
  private makeRoom(): Neighbour | null {
    let free: Neighbour | null = null;
    let oldest: Neighbour | null = null;
    let unknown = 0;
    for (let i = 0; i < NEIGHBOURS; i++) {
      const neighbour = this.neighbours[i];
      if (neighbour.address == 0) free = neighbour;
      else if (neighbour.mac == 0) unknown++;
      else if (neighbour.asks == 0 && (oldest == null || neighbour.usedAt < oldest.usedAt)) oldest = neighbour;
    }
    if (unknown >= UNKNOWN) return null;
    if (free != null) return free;
    if (oldest != null) this.forget(oldest);
    return oldest;
  }

  private forget(neighbour: Neighbour): void {
    this.drop(neighbour);
    neighbour.address = 0;
    neighbour.mac = 0;
    neighbour.asks = 0;
    neighbour.due = false;
  }

  private drop(neighbour: Neighbour): void {
    if (neighbour.held == NOT_HELD) return;
    this.lengths[neighbour.held] = 0;
    neighbour.held = NOT_HELD;
  }
}

function newNeighbours(): StaticArray<Neighbour> {
  const neighbours = new StaticArray<Neighbour>(NEIGHBOURS);
  for (let i = 0; i < NEIGHBOURS; i++) neighbours[i] = new Neighbour();
  return neighbours;
}
