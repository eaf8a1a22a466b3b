/**
 * Server: the client's second flight (RFC 8446 §4.4): Certificate, CertificateVerify, Finished, and then the candy.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { State } from "../../trace";
import { Connection } from "../connection";
import { Message } from "../joiner";
import { TrafficSecret } from "../key-schedule";
import { HandshakeType } from "../registry";
import { Transcript } from "../transcript";
import { checkFinished, TICKET_LENGTH, takeCertificate, takeCertificateVerify } from "./authentication";
import { giveCandy } from "./candy";
import { HandshakeState, refuse } from "./state";

/** The client's traffic secrets: for its second flight, and for what it may say after it. */
@final
export class ClientSecrets {
  constructor(
    readonly handshake: TrafficSecret,
    readonly application: TrafficSecret,
  ) {}

  wipe(): void {
    this.handshake.wipe();
    this.application.wipe();
  }
}

/** Our flight has been sent; the client is to authenticate. */
@final
export class ExpectCertificate extends HandshakeState {
  constructor(
    private transcript: Transcript,
    private client: ClientSecrets,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.Certificate) return refuse(this, Failure.UnexpectedMessage);
    // "certificate_required" is the server's to choose for a client that has none (§4.4.2.4).
    const failure = takeCertificate(connection, message.body, Failure.CertificateMissing);
    if (failure != Failure.None) return refuse(this, failure);
    this.transcript.add(message.whole);
    return new ExpectCertificateVerify(this.transcript, this.client);
  }

  wipe(): void {
    this.client.wipe();
  }
}

/** The client's chain is in `connection.chain`. */
@final
class ExpectCertificateVerify extends HandshakeState {
  constructor(
    private transcript: Transcript,
    private client: ClientSecrets,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.CertificateVerify) return refuse(this, Failure.UnexpectedMessage);
    const ticket = Bytes.alloc(TICKET_LENGTH);
    const failure = takeCertificateVerify(connection, message.body, this.transcript, ticket);
    if (failure != Failure.None) return refuse(this, failure);
    this.transcript.add(message.whole);
    return new ExpectFinished(this.transcript, this.client, ticket);
  }

  wipe(): void {
    this.client.wipe();
  }
}

/** The vault has accepted the client; its ticket is the key to the candy. */
@final
class ExpectFinished extends HandshakeState {
  constructor(
    private transcript: Transcript,
    private client: ClientSecrets,
    private ticket: Bytes,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.Finished) return refuse(this, Failure.UnexpectedMessage);
    if (!connection.joiner.aligned) return refuse(this, Failure.MessageSpansKeyChange);
    const failure = checkFinished(message.body, this.client.handshake, this.transcript);
    if (failure != Failure.None) return refuse(this, failure);
    this.client.handshake.wipe();
    connection.reached(State.Connection);
    return giveCandy(connection, this.ticket, this.client.application);
  }

  wipe(): void {
    this.client.wipe();
    this.ticket.wipe();
  }
}
