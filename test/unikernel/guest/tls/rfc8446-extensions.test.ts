/**
 * The table of RFC 8446 §4.2, which says for each extension the messages that it may appear in: every extension of the table in every
 * message that a peer of ours sends. An answer to nothing is unsupported_extension; what we asked for, in a message
 * that it is not specified for, illegal_parameter. Where both sentences apply (an extension that is neither asked for nor
 * in its place) either alert is right.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { ExtensionType } from "../../../../unikernel/guest/tls/registry.ts";
import { makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import {
  ALERT,
  EXTENSION,
  type Extensions,
  extensionBlock,
  GROUP,
  SCHEME,
  TYPE,
  u16s,
  vector,
} from "../../../support/tls-peer/wire.ts";

/** The table: each extension's number and the messages that it is specified for. */
const TABLE: Record<string, [number, string]> = {
  server_name: [0, "CH EE"],
  max_fragment_length: [1, "CH EE"],
  status_request: [5, "CH CR CT"],
  supported_groups: [10, "CH EE"],
  signature_algorithms: [13, "CH CR"],
  use_srtp: [14, "CH EE"],
  heartbeat: [15, "CH EE"],
  application_layer_protocol_negotiation: [16, "CH EE"],
  signed_certificate_timestamp: [18, "CH CR CT"],
  client_certificate_type: [19, "CH EE"],
  server_certificate_type: [20, "CH EE"],
  padding: [21, "CH"],
  key_share: [51, "CH SH HRR"],
  pre_shared_key: [41, "CH SH"],
  psk_key_exchange_modes: [45, "CH"],
  early_data: [42, "CH EE NST"],
  cookie: [44, "CH HRR"],
  supported_versions: [43, "CH SH HRR"],
  certificate_authorities: [47, "CH CR"],
  oid_filters: [48, "CR"],
  post_handshake_auth: [49, "CH"],
  signature_algorithms_cert: [50, "CH CR"],
};
const ROWS = Object.entries(TABLE).map(([name, [type, messages]]) => ({ name, type, messages: messages.split(" ") }));
/** One name, of no meaning. */
const AUTHORITIES = vector(2, vector(2, Buffer.from("3000", "hex")));

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

async function host(): Promise<{ door: TestDoor; peer: ServerPeer }> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new ServerPeer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  return { door, peer };
}
async function attack(): Promise<{ door: TestDoor; peer: ClientPeer }> {
  const { door } = await openDoor(pki, Role.Server);
  return { door, peer: new ClientPeer((bytes) => door.receive(bytes)) };
}

/** The alerts that §4.2 allows for an extension of type `type` in `message`, or "accepted". */
function allowed(row: (typeof ROWS)[number], message: string, asked: boolean): (number | "accepted")[] {
  const inPlace = row.messages.includes(message);
  if (asked) return inPlace ? ["accepted"] : [ALERT.illegalParameter];
  return inPlace ? [ALERT.unsupportedExtension] : [ALERT.unsupportedExtension, ALERT.illegalParameter];
}
function verdict(door: TestDoor): number | "accepted" {
  expect(door.alertsSent.length).toBeLessThanOrEqual(1);
  return door.alertsSent[0]?.[0] ?? "accepted";
}

/** How a server puts one more extension into each of its messages. */
const SERVER_MESSAGES: Record<string, (peer: ServerPeer, extra: Extensions) => void> = {
  SH: (peer, extra) => peer.send(peer.serverHello({ edit: (list) => [...list, ...extra] })),
  HRR: (peer, extra) => peer.send(peer.retryMessage({ edit: (list) => [...list, ...extra] })),
  EE: (peer, extra) => {
    peer.sendServerHello();
    peer.send(peer.encryptedExtensions(extra));
  },
  CT: (peer, extra) => {
    peer.sendServerHello();
    peer.send(peer.encryptedExtensions());
    peer.send(peer.certificateMessage(pki.host.chain, { entry: extensionBlock(extra) }));
  },
};

describe("the client door", () => {
  it.each(Object.keys(SERVER_MESSAGES))("extensions that have no place in %s", async (message) => {
    for (const row of ROWS) {
      const { door, peer } = await host();
      const expected = allowed(row, message, peer.offered.has(row.type));
      // What is asked for and in its place has contents of its own, and is tested with them.
      if (expected[0] === "accepted" || (message === "HRR" && row.name === "cookie")) continue;
      SERVER_MESSAGES[message]!(peer, [[row.type, Buffer.alloc(0)]]);
      expect(expected, row.name).toContain(verdict(door));
    }
  });

  it("a cookie in another message than HelloRetryRequest, after we have sent one", async () => {
    for (const message of ["SH", "EE", "CT"]) {
      const { door, peer } = await host();
      peer.retry({ withoutGroup: true, cookie: Buffer.alloc(8, 7) });
      SERVER_MESSAGES[message]!(peer, [[EXTENSION.cookie, vector(2, Buffer.alloc(8, 7))]]);
      expect(verdict(door), message).toBe(ALERT.illegalParameter);
    }
  });

  it("CertificateRequest: extensions that we know and that have no place there, while all others are ignored", async () => {
    const known = new Set(Object.values(ExtensionType).filter((value) => typeof value === "number"));
    const contents: Record<string, Uint8Array> = { certificate_authorities: AUTHORITIES };
    for (const { name, type, messages } of ROWS) {
      const { door, peer } = await host();
      peer.sendServerHello();
      peer.send(peer.encryptedExtensions());
      const own: Extensions = [[EXTENSION.signatureAlgorithms, vector(2, u16s(SCHEME.ecdsa))]];
      const extra: Extensions =
        type === EXTENSION.signatureAlgorithms ? [] : [[type, contents[name] ?? Buffer.alloc(0)]];
      peer.send(peer.requestMessage([...own, ...extra]));
      const refused = known.has(type) && !messages.includes("CR");
      expect(verdict(door), name).toBe(refused ? ALERT.illegalParameter : "accepted");
    }
  });

  it("one extension twice, in EncryptedExtensions and CertificateRequest", async () => {
    const groups: Extensions[number] = [EXTENSION.supportedGroups, vector(2, u16s(GROUP.x25519))];
    const list: Extensions[number] = [EXTENSION.signatureAlgorithms, vector(2, u16s(SCHEME.ecdsa))];
    const unknown: Extensions[number] = [0xbeef, Buffer.alloc(0)];
    for (const [extensions, request] of [
      [[groups, groups], null],
      [[], [list, list]],
      [[], [list, unknown, unknown]],
    ] as [Extensions, Extensions | null][]) {
      const { door, peer } = await host();
      peer.sendServerHello();
      peer.send(peer.encryptedExtensions(extensions));
      if (request) peer.send(peer.requestMessage(request));
      expect(door.alertsSent).toEqual([[ALERT.illegalParameter, Failure.DuplicateExtension]]);
    }
  });
});

describe("the server door", () => {
  it("extensions that have no place in a client's Certificate", async () => {
    for (const row of ROWS) {
      const { door, peer } = await attack();
      peer.untilFlight();
      const asked = peer.request.has(row.type);
      const entry = extensionBlock([[row.type, Buffer.alloc(0)]]);
      peer.send(peer.certificateMessage(pki.player.chain, { entry }));
      expect(allowed(row, "CT", asked), row.name).toContain(verdict(door));
    }
  });

  it("takes any extension of the table in ClientHello but oid_filters, which is a server's", async () => {
    const contents: Record<string, Uint8Array> = {
      server_name: vector(2, Buffer.from([0]), vector(2, Buffer.from("a"))),
      application_layer_protocol_negotiation: vector(2, vector(1, Buffer.from("h2"))),
      psk_key_exchange_modes: vector(1, Buffer.from([1])),
      certificate_authorities: AUTHORITIES,
    };
    const ours = ["supported_groups", "signature_algorithms", "key_share", "supported_versions"];
    // A cookie and a pre-shared key mean something by themselves and are tested with that.
    const others = ROWS.filter(({ name }) => ![...ours, "cookie", "pre_shared_key"].includes(name));
    for (const { name, type } of others) {
      const { door, peer } = await attack();
      const extra: Extensions[number] = [type, contents[name] ?? Buffer.alloc(0)];
      peer.send(peer.hello({ edit: (list) => [...list, extra] }));
      expect(verdict(door), name).toBe(name === "oid_filters" ? ALERT.illegalParameter : "accepted");
      if (name === "oid_filters") continue;
      peer.readServerHello();
      peer.readServerFlight();
      peer.sendRecord(TYPE.handshake, Buffer.concat(peer.authentication(pki.player)));
      expect([door.gaveCandy, peer.outcome().alerts], name).toEqual([true, [ALERT.closeNotify]]);
    }
  });
});
