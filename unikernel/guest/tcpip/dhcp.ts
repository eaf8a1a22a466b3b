/**
 * DHCP client (RFC 2131 §4.4): asks everybody for an address, takes the first offer, renews it with its server after half its time and
 * with any server after seven eighths, and gives it up when its time is over or the server says so. Messages are repeated after 1, 2,
 * 4 … 64 s, give or take half a second; all are checked in dhcp-message.ts. Whether a neighbour has the address already is not probed.
 */
import { Bytes } from "bytes";
import { ACK, DISCOVER, MESSAGE_LENGTH, NAK, OFFER, putMessage, REQUEST, ServerMessage } from "./dhcp-message";

enum State {
  Off,
  /** We have asked for offers. */
  Selecting,
  /** We have asked for the address that was offered. */
  Requesting,
  Bound,
  /** The server is asked for more time. */
  Renewing,
  /** Anybody is. */
  Rebinding,
}

/** What {@link Dhcp.receive} and {@link Dhcp.tick} answer when something has changed. */
export enum Lease {
  Same,
  /** Take what `offer` says. */
  Taken,
  Lost,
  /** The message is no answer to anything that we have asked. */
  Refused,
}

const EVERYBODY: u32 = 0xffff_ffff;
const MOST_SECONDS: u64 = 64;
/** Requests for an offered address before another offer is looked for. */
const REQUESTS: u32 = 4;
/** After a refusal, so that a server which always refuses is not asked without end. */
const NAK_PAUSE: u64 = 1_000;
/** Between requests for more time at least (RFC 2131 §4.4.5). */
const RENEW_MILLIS: u64 = 60_000;

@final
export class Dhcp {
  /** What the server has said last. */
  readonly offer: ServerMessage = new ServerMessage();
  /** To whom the message goes that {@link write} made: a server, or everybody. */
  destination: u32 = EVERYBODY;

  private state: State = State.Off;
  private mac: u64 = 0;
  private random: u64 = 0;
  private transaction: u32 = 0;
  private address: u32 = 0;
  private server: u32 = 0;
  private sent: u32 = 0;
  private due: bool = false;
  /** When to send again, or in `Bound` when to renew. */
  private at: u64 = 0;
  private rebindAt: u64 = 0;
  private expiresAt: u64 = 0;

  /** `seed`: 16 random bytes. */
  start(mac: u64, seed: Bytes, now: u64): void {
    this.mac = mac;
    this.random = (seed.u64be(0) ^ seed.u64be(8)) | 1;
    this.begin(now);
  }

  /** Whether an answer is waited for. */
  get waits(): bool {
    return this.state != State.Off && this.state != State.Bound;
  }

  /** A message has come for us; only when we wait for one. */
  receive(payload: Bytes, now: u64): Lease {
    const offer = this.offer;
    if (!offer.parse(payload, this.mac, this.transaction)) return Lease.Refused;
    if (this.state == State.Selecting) {
      if (offer.type != OFFER) return Lease.Refused;
      this.choose(now);
      return Lease.Same;
    }
    // In rebinding any server may answer.
    if (this.state != State.Rebinding && offer.server != this.server) return Lease.Refused;
    if (offer.type == NAK) {
      const had = this.state != State.Requesting;
      this.begin(now + NAK_PAUSE);
      return had ? Lease.Lost : Lease.Same;
    }
    if (offer.type != ACK || offer.address != this.address) return Lease.Refused;
    this.bind(now);
    return Lease.Taken;
  }

  /** Lets time pass. */
  tick(now: u64): Lease {
    if (this.state == State.Off) return Lease.Same;
    if (this.state >= State.Bound && now >= this.expiresAt) {
      this.begin(now);
      return Lease.Lost;
    }
    if (this.state == State.Renewing && now >= this.rebindAt) this.enter(State.Rebinding, now);
    if (now < this.at) return Lease.Same;
    if (this.state == State.Bound) this.enter(State.Renewing, now);
    if (this.state == State.Requesting && this.sent >= REQUESTS) this.begin(now);
    this.due = true;
    this.at = now + this.pause(now);
    this.sent += 1;
    return Lease.Same;
  }

  deadline(): u64 {
    if (this.state == State.Off) return 0;
    if (this.state == State.Renewing) return min(this.at, this.rebindAt);
    return this.state >= State.Bound ? min(this.at, this.expiresAt) : this.at;
  }

  /** Writes the message that is due to the start of `out`; its length, 0: none. */
  write(out: Bytes): u32 {
    if (!this.due) return 0;
    this.due = false;
    const has = this.state >= State.Bound;
    const own = has ? this.address : 0;
    const wanted = this.state == State.Requesting ? this.address : 0;
    this.destination = this.state == State.Renewing ? this.server : EVERYBODY;
    const type = this.state == State.Selecting ? DISCOVER : REQUEST;
    putMessage(this.view.aim(out, 0, MESSAGE_LENGTH), type, this.mac, this.transaction, own, wanted, this.server);
    return MESSAGE_LENGTH;
  }

  private readonly view: Bytes = Bytes.empty();

  private begin(now: u64): void {
    this.transaction = this.draw();
    this.address = 0;
    this.enter(State.Selecting, now);
  }

  private choose(now: u64): void {
    this.address = this.offer.address;
    this.server = this.offer.server;
    this.enter(State.Requesting, now);
  }

  private bind(now: u64): void {
    const offer = this.offer;
    const lease: u64 = offer.lease;
    const sane = offer.renewal > 0 && offer.renewal < offer.rebinding && <u64>offer.rebinding < lease;
    this.server = offer.server;
    this.state = State.Bound;
    this.due = false;
    this.at = now + (sane ? 1000 * <u64>offer.renewal : lease * 500);
    this.rebindAt = now + (sane ? 1000 * <u64>offer.rebinding : lease * 875);
    this.expiresAt = now + 1000 * lease;
    // Renewal is a conversation of its own.
    this.transaction = this.draw();
  }

  /** A new state, in which something is to be sent now. */
  private enter(state: State, now: u64): void {
    this.state = state;
    this.sent = 0;
    this.at = now;
  }

  /** Milliseconds until the next message, if there is no answer. */
  private pause(now: u64): u64 {
    if (this.state < State.Bound) {
      const seconds = min(MOST_SECONDS, (<u64>1) << min<u64>(this.sent, 6));
      return seconds * 1000 - 500 + <u64>(this.draw() % 1000);
    }
    const end = this.state == State.Renewing ? this.rebindAt : this.expiresAt;
    return max(RENEW_MILLIS, now < end ? (end - now) / 2 : 0);
  }

  /** The next of an xorshift sequence (Marsaglia 2003): against collisions, not against guessing. */
  private draw(): u32 {
    this.random ^= this.random << 13;
    this.random ^= this.random >> 7;
    this.random ^= this.random << 17;
    return <u32>(this.random >> 32);
  }
}
