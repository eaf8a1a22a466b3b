/** The page's flags of `pinata start`: how they are passed on, and that each mistake is the page's own line before anything starts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../../infra/cli/errors.ts";
import { webFlags } from "../../../../infra/cli/start/web-flags.ts";
import { webOptions } from "../../../../web/main.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-flags-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const token = join(folder, "token");
writeFileSync(token, "0123456789abcdef\n");
const ONION = `http://${"a".repeat(56)}.onion`;

describe("the page's flags", () => {
  it("are none when nothing was said", async () => {
    expect(await webFlags({})).toEqual([]);
    expect(await webFlags({ trustProxy: false, maintainers: true, explorer: [] })).toEqual([]);
  });

  it("all reach the page, files with their whole path", async () => {
    const flags = await webFlags({
      publicUrl: "https://pinata.example/hangs",
      onionUrl: ONION,
      trustProxy: true,
      securityContact: "mailto:a@b.example",
      metricsTokenFile: relative(process.cwd(), token),
      explorer: ["https://a.example/{txid}", "https://b.example/{txid}"],
    });
    expect(webOptions(["--monitor", "http://m", ...flags])).toMatchObject({
      site: {
        publicUrl: "https://pinata.example/hangs",
        onionUrl: ONION,
        proxy: "x-forwarded",
        securityContact: "mailto:a@b.example",
        metricsToken: "0123456789abcdef",
      },
      info: { explorers: [{ name: "a.example" }, { name: "b.example" }] },
    });
    expect(flags).toContain(`--metrics-token-file=${token}`);
  });

  it("pass on that there is no page for maintainers", async () => {
    expect(await webFlags({ maintainers: false })).toEqual(["--no-maintainers"]);
  });

  it.each([
    [{ publicUrl: "pinata.example" }, "--public-url pinata.example is not an http or https URL"],
    [{ publicUrl: "--trust-proxy" }, "--public-url --trust-proxy is not an http or https URL"],
    [{ onionUrl: "https://pinata.example" }, "is not the address of an onion service"],
    [{ securityContact: "me" }, "--security-contact me is not a URI as RFC 9116 asks"],
    [{ metricsTokenFile: "/nowhere/token" }, "--metrics-token-file /nowhere/token cannot be read"],
    [{ explorer: ["https://a.example/{txid}", "https://b.example"] }, "--explorer https://b.example is not an https"],
  ])("%j is refused in the page's own words", async (options, message) => {
    const refusal = await webFlags(options).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UsageError);
    expect((refusal as UsageError).message).toContain(message);
    expect((refusal as UsageError).message).not.toContain("\n");
  });
});
