/** The tests' DHCP server against a client that is not ours: busybox's udhcpc. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Dhcp, DhcpServer, willing } from "./dhcp-server.ts";
import { cable } from "./frame-wire.ts";
import { hasTool } from "./run.ts";
import { hasTap, Tap } from "./tap/tap.ts";

describe.runIf(hasTap() && hasTool("busybox"))("the DHCP server", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const script = join(folder, "script");
  let tap: Tap;
  beforeAll(async () => {
    writeFileSync(script, '#!/bin/sh\necho "$1"\nenv\n', { mode: 0o755 });
    tap = await Tap.open({ addresses: [] });
  });
  afterAll(async () => {
    await tap?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function serve() {
    const lease = {
      server: "10.7.0.254",
      address: "10.7.0.2",
      mask: "255.255.255.0",
      router: "10.7.0.1",
      seconds: 600,
    };
    const dhcp = new DhcpServer(cable()[0], lease);
    tap.onFrame((frame) => dhcp.send(frame));
    dhcp.onFrame((frame) => tap.send(frame));
    return dhcp;
  }
  /** The client's script, which would set the interface up, prints what it was told. */
  const udhcpc = () =>
    tap.run("busybox", ["udhcpc", "-i", "tap0", "-f", "-n", "-q", "-t", "2", "-T", "1", "-s", script]);

  it("leases an address", async () => {
    const dhcp = serve();
    const { code, stdout } = await udhcpc();
    expect(stdout).toContain("ip=10.7.0.2");
    expect(stdout).toContain("subnet=255.255.255.0");
    expect(stdout).toContain("router=10.7.0.1");
    expect(stdout).toContain("serverid=10.7.0.254");
    expect(stdout).toContain("lease=600");
    expect(code).toBe(0);
    expect(dhcp.requests.map(({ type }) => type)).toEqual([Dhcp.Discover, Dhcp.Request]);
    expect(dhcp.requests[1]).toMatchObject({ requested: "10.7.0.2", server: "10.7.0.254", source: "0.0.0.0" });
  });

  it("says no", async () => {
    const dhcp = serve();
    dhcp.policy = (request) => {
      const refused = dhcp.requests.length === 2 && request.type === Dhcp.Request;
      return refused ? Dhcp.Nak : willing(request);
    };
    const { stdout } = await udhcpc();
    expect(stdout.match(/^(nak|bound)$/gm)).toEqual(["nak", "bound"]);
    expect(dhcp.requests.map(({ type }) => type)).toEqual([1, 3, 1, 3]);
  });
});
