/**
 * Client: the server's encrypted flight (RFC 8446 §4.3, §4.4), then ours and the candy. We authenticate the server in any
 * case, and ourselves when we are asked to.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Role } from "../../role";
import { State } from "../../trace";
import { writeCertificate, writeFinished } from "../codec/certificate";
import { CertificateRequest } from "../codec/certificate-request";
import { EncryptedExtensions } from "../codec/encrypted-extensions";
import { contains } from "../codec/extensions";
import { Connection } from "../connection";
import { Message } from "../joiner";
import { HandshakeSecret, TrafficSecret } from "../key-schedule";
import { ContentType, HandshakeType } from "../registry";
import { Transcript } from "../transcript";
import {
  addAuthentication,
  checkFinished,
  Flight,
  TICKET_LENGTH,
  takeCertificate,
  takeCertificateVerify,
} from "./authentication";
import { giveCandy } from "./candy";
import { HandshakeState, refuse } from "./state";

/** What the states from here to Finished share. */
@final
export class Secrets {
  constructor(
    readonly transcript: Transcript,
    readonly handshake: HandshakeSecret,
    readonly client: TrafficSecret,
    readonly server: TrafficSecret,
  ) {}

  wipe(): void {
    this.handshake.wipe();
    this.client.wipe();
    this.server.wipe();
  }
}

/** Whether and how we are to authenticate ourselves. */
@final
class Answer {
  constructor(
    /** The server sent a CertificateRequest. */
    readonly asked: bool,
    /** The scheme to sign with; 0 when the server takes none of ours: then we have no certificate for it. */
    readonly scheme: u32,
  ) {}
}

/** Both sides have handshake keys. */
@final
export class ExpectEncryptedExtensions extends HandshakeState {
  constructor(private secrets: Secrets) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.EncryptedExtensions) return refuse(this, Failure.UnexpectedMessage);
    const failure = EXTENSIONS.parse(message.body);
    if (failure != Failure.None) return refuse(this, failure);
    if (EXTENSIONS.hasRecordSizeLimit) connection.writer.limitRecords(EXTENSIONS.recordSizeLimit);
    this.secrets.transcript.add(message.whole);
    return new ExpectCertificateRequest(this.secrets);
  }

  wipe(): void {
    this.secrets.wipe();
  }
}

/** A CertificateRequest comes now or not at all. */
@final
class ExpectCertificateRequest extends HandshakeState {
  constructor(private secrets: Secrets) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type == HandshakeType.Certificate) {
      return new ExpectCertificate(this.secrets, new Answer(false, 0)).handle(connection, message);
    }
    if (message.type != HandshakeType.CertificateRequest) return refuse(this, Failure.UnexpectedMessage);
    const failure = REQUEST.parse(message.body);
    if (failure != Failure.None) return refuse(this, failure);
    const scheme = connection.vault.scheme(Role.Client);
    if (scheme == 0) return refuse(this, Failure.VaultUnavailable);
    const accepted = contains(REQUEST.signatureSchemes, scheme);
    this.secrets.transcript.add(message.whole);
    return new ExpectCertificate(this.secrets, new Answer(true, accepted ? scheme : 0));
  }

  wipe(): void {
    this.secrets.wipe();
  }
}

/** We know how to answer; the server is to authenticate. */
@final
class ExpectCertificate extends HandshakeState {
  constructor(
    private secrets: Secrets,
    private answer: Answer,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.Certificate) return refuse(this, Failure.UnexpectedMessage);
    // "If the server supplies an empty Certificate message, the client MUST abort the handshake with a "decode_error"".
    const failure = takeCertificate(connection, message.body, Failure.MessageMalformed);
    if (failure != Failure.None) return refuse(this, failure);
    this.secrets.transcript.add(message.whole);
    return new ExpectCertificateVerify(this.secrets, this.answer);
  }

  wipe(): void {
    this.secrets.wipe();
  }
}

/** The server's chain is in `connection.chain`. */
@final
class ExpectCertificateVerify extends HandshakeState {
  constructor(
    private secrets: Secrets,
    private answer: Answer,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.CertificateVerify) return refuse(this, Failure.UnexpectedMessage);
    const ticket = Bytes.alloc(TICKET_LENGTH);
    const failure = takeCertificateVerify(connection, message.body, this.secrets.transcript, ticket);
    if (failure != Failure.None) return refuse(this, failure);
    this.secrets.transcript.add(message.whole);
    return new ExpectFinished(this.secrets, this.answer, ticket);
  }

  wipe(): void {
    this.secrets.wipe();
  }
}

/** The vault has accepted the server; its ticket is the key to the candy. */
@final
class ExpectFinished extends HandshakeState {
  constructor(
    private secrets: Secrets,
    private answer: Answer,
    private ticket: Bytes,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    if (message.type != HandshakeType.Finished) return refuse(this, Failure.UnexpectedMessage);
    if (!connection.joiner.aligned) return refuse(this, Failure.MessageSpansKeyChange);
    const transcript = this.secrets.transcript;
    let failure = checkFinished(message.body, this.secrets.server, transcript);
    if (failure != Failure.None) return refuse(this, failure);
    transcript.add(message.whole);
    connection.reached(State.Connection);

    const master = this.secrets.handshake.master();
    const application = master.clientTraffic(transcript.hash());
    const server = master.serverTraffic(transcript.hash());
    master.wipe();
    failure = this.sendFlight(connection);
    if (failure != Failure.None) {
      application.wipe();
      server.wipe();
      return refuse(this, failure);
    }
    connection.writer.protect(application.protection());
    application.wipe();
    this.secrets.wipe();
    return giveCandy(connection, this.ticket, server);
  }

  wipe(): void {
    this.secrets.wipe();
    this.ticket.wipe();
  }

  /** Certificate and CertificateVerify when asked for, and Finished. */
  private sendFlight(connection: Connection): Failure {
    connection.changeCipherSpecOnce();
    const flight = new Flight(connection.writer.open(), this.secrets.transcript);
    if (this.answer.scheme != 0) {
      const failure = addAuthentication(connection, flight, this.answer.scheme);
      if (failure != Failure.None) return failure;
    } else if (this.answer.asked) {
      writeCertificate(flight.content, NO_CHAIN);
      flight.added();
    }
    writeFinished(flight.content, this.secrets.client.verifyData(flight.transcript.hash()));
    flight.added();
    connection.writer.close(ContentType.Handshake, flight.content);
    return Failure.None;
  }
}

const EXTENSIONS = new EncryptedExtensions();
const REQUEST = new CertificateRequest();
const NO_CHAIN = Bytes.alloc(0);
