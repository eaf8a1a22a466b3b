/**
 * After the candy (RFC 8446 §4.6, §6.1): we have said close_notify, so nothing more can be sent, no alert either, and our write
 * key is wiped. The peer has yet to say the same; until then what it sends is read under its application key, judged and
 * dropped. So an honest peer's last words (a request, a ticket, KeyUpdate) do not meet a closed socket, whose reset could
 * destroy the candy on its way.
 */
import { Failure } from "../../failure";
import { Role } from "../../role";
import { checkNewSessionTicket } from "../codec/new-session-ticket";
import { Connection } from "../connection";
import { Message } from "../joiner";
import { TrafficSecret } from "../key-schedule";
import { Protection } from "../record/protection";
import { HandshakeType } from "../registry";
import { HandshakeState, refuse } from "./state";

/** KeyUpdates at most: each costs three HKDF expansions and a key schedule. */
const MAX_KEY_UPDATES: u32 = 16;

/** The peer is to end its side of the connection, by close_notify or by FIN. */
@final
export class ExpectCloseNotify extends HandshakeState {
  private updates: u32 = 0;

  constructor(
    /** The peer's application traffic secret. */
    private peer: TrafficSecret,
    /** The record protection that it made, which the reader uses. */
    private protection: Protection,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    const failure = this.take(connection, message);
    return failure == Failure.None ? this : refuse(this, failure);
  }

  wipe(): void {
    this.peer.wipe();
  }

  private take(connection: Connection, message: Message): Failure {
    if (message.type == HandshakeType.KeyUpdate) return this.update(connection, message);
    // We are no server that resumes and no client that offered post_handshake_auth: nothing else may come.
    if (message.type != HandshakeType.NewSessionTicket || connection.role == Role.Server)
      return Failure.HandshakeAfterEnd;
    return checkNewSessionTicket(message.body);
  }

  /** The peer writes under its next key from here on (§4.6.3). One asked of us is not owed after close_notify. */
  private update(connection: Connection, message: Message): Failure {
    // "Handshake messages MUST NOT span key changes" (§5.1).
    if (!connection.joiner.aligned) return Failure.MessageSpansKeyChange;
    if (message.body.length != 1) return Failure.MessageMalformed;
    // update_not_requested or update_requested; "any other value" is illegal_parameter.
    if (message.body[0] > 1) return Failure.KeyUpdateInvalid;
    this.updates++;
    if (this.updates > MAX_KEY_UPDATES) return Failure.TooMuchAfterCandy;
    this.peer.update(this.protection);
    return Failure.None;
  }
}
