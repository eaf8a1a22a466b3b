/** The doors against Node's own tls, both roles: each suite, each group, each kind of certificate. */
import { readFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import { type ConnectionOptions, connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CANDY } from "../support/candy.ts";
import { freePort } from "../support/ports.ts";
import { type Practice, startPractice } from "../support/practice.ts";

const SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const GROUPS = ["X25519", "P-256"];
const CASES = SUITES.flatMap((suite) => GROUPS.map((group) => [suite, group] as const));

describe.each(["p256", "ed25519"] as const)("Node tls, %s certificates", (scheme) => {
  let piñata: Practice;
  let dialTo: number;
  let credentials: { ca: Buffer; cert: Buffer; key: Buffer };
  beforeAll(async () => {
    dialTo = await freePort();
    piñata = await startPractice({ scheme, dialTo });
    const { ca, player, playerKey } = piñata.files;
    credentials = { ca: readFileSync(ca), cert: readFileSync(player), key: readFileSync(playerKey) };
  });
  afterAll(() => piñata?.stop());

  /** What the server door sends to this client, to the end; rejects with the TLS error. */
  function visit(options: ConnectionOptions): Promise<{ text: string; suite: string }> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        host: "127.0.0.1",
        port: piñata.board.ports.server,
        servername: "localhost",
        ca: credentials.ca,
        ...options,
      });
      let text = "";
      let suite = "";
      socket.once("secureConnect", () => {
        suite = socket.getCipher().standardName;
        expect(socket.authorized).toBe(true);
      });
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.once("error", reject);
      // `end` comes only with close_notify; a bare FIN would be an error event.
      socket.once("end", () => resolve({ text, suite }));
    });
  }

  /** Acts as TLS server on a connected socket; resolves with what the piñata sends. */
  function host(raw: import("node:net").Socket, options: ConnectionOptions): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = new TLSSocket(raw, {
        isServer: true,
        requestCert: true,
        rejectUnauthorized: true,
        secureContext: createSecureContext({ ...credentials, ...options }),
        ...(options.ecdhCurve ? { ecdhCurve: options.ecdhCurve } : {}),
      } as ConstructorParameters<typeof TLSSocket>[1]);
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.once("error", reject);
      socket.once("end", () => {
        socket.end();
        resolve(text);
      });
    });
  }

  it.each(CASES)("as server: %s with %s", async (suite, group) => {
    const { text, suite: agreed } = await visit({ ...credentials, ciphers: suite, ecdhCurve: group });
    expect(text).toMatch(CANDY);
    expect(agreed).toBe(suite);
  });

  it("as server: a client without certificate gets certificate_required and no candy", async () => {
    await expect(visit({})).rejects.toMatchObject({ code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" });
  });

  it("as server: only groups it does not have end with handshake_failure", async () => {
    await expect(visit({ ...credentials, ecdhCurve: "P-521" })).rejects.toMatchObject({
      code: "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    });
  });

  it.each(CASES)("as client on its door: %s with %s", async (suite, group) => {
    const raw = connectTcp({ host: "127.0.0.1", port: piñata.board.ports.client });
    expect(await host(raw, { ciphers: suite, ecdhCurve: group })).toMatch(CANDY);
  });

  it("as client calling back", async () => {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(dialTo, "127.0.0.1", resolve));
    const candy = new Promise<string>((resolve, reject) =>
      server.once("connection", (raw) => host(raw, {}).then(resolve, reject)),
    );
    const trigger = connectTcp({ host: "127.0.0.1", port: piñata.board.ports.dialback });
    trigger.resume();
    expect(await candy).toMatch(CANDY);
    server.close();
  });

  it("64 at once, each with its own candy", async () => {
    const visits = await Promise.all(Array.from({ length: 64 }, () => visit(credentials)));
    for (const { text } of visits) expect(text).toMatch(CANDY);
  });
});

describe("a winner who does not hang up", () => {
  let piñata: Practice;
  beforeAll(async () => {
    piñata = await startPractice({ limits: { handshakeMillis: 2_000, connections: 1 } });
  });
  afterAll(() => piñata?.stop());

  /** Opens the server door and reads the candy to close_notify, which it leaves unanswered. */
  function win(talk: (socket: TLSSocket) => void): Promise<{ text: string; socket: TLSSocket }> {
    const { ca, player, playerKey } = piñata.files;
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        ...{ host: "127.0.0.1", port: piñata.board.ports.server, servername: "localhost", allowHalfOpen: true },
        ...{ ca: readFileSync(ca), cert: readFileSync(player), key: readFileSync(playerKey) },
      });
      let text = "";
      socket.once("secureConnect", () => talk(socket));
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.once("error", reject);
      socket.once("end", () => resolve({ text, socket }));
    });
  }
  const closed = (conn: number) => piñata.until((event) => event.event === "closed" && event.conn === conn);

  it("has the whole candy though it talks at the same time, and keeps its door until it says close_notify", async () => {
    const { text, socket } = await win((talking) => talking.write(Buffer.alloc(50_000, 0x41)));
    expect(text).toMatch(CANDY);
    socket.end();
    expect(await closed(1)).toMatchObject({ by: "pinata" });
    expect(piñata.trace).toContainEqual(
      expect.objectContaining({ conn: 1, event: "alert", direction: "received", alert: 0 }),
    );
  });

  it("or, silent, until its time is up; then the door is free for the next", async () => {
    const { text, socket } = await win(() => {});
    expect(text).toMatch(CANDY);
    expect(await closed(2)).toMatchObject({ by: "timeout" });
    socket.destroy();
    const next = await win((talking) => talking.end());
    expect(next.text).toMatch(CANDY);
    expect(await closed(3)).toMatchObject({ by: "pinata" });
  });
});
