/**
 * The peer of a generated conversation, in either role: it listens to the door as far as it can, keeps its own transcript and keys
 * (RFC 8446 §4.4.1, §7), and makes any message at any time with what it has. Where it has nothing (no keys before ServerHello), it makes do
 * with zeros: what comes of that is for the model to say. What it makes, it claims (claims.ts).
 */
import {
  digest,
  hashLength,
  type KeyPair,
  makeKeyPair,
  nextSecret,
  Secrets,
  SUITES,
  type Suite,
  TrafficKeys,
} from "../keys.ts";
import { Cursor, EXTENSION, handshake, MESSAGE, RETRY_RANDOM, TYPE } from "../wire.ts";
import { finishedMessage, verifyMessage } from "./authentication.ts";
import { Claims } from "./claims.ts";
import { makeCertificate, makeClientHello, makeExtensions, makeServerHello, makeTicket } from "./messages.ts";
import type { Random } from "./random.ts";
import { type Conversation, type KeyChoice, MESSAGES, type MessageContent, type PeerRole } from "./steps.ts";
import { Messages, RecordStream } from "./stream.ts";
import type { Identity, World } from "./world.ts";

/** Traffic secrets of both sides at one stage. */
interface Traffic {
  client: Buffer;
  server: Buffer;
  keys: Record<PeerRole, TrafficKeys>;
}

export class Session {
  readonly claims = new Claims();
  readonly identity: Identity;
  readonly random: Buffer;
  /** The group that a HelloRetryRequest asked for; 0: none came. */
  askedFor = 0;
  /** What the door's last ClientHello said. */
  doorHello: { sessionId: Buffer; shares: Map<number, Buffer>; extensions: number[] } | undefined;
  private readonly pairs = new Map<number, KeyPair>();
  private transcript: Buffer[] = [];
  private earlier: Buffer[] = [];
  private suite: Suite | undefined;
  private secrets: Secrets | undefined;
  private handshake: Traffic | undefined;
  private application: Traffic | undefined;
  private writes: "clear" | "handshake" | "application" = "clear";
  private reads: "clear" | "handshake" | "application" = "clear";
  /** Every message of the door, to be sent back to it. */
  private readonly heard: Buffer[] = [];
  private readonly stream = new RecordStream();
  private readonly messages = new Messages();
  private deaf = false;

  constructor(
    readonly conversation: Conversation,
    private readonly world: World,
    readonly generator: Random,
  ) {
    const known = [...world.trusted[conversation.role], ...world.distrusted[conversation.role]];
    const all = [...known, ...world.stolen[conversation.role]];
    const found = all.find(({ name }) => name === conversation.identity);
    if (found === undefined) throw new Error(`nobody is called ${conversation.identity}`);
    this.identity = found;
    this.random = generator.bytes(32);
  }

  get role(): PeerRole {
    return this.conversation.role;
  }

  /** A client's key pair for `group`, the same for the whole connection. */
  pair(group: number): KeyPair {
    const pair = this.pairs.get(group) ?? makeKeyPair(group, (length) => this.generator.bytes(length));
    this.pairs.set(group, pair);
    return pair;
  }

  /** What a client agrees on with a server's share; undefined when the share is no key. */
  agree(group: number, share: Buffer): Buffer | undefined {
    try {
      return this.pairs.get(group)?.agree(share);
    } catch {
      return undefined;
    }
  }

  /** The message, in the transcript if it is to be noted, with the keys changed where the plan says so. */
  make(content: MessageContent): Buffer {
    const before = this.transcript;
    const whole = this.write(content);
    if (content.noted === "sent, not noted") return whole;
    const planned = content.extra === undefined;
    if (content.name === "helloRetryRequest" && planned) {
      this.suite ??= this.chosenSuite();
      this.replaceByHash();
    }
    this.earlier = before;
    this.transcript = [...this.transcript, whole];
    if (planned) this.changeKeys(content.name, whole);
    return whole;
  }

  /** One of the door's own messages, which is not noted; undefined: it has said none. */
  reflect(value: number): Buffer | undefined {
    return this.heard.length === 0 ? undefined : this.heard[value % this.heard.length];
  }

  /** The keys for the next record; undefined: in the clear. */
  keys(choice: KeyChoice): TrafficKeys | undefined {
    switch (choice) {
      case "clear":
        return undefined;
      case "own":
        return this.trafficIn(this.writes)?.keys[this.role];
      case "handshake":
        return this.handshake?.keys[this.role];
      case "application":
        return (this.application ?? this.trafficOf("application"))?.keys[this.role];
      case "other direction": {
        const stage = this.trafficIn(this.writes);
        const secret = stage?.[this.role === "client" ? "server" : "client"];
        return secret === undefined ? undefined : new TrafficKeys(this.currentSuite, secret);
      }
      case "earlier connection":
        return new TrafficKeys(this.currentSuite, Buffer.alloc(hashLength(this.currentSuite), 0x0e));
    }
  }

  /** Bytes from the door. */
  hear(bytes: Uint8Array): void {
    this.stream.push(bytes);
    while (!this.deaf) {
      const next = this.stream.next(this.trafficIn(this.reads)?.keys[this.role === "client" ? "server" : "client"]);
      if (next === undefined) return;
      if (next === "closed to us") this.deaf = true;
      else if (next.type === TYPE.handshake) this.join(next.content);
    }
  }

  transcriptHash(): Buffer {
    return digest(this.currentSuite, ...this.transcript);
  }

  private get currentSuite(): Suite {
    return this.suite ?? SUITES[0]!;
  }

  private write(content: MessageContent): Buffer {
    switch (content.name) {
      case "clientHello":
        return makeClientHello(this, content);
      case "serverHello":
      case "helloRetryRequest":
        return makeServerHello(this, content);
      case "encryptedExtensions":
      case "certificateRequest":
        return makeExtensions(this, content);
      case "certificate":
        return makeCertificate(this, content);
      case "certificateVerify":
        return verifyMessage({
          ...this.proofInputs(content),
          role: this.role,
          identity: this.identity,
          other: this.other(),
        });
      case "finished": {
        const zeros = Buffer.alloc(hashLength(this.currentSuite));
        const { client = zeros, server = zeros } = this.handshake ?? {};
        const [own, others] = this.role === "client" ? [client, server] : [server, client];
        return finishedMessage({ ...this.proofInputs(content), suite: this.currentSuite, own, others });
      }
      case "keyUpdate":
        return handshake(MESSAGE.keyUpdate, Buffer.of(this.generator.below(2)));
      case "newSessionTicket":
        return makeTicket(this);
      case "messageHash":
        return handshake(MESSAGE.messageHash, this.transcriptHash());
    }
    return handshake(MESSAGES[content.name], this.generator.bytes(this.generator.below(40)));
  }

  private proofInputs({ bend }: MessageContent) {
    const earlierHash = digest(this.currentSuite, ...this.earlier);
    return { bend, transcriptHash: this.transcriptHash(), earlierHash };
  }

  /** Somebody else with a key of the same kind, where there is one. */
  private other(): Identity {
    const others = [...this.world.distrusted[this.role], ...this.world.trusted[this.role]];
    const isOther = ({ key }: Identity) => !key.equals(this.identity.key);
    return others.find((one) => isOther(one) && one.scheme === this.identity.scheme) ?? others.find(isOther)!;
  }

  private changeKeys(name: MessageContent["name"], whole: Buffer): void {
    if (name === "serverHello" && this.role === "server") {
      const { suite, shared } = this.claims.of(whole)?.server ?? {};
      this.suite = SUITES.find(({ number }) => number === suite) ?? this.chosenSuite();
      if (shared !== undefined) this.startHandshake(shared);
      this.writes = "handshake";
      this.reads = "handshake";
    }
    if (name === "finished") {
      if (this.role === "server") this.application ??= this.trafficOf("application");
      this.writes = "application";
    }
    if (name === "keyUpdate" && this.writes === "application") this.updateKey();
  }

  /** The next key of this side (§4.6.3, §7.2). */
  private updateKey(): void {
    if (this.application === undefined) return;
    const secret = nextSecret(this.currentSuite, this.application[this.role]);
    this.application[this.role] = secret;
    this.application.keys[this.role] = new TrafficKeys(this.currentSuite, secret);
  }

  private chosenSuite(): Suite {
    return SUITES.find(({ number }) => number === this.conversation.suite) ?? SUITES[0]!;
  }

  private startHandshake(shared: Buffer): void {
    if (this.secrets !== undefined) return;
    this.secrets = new Secrets(this.currentSuite, shared);
    this.handshake = this.trafficOf("handshake");
  }

  private trafficIn(which: "clear" | "handshake" | "application"): Traffic | undefined {
    return which === "clear" ? undefined : which === "handshake" ? this.handshake : this.application;
  }

  private trafficOf(which: "handshake" | "application"): Traffic | undefined {
    const { secrets, currentSuite: suite } = this;
    if (secrets === undefined) return undefined;
    const hash = this.transcriptHash();
    const [client, server] = [secrets.traffic(which, "client", hash), secrets.traffic(which, "server", hash)];
    return { client, server, keys: { client: new TrafficKeys(suite, client), server: new TrafficKeys(suite, server) } };
  }

  private replaceByHash(): void {
    this.transcript = [handshake(MESSAGE.messageHash, this.transcriptHash())];
  }

  private join(content: Buffer): void {
    this.messages.push(content);
    for (let whole = this.messages.next(); whole !== undefined; whole = this.messages.next()) this.listen(whole);
  }

  private listen(whole: Buffer): void {
    this.heard.push(whole);
    try {
      if (whole[0] === MESSAGE.serverHello) this.listenToServerHello(whole);
      else this.transcript = [...this.transcript, whole];
      if (whole[0] === MESSAGE.clientHello) this.listenToClientHello(whole);
    } catch {
      // The door's hello cannot be read: the model finds out; here nothing comes of it.
      this.deaf = true;
    }
    if (whole[0] !== MESSAGE.finished) return;
    if (this.role === "client") this.application = this.trafficOf("application");
    this.reads = "application";
  }

  private listenToServerHello(whole: Buffer): void {
    const fields = new Cursor(whole.subarray(4));
    fields.take(2);
    const isRetry = fields.take(32).equals(RETRY_RANDOM);
    fields.vector(1);
    const number = fields.uint(2);
    this.suite = SUITES.find((suite) => suite.number === number);
    fields.take(1);
    const share = new Cursor(fields.extensions().get(EXTENSION.keyShare) ?? Buffer.alloc(2));
    const group = share.uint(2);
    if (isRetry) {
      this.askedFor = group;
      this.replaceByHash();
      this.transcript = [...this.transcript, whole];
      return;
    }
    this.transcript = [...this.transcript, whole];
    const shared = this.agree(group, share.vector(2));
    if (shared === undefined) {
      this.deaf = true;
      return;
    }
    this.startHandshake(shared);
    this.writes = "handshake";
    this.reads = "handshake";
  }

  private listenToClientHello(whole: Buffer): void {
    const fields = new Cursor(whole.subarray(4));
    fields.take(34);
    const sessionId = fields.vector(1);
    fields.vector(2);
    fields.vector(1);
    const extensions = fields.extensions();
    const list = new Cursor(new Cursor(extensions.get(EXTENSION.keyShare)!).vector(2));
    const shares = new Map<number, Buffer>();
    while (list.left > 0) shares.set(list.uint(2), list.vector(2));
    this.doorHello = { sessionId, shares, extensions: [...extensions.keys()] };
  }
}
