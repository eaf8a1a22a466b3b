/** The door by itself against Node's own tls (OpenSSL) in both roles: each suite, group and kind of certificate, and retries. */
import { connect as connectTcp } from "node:net";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../../unikernel/guest/role.ts";
import { State, TraceCode } from "../../../../unikernel/guest/trace.ts";
import { CANDY, makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { identity, listen, pem, readAll } from "../../../support/tls-peer/door-socket.ts";
import { SUITES } from "../../../support/tls-peer/keys.ts";

const KINDS = ["p256", "ed25519"] as const;
const pkis = {} as Record<(typeof KINDS)[number], Pki>;
beforeAll(async () => {
  for (const kind of KINDS) pkis[kind] = await makePki(kind);
});

const GROUPS = [
  ["X25519", 29, false],
  ["P-256", 23, false],
  ["secp384r1:X25519", 29, true],
  ["secp384r1:P-256", 23, true],
] as const;

function expectNegotiated(door: TestDoor, suite: number, group: number): void {
  const negotiated = door.traces.find((trace) => trace.code === TraceCode.Negotiated);
  expect([negotiated?.a, negotiated?.b]).toEqual([suite, group]);
  expect(door.gaveCandy).toBe(true);
  // What OpenSSL says after its Finished (as server two NewSessionTickets, then close_notify) is read to its end, and right.
  expect(door.traces.filter(({ code }) => code === TraceCode.Failed)).toEqual([]);
  expect(door.traces.filter(({ code }) => code === TraceCode.AlertReceived).map(({ a }) => a)).toEqual([0]);
  expect([door.closed, door.states.at(-1)]).toEqual([true, State.Closed]);
}

describe.each(KINDS)("Node's tls with %s certificates", (kind) => {
  const cases = SUITES.flatMap((suite) =>
    GROUPS.map(([group, ...rest]) => [suite.name, group, suite, ...rest] as const),
  );

  it.each(cases)("as client: %s, %s", async (name, curves, suite, group) => {
    const pki = pkis[kind];
    const { door, first } = await openDoor(pki, Role.Server);
    const { port, done } = await listen(door, first);
    const socket = connect({
      ...{ port, host: "127.0.0.1", checkServerIdentity: () => undefined },
      ...{ ...identity(pki, pki.player), ciphers: name, ecdhCurve: curves, minVersion: "TLSv1.3" as const },
    });
    expect(await readAll(socket)).toEqual(CANDY);
    expect(socket.authorized).toBe(true);
    await done;
    expectNegotiated(door, suite.number, group);
  });

  it.each(cases)("as server: %s, %s", async (name, curves, suite, group) => {
    const pki = pkis[kind];
    const { door, first } = await openDoor(pki, Role.Client);
    const { port, done } = await listen(door, first);
    const raw = connectTcp(port, "127.0.0.1");
    const socket = new TLSSocket(raw, {
      ...{ isServer: true, requestCert: true, rejectUnauthorized: true },
      secureContext: createSecureContext({ ...identity(pki, pki.host), ciphers: name, ecdhCurve: curves }),
    });
    const visitor = new Promise((resolve) =>
      socket.once("secure", () => resolve(socket.getPeerX509Certificate()?.subject)),
    );
    expect(await readAll(socket)).toEqual(CANDY);
    expect(await visitor).toContain("CN=pinata client");
    await done;
    // A server that has only P-256 asks our client to retry; with X25519 in its list it takes what we sent.
    expectNegotiated(door, suite.number, group);
  });

  it("as client without a certificate: certificate_required", async () => {
    const pki = pkis[kind];
    const { door, first } = await openDoor(pki, Role.Server);
    const { port, done } = await listen(door, first);
    const socket = connect({ port, host: "127.0.0.1", ca: pem(pki.anchor.der), checkServerIdentity: () => undefined });
    await expect(readAll(socket)).rejects.toMatchObject({ code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" });
    await done;
    expect(door.gaveCandy).toBe(false);
  });

  it("as client of TLS 1.2: protocol_version", async () => {
    const pki = pkis[kind];
    const { door, first } = await openDoor(pki, Role.Server);
    const { port, done } = await listen(door, first);
    const socket = connect({ port, host: "127.0.0.1", ca: pem(pki.anchor.der), maxVersion: "TLSv1.2" });
    await expect(readAll(socket)).rejects.toMatchObject({ code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
    await done;
    expect(door.gaveCandy).toBe(false);
  });

  it("as server with a client's certificate: unsupported_certificate", async () => {
    const pki = pkis[kind];
    const { door, first } = await openDoor(pki, Role.Client);
    const { port, done } = await listen(door, first);
    const raw = connectTcp(port, "127.0.0.1");
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: createSecureContext(identity(pki, pki.player)),
    });
    await expect(readAll(socket)).rejects.toMatchObject({ code: "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE" });
    await done;
    expect(door.gaveCandy).toBe(false);
  });
});
