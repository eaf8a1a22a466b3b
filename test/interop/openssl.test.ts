/** The doors against OpenSSL's s_client and s_server: each suite, each group, each kind of certificate, both roles. */

import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CANDY } from "../support/candy.ts";
import { freePort, listening, splice } from "../support/ports.ts";
import { type Practice, startPractice } from "../support/practice.ts";
import { hasTool, run, serve } from "../support/run.ts";

const SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const GROUPS = ["X25519", "P-256"];

describe.runIf(hasTool("openssl")).each(["p256", "ed25519"] as const)("openssl, %s certificates", (scheme) => {
  let piñata: Practice;
  let dialTo: number;
  beforeAll(async () => {
    dialTo = await freePort();
    piñata = await startPractice({ scheme, dialTo });
  });
  afterAll(() => piñata?.stop());

  const sClient = (...args: string[]) =>
    run("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${piñata.board.ports.server}`, "-tls1_3"],
      ...["-CAfile", piñata.files.ca, "-verify_return_error", "-ign_eof", ...args],
    ]);
  const player = () => ["-cert", piñata.files.player, "-key", piñata.files.playerKey];

  it.each(SUITES.flatMap((suite) => GROUPS.map((group) => [suite, group] as const)))(
    "as server: %s with %s gives the candy and close_notify",
    async (suite, group) => {
      const { code, stdout, stderr } = await sClient(...player(), "-ciphersuites", suite, "-groups", group);
      expect(stdout).toMatch(CANDY);
      expect(stdout).toContain(`Cipher is ${suite}`);
      expect(stdout).toContain("Verify return code: 0 (ok)");
      // Without close_notify OpenSSL says "unexpected eof while reading" and fails.
      expect(`${stdout}${stderr}`).toContain("closed");
      expect(stderr).not.toContain("unexpected eof");
      expect(code).toBe(0);
    },
  );

  it("as server: HelloRetryRequest when only P-256 is shared and P-384 was guessed", async () => {
    const { code, stdout } = await sClient(...player(), "-groups", "P-384:P-256", "-msg");
    expect(stdout).toMatch(CANDY);
    expect(stdout.match(/ClientHello/g)?.length).toBe(2);
    expect(code).toBe(0);
  });

  it("as server: refuses a client without certificate with certificate_required", async () => {
    const { code, stderr, stdout } = await sClient();
    expect(stderr).toMatch(/alert certificate required|SSL alert number 116/);
    expect(stdout).not.toMatch(/tr\(/);
    expect(code).not.toBe(0);
    const event = await piñata.until((e) => e.event === "alert" && e.alert === 116);
    expect(event).toMatchObject({ direction: "sent", failure: 80 });
  });

  it("as server: refuses TLS 1.2 with protocol_version", async () => {
    const { code, stderr } = await run("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${piñata.board.ports.server}`, "-tls1_2"],
    ]);
    expect(stderr).toMatch(/alert protocol version|SSL alert number 70/);
    expect(code).not.toBe(0);
  });

  const sServer = (port: number, ...args: string[]) =>
    serve("openssl", [
      ...["s_server", "-accept", `127.0.0.1:${port}`, "-tls1_3", "-naccept", "1", "-CAfile", piñata.files.ca],
      ...["-Verify", "2", "-verify_return_error", ...player(), ...args],
    ]);

  it.each(SUITES.flatMap((suite) => GROUPS.map((group) => [suite, group] as const)))(
    "as client on its door: %s with %s gives the candy",
    async (suite, group) => {
      const port = await freePort();
      const { outcome } = sServer(port, "-ciphersuites", suite, "-groups", group);
      await listening(port);
      await splice(port, piñata.board.ports.client);
      const { stdout } = await outcome;
      expect(stdout).toMatch(CANDY);
      expect(stdout).toContain("CIPHER is");
    },
  );

  it("as client calling back: the trigger closes at once and the candy comes to our port", async () => {
    const { outcome } = sServer(dialTo);
    await listening(dialTo);
    const trigger = connect({ host: "127.0.0.1", port: piñata.board.ports.dialback });
    trigger.resume();
    await new Promise((resolve) => trigger.once("end", resolve));
    const { stdout } = await outcome;
    expect(stdout).toMatch(CANDY);
  });
});
