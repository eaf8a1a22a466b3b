/**
 * ecdsa_secp384r1_sha384 (RFC 8446 §4.2.3), which the doors offer to verify: peers with P-384 keys below a P-384 authority, in both
 * roles, before the shipped vault; our own peer, and Node's tls (OpenSSL), which sign and issue independently of it.
 */
import { createPrivateKey, sign } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import {
  authority,
  basicConstraints,
  type Issued,
  issue,
  type KeyKind,
  KeyUsageFlags,
  keyUsage,
  leaf,
} from "../../../support/certificates.ts";
import { type Credential, doorModule, type Pki, type TestDoor, verifyContent } from "../../../support/door-host.ts";
import { sealBytes, sealFields } from "../../../support/seal.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { identity, listen, readAll } from "../../../support/tls-peer/door-socket.ts";
import { openSealedDoor } from "../../../support/tls-peer/sealed-vault.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, handshake, MESSAGE, SCHEME, TYPE, uint, vector } from "../../../support/tls-peer/wire.ts";
import { CANDY, loadVaultModule } from "../../../support/vault.ts";

let modules: { door: WebAssembly.Module; vault: WebAssembly.Module };
let seal: Uint8Array;
/** `player` and `host` are leaves below a P-384 intermediate below the P-384 anchor. */
let pki: Pki;
/** The same with P-256 leaves: only their issuers are P-384. */
let curves: Pki;

beforeAll(async () => {
  modules = { door: await doorModule(), vault: await loadVaultModule() };
  const anchor = await authority({ kind: "p384", pathLength: 1 });
  const between = await issue({
    ...{ issuer: anchor, subject: "CN=Between,O=Example", kind: "p384" },
    extensions: [basicConstraints(true, 0), keyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign)],
  });
  const server = await leaf("server", { issuer: anchor });
  const client = await leaf("client", { issuer: anchor });
  seal = sealBytes(sealFields({ candy: CANDY, anchor, server: [server], client: [client] }));
  const below = async (kind: KeyKind): Promise<Pki> => {
    const player = await credential(await leaf("client", { issuer: between, kind, subject: "CN=player" }), between);
    const host = await credential(await leaf("server", { issuer: between, kind, subject: "CN=host" }), between);
    return { anchor, anchorName: Buffer.alloc(0), server: host, client: player, player, host, stranger: player };
  };
  pki = await below("p384");
  curves = await below("p256");
});

async function credential(issued: Issued, ...above: Issued[]): Promise<Credential> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", issued.keys.pair.privateKey as CryptoKey);
  return {
    chain: [issued, ...above].map(({ der }) => der),
    key: createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" }),
    scheme: issued.keys.scheme,
  };
}

function attack(): { door: TestDoor; peer: ClientPeer } {
  const { door } = openSealedDoor(modules, seal, pki, Role.Server);
  return { door, peer: new ClientPeer((bytes) => door.receive(bytes)) };
}
function host(): { door: TestDoor; peer: ServerPeer } {
  const { door, first } = openSealedDoor(modules, seal, pki, Role.Client);
  const peer = new ServerPeer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  return { door, peer };
}
function expectOpened(door: TestDoor, peer: ClientPeer | ServerPeer): void {
  const { alerts, data } = peer.outcome();
  expect([alerts, data.toString("latin1")]).toEqual([[ALERT.closeNotify], CANDY]);
  expect([door.closed, door.gaveCandy]).toEqual([true, true]);
}

describe("a whole handshake", () => {
  it.each([0x1301, 0x1302])("with a P-384 client leaf, suite %i", (suite) => {
    const { door, peer } = attack();
    peer.untilFlight({ suites: [suite] });
    peer.authenticate(pki.player);
    expectOpened(door, peer);
  });

  it.each([0x1301, 0x1302])("with a P-384 server leaf, suite %i", (suite) => {
    const { door, peer } = host();
    peer.sendServerHello({ suite });
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host)));
    peer.readClientFlight("certificate");
    expectOpened(door, peer);
  });

  it("with P-256 leaves below P-384 authorities", () => {
    const server = attack();
    server.peer.untilFlight();
    server.peer.authenticate(curves.player);
    expectOpened(server.door, server.peer);
    const client = host();
    client.peer.sendServerHello();
    client.peer.sendRecord(TYPE.handshake, Buffer.concat(client.peer.flight(curves.host)));
    client.peer.readClientFlight("certificate");
    expectOpened(client.door, client.peer);
  });

  it("with Node's tls as client", async () => {
    const { door, first } = openSealedDoor(modules, seal, pki, Role.Server);
    const { port, done } = await listen(door, first);
    const options = { host: "127.0.0.1", checkServerIdentity: () => undefined, ...identity(pki, pki.player) };
    const socket = connect({ port, ...options });
    expect((await readAll(socket)).toString("latin1")).toBe(CANDY);
    expect(socket.authorized).toBe(true);
    await done;
    expect([door.closed, door.gaveCandy]).toEqual([true, true]);
  });

  it("with Node's tls as server", async () => {
    const { door, first } = openSealedDoor(modules, seal, pki, Role.Client);
    const { port, done } = await listen(door, first);
    const socket = new TLSSocket(connectTcp(port, "127.0.0.1"), {
      ...{ isServer: true, requestCert: true, rejectUnauthorized: true },
      secureContext: createSecureContext(identity(pki, pki.host)),
    });
    expect((await readAll(socket)).toString("latin1")).toBe(CANDY);
    await done;
    expect([door.closed, door.gaveCandy]).toEqual([true, true]);
  });
});

/** A CertificateVerify with everything that can be got wrong; `digest` is the hash that is really signed with. */
function proof(peer: ClientPeer | ServerPeer, who: Credential, scheme: number, digest: string): Buffer {
  const content = verifyContent(peer.role, peer.transcriptHash());
  return handshake(MESSAGE.certificateVerify, uint(2, scheme), vector(2, sign(digest, content, who.key)));
}

/** Who proves what with which key: name, PKI, scheme said, hash used, failure, alert. */
const WRONG: [string, () => Pki, number, string, Failure, number][] = [
  [
    "a P-384 key under ecdsa_secp256r1_sha256",
    () => pki,
    ...([SCHEME.ecdsa, "sha256", Failure.CertificateVerifySchemeWrong, ALERT.illegalParameter] as const),
  ],
  [
    "a P-384 key under ed25519",
    () => pki,
    ...([SCHEME.ed25519, "sha384", Failure.CertificateVerifySchemeWrong, ALERT.illegalParameter] as const),
  ],
  [
    "a P-256 key under ecdsa_secp384r1_sha384",
    () => curves,
    ...([SCHEME.p384, "sha384", Failure.CertificateVerifySchemeWrong, ALERT.illegalParameter] as const),
  ],
  [
    "a P-384 key with SHA-256 under ecdsa_secp384r1_sha384",
    () => pki,
    ...([SCHEME.p384, "sha256", Failure.CertificateVerifyWrong, ALERT.decryptError] as const),
  ],
  [
    "a P-384 key with SHA-512 under ecdsa_secp384r1_sha384",
    () => pki,
    ...([SCHEME.p384, "sha512", Failure.CertificateVerifyWrong, ALERT.decryptError] as const),
  ],
  [
    "a P-384 key under ecdsa_secp521r1_sha512, which we do not offer",
    () => pki,
    ...([0x0603, "sha512", Failure.CertificateVerifySchemeWrong, ALERT.illegalParameter] as const),
  ],
];

describe.each(WRONG)("%s", (_name, of, scheme, digest, failure, alert) => {
  it("is refused by the server door", () => {
    const { door, peer } = attack();
    peer.untilFlight();
    peer.send(peer.certificateMessage(of().player.chain));
    peer.send(proof(peer, of().player, scheme, digest));
    expect([door.closed, door.gaveCandy, door.alertsSent]).toEqual([true, false, [[alert, failure]]]);
  });

  it("is refused by the client door", () => {
    const { door, peer } = host();
    peer.sendServerHello();
    peer.send(peer.encryptedExtensions());
    peer.send(peer.certificateMessage(of().host.chain));
    peer.send(proof(peer, of().host, scheme, digest));
    expect([door.closed, door.gaveCandy, door.alertsSent]).toEqual([true, false, [[alert, failure]]]);
  });
});

describe("a P-384 signature", () => {
  it("by another P-384 key, or with any one bit of it changed, is decrypt_error", () => {
    for (const bit of [0, 8, 40, 300, 780]) {
      const { door, peer } = attack();
      peer.untilFlight();
      peer.send(peer.certificateMessage(pki.player.chain));
      const message = proof(peer, pki.player, SCHEME.p384, "sha384");
      message[8 + (bit >> 3)]! ^= 1 << (bit & 7);
      peer.send(message);
      expect(door.alertsSent).toEqual([[ALERT.decryptError, Failure.CertificateVerifyWrong]]);
    }
    const { door, peer } = attack();
    peer.untilFlight();
    peer.send(peer.certificateMessage(pki.player.chain));
    peer.send(proof(peer, pki.host, SCHEME.p384, "sha384"));
    expect(door.alertsSent).toEqual([[ALERT.decryptError, Failure.CertificateVerifyWrong]]);
  });
});
