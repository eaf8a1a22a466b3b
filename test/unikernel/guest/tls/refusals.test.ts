/** What hostile peers do wrong, the exact alert for each, and that docs/refusals.md says the same. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { ALERT_NAMES } from "../../../../unikernel/failures.ts";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { makePki, openDoor, type Pki } from "../../../support/door-host.ts";
import { refusedByClient, refusedByServer } from "../../../support/tls-peer/refusal.ts";
import { CLIENT_FLIGHT_REFUSALS } from "../../../support/tls-peer/refusals/client-flight.ts";
import { CLIENT_HELLO_REFUSALS } from "../../../support/tls-peer/refusals/client-hello.ts";
import { inFlight } from "../../../support/tls-peer/refusals/client-words.ts";
import { GREASE_BY_CLIENT_DOOR, GREASE_BY_SERVER_DOOR } from "../../../support/tls-peer/refusals/grease.ts";
import { LIMIT_REFUSALS } from "../../../support/tls-peer/refusals/limits.ts";
import { PROFILE_BY_CLIENT_DOOR, PROFILE_BY_SERVER_DOOR } from "../../../support/tls-peer/refusals/profile.ts";
import { RECORD_REFUSALS } from "../../../support/tls-peer/refusals/records.ts";
import { RETRY_REQUEST_REFUSALS } from "../../../support/tls-peer/refusals/retry-request.ts";
import { RFC8446_CLIENT_DOOR_REFUSALS } from "../../../support/tls-peer/refusals/rfc8446-client-door.ts";
import { RFC8446_CLIENT_RECORD_REFUSALS } from "../../../support/tls-peer/refusals/rfc8446-client-records.ts";
import { RFC8446_SERVER_DOOR_REFUSALS } from "../../../support/tls-peer/refusals/rfc8446-server-door.ts";
import { SECOND_HELLO_REFUSALS } from "../../../support/tls-peer/refusals/second-hello.ts";
import { SERVER_FLIGHT_REFUSALS } from "../../../support/tls-peer/refusals/server-flight.ts";
import { SERVER_HELLO_REFUSALS } from "../../../support/tls-peer/refusals/server-hello.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, alert, TYPE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

const BY_SERVER = {
  records: RECORD_REFUSALS,
  ClientHello: CLIENT_HELLO_REFUSALS,
  "the second ClientHello": SECOND_HELLO_REFUSALS,
  "the client's second flight": CLIENT_FLIGHT_REFUSALS,
  limits: LIMIT_REFUSALS,
  "extensions of the profile": PROFILE_BY_SERVER_DOOR,
  GREASE: GREASE_BY_SERVER_DOOR,
  "sentences of RFC 8446": RFC8446_SERVER_DOOR_REFUSALS,
};
const BY_CLIENT = {
  ServerHello: SERVER_HELLO_REFUSALS,
  HelloRetryRequest: RETRY_REQUEST_REFUSALS,
  "the server's flight": SERVER_FLIGHT_REFUSALS,
  "extensions of the profile": PROFILE_BY_CLIENT_DOOR,
  GREASE: GREASE_BY_CLIENT_DOOR,
  "a server's records": RFC8446_CLIENT_RECORD_REFUSALS,
  "sentences of RFC 8446": RFC8446_CLIENT_DOOR_REFUSALS,
};

describe.each(Object.entries(BY_SERVER))("the server door refuses: %s", (_group, refusals) => {
  it.each(refusals)("%s", async (...refusal) => refusedByServer(pki, refusal));
});

describe.each(Object.entries(BY_CLIENT))("the client door refuses: %s", (_group, refusals) => {
  it.each(refusals)("%s", async (...refusal) => refusedByClient(pki, refusal));
});

/** Every verdict of the vault, and its alert. */
const VERDICTS: [Failure, number][] = [
  [Failure.CertificateMalformed, ALERT.badCertificate],
  [Failure.CertificateUnsupported, ALERT.unsupportedCertificate],
  [Failure.CertificateExpired, ALERT.certificateExpired],
  [Failure.CertificateNotYetValid, ALERT.certificateExpired],
  [Failure.CertificateUnknownAuthority, ALERT.unknownCa],
  [Failure.CertificateSignatureWrong, ALERT.badCertificate],
  [Failure.CertificatePurposeWrong, ALERT.unsupportedCertificate],
  [Failure.CertificateIsAuthority, ALERT.unsupportedCertificate],
  [Failure.CertificateNotAuthority, ALERT.unknownCa],
  [Failure.CertificatePathTooLong, ALERT.unknownCa],
  [Failure.CertificateCriticalExtension, ALERT.unsupportedCertificate],
  [Failure.CertificateNameMismatch, ALERT.unknownCa],
  [Failure.CertificateVerifyWrong, ALERT.decryptError],
  [Failure.CertificateVerifySchemeWrong, ALERT.illegalParameter],
  [Failure.VaultUnavailable, ALERT.internalError],
  [Failure.Internal, ALERT.internalError],
  // A number that this door does not know is no success.
  [250 as Failure, ALERT.internalError],
];

describe("the server door refuses what the vault refuses", () => {
  it.each(VERDICTS.map(([failure, alert]) => [Failure[failure] ?? "an unknown verdict", failure, alert] as const))(
    "%s",
    async (name, failure, description) => {
      const play = inFlight((scene) => {
        scene.door.vault.verdict = failure;
        scene.peer.authenticate(scene.pki.player);
      });
      await refusedByServer(pki, [name, failure, description, play]);
    },
  );
});

describe("a server's alerts", () => {
  it("are heeded in the clear before ServerHello, and protected after it", async () => {
    for (const inClear of [true, false]) {
      const { door, first } = await openDoor(pki, Role.Client);
      const peer = new ServerPeer((bytes) => door.receive(bytes));
      peer.accept(first);
      peer.readHello();
      if (!inClear) peer.sendServerHello();
      peer.sendRecord(TYPE.alert, alert(ALERT.handshakeFailure));
      expect(peer.outcome()).toEqual({ alerts: [], data: Buffer.alloc(0) });
      expect([door.closed, door.alertsSent, door.gaveCandy]).toEqual([true, [], false]);
    }
  });

  it("close_notify before the candy is answered and ends it", async () => {
    const { door, first } = await openDoor(pki, Role.Client);
    const peer = new ServerPeer((bytes) => door.receive(bytes));
    peer.accept(first);
    peer.readHello();
    peer.sendServerHello();
    peer.sendRecord(TYPE.alert, alert(ALERT.closeNotify, 1));
    expect(peer.outcome().alerts).toEqual([ALERT.closeNotify]);
    expect([door.closed, door.gaveCandy]).toEqual([true, false]);
  });
});

describe("docs/refusals.md", () => {
  const text = readFileSync(join(ROOT, "docs/refusals.md"), "utf8");
  const rows = text
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| what"))
    .map((line) => line.slice(2, -2).split(" | "));
  const cases = [...Object.values(BY_SERVER), ...Object.values(BY_CLIENT)].flat();

  it("has a row for every refusal that is tested, with its alert and failure, and no other", () => {
    const documented = rows.filter((row) => row.length === 4).map(([name, alert, failure]) => [name, alert, failure]);
    const tested = cases.map(([name, failure, alert]) => [name, ALERT_NAMES[alert], Failure[failure]]);
    const verdicts = VERDICTS.filter(([failure]) => Failure[failure] !== undefined).map(([failure, alert]) => [
      `the vault says ${Failure[failure]}`,
      ALERT_NAMES[alert],
      Failure[failure],
    ]);
    expect(documented.toSorted()).toEqual([...tested, ...verdicts].toSorted());
  });

  it("names a section for each", () => {
    for (const row of rows.filter((cells) => cells.length === 4)) expect(row[3]).toMatch(/^(RFC \d{4} §|our own)/);
  });

  it("knows every failure: tested above, or said why no peer can cause it", () => {
    const known = new Set(rows.map((row) => (row.length === 4 ? row[2] : row[0])));
    const all = Object.values(Failure).filter((value) => typeof value === "string");
    expect(all.filter((name) => !known.has(name) && name !== "None")).toEqual([]);
  });
});
