/**
 * Engine: a TLS 1.3 endpoint (RFC 8446), server or client, sans-I/O: the peer's bytes go in, bytes for the peer come out of
 * `connection.writer`. It takes records apart, joins handshake messages and hands each to the state in charge; what a
 * message means is for the states (states/state.ts lists them).
 *
 * Limits: 64 KiB and 1,024 records before the peer is authenticated, and as much again after the candy, with 16 KeyUpdates
 * among it. After the first failure, alert or close nothing more is read, and every secret is wiped.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { Role } from "../role";
import { State } from "../trace";
import { AlertDescription } from "./alert";
import { Connection } from "./connection";
import { Joined } from "./joiner";
import { ContentType } from "./registry";
import { startClient } from "./states/client-hello";
import { ExpectClientHello } from "./states/server-hello";
import { Ended, HandshakeState } from "./states/state";
import { Trace, Vault } from "./surroundings";

const MAX_BYTES: u32 = 65536;
const MAX_RECORDS: u32 = 1024;

@final
export class Engine {
  readonly connection: Connection;
  /** Nothing is read any more: what the writer holds is the last that the peer gets. */
  closed: bool = false;

  private state: HandshakeState = new Ended(Failure.Internal);
  private received: u32 = 0;
  /** What had been received when the candy was sent. */
  private receivedBefore: u32 = 0;
  private recordsBefore: u32 = 0;

  constructor(vault: Vault, trace: Trace) {
    this.connection = new Connection(vault, trace);
  }

  /** Begins; `seed` (32 bytes) is this connection's randomness. A client's hello is then in the writer. */
  start(role: Role, seed: Bytes): void {
    this.connection.role = role;
    this.connection.generator.seed(seed);
    this.state = role == Role.Server ? new ExpectClientHello() : startClient(this.connection);
  }

  /** Bytes from the peer, cut anywhere. */
  receive(input: Bytes): void {
    const reader = this.connection.reader;
    let at: u32 = 0;
    while (at < input.length && !this.closed) {
      const taken = reader.fill(input, at);
      at += taken;
      const failure = this.afterFill(taken);
      if (failure != Failure.None) this.end(failure);
    }
  }

  /** The peer has sent its last byte. */
  peerClosed(): void {
    this.end(Failure.PeerClosed);
  }

  /** Zeroes every secret. */
  wipe(): void {
    this.closed = true;
    this.state.wipe();
    this.connection.wipe();
  }

  private afterFill(taken: u32): Failure {
    const reader = this.connection.reader;
    this.received += taken;
    const over = this.overLimit();
    if (over != Failure.None) return over;
    if (reader.atHeader) {
      const failure = reader.judgeHeader();
      if (failure == Failure.None) this.connection.reached(State.Record);
      return failure;
    }
    return reader.whole ? this.takeRecord() : Failure.None;
  }

  private overLimit(): Failure {
    const records = this.connection.reader.count;
    if (this.connection.saidCloseNotify) {
      const over = this.received - this.receivedBefore > MAX_BYTES || records - this.recordsBefore > MAX_RECORDS;
      return over ? Failure.TooMuchAfterCandy : Failure.None;
    }
    this.receivedBefore = this.received;
    this.recordsBefore = records;
    if (this.connection.authenticated) return Failure.None;
    if (this.received > MAX_BYTES) return Failure.TooMuchBeforeAuthentication;
    return records > MAX_RECORDS ? Failure.TooManyRecords : Failure.None;
  }

  private takeRecord(): Failure {
    const reader = this.connection.reader;
    const failure = reader.open();
    if (failure != Failure.None) return failure;
    if (reader.opened) this.connection.reached(State.KeyExchange);
    switch (reader.type) {
      case ContentType.Handshake:
        return this.takeHandshake(reader.content);
      case ContentType.ChangeCipherSpec:
        return this.takeChangeCipherSpec(reader.content);
      case ContentType.Alert:
        return this.takeAlert(reader.content);
      case ContentType.ApplicationData:
        return this.takeData();
    }
    // A record that was passed over.
    return this.betweenMessages();
  }

  private takeHandshake(content: Bytes): Failure {
    const joiner = this.connection.joiner;
    joiner.offer(content);
    let joined = joiner.next();
    while (joined == Joined.Message) {
      this.state = this.state.handle(this.connection, joiner.message);
      if (this.state instanceof Ended) return (<Ended>this.state).failure;
      joined = joiner.next();
    }
    return joined == Joined.TooLong ? Failure.MessageTooLong : Failure.None;
  }

  /** Nothing may be said before the handshake is complete; what is said after it is not for us, and dropped. */
  private takeData(): Failure {
    return this.connection.saidCloseNotify ? this.betweenMessages() : Failure.UnexpectedContentType;
  }

  /** "MUST simply drop it without further processing" while it is tolerated; anything else is unexpected_message (§5). */
  private takeChangeCipherSpec(content: Bytes): Failure {
    if (content[0] != 1 || !this.connection.toleratesChangeCipherSpec) return Failure.ChangeCipherSpecInvalid;
    return this.betweenMessages();
  }

  /** Any alert but close_notify and user_canceled is an error, whatever its level says (§6.2). */
  private takeAlert(content: Bytes): Failure {
    if (content.length != 2) return Failure.AlertMalformed;
    const description = <u32>content[1];
    this.connection.traceAlertReceived(description, content[0]);
    if (description == AlertDescription.UserCanceled) return this.betweenMessages();
    if (description != AlertDescription.CloseNotify) return Failure.PeerAlert;
    if (!this.connection.saidCloseNotify) this.connection.closeNotify();
    return Failure.PeerClosed;
  }

  /**
   * For a record that is passed over: it may come between two messages, but between the fragments of one "there MUST NOT be
   * any other records" (§5.1).
   */
  private betweenMessages(): Failure {
    return this.connection.joiner.inMessage ? Failure.UnexpectedContentType : Failure.None;
  }

  private end(failure: Failure): void {
    if (this.closed) return;
    if (failure != Failure.PeerAlert && failure != Failure.PeerClosed) this.connection.alert(failure);
    this.close();
  }

  private close(): void {
    this.wipe();
    this.connection.reached(State.Closed);
  }
}
