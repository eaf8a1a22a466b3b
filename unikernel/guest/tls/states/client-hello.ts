/**
 * Client: our ClientHello, the server's HelloRetryRequest and ServerHello (RFC 8446 §4.1): everything that the server may get
 * wrong in them is checked here, before any key exists.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { State } from "../../trace";
import { ClientHelloContent, writeClientHello } from "../codec/client-hello";
import { ServerHello } from "../codec/server-hello";
import { Connection } from "../connection";
import { Grease } from "../grease";
import { Message } from "../joiner";
import { isOurGroup, KeyExchange, sharedLength } from "../key-exchange";
import { EarlySecret } from "../key-schedule";
import { ContentType, HandshakeType, NamedGroup, TLS_1_2, TLS_1_3 } from "../registry";
import { isOurSuite, Suite } from "../suite";
import { Transcript } from "../transcript";
import { ExpectEncryptedExtensions, Secrets } from "./client-authentication";
import { HandshakeState, refuse } from "./state";

/** Bytes of a cookie that we return at most: what the outbox is sized for. */
const MAX_COOKIE: u32 = 8192;

/** Sends the ClientHello. */
export function startClient(connection: Connection): HandshakeState {
  const content = new ClientHelloContent(new Grease(connection.generator));
  connection.generator.fill(content.random);
  // A session id that means nothing: with it the handshake looks like a resumed TLS 1.2 one (appendix D.4).
  connection.generator.fill(content.sessionId);
  // With it goes a share for X25519, so that a server that does not know the hybrid need not ask again.
  const keyExchange = new KeyExchange(NamedGroup.X25519MlKem768, connection.generator);
  const writer = connection.writer.open();
  writeClientHello(writer, content, keyExchange);
  const first = Bytes.alloc(writer.length);
  first.put(0, writer.written());
  connection.writer.closeFirstHello(writer);
  connection.toleratesChangeCipherSpec = true;
  assert(connection.clientHello.parse(first.from(4)) == Failure.None);
  connection.traceHello(connection.clientHello);
  return new ExpectServerHello(content, keyExchange, first);
}

/** Our hello is out; which hash the transcript has is not known before the server's choice of a suite. */
@final
class ExpectServerHello extends HandshakeState {
  constructor(
    private content: ClientHelloContent,
    private keyExchange: KeyExchange,
    /** Our ClientHello, whole. */
    private first: Bytes,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    const failure = checkHello(connection, message, this.content);
    if (failure != Failure.None) return refuse(this, failure);
    const suite = new Suite(HELLO.suite);
    const transcript = new Transcript(suite.newHash());
    transcript.add(this.first);
    if (HELLO.isRetry) return this.retry(connection, message, suite, transcript);
    return accept(this, connection, message, suite, transcript, this.keyExchange);
  }

  wipe(): void {
    this.keyExchange.wipe();
  }

  /** Sends the hello again as HelloRetryRequest asks (§4.1.4). */
  private retry(connection: Connection, message: Message, suite: Suite, transcript: Transcript): HandshakeState {
    const group = HELLO.group;
    if (group == 0 && HELLO.cookie.length == 0) return refuse(this, Failure.RetryUnchanged);
    if (this.keyExchange.offers(group)) return refuse(this, Failure.RetryUnchanged);
    if (group != 0 && !isOurGroup(group)) return refuse(this, Failure.KeyShareNotOffered);
    if (HELLO.cookie.length > MAX_COOKIE) return refuse(this, Failure.MessageTooLong);
    transcript.replaceByHash();
    transcript.add(message.whole);

    let keyExchange = this.keyExchange;
    if (group != 0) {
      keyExchange.wipe();
      keyExchange = new KeyExchange(group, connection.generator);
      this.content.singleShare = true;
    }
    const content = this.content;
    content.cookie.aim(HELLO.cookie, 0, HELLO.cookie.length);
    connection.changeCipherSpecOnce();
    const writer = connection.writer.open();
    writeClientHello(writer, content, keyExchange);
    transcript.add(writer.written());
    connection.writer.close(ContentType.Handshake, writer);
    return new ExpectRetriedServerHello(content, keyExchange, suite, transcript);
  }
}

/** Our second hello is out; the suite is chosen, and no further HelloRetryRequest is allowed. */
@final
class ExpectRetriedServerHello extends HandshakeState {
  constructor(
    private content: ClientHelloContent,
    private keyExchange: KeyExchange,
    private suite: Suite,
    private transcript: Transcript,
  ) {
    super();
  }

  handle(connection: Connection, message: Message): HandshakeState {
    const failure = checkHello(connection, message, this.content);
    if (failure != Failure.None) return refuse(this, failure);
    if (HELLO.isRetry) return refuse(this, Failure.SecondRetry);
    if (HELLO.suite != this.suite.number) return refuse(this, Failure.SuiteChangedAfterRetry);
    return accept(this, connection, message, this.suite, this.transcript, this.keyExchange);
  }

  wipe(): void {
    this.keyExchange.wipe();
  }
}

/** Parses the message into `HELLO` and checks what holds for ServerHello and HelloRetryRequest alike. */
function checkHello(connection: Connection, message: Message, content: ClientHelloContent): Failure {
  if (message.type != HandshakeType.ServerHello) return Failure.UnexpectedMessage;
  // A ServerHello "can immediately precede a key change" (§5.1), so its record ends with it.
  if (!connection.joiner.aligned) return Failure.MessageSpansKeyChange;
  const failure = HELLO.parse(message.body);
  if (failure != Failure.None) return failure;
  if (HELLO.version == 0) {
    // An older TLS. If the server could do better, somebody made it believe that we could not.
    return HELLO.hasDowngradeSentinel ? Failure.DowngradeSentinel : Failure.NoCommonVersion;
  }
  if (HELLO.version != TLS_1_3) return Failure.VersionNotOffered;
  if (HELLO.legacyVersion != TLS_1_2) return Failure.LegacyVersionInvalid;
  if (HELLO.misplaced != Failure.None) return HELLO.misplaced;
  if (!HELLO.sessionId.equals(content.sessionId)) return Failure.SessionIdNotEchoed;
  if (!isOurSuite(HELLO.suite)) return Failure.SuiteNotOffered;
  if (HELLO.compression != 0) return Failure.CompressionOffered;
  return Failure.None;
}

/** Accepts the ServerHello in `HELLO`: both sides have handshake keys from here on. */
function accept(
  state: HandshakeState,
  connection: Connection,
  message: Message,
  suite: Suite,
  transcript: Transcript,
  keyExchange: KeyExchange,
): HandshakeState {
  if (HELLO.group == 0) return refuse(state, Failure.MissingExtension);
  if (!keyExchange.offers(HELLO.group)) return refuse(state, Failure.KeyShareNotOffered);
  const shared = Bytes.alloc(sharedLength(HELLO.group));
  if (!keyExchange.agree(HELLO.group, HELLO.keyShare, shared)) return refuse(state, Failure.KeyShareInvalid);
  transcript.add(message.whole);
  const handshake = new EarlySecret(suite).handshake(shared);
  const client = handshake.clientTraffic(transcript.hash());
  const server = handshake.serverTraffic(transcript.hash());
  connection.reader.protect(server.protection());
  connection.writer.protect(client.protection());
  connection.reached(State.Hello);
  connection.traceNegotiated(suite.number, HELLO.group);
  return new ExpectEncryptedExtensions(new Secrets(transcript, handshake, client, server));
}

/** The hello in hand. */
const HELLO = new ServerHello();
