/**
 * The handshake, all on this page (RFC 8446 §A). Each state is a class that holds exactly what is known when it is entered,
 * takes one handshake message, and returns the next state; `refuse` returns the last one.
 *
 * We are the server (states/server-hello.ts, states/server-authentication.ts):
 *
 * | state                     | takes                                       | sends                    | becomes                   |
 * |---------------------------|---------------------------------------------|--------------------------|---------------------------|
 * | ExpectClientHello         | ClientHello with a share for a common group | ServerHello … Finished   | ExpectCertificate         |
 * |                           | ClientHello with a common group, no share   | HelloRetryRequest        | ExpectRetryHello          |
 * | ExpectRetryHello          | the same ClientHello with that share        | ServerHello … Finished   | ExpectCertificate         |
 * | ExpectCertificate         | Certificate with a chain                    |                          | ExpectCertificateVerify   |
 * | ExpectCertificateVerify   | CertificateVerify that the vault accepts    |                          | ExpectFinished            |
 * | ExpectFinished            | Finished                                    | candy, close_notify      | ExpectCloseNotify         |
 *
 * We are the client (states/client-hello.ts, states/client-authentication.ts); `startClient` sends the ClientHello:
 *
 * | state                     | takes                                       | sends                    | becomes                   |
 * |---------------------------|---------------------------------------------|--------------------------|---------------------------|
 * | ExpectServerHello         | HelloRetryRequest                           | ClientHello again        | ExpectRetriedServerHello  |
 * |                           | ServerHello                                 |                          | ExpectEncryptedExtensions |
 * | ExpectRetriedServerHello  | ServerHello                                 |                          | ExpectEncryptedExtensions |
 * | ExpectEncryptedExtensions | EncryptedExtensions                         |                          | ExpectCertificateRequest  |
 * | ExpectCertificateRequest  | CertificateRequest                          |                          | ExpectCertificate         |
 * |                           | Certificate: we are not asked for ours      |                          | ExpectCertificateVerify   |
 * | ExpectCertificate         | Certificate with a chain                    |                          | ExpectCertificateVerify   |
 * | ExpectCertificateVerify   | CertificateVerify that the vault accepts    |                          | ExpectFinished            |
 * | ExpectFinished            | Finished                                    | our flight, candy,       | ExpectCloseNotify         |
 * |                           |                                             | close_notify             |                           |
 *
 * After the candy, in both roles (states/close-notify.ts): our side is closed, the peer's is read until it closes too.
 *
 * | state                     | takes                                       | sends                    | becomes                   |
 * |---------------------------|---------------------------------------------|--------------------------|---------------------------|
 * | ExpectCloseNotify         | KeyUpdate                                   |                          | ExpectCloseNotify         |
 * |                           | NewSessionTicket, when we are the client    |                          | ExpectCloseNotify         |
 *
 * Everything else, in any state, is refused: the failure's alert is sent (after close_notify, only traced), secrets are wiped,
 * the connection is closed. What is no handshake message (alerts, application data, FIN) is for the engine.
 * The candy leaves the vault in one place, `states/candy.ts`, which only the two ExpectFinished call.
 */
import { Failure } from "../../failure";
import { Connection } from "../connection";
import { Message } from "../joiner";

export abstract class HandshakeState {
  /** Takes one whole message; its views are valid during the call. Returns the next state. */
  abstract handle(connection: Connection, message: Message): HandshakeState;
  /** Zeroes the secrets that this state holds. */
  abstract wipe(): void;
}

/** The end: nothing is read any more. */
@final
export class Ended extends HandshakeState {
  constructor(readonly failure: Failure) {
    super();
  }

  handle(_connection: Connection, _message: Message): HandshakeState {
    return this;
  }

  wipe(): void {}
}

/** Ends the handshake for `failure`; `state` is wiped. */
export function refuse(state: HandshakeState, failure: Failure): HandshakeState {
  state.wipe();
  return new Ended(failure);
}
