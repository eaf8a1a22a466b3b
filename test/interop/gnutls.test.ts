/**
 * The doors against GnuTLS's gnutls-cli and gnutls-serv: each suite, each group, each kind of certificate, both roles; and records as
 * short as GnuTLS asks for (record_size_limit, RFC 8449, which OpenSSL does not have).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CANDY } from "../support/candy.ts";
import { freePort, listening, splice } from "../support/ports.ts";
import { type Practice, startPractice } from "../support/practice.ts";
import { hasTool, run, serve } from "../support/run.ts";

const SUITES = ["AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"];
const GROUPS = ["GROUP-X25519", "GROUP-SECP256R1"];
/** gnutls-cli sets no less than 512. */
const SMALL_RECORDS = { client: [512, 600], server: [64, 512] };
const CASES = SUITES.flatMap((suite) => GROUPS.map((group) => [suite, group] as const));
const priority = (suite: string, group: string) =>
  `NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+${suite}:-GROUP-ALL:+${group}`;

describe.runIf(hasTool("gnutls-cli")).each(["p256", "ed25519"] as const)("GnuTLS, %s certificates", (scheme) => {
  let piñata: Practice;
  beforeAll(async () => {
    piñata = await startPractice({ scheme });
  });
  afterAll(() => piñata?.stop());

  const client = (...args: string[]) =>
    run("gnutls-cli", [
      ...["--port", String(piñata.board.ports.server), "--x509cafile", piñata.files.ca],
      ...["--verify-hostname", "localhost", "--disable-sni", ...args, "127.0.0.1"],
    ]);
  const player = () => ["--x509certfile", piñata.files.player, "--x509keyfile", piñata.files.playerKey];

  it.each(CASES)("as server: %s with %s gives the candy and close_notify", async (suite, group) => {
    const { stdout, stderr } = await client(...player(), "--priority", priority(suite, group));
    expect(stdout).toMatch(CANDY);
    expect(stdout).toContain("The certificate is trusted");
    expect(stdout).toContain("Peer has closed the GnuTLS connection");
    expect(stderr).not.toContain("The TLS connection was non-properly terminated");
  });

  it.each(SMALL_RECORDS.client)(
    "as server: records of at most %i bytes of content, as the client asks",
    async (size) => {
      const short = `${priority("AES-128-GCM", "GROUP-X25519")}:%ALLOW_SMALL_RECORDS`;
      const args = ["--priority", short, "--recordsize", String(size), "--debug", "5"];
      const { stdout, stderr } = await client(...player(), ...args);
      expect(stdout).toMatch(CANDY);
      expect(stdout).toContain("Peer has closed the GnuTLS connection");
      expectRecords(stderr, size);
    },
  );

  it("as server: refuses a client without certificate", async () => {
    const { stdout, stderr } = await client();
    expect(`${stdout}${stderr}`).toMatch(/[Cc]ertificate is required/);
    expect(stdout).not.toMatch(/tr\(/);
  });

  it.each(CASES)("as client on its door: %s with %s opens for the candy", async (suite, group) => {
    const port = await freePort();
    const { child, outcome } = serve("gnutls-serv", [
      ...["--port", String(port), "--x509cafile", piñata.files.ca, "--require-client-cert", "--verify-client-cert"],
      ...["--echo", "--debug", "5", ...player(), "--priority", priority(suite, group)],
    ]);
    await listening(port);
    await splice(port, piñata.board.ports.client);
    child.kill("SIGTERM");
    const { stdout, stderr } = await outcome;
    expect(stdout).toContain("Status: The certificate is trusted");
    expect(stdout).toContain(`(ECDHE-${group.replace("GROUP-", "")})`);
    expect(stdout).toContain(`(${suite})`);
    // gnutls-serv does not print what it receives, but says that it decrypted a record of application data as long as the candy.
    const decrypted = /Decrypted Packet\[\d+\] Application Data\(23\) with length: (\d+)/.exec(stderr);
    expect(Number(decrypted?.[1])).toBeGreaterThan(200);
    await piñata.until((e) => e.event === "opened");
  });

  it.each(SMALL_RECORDS.server)(
    "as client: records of at most %i bytes of content, as the server answers",
    async (size) => {
      const port = await freePort();
      const short = `${priority("AES-128-GCM", "GROUP-X25519")}:%ALLOW_SMALL_RECORDS`;
      const { child, outcome } = serve("gnutls-serv", [
        ...["--port", String(port), "--x509cafile", piñata.files.ca, "--require-client-cert", "--verify-client-cert"],
        ...["--echo", "--debug", "5", ...player(), "--priority", short, "--recordsize", String(size)],
      ]);
      await listening(port);
      await splice(port, piñata.board.ports.client);
      child.kill("SIGTERM");
      const { stdout, stderr } = await outcome;
      expect(stdout).toContain("Status: The certificate is trusted");
      expectRecords(stderr, size);
    },
  );
});

/** GnuTLS took our limit, and every protected record that came is as long as its own lets it be: content, type, tag. */
function expectRecords(debug: string, size: number): void {
  expect(debug).toContain("record_size_limit 16385 negotiated");
  const lengths = [...debug.matchAll(/Received Packet Application Data\(23\) with length: (\d+)/g)].map(([, n]) =>
    Number(n),
  );
  expect(lengths.length).toBeGreaterThan(3);
  expect(Math.max(...lengths)).toBe(size + 1 + 16);
}
