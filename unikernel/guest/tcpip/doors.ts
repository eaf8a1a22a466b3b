/**
 * The doors of a board that has only frames (docs/design.md, "The doors"): gives each TCP connection to a door's port a slot by the
 * rules of admission.ts, calls back for the dial-back door, and tells the board what happens, one event at a time.
 *
 * Guarantees: the board hears `Opened` first and `Ended` last of a slot, and a slot is nobody else's before it has heard that; a
 * connection past its deadline is reset; a refusal is an event too, until more of them wait than there is room for (counted).
 */
import { Bytes } from "bytes";
import { ADDRESS_LENGTH, admit, dismiss, earliestDeadline, isProven, overdue, Refusal, SLOTS } from "./admission";
import { Settings } from "./settings";
import { CONNECTIONS } from "./tcp/sizes";
import { News, Tcp } from "./tcp/tcp";

/** What the board is told (first byte of a record). Numbers are the ABI of net.ts. */
export enum DoorEvent {
  None = 0,
  /** A connection has a slot: make its door. */
  Opened = 1,
  /** A connection was refused before it had a slot, or a dial-back failed. */
  Refused = 2,
  Readable = 3,
  /** The peer has sent its last byte; what came before is readable. */
  PeerClosed = 4,
  /** The connection is gone and its slot free: drop its door. */
  Ended = 5,
}

/** Why a connection was refused: fourth byte of a record. */
enum Refused {
  TooManyConnections = 1,
  TooManyFromPeer = 2,
  DialFailed = 3,
}

/** Why it ended: fourth byte of a record. */
enum End {
  Peer = 1,
  Timeout = 2,
}

/** Which door: third byte of a record. */
enum Door {
  Server = 0,
  DialBack = 1,
  Client = 2,
}

/** Bytes of an event's record: kind u8, slot u8, door u8, reason u8, peer's address u32, port u16, zero u16 (big-endian). */
export const RECORD_LENGTH: u32 = 12;
/** Refusals that wait for the board at most; the board asks after each frame, so that few ever do. */
const REFUSALS: u32 = 16;
const DIAL_MILLIS: u64 = 5_000;
const NOBODY: i32 = -1;

@final
export class Doors {
  /** Refusals that nobody was told of, because too many waited. */
  untold: u32 = 0;

  private readonly slotOf: StaticArray<i32> = new StaticArray<i32>(CONNECTIONS);
  private readonly handleOf: StaticArray<i32> = new StaticArray<i32>(SLOTS);
  private readonly doorOf: StaticArray<u8> = new StaticArray<u8>(SLOTS);
  private readonly addressOf: StaticArray<u32> = new StaticArray<u32>(SLOTS);
  private readonly portOf: StaticArray<u32> = new StaticArray<u32>(SLOTS);
  private readonly news: StaticArray<u32> = new StaticArray<u32>(SLOTS);
  /** When a dial-back that is under way has failed; 0: none is. */
  private readonly dialUntil: StaticArray<u64> = new StaticArray<u64>(SLOTS);
  private readonly refusals: Bytes = Bytes.alloc(REFUSALS * RECORD_LENGTH);
  private firstRefusal: u32 = 0;
  private waiting: u32 = 0;
  private readonly peer: Bytes = Bytes.alloc(ADDRESS_LENGTH);
  private readonly spare: Bytes = Bytes.empty();

  constructor(
    private readonly tcp: Tcp,
    private readonly settings: Settings,
  ) {}

  /** Listens on the doors' ports. Once, after the settings are read. */
  open(): void {
    for (let i = 0; i < CONNECTIONS; i++) this.slotOf[i] = NOBODY;
    for (let i = 0; i < SLOTS; i++) this.handleOf[i] = NOBODY;
    this.peer.putU16be(10, 0xffff);
    this.tcp.listen(this.settings.serverPort);
    this.tcp.listen(this.settings.dialbackPort);
    this.tcp.listen(this.settings.clientPort);
  }

  /** The next event, its record written to the start of `out`; `None` when nothing has happened. */
  next(out: Bytes, now: u64): DoorEvent {
    for (;;) {
      if (this.waiting > 0) return this.tellRefusal(out);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (this.news[slot] != 0) return this.tellNews(out, slot);
      }
      const handle = this.tcp.next();
      if (handle == NOBODY) break;
      this.hear(handle, now);
    }
    const slot = overdue(now);
    if (slot >= 0) return this.expire(out, slot);
    return this.endDial(now) ? this.tellRefusal(out) : DoorEvent.None;
  }

  /** When {@link next} has something to say by itself; 0: never. */
  deadline(): u64 {
    let earliest = earliestDeadline();
    for (let slot = 0; slot < SLOTS; slot++) {
      const until = this.dialUntil[slot];
      if (until != 0 && (earliest == 0 || until < earliest)) earliest = until;
    }
    return earliest;
  }

  /** The connection in `slot`, or -1. */
  connection(slot: i32): i32 {
    return slot >= 0 && slot < SLOTS ? this.handleOf[slot] : NOBODY;
  }

  /** Ends the connection in order, after what was written; the slot is free. */
  finish(slot: i32): void {
    const handle = this.connection(slot);
    if (handle == NOBODY) return;
    this.free(slot);
    this.tcp.finish(handle);
  }

  /** Resets the connection; the slot is free. */
  drop(slot: i32): void {
    const handle = this.connection(slot);
    if (handle == NOBODY) return;
    this.free(slot);
    this.tcp.abort(handle);
  }

  private hear(handle: i32, now: u64): void {
    const news = this.tcp.take(handle);
    const slot = this.slotOf[handle];
    if (slot == NOBODY) {
      if ((news & News.Gone) == 0 && (news & News.Established) != 0) this.accept(handle, news, now);
      return;
    }
    if (news & News.Gone) {
      this.slotOf[handle] = NOBODY;
      this.handleOf[slot] = NOBODY;
      if (this.dialUntil[slot] != 0) this.refuseDial(slot);
      else this.news[slot] = (this.news[slot] & (1 << DoorEvent.Opened)) | (1 << DoorEvent.Ended);
      return;
    }
    if (news & News.Established) {
      this.dialUntil[slot] = 0;
      this.news[slot] |= 1 << DoorEvent.Opened;
    }
    this.addInput(slot, news);
  }

  /** A peer has connected to one of our ports. */
  private accept(handle: i32, news: u32, now: u64): void {
    const port = this.tcp.localPort(handle);
    const address = this.tcp.remoteAddress(handle);
    if (port == this.settings.dialbackPort) {
      this.tcp.finish(handle);
      this.dial(address, now);
      return;
    }
    const door = port == this.settings.serverPort ? Door.Server : Door.Client;
    const slot = this.admit(door, address, this.tcp.remotePort(handle), now);
    if (slot < 0) {
      this.tcp.abort(handle);
      return;
    }
    this.bind(slot, handle, door, address, this.tcp.remotePort(handle));
    this.news[slot] = 1 << DoorEvent.Opened;
    this.addInput(slot, news);
  }

  private dial(address: u32, now: u64): void {
    const port = this.settings.dialToPort;
    const slot = this.admit(Door.DialBack, address, port, now);
    if (slot < 0) return;
    const handle = this.tcp.connect(address, port, now);
    if (handle == NOBODY) {
      dismiss(slot);
      this.refuse(Door.DialBack, Refused.DialFailed, address, port);
      return;
    }
    this.bind(slot, handle, Door.DialBack, address, port);
    this.dialUntil[slot] = now + DIAL_MILLIS;
  }

  private admit(door: Door, address: u32, port: u32, now: u64): i32 {
    this.peer.putU32be(12, address);
    const slot = admit(this.peer, now);
    if (slot == Refusal.TooManyConnections) this.refuse(door, Refused.TooManyConnections, address, port);
    else if (slot < 0) this.refuse(door, Refused.TooManyFromPeer, address, port);
    return slot;
  }

  private bind(slot: i32, handle: i32, door: Door, address: u32, port: u32): void {
    this.slotOf[handle] = slot;
    this.handleOf[slot] = handle;
    this.doorOf[slot] = <u8>door;
    this.addressOf[slot] = address;
    this.portOf[slot] = port;
    this.news[slot] = 0;
    this.dialUntil[slot] = 0;
  }

  private free(slot: i32): void {
    const handle = this.handleOf[slot];
    if (handle != NOBODY) this.slotOf[handle] = NOBODY;
    this.handleOf[slot] = NOBODY;
    this.news[slot] = 0;
    this.dialUntil[slot] = 0;
    dismiss(slot);
  }

  private addInput(slot: i32, news: u32): void {
    if (news & News.Readable) this.news[slot] |= 1 << DoorEvent.Readable;
    if (news & News.PeerClosed) this.news[slot] |= 1 << DoorEvent.PeerClosed;
  }

  private tellNews(out: Bytes, slot: i32): DoorEvent {
    const event = <DoorEvent>ctz(this.news[slot]);
    this.news[slot] &= this.news[slot] - 1;
    this.record(out, event, slot, event == DoorEvent.Ended ? End.Peer : 0);
    if (event == DoorEvent.Ended) this.free(slot);
    return event;
  }

  private tellRefusal(out: Bytes): DoorEvent {
    out.put(0, this.spare.aim(this.refusals, this.firstRefusal * RECORD_LENGTH, RECORD_LENGTH));
    this.firstRefusal = (this.firstRefusal + 1) % REFUSALS;
    this.waiting--;
    return DoorEvent.Refused;
  }

  private refuse(door: Door, reason: Refused, address: u32, port: u32): void {
    if (this.waiting == REFUSALS) {
      this.untold++;
      return;
    }
    const at = ((this.firstRefusal + this.waiting) % REFUSALS) * RECORD_LENGTH;
    this.waiting++;
    const place = this.spare.aim(this.refusals, at, RECORD_LENGTH);
    writeRecord(place, DoorEvent.Refused, 0, door, reason, address, port);
  }

  /** The time of the connection in `slot` is up. */
  private expire(out: Bytes, slot: i32): DoorEvent {
    if (this.dialUntil[slot] != 0) {
      this.failDial(slot);
      return this.tellRefusal(out);
    }
    this.record(out, DoorEvent.Ended, slot, End.Timeout);
    const handle = this.handleOf[slot];
    const winner = isProven(slot);
    this.free(slot);
    if (handle == NOBODY) return DoorEvent.Ended;
    // A winner who stays silent still ends in order: a reset could overtake the candy.
    if (winner) this.tcp.finish(handle);
    else this.tcp.abort(handle);
    return DoorEvent.Ended;
  }

  /** Gives up one dial-back that has taken too long, and says whether there was one. */
  private endDial(now: u64): bool {
    for (let slot = 0; slot < SLOTS; slot++) {
      const until = this.dialUntil[slot];
      if (until == 0 || until > now) continue;
      this.failDial(slot);
      return true;
    }
    return false;
  }

  private failDial(slot: i32): void {
    const handle = this.handleOf[slot];
    this.refuseDial(slot);
    this.tcp.abort(handle);
  }

  private refuseDial(slot: i32): void {
    this.refuse(Door.DialBack, Refused.DialFailed, this.addressOf[slot], this.portOf[slot]);
    this.free(slot);
  }

  private record(out: Bytes, kind: DoorEvent, slot: i32, reason: u32): void {
    writeRecord(out, kind, slot, this.doorOf[slot], reason, this.addressOf[slot], this.portOf[slot]);
  }
}

function writeRecord(out: Bytes, kind: DoorEvent, slot: i32, door: u32, reason: u32, address: u32, port: u32): void {
  out[0] = <u8>kind;
  out[1] = <u8>slot;
  out[2] = <u8>door;
  out[3] = <u8>reason;
  out.putU32be(4, address);
  out.putU16be(8, port);
  out.putU16be(10, 0);
}
