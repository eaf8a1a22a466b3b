/**
 * What RFC 8446 says that an endpoint must put up with, where no other test looks: what a peer may say, or say differently,
 * without being refused, and which alerts are an end without a word.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { makePki, type Pki } from "../../../support/door-host.ts";
import { openClientDoor, openServerDoor } from "../../../support/tls-peer/refusals/rfc8446-steps.ts";
import { ALERT, alert, EXTENSION, type Extensions, record, TYPE, vector } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

describe("what a peer may say", () => {
  it("ChangeCipherSpec from a server between ServerHello and its Finished", async () => {
    const [door, peer] = await openClientDoor(pki);
    const ccs = record(TYPE.ccs, Buffer.from([1]));
    peer.sendRaw(ccs);
    peer.sendServerHello();
    for (const message of peer.flight(pki.host)) {
      peer.sendRaw(ccs);
      peer.sendRecord(TYPE.handshake, message);
    }
    expect(door.gaveCandy).toBe(true);
  });

  it("extensions in any order", async () => {
    const unknown: Extensions[number] = [0xbeef, Buffer.from("x")];
    for (const order of [
      [0, 1, 2, 3, 4],
      [4, 3, 2, 1, 0],
      [2, 0, 4, 1, 3],
      [3, 4, 0, 2, 1],
    ]) {
      const arrange = (list: Extensions): Extensions => order.flatMap((i) => (list[i] ? [list[i]] : []));
      const [door, peer] = await openServerDoor(pki);
      peer.untilFlight({ edit: (list) => arrange([...list, unknown]) });
      peer.authenticate(pki.player);
      expect(door.gaveCandy).toBe(true);

      const [otherDoor, server] = await openClientDoor(pki);
      server.sendServerHello({ edit: arrange });
      const list: Extensions = [[EXTENSION.signatureAlgorithms, vector(2, Buffer.from([4, 3]))], unknown];
      const request = server.requestMessage(arrange(list));
      server.sendRecord(TYPE.handshake, Buffer.concat(server.flight(pki.host, { request })));
      expect(otherDoor.gaveCandy).toBe(true);
    }
  });

  it("status_request_v2 in a ClientHello, which changes nothing", async () => {
    const [door, peer] = await openServerDoor(pki);
    const statusRequestV2 = 17;
    peer.untilFlight({ edit: (list) => [...list, [statusRequestV2, Buffer.from("000701000400000000", "hex")]] });
    peer.authenticate(pki.player);
    expect([door.gaveCandy, peer.outcome().alerts]).toEqual([true, [ALERT.closeNotify]]);
  });

  it("any legacy_record_version, in the clear", async () => {
    for (const version of [0, 0x0002, 0x0300, 0x0301, 0x0304, 0x7f1c, 0xffff]) {
      const [door, peer] = await openServerDoor(pki);
      peer.sendRaw(record(TYPE.handshake, peer.note(peer.hello()), version));
      peer.readServerHello();
      peer.readServerFlight();
      peer.authenticate(pki.player);
      expect(door.gaveCandy).toBe(true);

      const [otherDoor, server] = await openClientDoor(pki);
      server.sendRaw(record(TYPE.handshake, server.note(server.serverHello()), version));
      server.takeHandshakeKeys();
      server.sendRecord(TYPE.handshake, Buffer.concat(server.flight(pki.host)));
      expect(otherDoor.gaveCandy).toBe(true);
    }
  });

  it("an alert of any number and level, known or not, ends it without a word, but for the two that are no errors", async () => {
    for (let description = 0; description < 256; description++) {
      if (description === ALERT.closeNotify || description === ALERT.userCanceled) continue;
      const [door, peer] = await openServerDoor(pki);
      peer.untilFlight();
      peer.sendRecord(TYPE.alert, alert(description, description % 3));
      expect([door.closed, peer.outcome()]).toEqual([true, { alerts: [], data: Buffer.alloc(0) }]);

      const [otherDoor, server] = await openClientDoor(pki);
      server.sendServerHello();
      server.sendRecord(TYPE.alert, alert(description, description % 3));
      expect([otherDoor.closed, server.outcome()]).toEqual([true, { alerts: [], data: Buffer.alloc(0) }]);
    }
  });

  it("anything after close_notify: it is ignored", async () => {
    const [door, peer] = await openServerDoor(pki);
    peer.untilFlight();
    const close = peer.pack(TYPE.alert, alert(ALERT.closeNotify, 1));
    peer.sendRaw(close, peer.pack(TYPE.handshake, Buffer.concat(peer.authentication(pki.player))), record(99, close));
    expect([door.closed, door.gaveCandy, peer.outcome().alerts]).toEqual([true, false, [ALERT.closeNotify]]);

    const [otherDoor, server] = await openClientDoor(pki);
    server.sendServerHello();
    const end = server.pack(TYPE.alert, alert(ALERT.closeNotify, 1));
    server.sendRaw(end, server.pack(TYPE.handshake, Buffer.concat(server.flight(pki.host))));
    expect([otherDoor.closed, otherDoor.gaveCandy]).toEqual([true, false]);
    expect(server.outcome().alerts).toEqual([ALERT.closeNotify]);
  });
});
