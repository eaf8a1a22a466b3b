/**
 * The model: what has to become of a conversation, from the bytes that both sides sent and the peer's own secrets. An automaton over RFC 8446
 * (§4, §5, §6, appendix A), written apart from the guest and sharing nothing with it: it opens the peer's records, puts messages together,
 * and keeps the transcript as the door must see it.
 *
 * It accepts for one reason only: a chain that is trusted, a CertificateVerify over this very transcript that node:crypto verifies with the
 * leaf's key, and the Finished that the transcript and the peer's handshake secret make. Contents of hellos it knows from the peer's claims; a
 * message without a claim was changed on the way, and then nothing that follows can be accepted, as the peer's transcript is another one.
 */
import { ALERT, MESSAGE, TYPE } from "../wire.ts";
import type { Claim, Claims, HelloClaim, ServerClaim } from "./claims.ts";
import { DoorEar, readServerHello, sharesOffered } from "./door-ear.ts";
import { HandshakeView } from "./handshake-view.ts";
import { judgeProof } from "./proof.ts";
import { judgeHeader, judgeInner, MAX_MESSAGE } from "./record-rules.ts";
import type { PeerRole } from "./steps.ts";
import { Messages, RecordStream, tryOpen } from "./stream.ts";
import type { Identity } from "./world.ts";

/** What the door waits for, or that it has all. */
export const MODEL_STATES = {
  client: [
    "ClientHello",
    "second ClientHello",
    "client's Certificate",
    "client's CertificateVerify",
    "client's Finished",
  ],
  server: [
    ...["ServerHello", "second ServerHello", "EncryptedExtensions", "CertificateRequest", "server's Certificate"],
    ...["server's CertificateVerify", "server's Finished"],
  ],
} as const satisfies Record<PeerRole, readonly string[]>;
export type ModelState = (typeof MODEL_STATES)[PeerRole][number] | "complete";

export type Verdict =
  /** The candy. Then the door reads on, until a mistake or the peer's end closes it; undefined: what came then was changed on the way. */
  | { is: "accept"; afterwards: "open" | "closed" | undefined }
  /** One fatal alert out of these. */
  | { is: "refuse"; alerts: readonly number[] }
  /** The peer ended it: with close_notify, which is answered, or with another alert, which is not. */
  | { is: "ended"; answered: readonly number[] }
  /** Nothing is wrong, and something is missing. */
  | { is: "waiting" }
  /** Changed on the way: anything but the candy. */
  | { is: "damaged" };

export interface Judgement {
  verdict: Verdict;
  state: ModelState;
  /** Whether the peer has proved the key of a trusted certificate. */
  proven: boolean;
  ear: DoorEar;
  /** What the door had to say and did not, or said wrong. */
  complaint: string | undefined;
}

export interface Evidence {
  role: PeerRole;
  claims: Claims;
  /** A client's agreement with the door's share. */
  agree(group: number, share: Buffer): Buffer | undefined;
  fromPeer: Uint8Array;
  fromDoor: Uint8Array;
}

/** The profile's own limits (docs/refusals.md), before the proof and again after the candy. */
const MAX_BYTES = 65536;
const MAX_RECORDS = 1024;
const MAX_KEY_UPDATES = 16;
const WAITING: Verdict = { is: "waiting" };
const DAMAGED: Verdict = { is: "damaged" };

export function judge(evidence: Evidence): Judgement {
  const model = new Model(evidence);
  const verdict = model.run();
  return { verdict, state: model.state, proven: model.proven, ear: model.ear, complaint: model.complaint };
}

class Model {
  state: ModelState;
  proven = false;
  complaint: string | undefined;
  readonly ear: DoorEar;
  private readonly stream = new RecordStream();
  private readonly messages = new Messages();
  private readonly view: HandshakeView;
  /** Whether the peer, as a server, has asked for the door's certificate. */
  private asked: "asked" | "not asked" = "not asked";
  private updates = 0;
  private opened = false;
  private firstHello: HelloClaim | undefined;
  private askedFor = 0;
  private offered: number[] = [];
  private skipsUndecryptable = false;
  private skipsProtected = false;
  private identity: Identity | undefined;
  private received = 0;
  private records = 0;

  constructor(private readonly evidence: Evidence) {
    this.stream.push(evidence.fromPeer);
    this.ear = new DoorEar(evidence.fromDoor);
    this.view = new HandshakeView(evidence.role, this.ear);
    this.state = MODEL_STATES[evidence.role][0];
    if (evidence.role === "server") this.hearHello();
  }

  run(): Verdict {
    const verdict = this.read();
    if (this.state !== "complete" || verdict.is === "accept") return verdict;
    // Whatever comes after the candy, the candy is out, and after close_notify no alert can follow (§6.1).
    if (verdict.is === "waiting") return { is: "accept", afterwards: "open" };
    return { is: "accept", afterwards: verdict.is === "refuse" || verdict.is === "ended" ? "closed" : undefined };
  }

  private read(): Verdict {
    for (;;) {
      const header = this.stream.header();
      if (header === undefined) return WAITING;
      const verdict = this.takeHeader(header) ?? this.takeRecord(this.stream.take());
      if (verdict !== undefined) return verdict;
    }
  }

  private takeHeader({ type, length }: { type: number; length: number }): Verdict | undefined {
    this.records += 1;
    const whole = Math.min(this.stream.left, 5 + length);
    const passed = this.received;
    this.received += whole;
    const isLimited = !this.proven || this.state === "complete";
    if (isLimited && passed + 5 > MAX_BYTES) return refuse(ALERT.unexpectedMessage);
    const alerts = judgeHeader(type, length, {
      hasKeys: this.view.keys !== undefined,
      opened: this.opened,
      skipsProtected: this.skipsProtected,
    });
    if (alerts !== undefined) return refuse(...alerts);
    const isTooMuch = this.received > MAX_BYTES || this.records > MAX_RECORDS;
    return isLimited && isTooMuch ? refuse(ALERT.unexpectedMessage) : undefined;
  }

  private takeRecord(whole: Buffer | undefined): Verdict | undefined {
    if (whole === undefined) return WAITING;
    if (whole[0] !== TYPE.data) return this.takeContent(whole[0]!, whole.subarray(5));
    // Early data that the door did not take: passed over (§4.2.10).
    if (this.view.keys === undefined) return undefined;
    const inner = tryOpen(this.view.keys, whole);
    if (inner === undefined) return this.skipsUndecryptable ? undefined : refuse(ALERT.badRecordMac);
    this.skipsUndecryptable = false;
    this.opened = true;
    const alerts = judgeInner(whole.length - 5 - 16, inner, { complete: this.state === "complete" });
    return alerts === undefined ? this.takeContent(inner.type, inner.content) : refuse(...alerts);
  }

  private takeContent(type: number, content: Buffer): Verdict | undefined {
    // After Finished nothing is said to the door that it wants: dropped, but not in the middle of a message (§5.1).
    if (type === TYPE.data) return this.messages.left > 0 ? refuse(ALERT.unexpectedMessage) : undefined;
    if (type === TYPE.ccs) {
      // Tolerated after the first ClientHello, whoever sent that, and until the peer's Finished (§5).
      const isTime = this.state !== "ClientHello" && this.state !== "complete";
      const tolerated = content[0] === 1 && isTime && this.messages.left === 0;
      return tolerated ? undefined : refuse(ALERT.unexpectedMessage);
    }
    if (type === TYPE.alert) return this.takeAlert(content);
    this.messages.push(content);
    for (;;) {
      if (this.messages.announced > MAX_MESSAGE) return refuse(ALERT.decodeError);
      const whole = this.messages.next();
      if (whole === undefined) return undefined;
      const verdict = this.takeMessage(whole);
      if (verdict !== undefined) return verdict;
    }
  }

  private takeAlert(content: Buffer): Verdict | undefined {
    if (content.length !== 2) return refuse(ALERT.decodeError);
    if (content[1] === ALERT.closeNotify) return { is: "ended", answered: [ALERT.closeNotify] };
    if (content[1] !== ALERT.userCanceled) return { is: "ended", answered: [] };
    // "there MUST NOT be any other records between" the fragments of a message (§5.1).
    return this.messages.left > 0 ? refuse(ALERT.unexpectedMessage) : undefined;
  }

  private takeMessage(whole: Buffer): Verdict | undefined {
    const type = whole[0]!;
    const claim = this.evidence.claims.of(whole);
    switch (this.state) {
      case "ClientHello":
      case "second ClientHello":
        return this.expect(type, MESSAGE.clientHello, claim, () => this.takeClientHello(whole, claim!));
      case "ServerHello":
      case "second ServerHello":
        return this.expect(type, MESSAGE.serverHello, claim, () => this.takeServerHello(whole, claim!));
      case "EncryptedExtensions":
        return this.expect(type, MESSAGE.encryptedExtensions, claim, () => this.move("CertificateRequest", whole));
      case "CertificateRequest":
        if (type !== MESSAGE.certificateRequest) return this.takeCertificate(whole, claim);
        return this.expect(type, type, claim, () => {
          this.asked = "asked";
          return this.move("server's Certificate", whole);
        });
      case "client's Certificate":
      case "server's Certificate":
        return this.takeCertificate(whole, claim);
      case "client's CertificateVerify":
      case "server's CertificateVerify":
        return this.takeVerify(whole);
      case "client's Finished":
      case "server's Finished":
        return this.takeFinished(whole);
      case "complete":
        return this.takeLater(whole, claim);
    }
  }

  /** The checks that all messages with claimed contents have in common; `next` when they are right. */
  private expect(type: number, right: number, claim: Claim | undefined, next: () => Verdict | undefined) {
    if (type !== right) return refuse(ALERT.unexpectedMessage);
    const isHello = right === MESSAGE.clientHello || right === MESSAGE.serverHello;
    const spans = isHello && this.messages.left > 0 ? [ALERT.unexpectedMessage] : [];
    if (claim === undefined) return spans.length > 0 ? refuse(...spans) : DAMAGED;
    const faults = [...spans, ...claim.faults];
    // A hello that is wrong in itself may be refused for being changed, or for coming again, as well.
    if (this.state === "second ClientHello") faults.push(...this.faultsAgain(claim.hello));
    if (right === MESSAGE.serverHello) faults.push(...this.faultsOfServer(claim.server));
    return faults.length > 0 ? refuse(...faults) : next();
  }

  private faultsAgain(hello: HelloClaim | undefined): number[] {
    const isSame = hello?.unchanging === this.firstHello?.unchanging;
    const isAsked = hello?.shares.length === 1 && hello.shares[0] === this.askedFor;
    return isSame && isAsked && !hello?.earlyData ? [] : [ALERT.illegalParameter];
  }

  private faultsOfServer(hello: ServerClaim | undefined): number[] {
    if (hello === undefined) return [ALERT.unexpectedMessage];
    const isSecond = this.state === "second ServerHello";
    if (hello.isRetry) {
      if (isSecond) return [ALERT.unexpectedMessage];
      const changesNothing = this.offered.includes(hello.group) || (hello.group === 0 && !hello.hasCookie);
      return changesNothing ? [ALERT.illegalParameter] : [];
    }
    const isOtherSuite = isSecond && hello.suite !== this.view.suite.number;
    // Without any share it is missing, which the claim says.
    const isOtherGroup = hello.group !== 0 && !this.offered.includes(hello.group);
    return isOtherSuite || isOtherGroup ? [ALERT.illegalParameter] : [];
  }

  private takeClientHello(whole: Buffer, { hello }: Claim): Verdict | undefined {
    const answer = this.ear.message();
    const fields = answer === undefined ? undefined : readServerHello(answer);
    if (answer === undefined || fields === undefined) return this.miss("ServerHello or HelloRetryRequest");
    this.view.choose(fields.suite);
    this.view.add(whole);
    if (fields.isRetry) {
      if (this.state === "second ClientHello") return this.miss("ServerHello after HelloRetryRequest");
      this.view.replaceByHash();
      this.view.add(answer);
      this.firstHello = hello;
      this.askedFor = fields.group;
      this.skipsProtected = hello?.earlyData === true;
      this.state = "second ClientHello";
      return undefined;
    }
    if (hello?.shares.includes(fields.group) !== true) return this.miss("a group that there is a share for");
    this.view.add(answer);
    this.skipsProtected = false;
    this.skipsUndecryptable = hello.earlyData;
    this.view.start(this.evidence.agree(fields.group, fields.share));
    this.complaint = this.view.hearServer();
    this.state = "client's Certificate";
    return undefined;
  }

  private takeServerHello(whole: Buffer, { server }: Claim): Verdict | undefined {
    this.view.choose(server?.suite);
    if (server?.isRetry) {
      this.view.replaceByHash();
      this.view.add(whole);
      this.hearHello();
      this.state = "second ServerHello";
      return undefined;
    }
    this.view.add(whole);
    this.view.start(server?.shared);
    this.state = "EncryptedExtensions";
    return undefined;
  }

  private takeCertificate(whole: Buffer, claim: Claim | undefined): Verdict | undefined {
    return this.expect(whole[0]!, MESSAGE.certificate, claim, () => {
      // §4.4.2.4: a server's is an error of form; a client's may be called missing.
      if (claim?.certificate?.entries === 0) {
        return refuse(this.evidence.role === "server" ? ALERT.decodeError : ALERT.certificateRequired);
      }
      this.identity = claim?.certificate?.identity;
      return this.move(
        this.evidence.role === "client" ? "client's CertificateVerify" : "server's CertificateVerify",
        whole,
      );
    });
  }

  private takeVerify(whole: Buffer): Verdict | undefined {
    if (whole[0] !== MESSAGE.certificateVerify) return refuse(ALERT.unexpectedMessage);
    const faults = judgeProof(whole.subarray(4), this.evidence.role, this.identity, this.view.hash());
    if (faults.length > 0) return refuse(...faults);
    this.proven = true;
    return this.move(this.evidence.role === "client" ? "client's Finished" : "server's Finished", whole);
  }

  private takeFinished(whole: Buffer): Verdict | undefined {
    if (whole[0] !== MESSAGE.finished) return refuse(ALERT.unexpectedMessage);
    const faults: number[] = this.messages.left > 0 ? [ALERT.unexpectedMessage] : [];
    const right = this.view.expectedFinished();
    const given = whole.subarray(4);
    if (given.length !== right.length) faults.push(ALERT.decodeError, ALERT.decryptError);
    else if (!given.equals(right)) faults.push(ALERT.decryptError);
    if (faults.length > 0) return refuse(...faults);
    this.view.add(whole);
    this.state = "complete";
    if (this.evidence.role === "server") this.complaint = this.view.hearClient(this.asked);
    this.view.startApplication();
    this.received = 0;
    this.records = 0;
    return undefined;
  }

  /** After the candy: KeyUpdate (§4.6.3), and a server's NewSessionTicket (§4.6.1), which nobody uses. */
  private takeLater(whole: Buffer, claim: Claim | undefined): Verdict | undefined {
    const isServer = this.evidence.role === "server";
    if (whole[0] === MESSAGE.newSessionTicket && isServer) return claim === undefined ? DAMAGED : undefined;
    const isUpdate = whole[0] === MESSAGE.keyUpdate && whole.length === 5 && whole[4]! <= 1;
    this.updates++;
    if (!isUpdate || this.messages.left > 0 || this.updates > MAX_KEY_UPDATES) return refuse(ALERT.unexpectedMessage);
    this.view.update();
    return undefined;
  }

  private move(state: ModelState, whole: Buffer): undefined {
    this.view.add(whole);
    this.state = state;
  }

  private hearHello(): void {
    const hello = this.ear.message();
    const offered = hello === undefined ? undefined : sharesOffered(hello);
    if (hello === undefined || offered === undefined) {
      this.complaint = "the door says no ClientHello";
      return;
    }
    this.view.add(hello);
    this.offered = offered;
  }

  private miss(what: string): Verdict {
    this.complaint = `the door does not answer with ${what}`;
    return WAITING;
  }
}

function refuse(...alerts: number[]): Verdict {
  return { is: "refuse", alerts: [...new Set(alerts)] };
}
