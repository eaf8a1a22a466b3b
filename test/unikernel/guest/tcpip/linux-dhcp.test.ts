/**
 * The shipped net module as a DHCP client (RFC 2131), with a server of the test's own on the wire and the Linux kernel as everything else:
 * it comes by its address, keeps it, and gives it up when it must.
 */
import { afterEach, describe, expect, it } from "vitest";
import { CANDY } from "../../../support/candy.ts";
import { Dhcp, DhcpServer, type Policy, willing } from "../../../support/dhcp-server.ts";
import { DEFAULT_MAC } from "../../../support/frame-board.ts";
import {
  credentialsOf,
  type FramePractice,
  KERNEL,
  OURS,
  startFramePractice,
  visit,
} from "../../../support/frame-practice.ts";
import { hasTap } from "../../../support/tap/tap.ts";

const SERVER_PORT = 10000;
/** The server's address belongs to the kernel too, which so answers ARP for it. */
const SERVER = "10.7.0.254";
const OTHER = "10.7.0.5";
const LEASE_MILLIS = 600_000;
const BROADCAST = "255.255.255.255";

describe.runIf(hasTap())("an address from DHCP", () => {
  let piñata: FramePractice | undefined;
  afterEach(() => piñata?.stop());

  async function hang(policy: Policy = willing) {
    let dhcp!: DhcpServer;
    piñata = await startFramePractice({
      address: "ip=dhcp",
      settings: "limits=64,64,3600000",
      addresses: [`${KERNEL}/24`, `${SERVER}/24`],
      wire(tap) {
        dhcp = new DhcpServer(tap, {
          server: SERVER,
          address: OURS,
          mask: "255.255.255.0",
          router: KERNEL,
          seconds: LEASE_MILLIS / 1000,
        });
        dhcp.policy = policy;
        return dhcp;
      },
    });
    return { piñata, dhcp };
  }
  const has = (address: string | undefined, timeout = 10_000) =>
    expect.poll(() => piñata!.board.address, { timeout }).toBe(address);

  it("is asked for, taken and used", async () => {
    const { piñata, dhcp } = await hang();
    await has(OURS);
    const [discover, request, ...more] = dhcp.requests;
    expect(discover).toMatchObject({ type: Dhcp.Discover, source: "0.0.0.0", destination: BROADCAST });
    expect(request).toMatchObject({ type: Dhcp.Request, source: "0.0.0.0", destination: BROADCAST });
    expect(request).toMatchObject({ requested: OURS, server: SERVER, transaction: discover!.transaction });
    expect([discover!.mac, request!.mac]).toEqual([DEFAULT_MAC, DEFAULT_MAC]);
    expect(more).toEqual([]);
    expect(await visit(await piñata.connect(SERVER_PORT), credentialsOf(piñata))).toMatch(CANDY);
  });

  it("is asked for again when nobody answers at first", async () => {
    const { dhcp } = await hang((request) => (dhcp.requests.length > 1 ? willing(request) : undefined));
    await has(OURS, 15_000);
    expect(dhcp.requests.map(({ type }) => type)).toEqual([Dhcp.Discover, Dhcp.Discover, Dhcp.Request]);
  });

  it("is renewed with the server itself after half its time, again and again, and connections stay", async () => {
    const { piñata, dhcp } = await hang();
    await has(OURS);
    const socket = await piñata.connect(SERVER_PORT);
    for (const round of [1, 2]) {
      piñata.board.skip((LEASE_MILLIS / 2) * 0.9);
      const renewals = () => dhcp.requests.slice(2);
      expect(renewals().length).toBe(round - 1);
      piñata.board.skip((LEASE_MILLIS / 2) * 0.2);
      await dhcp.until(round, ({ source }) => source === OURS);
      const fresh = { type: Dhcp.Request, destination: SERVER, requested: undefined, server: undefined };
      expect(renewals().at(-1)).toMatchObject(fresh);
      await dhcp.answered();
    }
    expect(await visit(socket, credentialsOf(piñata))).toMatch(CANDY);
    expect(piñata.board.address).toBe(OURS);
  });

  it("is given up when the server says so, and another one taken", async () => {
    const { piñata, dhcp } = await hang();
    await has(OURS);
    dhcp.policy = (request) => (request.source === OURS ? Dhcp.Nak : willing(request));
    dhcp.lease.address = OTHER;
    piñata.board.skip(LEASE_MILLIS * 0.6);
    await has(OTHER);
    expect(dhcp.requests.map(({ type }) => type)).toEqual([1, 3, 3, 1, 3]);
    const socket = await piñata.tap.connect(OTHER, SERVER_PORT);
    expect(await visit(socket, credentialsOf(piñata))).toMatch(CANDY);
  });

  it("is given up when its time is over and the server is silent", async () => {
    const { piñata, dhcp } = await hang();
    await has(OURS);
    dhcp.policy = () => undefined;
    // First the server itself is asked, then everyone.
    for (const [share, destination] of [
      [0.6, SERVER],
      [0.3, BROADCAST],
    ] as const) {
      piñata.board.skip(LEASE_MILLIS * share);
      await dhcp.until(1, (request) => request.source === OURS && request.destination === destination);
      expect(piñata.board.address).toBe(OURS);
    }
    piñata.board.skip(LEASE_MILLIS * 0.2);
    await has(undefined);
    const [, again] = await dhcp.until(2, ({ type }) => type === Dhcp.Discover);
    expect(again).toMatchObject({ source: "0.0.0.0", destination: BROADCAST });
    await piñata.tap.ip("neighbour", "flush", "dev", "tap0");
    await expect(piñata.connect(SERVER_PORT)).rejects.toMatchObject({ code: "EHOSTUNREACH" });
  });
});
