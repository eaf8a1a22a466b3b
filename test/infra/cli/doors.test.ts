/** What relay and probe make of a piñata, of other servers, and of servers that say nothing. */

import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CommandError } from "../../../infra/cli/errors.ts";
import { look } from "../../../infra/cli/probe.ts";
import { candyPassed, joinDoors, type Passed } from "../../../infra/cli/relay.ts";
import { freePort } from "../../support/ports.ts";
import { type Practice, startPractice } from "../../support/practice.ts";

const HOST = "127.0.0.1";
/** Longer than any test. */
const LONG = 60_000;
let practice: Practice;
const servers: Server[] = [];
const sockets: Socket[] = [];
beforeAll(async () => {
  practice = await startPractice();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => practice.stop());

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  return hang(createServer({ allowHalfOpen: true }, onConnection));
}

function hang(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  return new Promise((resolve) => server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port)));
}

const silent = () => listen(() => {});
const echo = () => listen((socket) => socket.pipe(socket));

async function join(serverPort: number, clientPort: number, patienceMillis: number): Promise<Passed[]> {
  const passed: Passed[] = [];
  await joinDoors({ host: HOST, serverPort, clientPort, patienceMillis }, (record) => passed.push(record));
  return passed;
}

describe("joining the doors", () => {
  it("lets the piñata hit itself: the candy passes", async () => {
    const { server, client } = practice.board.ports;
    const passed = await join(server, client, LONG);
    expect(passed[0]).toMatchObject({ direction: "client→server", type: "handshake" });
    expect(passed[1]).toMatchObject({ direction: "server→client", type: "handshake" });
    expect(candyPassed(passed)).toBe(true);
  });

  it("of two client doors ends with what each thinks of the other's hello", async () => {
    const { client } = practice.board.ports;
    const passed = await join(client, client, LONG);
    for (const direction of ["client→server", "server→client"])
      expect(passed).toContainEqual({ direction, type: "alert", length: 2 });
    expect(candyPassed(passed)).toBe(false);
  });

  it("of a client door and an echo ends: its own hello comes back", async () => {
    const passed = await join(await echo(), practice.board.ports.client, LONG);
    expect(passed.map(({ type }) => type)).toContain("alert");
    expect(candyPassed(passed)).toBe(false);
  });

  it.each([
    ["silent servers", silent],
    ["echoes, of which none begins", echo],
  ])("of two %s gives up in words", async (_, make) => {
    const error: unknown = await join(await make(), await make(), 100).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).message).toBe("no answer: nothing passed for 0.1 s");
  });

  it("ends when one end resets the connection, though the other stays", async () => {
    const resets = await listen((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const speaks = await listen((socket) => socket.write("hello"));
    expect(await join(resets, speaks, LONG)).toEqual([]);
  });

  it("lets go of the first door when the second is closed", async () => {
    let ended: (() => void) | undefined;
    const letGo = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const first = await listen((socket) => socket.resume().once("end", () => ended!()));
    const nobody = await freePort();
    await expect(join(first, nobody, LONG)).rejects.toThrow(`cannot connect to ${HOST}:${nobody}: ECONNREFUSED`);
    await letGo;
  });
});

describe("whether the candy passed", () => {
  const sent = (direction: Passed["direction"], length: number): Passed => ({
    direction,
    type: "application_data",
    length,
  });
  const hello: Passed = { direction: "client→server", type: "handshake", length: 200 };
  const flight = [hello, sent("server→client", 600)];
  it.each([
    ["nothing passed", [], false],
    ["the client never answered", flight, false],
    ["the client's certificate was refused", [...flight, sent("client→server", 500), sent("server→client", 19)], false],
    ["more than an alert followed", [...flight, sent("client→server", 500), sent("server→client", 400)], true],
  ])("%s", (_, records, expected) => {
    expect(candyPassed(records)).toBe(expected);
  });
});

describe("looking at a server", () => {
  const answers = async (port: number) => {
    const { certificate, findings } = await look(HOST, port);
    return { certificate, of: new Map(findings.map(({ what, answer, agreed }) => [what, { answer, agreed }])) };
  };

  it("sees of a piñata what it agrees to and what it refuses", async () => {
    const { certificate, of } = await answers(practice.board.ports.server);
    expect(certificate).toMatchObject({
      subject: expect.stringContaining("CN="),
      sha256: expect.stringMatching(/^..:/),
    });
    for (const suite of ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
      expect(of.get(suite)).toEqual({
        answer: expect.stringMatching(new RegExp(`^${suite}, .*; then alert .*certificate_required$`)),
        agreed: true,
      });
    expect(of.get("group P-256")).toMatchObject({ agreed: true });
    // Agreed where Node's OpenSSL is 3.5 or newer; else the page says why nobody knows.
    const hybrid = of.get("group X25519MLKEM768")!;
    if (!hybrid.agreed) expect(hybrid.answer).toMatch(/^not asked: OpenSSL 3\.[0-4]\./);
    expect(of.get("group P-384")).toEqual({
      answer: expect.stringMatching(/alert .*handshake_failure/),
      agreed: false,
    });
    expect(of.get("TLS 1.2")).toEqual({ answer: expect.stringMatching(/alert .*protocol_version/), agreed: false });
    expect(of.get("plain HTTP")).toMatchObject({ answer: expect.stringMatching(/^alert \d+$/) });
  });

  it("works on any TLS server, and does not wait for one that has nothing to say", async () => {
    const key = readFileSync(practice.files.playerKey);
    const cert = readFileSync(practice.files.player);
    const server = createTlsServer({ key, cert }, (socket) => socket.on("error", () => {}));
    server.on("tlsClientError", () => {});
    const { certificate, of } = await answers(await hang(server));
    expect(certificate?.subject).toContain("CN=player");
    expect(of.get("TLS 1.3, no certificate")).toEqual({
      answer: "TLS_AES_256_GCM_SHA384, X25519; then closed",
      agreed: true,
    });
    expect(of.get("TLS 1.2")).toMatchObject({ agreed: true });
    expect([...of.values()].map(({ answer }) => answer).join()).not.toContain("no answer");
  });

  it("finds nothing agreed on a server that is not TLS", async () => {
    const { certificate, of } = await answers(await echo());
    expect(certificate).toBeNull();
    expect([...of.values()].some(({ agreed }) => agreed)).toBe(false);
    expect(of.get("plain HTTP")?.answer).toBe("18 bytes");
  });

  it("asks a server that says nothing only once", async () => {
    const { certificate, of } = await answers(await silent());
    expect(certificate).toBeNull();
    expect([...of]).toEqual([["TLS 1.3, no certificate", { answer: "no answer in 5 s", agreed: false }]]);
  });

  it("is not kept by a server that never stops talking", async () => {
    const port = await listen((socket) => {
      const talk = () => {
        while (socket.writable && socket.write(Buffer.alloc(16_384, "A")));
      };
      socket.on("drain", talk);
      talk();
    });
    const { of } = await answers(port);
    expect(of.get("plain HTTP")?.answer).toMatch(/^\d+ bytes$/);
  });

  it("says that nobody listens", async () => {
    const port = await freePort();
    await expect(look(HOST, port)).rejects.toThrow(`cannot connect to ${HOST}:${port}: ECONNREFUSED`);
  });
});
