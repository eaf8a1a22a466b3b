/**
 * What a peer can make a door hold and do, step by step, in the handshakes that are the most expensive for us: the largest messages, the hybrid
 * group, a HelloRetryRequest first. One row for each step: what was received, what is held, what was computed so far.
 */

import { Role } from "../../unikernel/guest/role.ts";
import { chainBytes } from "../support/certificates.ts";
import { type Credential, FakeVault, type Pki, TestDoor } from "../support/door-host.ts";
import { ClientPeer } from "../support/tls-peer/client.ts";
import { ServerPeer } from "../support/tls-peer/server.ts";
import { ALERT, alert, EXTENSION, type Extensions, GROUP, record, TYPE } from "../support/tls-peer/wire.ts";
import { taken, type Work, work } from "./instrumented.ts";

export interface Step {
  what: string;
  /** Bytes received so far. */
  received: number;
  /** Bytes sent so far. */
  sent: number;
  /** Bytes of the door's memory that are taken. */
  held: number;
  work: Work;
  /** The longest single call so far, in microseconds. */
  longest: number;
}

/** Longest handshake message; its header is 4 bytes. */
const MESSAGE = 16 * 1024;
/** What a Certificate message has around a chain: context length, list length, and five bytes for each certificate. */
const AROUND_CHAIN = 64;

class Watched {
  readonly steps: Step[] = [];
  private received = 0;
  private sent = 0;
  private longest = 0;

  constructor(readonly door: TestDoor) {}

  start(role: Role): Uint8Array {
    return this.timed(() => this.door.start(role, new Uint8Array(32).fill(7)));
  }

  readonly link = (bytes: Uint8Array): Uint8Array => {
    this.received += bytes.length;
    return this.timed(() => this.door.receive(bytes));
  };

  step(what: string): void {
    const { exports } = this.door;
    const { received, sent, longest } = this;
    this.steps.push({ what, received, sent, longest, held: taken(exports), work: work(exports) });
  }

  private timed(call: () => Uint8Array): Uint8Array {
    const start = performance.now();
    const out = call();
    this.longest = Math.max(this.longest, 1000 * (performance.now() - start));
    this.sent += out.length;
    return out;
  }
}

/** Against the server door. */
export function serverSteps(module: WebAssembly.Module, pki: Pki): Step[] {
  const watched = new Watched(new TestDoor(module, new FakeVault(pki)));
  watched.start(Role.Server);
  watched.step("nothing");
  const peer = new ClientPeer(watched.link);
  const options = { groups: [GROUP.hybrid], edit: filled };
  peer.send(peer.hello({ ...options, shares: [] }));
  peer.readRetry();
  watched.step("the longest ClientHello without a share; HelloRetryRequest is sent");
  peer.send(peer.hello(options));
  peer.readServerHello();
  peer.readServerFlight();
  watched.step("the longest ClientHello again; our flight is sent");
  peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1), { padding: 16000 });
  peer.sendRaw(record(TYPE.data, Buffer.alloc(16384 + 256)).subarray(0, 16384));
  watched.step("and the longest record, but for its end");
  return [...watched.steps, ...serverAuthentication(module, pki)];
}

/** Another connection, as the unfinished record spoils the first. */
function serverAuthentication(module: WebAssembly.Module, pki: Pki): Step[] {
  const watched = new Watched(new TestDoor(module, new FakeVault(pki)));
  watched.start(Role.Server);
  const peer = new ClientPeer(watched.link);
  const options = { groups: [GROUP.hybrid], edit: filled };
  peer.send(peer.hello({ ...options, shares: [] }));
  peer.readRetry();
  peer.untilFlight(options);
  const [certificate, proof, finished] = peer.authentication(longChain(pki.player));
  peer.sendRecord(TYPE.handshake, certificate.subarray(0, 16000));
  peer.sendRecord(TYPE.handshake, certificate.subarray(16000));
  watched.step("the longest Certificate");
  peer.sendRecord(TYPE.handshake, Buffer.concat([proof, finished]));
  if (peer.outcome().data.length === 0) throw new Error("the server door was not convinced");
  watched.step("CertificateVerify and Finished; the candy is sent");
  return watched.steps;
}

/** Against the client door. */
export function clientSteps(module: WebAssembly.Module, pki: Pki): Step[] {
  const watched = new Watched(new TestDoor(module, new FakeVault(pki)));
  const peer = new ServerPeer(watched.link);
  peer.accept(watched.start(Role.Client));
  watched.step("nothing; our ClientHello is sent");
  peer.readHello();
  peer.retry({ group: GROUP.p256, cookie: Buffer.alloc(8192, 1) });
  watched.step("HelloRetryRequest with a long cookie; our ClientHello is sent again");
  peer.sendServerHello({ group: GROUP.p256 });
  watched.step("ServerHello");
  for (const part of pieces(Buffer.concat(peer.flight(longChain(pki.host))))) peer.sendRecord(TYPE.handshake, part);
  peer.readClientFlight("certificate");
  if (peer.outcome().data.length === 0) throw new Error("the client door was not convinced");
  watched.step("the flight with the longest Certificate; ours and the candy are sent");
  return watched.steps;
}

/** The hybrid group without a retry: what the other path of the client costs. */
export function clientHybridSteps(module: WebAssembly.Module, pki: Pki): Step[] {
  const watched = new Watched(new TestDoor(module, new FakeVault(pki)));
  const peer = new ServerPeer(watched.link);
  peer.accept(watched.start(Role.Client));
  peer.readHello();
  peer.sendServerHello({ group: GROUP.hybrid });
  watched.step("ServerHello with the hybrid group");
  return watched.steps;
}

/** Fills a hello up to the longest message with padding (RFC 7685), which may change in the second one. */
function filled(extensions: Extensions): Extensions {
  const rest = extensions.reduce((sum, [, data]) => sum + 4 + data.length, 0);
  // The message's own header, version, random, session id, suites, compression, and the extension's header.
  const around = 4 + 2 + 32 + 33 + 2 + 6 + 2 + 2 + 4;
  return [[EXTENSION.padding, Buffer.alloc(MESSAGE - around - rest)], ...extensions];
}

/** The credential with as much behind its leaf as a Certificate message takes; the vault of this measurement looks at the leaf only. */
function longChain(who: Credential): Credential {
  const room = MESSAGE - AROUND_CHAIN - chainBytes(...who.chain).length;
  return { ...who, chain: [...who.chain, Buffer.alloc(room, 0x30)] };
}

function pieces(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / 16384) }, (_, i) => bytes.subarray(16384 * i, 16384 * (i + 1)));
}
