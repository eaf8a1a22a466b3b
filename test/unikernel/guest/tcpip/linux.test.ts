/**
 * The shipped net module against the Linux kernel and real programs, through a TAP device: the address, the doors, and each door's story
 * with OpenSSL, GnuTLS, curl and socat as the peers. What hostile peers do is in linux-hostile.test.ts, bad links in linux-lossy.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CANDY } from "../../../support/candy.ts";
import { DEFAULT_MAC } from "../../../support/frame-board.ts";
import {
  credentialsOf,
  type FramePractice,
  KERNEL,
  OURS,
  startFramePractice,
  visit,
} from "../../../support/frame-practice.ts";
import { hasTool } from "../../../support/run.ts";
import { hasTap } from "../../../support/tap/tap.ts";

const SERVER = 10000;
const DIALBACK = 10001;
const CLIENT = 10002;
const DIAL_TO = 40001;
const CERTIFICATE_REQUIRED = 116;
const NO_CERTIFICATE = 80;

describe.runIf(hasTap())("the piñata on a wire, with Linux at the other end", () => {
  let piñata: FramePractice;
  beforeAll(async () => {
    piñata = await startFramePractice({ settings: `dial=${DIAL_TO} limits=64,64,10000` });
  });
  afterAll(() => piñata?.stop());

  const player = () => [...["-cert", piñata.files.player], ...["-key", piñata.files.playerKey]];
  const refusedForLackOfCertificate = (start: number) =>
    piñata.until((e) => e.event === "alert" && e.alert === CERTIFICATE_REQUIRED, start);

  describe.runIf(hasTool("busybox"))("as a host", () => {
    const ping = (size: number) => piñata.tap.run("busybox", ["ping", "-c", "1", "-W", "1", "-s", String(size), OURS]);

    it.each([0, 1, 56, 1472])("answers an echo request of %i bytes", async (size) => {
      const { code, stdout } = await ping(size);
      expect(stdout).toContain("1 packets received");
      expect(code).toBe(0);
    });

    it("has no answer to fragments, and answers afterwards", async () => {
      const { code, stdout } = await ping(1473);
      expect(stdout).toContain("0 packets received");
      expect(code).toBe(1);
      expect((await ping(1472)).code).toBe(0);
    });

    it("answers ARP for its own address and no other", async () => {
      const arping = (address: string) =>
        piñata.tap.run("busybox", ["arping", "-c", "1", "-w", "1", "-I", "tap0", address]);
      const mac = Buffer.from(DEFAULT_MAC).toString("hex").match(/../g)!.join(":");
      const [own, other] = await Promise.all([arping(OURS), arping("10.7.0.77")]);
      expect(own.stdout).toContain("Received 1 response");
      expect(own.stdout.toLowerCase()).toContain(`[${mac}]`);
      expect(other.stdout).toContain("Received 0 response");
      expect(await piñata.tap.ip("neighbour", "show", OURS)).toContain(mac);
    });
  });

  it("refuses a port that is no door", async () => {
    await expect(piñata.connect(9)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(piñata.connect(SERVER + 3)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  describe.runIf(hasTool("openssl"))("OpenSSL", () => {
    const sClient = (...args: string[]) =>
      piñata.tap.run("openssl", [
        ...["s_client", "-connect", `${OURS}:${SERVER}`, "-tls1_3", "-CAfile", piñata.files.ca],
        ...["-verify_return_error", "-ign_eof", ...args],
      ]);
    const sServer = (accept: string) =>
      piñata.tap.serve("openssl", [
        ...["s_server", "-accept", accept, "-tls1_3", "-naccept", "1", "-CAfile", piñata.files.ca],
        ...["-Verify", "2", "-verify_return_error", ...player()],
      ]);

    it.each(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])(
      "as client with %s gets the candy and close_notify",
      async (suite) => {
        const { code, stdout, stderr } = await sClient(...player(), "-ciphersuites", suite);
        expect(stdout).toMatch(CANDY);
        expect(stdout).toContain(`Cipher is ${suite}`);
        expect(stderr).not.toContain("unexpected eof");
        expect(code).toBe(0);
      },
    );

    it("as client without a certificate is refused with certificate_required", async () => {
      const start = piñata.events.length;
      const { code, stdout, stderr } = await sClient();
      expect(stderr).toMatch(/alert certificate required|SSL alert number 116/);
      expect(stdout).not.toMatch(/tr\(/);
      expect(code).not.toBe(0);
      expect(await refusedForLackOfCertificate(start)).toMatchObject({ direction: "sent", failure: NO_CERTIFICATE });
    });

    it("as server, called back, gets the candy", async () => {
      const { outcome } = sServer(`${KERNEL}:${DIAL_TO}`);
      await piñata.tap.listening(DIAL_TO);
      const trigger = await piñata.connect(DIALBACK);
      trigger.resume();
      await new Promise((resolve) => trigger.once("end", resolve));
      trigger.end();
      expect((await outcome).stdout).toMatch(CANDY);
    });

    it.runIf(hasTool("socat"))("as server behind socat, at the client door, gets the candy", async () => {
      const { outcome } = sServer("127.0.0.1:7443");
      await piñata.tap.listening(7443);
      const joined = await piñata.tap.run("socat", [`TCP:${OURS}:${CLIENT}`, "TCP:127.0.0.1:7443"]);
      expect((await outcome).stdout).toMatch(CANDY);
      expect(joined.code).toBe(0);
    });
  });

  it("calling back a peer that does not listen is reported, and holds no slot", async () => {
    const start = piñata.events.length;
    const trigger = await piñata.connect(DIALBACK);
    trigger.resume();
    await new Promise((resolve) => trigger.once("end", resolve));
    trigger.end();
    const refused = await piñata.until((e) => e.event === "refused", start);
    expect(refused).toMatchObject({ door: "dialback", reason: "dial-failed", peer: `${KERNEL}:${DIAL_TO}` });
    expect(piñata.board.open).toBe(0);
  });

  it.runIf(hasTool("socat"))("hands its own candy through an attacker who joins 10000 and 10002", async () => {
    const start = piñata.events.length;
    const relayed = await piñata.tap.run("socat", ["-v", `TCP:${OURS}:${SERVER}`, `TCP:${OURS}:${CLIENT}`]);
    expect(relayed.code).toBe(0);
    // What passes is encrypted.
    expect(relayed.stderr.length).toBeGreaterThan(1000);
    expect(relayed.stderr).not.toContain("tr(");
    await piñata.until((e) => e.event === "closed" && e.door === "server", start);
    await piñata.until((e) => e.event === "closed" && e.door === "client", start);
    const story = piñata.events.slice(start);
    expect(story.filter((e) => e.event === "opened").map((e) => e.door)).toEqual(expect.arrayContaining(["server"]));
    expect(
      story
        .filter((e) => e.event === "certificate" && e.verdict === 0)
        .map((e) => e.door)
        .toSorted(),
    ).toEqual(["client", "server"]);
    expect(story.filter((e) => e.event === "trap")).toEqual([]);
  });

  describe.runIf(hasTool("gnutls-cli"))("GnuTLS", () => {
    const client = (...args: string[]) =>
      piñata.tap.run("gnutls-cli", [
        ...["--port", String(SERVER), "--x509cafile", piñata.files.ca, "--verify-hostname", "localhost"],
        ...["--disable-sni", ...args, OURS],
      ]);

    it("gets the candy and close_notify", async () => {
      const { stdout, stderr } = await client(
        ...["--x509certfile", piñata.files.player, "--x509keyfile", piñata.files.playerKey],
      );
      expect(stdout).toMatch(CANDY);
      expect(stdout).toContain("The certificate is trusted");
      expect(stdout).toContain("Peer has closed the GnuTLS connection");
      expect(stderr).not.toContain("non-properly terminated");
    });

    it("without a certificate is refused with certificate_required", async () => {
      const start = piñata.events.length;
      const { stdout, stderr } = await client();
      expect(`${stdout}${stderr}`).toMatch(/[Cc]ertificate is required/);
      expect(stdout).not.toMatch(/tr\(/);
      expect(await refusedForLackOfCertificate(start)).toMatchObject({ direction: "sent", failure: NO_CERTIFICATE });
    });
  });

  it.runIf(hasTool("curl"))("curl without a certificate is refused with certificate_required", async () => {
    const start = piñata.events.length;
    const { code, stdout, stderr } = await piñata.tap.run("curl", [
      ...["--silent", "--show-error", "--max-time", "10", "--cacert", piñata.files.ca],
      ...["--connect-to", `localhost:${SERVER}:${OURS}:${SERVER}`, `https://localhost:${SERVER}/`],
    ]);
    expect(stderr).toMatch(/alert certificate required/);
    expect(stdout).toBe("");
    expect(code).toBe(56);
    expect(await refusedForLackOfCertificate(start)).toMatchObject({ direction: "sent", failure: NO_CERTIFICATE });
  });

  it("64 at once, each with its own candy; the 65th is refused", async () => {
    await expect.poll(() => piñata.board.open).toBe(0);
    const start = piñata.events.length;
    const sockets = await Promise.all(Array.from({ length: 64 }, () => piñata.connect(SERVER)));
    await expect.poll(() => piñata.board.open).toBe(64);

    const surplus = await piñata.connect(SERVER).then(
      (socket) =>
        new Promise<string>((resolve) => {
          socket.on("data", () => resolve("it was served"));
          socket.once("end", () => resolve("it was closed in order"));
          socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
          socket.resume();
        }),
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(surplus).toBe("ECONNRESET");
    await piñata.until((e) => e.event === "refused" && e.reason === "too-many-connections", start);

    const candies = await Promise.all(sockets.map((socket) => visit(socket, credentialsOf(piñata))));
    for (const candy of candies) expect(candy).toMatch(CANDY);
    await expect.poll(() => piñata.board.open).toBe(0);
    expect(piñata.events.slice(start).filter((e) => e.event === "opened").length).toBe(64);
  });
});
