/**
 * TCP for a host (RFC 9293): the table of connections, which segment is whose, and what an owner does with a connection. Sans-I/O: segments
 * and time go in, `transmit` makes the next segment when it is asked. Nothing is allocated after the constructor; every table's
 * size is in sizes.ts. Left out: urgent data (RFC 6093), keep-alive, Nagle's algorithm, path MTU discovery, SACK-based retransmission.
 */
import { Bytes } from "bytes";
import { Transport } from "../transport";
import { ControlBlock, State } from "./control-block";
import { addressOf, flowOf, indexOf, localPortOf, NO_FLOW, remotePortOf } from "./flow";
import { HalfOpenTable } from "./half-open";
import { arrive, Verdict } from "./input";
import { Keyed, portFrom } from "./keyed";
import { News } from "./news";
import { output, windowOpened } from "./output";
import { Replies } from "./replies";
import { ACK, FIN, RST, Segment, SYN, sound } from "./segment";
import { before } from "./sequence";
import {
  CONNECTIONS,
  COOKIE_PERIOD,
  DEFAULT_MSS,
  DIAL_PATIENCE,
  LISTENERS,
  ORPHAN_PATIENCE,
  ORPHANS,
  OWNED,
  PATIENCE,
  RECEIVE_BUFFER,
} from "./sizes";
import { TimeWait, TimeWaitTable } from "./time-wait";

export { News };

@final
export class Tcp extends Transport {
  private flows: StaticArray<u64> = new StaticArray<u64>(CONNECTIONS);
  private blocks: StaticArray<ControlBlock> = new StaticArray<ControlBlock>(CONNECTIONS);
  private owned: i32 = 0;
  private orphans: i32 = 0;
  private orphaned: u64 = 0;
  private listeners: StaticArray<u32> = new StaticArray<u32>(LISTENERS);
  private halfOpen: HalfOpenTable = new HalfOpenTable();
  private timeWait: TimeWaitTable = new TimeWaitTable();
  private replies: Replies = new Replies();
  private keyed: Keyed = new Keyed();
  private segment: Segment = new Segment();
  private outgoing: Segment = new Segment();
  /** Cookies that were given may come back until then. */
  private cookiesUntil: u64 = 0;
  /** The address that the connections are bound to. */
  private bound: u32 = 0;
  private clock: u64 = 0;
  private newsCursor: i32 = 0;
  private cursor: i32 = 0;
  private turn: i32 = 0;

  constructor() {
    super();
    for (let i = 0; i < CONNECTIONS; i++) this.blocks[i] = new ControlBlock();
  }

  /** Takes the secret (32 random bytes) that sequence numbers, cookies and ports come from. Before everything else. */
  start(secret: Bytes): void {
    this.keyed.start(secret);
  }

  /** Accepts connections to `port`, not 0; at most four ports. */
  listen(port: u32): void {
    const place = this.listeners.indexOf(0);
    assert(place >= 0 && port > 0 && port < 65536);
    this.listeners[place] = port;
  }

  /** Begins a connection; its handle, or -1 when 64 are owned or we have no address. Established or Gone is its first news. */
  connect(address: u32, port: u32, now: u64): i32 {
    this.settle(now);
    if (this.owned == OWNED || this.local == 0 || address == this.local || port == 0) return -1;
    let number = this.keyed.firstPort(address, port, this.local);
    let flow = flowOf(address, port, portFrom(number));
    while (this.taken(flow, now)) flow = flowOf(address, port, portFrom(++number));
    const iss = this.keyed.initialSequence(flow, this.local, now);
    return this.open(State.SynSent, flow, iss, this.keyed.stampOffset);
  }

  /** A handle with news, each in its turn, or -1. */
  next(): i32 {
    for (let n = 0; n < CONNECTIONS; n++) {
      const handle = this.newsCursor;
      this.newsCursor = (handle + 1) % CONNECTIONS;
      if (this.owns(handle) && this.blocks[handle].news != 0) return handle;
    }
    return -1;
  }

  /** The news ({@link News}) of a connection, which are told once. After Gone the handle is free. */
  take(handle: i32): u32 {
    const block = this.ownedBlock(handle);
    const news = block.news;
    block.news = 0;
    if (block.state == State.Gone) this.free(handle);
    return news;
  }

  localPort(handle: i32): u32 {
    return localPortOf(this.ownedBlock(handle).flow);
  }

  remoteAddress(handle: i32): u32 {
    return addressOf(this.ownedBlock(handle).flow);
  }

  remotePort(handle: i32): u32 {
    return remotePortOf(this.ownedBlock(handle).flow);
  }

  /** Copies at most `out.length` received bytes and forgets them, which opens the window; how many. */
  read(handle: i32, out: Bytes): u32 {
    const block = this.ownedBlock(handle);
    if (block.state != State.Synchronized) return 0;
    const length = block.receive.read(out);
    if (length > 0 && windowOpened(block)) block.acknowledgeNow();
    return length;
  }

  /** Bytes that `write` takes now; 0 when the connection is gone. */
  room(handle: i32): u32 {
    const block = this.ownedBlock(handle);
    return block.state == State.Gone ? 0 : block.send.room;
  }

  /** Sends `bytes`, at most `room` (else a trap). */
  write(handle: i32, bytes: Bytes): void {
    assert(bytes.length <= this.room(handle));
    this.blocks[handle].send.write(bytes);
    this.blocks[handle].due = true;
  }

  /** Closes in order after what was written and gives the handle up. What still comes is acknowledged and discarded, for 2 s after our FIN's ACK. */
  finish(handle: i32): void {
    const block = this.ownedBlock(handle);
    if (block.state != State.Synchronized) {
      this.reset(handle);
      return;
    }
    if (this.orphans == ORPHANS) this.reset(this.oldestOrphan());
    this.owned--;
    this.orphans++;
    block.finished = true;
    block.age = this.orphaned++;
    block.endAt = this.clock + ORPHAN_PATIENCE;
    block.receive.discard();
    if (windowOpened(block)) block.acknowledge = true;
    block.due = true;
  }

  /** Resets the connection and frees the handle. */
  abort(handle: i32): void {
    this.ownedBlock(handle);
    this.reset(handle);
  }

  receive(source: u32, segment: Bytes, now: u64): void {
    this.settle(now);
    const header = this.segment;
    // LAND: nothing comes from our own address.
    if (this.local == 0 || source == this.local || !header.parse(segment) || !sound(segment, source, this.local))
      return;
    if (header.sourcePort == 0 || header.destinationPort == 0) return;
    const flow = header.flow(source);
    const handle = indexOf(this.flows, flow);
    if (handle >= 0) {
      this.arrive(handle, segment, now);
      return;
    }
    const place = this.halfOpen.find(flow);
    if (place >= 0) {
      this.arriveHalfOpen(place, segment, now);
      return;
    }
    const waiting = this.timeWait.find(flow, now);
    if (waiting < 0) this.arriveNew(flow, segment, null, now);
    else this.arriveTimeWait(flow, waiting, segment, now);
  }

  transmit(out: Bytes, now: u64): u32 {
    this.settle(now);
    if (this.local == 0) return 0;
    // Replies, SYN-ACKs and connections take turns, so that a flood of one does not starve the others.
    for (let n = 0; n < 3; n++) {
      this.turn = (this.turn + 1) % 3;
      let length: u32 = 0;
      if (this.turn == 0) length = this.transmitReply(out);
      else if (this.turn == 1) length = this.transmitSynAck(out, now);
      else length = this.transmitConnection(out, now);
      if (length > 0) return length;
    }
    return 0;
  }

  /** A hard error ends a connection only in SYN-SENT and only when it quotes our SYN (RFC 5927 §4); all else is soft. */
  unreachable(destination: u32, code: u32, quoted: Bytes, now: u64): void {
    this.settle(now);
    if (quoted.length < 8 || (code != 2 && code != 3)) return;
    const handle = indexOf(this.flows, flowOf(destination, quoted.u16be(2), quoted.u16be(0)));
    if (handle < 0) return;
    const block = this.blocks[handle];
    if (block.state == State.SynSent && block.most != block.iss && quoted.u32be(4) == block.iss) this.end(handle);
  }

  tick(now: u64): void {
    this.settle(now);
    this.halfOpen.tick(now);
    for (let handle = 0; handle < CONNECTIONS; handle++) {
      if (this.flows[handle] == NO_FLOW) continue;
      const block = this.blocks[handle];
      if (block.endAt != 0 && block.endAt <= now) {
        this.reset(handle);
        continue;
      }
      if (block.acknowledgeAt != 0 && block.acknowledgeAt <= now) {
        block.acknowledgeAt = 0;
        block.acknowledgeNow();
      }
      if (block.timer != 0 && block.timer <= now) this.expire(handle, now);
    }
  }

  deadline(): u64 {
    let earliest = this.halfOpen.deadline();
    for (let handle = 0; handle < CONNECTIONS; handle++) {
      if (this.flows[handle] == NO_FLOW) continue;
      const deadline = this.blocks[handle].deadline();
      if (deadline != 0 && (earliest == 0 || deadline < earliest)) earliest = deadline;
    }
    return earliest;
  }

  private arrive(handle: i32, bytes: Bytes, now: u64): void {
    const block = this.blocks[handle];
    const verdict = arrive(block, this.segment, bytes, now);
    if (verdict == Verdict.Reset) this.end(handle);
    else if (verdict == Verdict.Refused) this.replies.refuse(addressOf(block.flow), this.segment, now);
    else if (verdict == Verdict.Overfed) this.reset(handle);
    else if (verdict == Verdict.Closed) this.close(handle, now);
  }

  /** A segment of a handshake that is not complete (RFC 9293 §3.10.7.4 in SYN-RECEIVED). */
  private arriveHalfOpen(place: i32, bytes: Bytes, now: u64): void {
    const segment = this.segment;
    const entry = this.halfOpen.at(place);
    const flow = entry.flow;
    const expected = entry.irs + 1;
    if (segment.has(RST)) {
      if (segment.sequence == expected) this.halfOpen.remove(place);
      return;
    }
    if (segment.has(SYN)) {
      if (segment.flags == SYN && segment.sequence == entry.irs) this.halfOpen.ask(place);
      else this.replies.acknowledge(flow, entry.iss + 1, expected, entry.stamped, entry.stampOffset, entry.recent, now);
      return;
    }
    if (!segment.has(ACK) || !entry.admits(segment)) return;
    const right = segment.acknowledgment == entry.iss + 1;
    if (right) this.halfOpen.remove(place);
    if (!right || this.owned == OWNED) {
      this.replies.refuse(addressOf(flow), segment, now);
      return;
    }
    const handle = this.open(State.Synchronized, flow, entry.iss, entry.stampOffset);
    const block = this.blocks[handle];
    block.stamped = entry.stamped;
    block.recent = entry.recent;
    block.recentAt = now;
    if (entry.retries > 0) block.rto.backOff();
    this.accept(handle, entry.irs, entry.mss, entry.scale, entry.sack, bytes, now);
  }

  /** A segment of a connection in TIME-WAIT: a later SYN begins anew (RFC 6191), an RST is ignored (RFC 1337), the rest is acknowledged. */
  private arriveTimeWait(flow: u64, place: i32, bytes: Bytes, now: u64): void {
    const segment = this.segment;
    const entry = this.timeWait.at(place);
    if (entry.yieldsTo(segment) && this.listens(segment.destinationPort)) {
      this.timeWait.remove(place);
      this.arriveNew(flow, bytes, entry, now);
      return;
    }
    if (segment.has(RST) || segment.length == 0) return;
    this.replies.acknowledge(flow, entry.next, entry.expected, entry.stamped, entry.stampOffset, entry.recent, now);
    if (segment.has(FIN) && segment.sequence + segment.length == entry.expected) this.timeWait.add(flow, now);
  }

  /** A segment of no connection (LISTEN and CLOSED, RFC 9293 §3.10.7.1 and .2). `past`: what it succeeds. */
  private arriveNew(flow: u64, bytes: Bytes, past: TimeWait | null, now: u64): void {
    const segment = this.segment;
    if (segment.has(RST)) return;
    const source = addressOf(flow);
    const listens = this.listens(segment.destinationPort);
    if (!listens || segment.has(ACK)) {
      if (!listens || segment.has(SYN) || !this.acceptCookie(flow, bytes, now))
        this.replies.refuse(source, segment, now);
      return;
    }
    if (!segment.has(SYN) || segment.has(FIN)) return;
    const mss = segment.mss == 0 ? DEFAULT_MSS : segment.mss;
    const place = this.halfOpen.add(flow, now);
    if (place < 0) {
      const cookie = this.keyed.cookie(flow, this.local, segment.sequence, mss, now);
      const reply = this.replies.add(flow, SYN | ACK, cookie, segment.sequence + 1);
      reply.window = RECEIVE_BUFFER;
      reply.mss = this.mss;
      this.cookiesUntil = now + 2 * COOKIE_PERIOD;
      return;
    }
    const iss = this.keyed.initialSequence(flow, this.local, now);
    const least = past !== null ? past.next + 1 : iss;
    this.halfOpen.at(place).remember(segment, mss, before(iss, least) ? least : iss, this.keyed.stampOffset);
  }

  /** Opens the connection whose ACK carries a cookie of ours; false when it carries none or there is no room. */
  private acceptCookie(flow: u64, bytes: Bytes, now: u64): bool {
    const segment = this.segment;
    if (now >= this.cookiesUntil || this.owned == OWNED) return false;
    const cookie = segment.acknowledgment - 1;
    const irs = segment.sequence - 1;
    const mss = this.keyed.cookieMss(cookie, flow, this.local, irs, now);
    if (mss == 0) return false;
    this.accept(this.open(State.Synchronized, flow, cookie, 0), irs, mss, -1, false, bytes, now);
    return true;
  }

  /** A passive open is complete; the segment that completed it is processed as any other. */
  private accept(handle: i32, irs: u32, mss: u32, scale: i32, sack: bool, bytes: Bytes, now: u64): void {
    const block = this.blocks[handle];
    block.meet(irs, mss, scale, sack);
    block.establish(this.segment, this.segment.window << block.scale);
    block.news = News.Established;
    this.arrive(handle, bytes, now);
  }

  /** A control block for `flow`; the caller has made sure that there is room. */
  private open(state: State, flow: u64, iss: u32, stampOffset: u32): i32 {
    let handle = 0;
    while (this.blocks[handle].state != State.Free) handle++;
    this.flows[handle] = flow;
    this.owned++;
    this.blocks[handle].open(state, flow, iss, this.mss, stampOffset);
    return handle;
  }

  /** The retransmission or persist timer has expired. */
  private expire(handle: i32, now: u64): void {
    const block = this.blocks[handle];
    if (now - block.stalledAt >= (block.state == State.Synchronized ? PATIENCE : DIAL_PATIENCE)) {
      this.sayReset(block);
      this.end(handle);
      return;
    }
    const first = !block.rto.backedOff;
    block.rto.backOff();
    block.timer = now + block.rto.current;
    block.timing = false;
    block.resend = false;
    block.due = true;
    block.forced = true;
    // A closed window says nothing of the path: no answer to congestion.
    if (block.state == State.Synchronized && block.window > 0 && block.una != block.most) {
      if (first) block.congestion.timeout(block.most - block.una, block.most);
      else block.congestion.again(block.most);
    }
    block.next = block.una;
  }

  /** Both sides have finished: TIME-WAIT, or nothing when the peer was first. */
  private close(handle: i32, now: u64): void {
    const block = this.blocks[handle];
    if (!block.passiveClose) {
      this.timeWait.add(block.flow, now).remember(block);
      this.replies.acknowledge(
        block.flow,
        block.most,
        block.expected,
        block.stamped,
        block.stampOffset,
        block.recent,
        now,
      );
    }
    this.free(handle);
  }

  /** Ends a connection that nobody has to be told of but the peer. */
  private reset(handle: i32): void {
    this.sayReset(this.blocks[handle]);
    this.free(handle);
  }

  /** Queues an RST, when there is a peer to hear it. */
  private sayReset(block: ControlBlock): void {
    if (block.state == State.Synchronized || block.state == State.SynReceived) {
      this.replies.add(block.flow, RST | ACK, block.most, block.expected);
    }
  }

  /** The connection is no more: the owner, if there is one, is told. */
  private end(handle: i32): void {
    const block = this.blocks[handle];
    if (block.finished) {
      this.free(handle);
      return;
    }
    this.flows[handle] = NO_FLOW;
    block.receive.discard();
    block.state = State.Gone;
    block.due = false;
    block.news |= News.Gone;
  }

  private free(handle: i32): void {
    const block = this.blocks[handle];
    if (block.finished) this.orphans--;
    else this.owned--;
    this.flows[handle] = NO_FLOW;
    block.receive.discard();
    block.state = State.Free;
    block.finished = false;
    block.due = false;
  }

  private oldestOrphan(): i32 {
    let oldest = -1;
    for (let i = 0; i < CONNECTIONS; i++) {
      if (this.blocks[i].finished && (oldest < 0 || this.blocks[i].age < this.blocks[oldest].age)) oldest = i;
    }
    return oldest;
  }

  private owns(handle: i32): bool {
    return this.blocks[handle].state != State.Free && !this.blocks[handle].finished;
  }

  private ownedBlock(handle: i32): ControlBlock {
    assert(this.owns(handle));
    return this.blocks[handle];
  }

  private listens(port: u32): bool {
    return this.listeners.indexOf(port) >= 0;
  }

  private taken(flow: u64, now: u64): bool {
    return indexOf(this.flows, flow) >= 0 || this.timeWait.find(flow, now) >= 0 || this.listens(localPortOf(flow));
  }

  private transmitReply(out: Bytes): u32 {
    if (!this.replies.waiting) return 0;
    this.destination = this.replies.destination;
    return this.replies.take().emit(out, 0, this.local, this.destination);
  }

  private transmitSynAck(out: Bytes, now: u64): u32 {
    const place = this.halfOpen.next();
    if (place < 0) return 0;
    const entry = this.halfOpen.at(place);
    const segment = this.outgoing;
    entry.answer(segment, this.mss, now);
    this.destination = addressOf(entry.flow);
    return segment.emit(out, 0, this.local, this.destination);
  }

  private transmitConnection(out: Bytes, now: u64): u32 {
    for (let n = 0; n < CONNECTIONS; n++) {
      const handle = this.cursor;
      this.cursor = (handle + 1) % CONNECTIONS;
      const block = this.blocks[handle];
      if (!block.due || this.flows[handle] == NO_FLOW) continue;
      const length = output(block, this.local, out, now);
      if (length == 0) continue;
      this.destination = addressOf(block.flow);
      return length;
    }
    return 0;
  }

  /** Keeps the time; connections of an address that is no longer ours are gone without a word. */
  private settle(now: u64): void {
    this.clock = now;
    if (this.local == 0 || this.local == this.bound) return;
    for (let handle = 0; handle < CONNECTIONS; handle++) {
      if (this.flows[handle] != NO_FLOW) this.end(handle);
    }
    this.bound = this.local;
    this.halfOpen.clear();
    this.replies.clear();
  }
}
