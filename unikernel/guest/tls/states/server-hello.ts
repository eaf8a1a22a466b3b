/**
 * Server: from the ClientHello to the end of our flight (RFC 8446 §4.1, §4.2.8): choosing parameters, HelloRetryRequest when
 * the client has no share for a group that we have in common, ServerHello … Finished otherwise.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Role } from "../../role";
import { State } from "../../trace";
import { writeFinished } from "../codec/certificate";
import { writeCertificateRequest } from "../codec/certificate-request";
import { ClientHello, RANDOM_LENGTH } from "../codec/client-hello";
import { writeEncryptedExtensions } from "../codec/encrypted-extensions";
import { contains } from "../codec/extensions";
import { checkOfferedLimit } from "../codec/record-size-limit";
import { writeRetryRequest, writeServerHello } from "../codec/server-hello";
import { Connection } from "../connection";
import { Grease } from "../grease";
import { Message } from "../joiner";
import { answerLength, answerShare, ourGroup, sharedLength } from "../key-exchange";
import { EarlySecret } from "../key-schedule";
import { ContentType, HandshakeType, TLS_1_3 } from "../registry";
import { chooseSuite, Suite } from "../suite";
import { Transcript } from "../transcript";
import { addAuthentication, Flight } from "./authentication";
import { ClientSecrets, ExpectCertificate } from "./server-authentication";
import { HandshakeState, refuse } from "./state";

/** Bytes of the trust anchor's name at most. */
const MAX_AUTHORITY: u32 = 1024;
const DIGEST_LENGTH: u32 = 32;

/** Nothing is known yet. */
@final
export class ExpectClientHello extends HandshakeState {
  handle(connection: Connection, message: Message): HandshakeState {
    const hello = connection.clientHello;
    let failure = parseHello(connection, message);
    if (failure != Failure.None) return refuse(this, failure);
    connection.traceHello(hello);
    failure = checkHello(hello);
    if (failure != Failure.None) return refuse(this, failure);

    const number = chooseSuite(hello.suites);
    if (number == 0) return refuse(this, Failure.NoCommonSuite);
    const group = chooseGroup(hello);
    if (group == 0) return refuse(this, Failure.NoCommonGroup);
    const scheme = connection.vault.scheme(Role.Server);
    if (scheme == 0) return refuse(this, Failure.VaultUnavailable);
    if (!contains(hello.signatureSchemes, scheme)) return refuse(this, Failure.NoCommonSignature);

    connection.toleratesChangeCipherSpec = true;
    const parameters = new Parameters(new Suite(number), group, scheme);
    parameters.transcript.add(message.whole);
    if (hello.findKeyShare(group, SHARE)) return answer(this, connection, parameters);
    return this.retry(connection, parameters);
  }

  wipe(): void {}

  /** Sends HelloRetryRequest. Our server keeps its state, so it needs no cookie. */
  private retry(connection: Connection, parameters: Parameters): HandshakeState {
    const hello = connection.clientHello;
    const unchanging = Bytes.alloc(DIGEST_LENGTH);
    hello.digestUnchanging(unchanging);
    parameters.transcript.replaceByHash();
    const content = connection.writer.open();
    writeRetryRequest(content, hello.sessionId, parameters.suite.number, parameters.group);
    parameters.transcript.add(content.written());
    connection.writer.close(ContentType.Handshake, content);
    if (hello.sessionId.length > 0) connection.changeCipherSpecOnce();
    connection.reader.skipsProtected = hello.hasEarlyData;
    return new ExpectRetryHello(parameters, unchanging);
  }
}

/** All parameters are chosen; the client is to send its hello again, with a key share for our group. */
@final
class ExpectRetryHello extends HandshakeState {
  constructor(
    private parameters: Parameters,
    /** Digest of what the client must repeat. */
    private unchanging: Bytes,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    const hello = connection.clientHello;
    let failure = parseHello(connection, message);
    if (failure != Failure.None) return refuse(this, failure);
    // "A client MUST NOT include the "early_data" extension in its followup ClientHello." (§4.2.10)
    if (hello.hasEarlyData) return refuse(this, Failure.EarlyDataSent);
    const again = Bytes.alloc(DIGEST_LENGTH);
    hello.digestUnchanging(again);
    if (!again.equals(this.unchanging)) return refuse(this, Failure.RetryHelloChanged);
    failure = checkHello(hello);
    if (failure != Failure.None) return refuse(this, failure);
    // "a list containing a single KeyShareEntry from the indicated group" (§4.1.2)
    if (hello.keyShareCount != 1 || !hello.findKeyShare(this.parameters.group, SHARE)) {
      return refuse(this, Failure.RetryHelloChanged);
    }
    connection.reader.skipsProtected = false;
    this.parameters.transcript.add(message.whole);
    return answer(this, connection, this.parameters);
  }

  wipe(): void {}
}

/** What was chosen from the client's offer, and the transcript that the suite's hash makes possible. */
@final
class Parameters {
  readonly transcript: Transcript;

  constructor(
    readonly suite: Suite,
    readonly group: u32,
    /** Of our certificate; the client accepts it. */
    readonly scheme: u32,
  ) {
    this.transcript = new Transcript(suite.newHash());
  }
}

function parseHello(connection: Connection, message: Message): Failure {
  if (message.type != HandshakeType.ClientHello) return Failure.UnexpectedMessage;
  // A ClientHello "can immediately precede a key change" (§5.1), so its record ends with it.
  if (!connection.joiner.aligned) return Failure.MessageSpansKeyChange;
  return connection.clientHello.parse(message.body);
}

/** What the RFC demands of a hello before anything is chosen. */
function checkHello(hello: ClientHello): Failure {
  if (!contains(hello.versions, TLS_1_3)) return Failure.NoCommonVersion;
  // Anything below TLS 1.0 must be refused (appendix D.5); apart from that legacy_version is to be ignored (§4.2.1).
  if (hello.legacyVersion <= 0x0300) return Failure.LegacyVersionInvalid;
  if (hello.compression.length != 1 || hello.compression[0] != 0) return Failure.CompressionOffered;
  if (hello.groups.length == 0 || !hello.hasKeyShares || hello.signatureSchemes.length == 0) {
    return Failure.MissingExtension;
  }
  // "servers MUST abort the handshake" when pre_shared_key comes without its modes (§4.2.9).
  if (hello.hasPreSharedKey && !hello.hasPskModes) return Failure.MissingExtension;
  if (hello.hasRecordSizeLimit && checkOfferedLimit(hello.recordSizeLimit) != Failure.None) {
    return Failure.RecordSizeLimitInvalid;
  }
  // A cookie answers a HelloRetryRequest that had one; ours have none.
  if (hello.hasCookie) return Failure.UnsolicitedExtension;
  return hello.checkKeyShares();
}

/**
 * The best group that we can do at once; else the best that the client could send a share for; else 0. A share that is there
 * is worth more than a better group: asking for another costs a round trip, and a client that can do the hybrid but
 * did not offer it does not want to pay for it.
 */
function chooseGroup(hello: ClientHello): u32 {
  for (let i: u32 = 0; ourGroup(i) != 0; i++) {
    if (hello.findKeyShare(ourGroup(i), SHARE)) return ourGroup(i);
  }
  for (let i: u32 = 0; ourGroup(i) != 0; i++) {
    if (contains(hello.groups, ourGroup(i))) return ourGroup(i);
  }
  return 0;
}

/** Sends ServerHello … Finished for the hello in hand, whose share is in `SHARE`. */
function answer(state: HandshakeState, connection: Connection, parameters: Parameters): HandshakeState {
  const hello = connection.clientHello;
  const suite = parameters.suite;
  const transcript = parameters.transcript;
  const writer = connection.writer;
  const group = parameters.group;
  const share = Bytes.alloc(answerLength(group));
  const shared = Bytes.alloc(sharedLength(group));
  if (!answerShare(group, connection.generator, SHARE, share, shared)) return refuse(state, Failure.KeyShareInvalid);

  const random = Bytes.alloc(RANDOM_LENGTH);
  connection.generator.fill(random);
  const serverHello = writer.open();
  writeServerHello(serverHello, random, hello.sessionId, suite.number, group, share);
  transcript.add(serverHello.written());
  writer.close(ContentType.Handshake, serverHello);
  if (hello.sessionId.length > 0) connection.changeCipherSpecOnce();
  connection.reached(State.Hello);
  connection.traceNegotiated(suite.number, group);

  const handshake = new EarlySecret(suite).handshake(shared);
  const client = handshake.clientTraffic(transcript.hash());
  const server = handshake.serverTraffic(transcript.hash());
  connection.reader.protect(client.protection());
  connection.reader.skipsUndecryptable = hello.hasEarlyData;
  if (hello.hasRecordSizeLimit) writer.limitRecords(hello.recordSizeLimit);
  writer.protect(server.protection());

  const flight = new Flight(writer.open(), transcript);
  writeEncryptedExtensions(flight.content, hello);
  flight.added();
  let failure = addCertificateRequest(connection, flight);
  if (failure == Failure.None) failure = addAuthentication(connection, flight, parameters.scheme);
  if (failure != Failure.None) {
    handshake.wipe();
    client.wipe();
    server.wipe();
    return refuse(state, failure);
  }
  writeFinished(flight.content, server.verifyData(transcript.hash()));
  flight.added();
  writer.close(ContentType.Handshake, flight.content);
  server.wipe();

  // From here on the server writes under its application key; the client reads it before it has authenticated.
  const master = handshake.master();
  const application = master.serverTraffic(transcript.hash());
  const secrets = new ClientSecrets(client, master.clientTraffic(transcript.hash()));
  master.wipe();
  writer.protect(application.protection());
  application.wipe();
  return new ExpectCertificate(transcript, secrets);
}

function addCertificateRequest(connection: Connection, flight: Flight): Failure {
  const scope = mark();
  const name = Bytes.alloc(MAX_AUTHORITY);
  const length = connection.vault.authority(name);
  if (length > 0) {
    writeCertificateRequest(flight.content, name.slice(0, length), new Grease(connection.generator));
    flight.added();
  }
  release(scope);
  return length > 0 ? Failure.None : Failure.VaultUnavailable;
}

/** The client's key share for the group that was chosen. */
const SHARE = Bytes.empty();
