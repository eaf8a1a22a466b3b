/** The trace's summary of a ClientHello: lists, server name, the JA4-style fingerprint of FoxIO's description, the token. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../../unikernel/guest/role.ts";
import { TraceCode } from "../../../../unikernel/guest/trace.ts";
import { makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer, type HelloOptions } from "../../../support/tls-peer/client.ts";
import { Cursor } from "../../../support/tls-peer/peer.ts";
import {
  EXTENSION,
  type Extensions,
  extensionBlock,
  handshake,
  isGrease,
  MESSAGE,
  u16s,
  uint,
  vector,
} from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

interface Summary {
  suites: number[];
  groups: number[];
  serverName: string;
  fingerprint: string;
  /** Hex. */
  token: string;
}

function summaryOf(door: TestDoor): Summary {
  const hellos = door.traces.filter((trace) => trace.code === TraceCode.Hello);
  expect(hellos.length).toBe(1);
  const fields = new Cursor(hellos[0]!.bytes);
  const list = () => Array.from({ length: fields.uint(1) }, () => fields.uint(2));
  const summary = {
    suites: list(),
    groups: list(),
    serverName: fields.vector(1).toString("latin1"),
    fingerprint: fields.vector(1).toString("latin1"),
    token: fields.take(32).toString("hex"),
  };
  expect(fields.left).toBe(0);
  return summary;
}

async function summary(options: HelloOptions): Promise<Summary> {
  const { door } = await openDoor(pki, Role.Server);
  const peer = new ClientPeer((bytes) => door.receive(bytes));
  peer.send(peer.hello(options));
  return summaryOf(door);
}

const name = (text: string) => vector(2, Buffer.from([0]), vector(2, Buffer.from(text, "latin1")));
const first12 = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 12);

describe("the hello's fingerprint", () => {
  it("is that of FoxIO's worked example", async () => {
    const suites = [
      ...[0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9],
      ...[0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035],
    ];
    const data: Record<number, Uint8Array> = {
      0: name("www.example.com"),
      16: vector(2, vector(1, Buffer.from("h2")), vector(1, Buffer.from("http/1.1"))),
      51: vector(2, uint(2, 29), vector(2, Buffer.alloc(32, 9))),
      45: Buffer.from([1, 1]),
      13: vector(2, u16s(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)),
      43: vector(1, u16s(0x7a7a, 0x0304, 0x0303)),
      10: vector(2, u16s(0x0a0a, 29, 23, 24)),
    };
    const order = [
      ...[0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d],
      ...[0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015],
    ];
    const extensions: Extensions = order.map((type) => [type, data[type] ?? Buffer.alloc(0)]);
    const got = await summary({
      suites: [0x4a4a, ...suites],
      edit: () => [[0x6a6a, Buffer.alloc(0)], ...extensions, [0xfafa, Buffer.from([0])]],
    });
    expect(got).toMatchObject({
      suites: [0x4a4a, ...suites],
      groups: [0x0a0a, 29, 23, 24],
      serverName: "www.example.com",
      fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1",
    });
  });

  it("says i without a server name, 00 without ALPN, and counts to 99", async () => {
    const suites = Array.from({ length: 120 }, (_, i) => 0xc000 + i);
    const got = await summary({ suites: [...suites, 0x1301] });
    expect(got.fingerprint.slice(0, 10)).toBe("t13i990400");
    expect(got.suites.length).toBe(64);
  });

  it("takes characters of ALPN as they are, or of their hexadecimal form", async () => {
    for (const [protocol, shown] of [
      ["h", "hh"],
      ["http/1.1", "h1"],
      ["\xab", "ab"],
      ["\xab\xcd", "ad"],
      ["0\xab", "3b"],
      ["01\xab\xcd", "3d"],
      ["0\xab\xcd1", "01"],
    ] as const) {
      const alpn = vector(2, vector(1, Buffer.from(protocol, "latin1")));
      const got = await summary({ edit: (list) => [...list, [EXTENSION.alpn, alpn]] });
      expect(got.fingerprint.slice(8, 10)).toBe(shown);
    }
  });

  it("hashes sorted extensions with the schemes in their order, without GREASE", async () => {
    const got = await summary({ signatureSchemes: [0x0a0a, 0x0807, 0x0403], suites: [0x1303, 0x1301] });
    const [, suites, extensions] = got.fingerprint.split("_");
    expect(suites).toBe(first12("1301,1303"));
    expect(extensions).toBe(first12("000a,000d,002b,0033_0807,0403"));
  });

  it("knows a hello of TLS 1.2 by its legacy version, and zeros for no extensions", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    const body = [uint(2, 0x0303), Buffer.alloc(32), vector(1), vector(2, u16s(0xc02f)), vector(1, Buffer.from([0]))];
    peer.send(handshake(MESSAGE.clientHello, ...body, extensionBlock([])));
    expect(summaryOf(door).fingerprint).toBe(`t12i010000_${first12("c02f")}_000000000000`);
  });

  it("shows what is not printable in a server name as ?", async () => {
    const got = await summary({ edit: (list) => [...list, [EXTENSION.serverName, name('a\n"\x7f\xff\u0000b')]] });
    expect(got.serverName).toBe('a?"???b');
    const long = await summary({ edit: (list) => [...list, [EXTENSION.serverName, name("x".repeat(300))]] });
    expect(long.serverName).toBe("x".repeat(255));
  });

  it("of our own client is that of a plain modern client, the same every time: GREASE does not show in it", async () => {
    const extensions = "000a,000d,001c,002b,0033";
    for (let i = 0; i < 20; i++) {
      const { door } = await openDoor(pki, Role.Client);
      const { suites, groups, serverName, fingerprint } = summaryOf(door);
      expect(suites.map((suite) => (isGrease(suite) ? "GREASE" : suite))).toEqual(["GREASE", 0x1301, 0x1303, 0x1302]);
      expect(groups.map((group) => (isGrease(group) ? "GREASE" : group))).toEqual(["GREASE", 0x11ec, 29, 23]);
      expect(serverName).toBe("");
      expect(fingerprint).toBe(`t13i030500_${first12("1301,1302,1303")}_${first12(`${extensions}_0403,0807,0503`)}`);
    }
  });
});

describe("the token", () => {
  const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  /** The random of a ClientHello as it is on the wire. */
  const randomOf = (hello: Uint8Array) => hello.subarray(4 + 2, 4 + 2 + 32);

  it("is SHA-256 of the client's random, whatever else the hello says", async () => {
    for (const random of [
      Buffer.alloc(32),
      Buffer.alloc(32, 0xff),
      Buffer.from(Array.from({ length: 32 }, (_, i) => i)),
    ]) {
      const { door } = await openDoor(pki, Role.Server);
      const peer = new ClientPeer((bytes) => door.receive(bytes));
      const hello = Buffer.from(peer.hello());
      hello.set(random, 4 + 2);
      peer.send(hello);
      expect(summaryOf(door).token).toBe(sha256(random));
    }
  });

  it("is the same for a hello that is repeated: it is traced once", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    const hello = Buffer.from(peer.hello({ shares: [] }));
    peer.send(hello);
    peer.readRetry();
    peer.untilFlight();
    expect(summaryOf(door).token).toBe(sha256(randomOf(hello)));
  });

  it("is not there for a hello that cannot be read", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    const hello = Buffer.from(peer.hello());
    peer.send(handshake(MESSAGE.clientHello, hello.subarray(4), Buffer.of(0)));
    expect(door.traces.filter(({ code }) => code === TraceCode.Hello)).toEqual([]);
    expect(door.traces.some(({ code }) => code === TraceCode.AlertSent)).toBe(true);
  });

  it("is of our own random where we are the client: the peer's key log has the same", async () => {
    const tokens = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const { door, first } = await openDoor(pki, Role.Client);
      // A record's header, then the message.
      const token = sha256(randomOf(first.subarray(5)));
      expect(summaryOf(door).token).toBe(token);
      tokens.add(token);
    }
    expect(tokens.size).toBe(2);
  });
});
