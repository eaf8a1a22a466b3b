/** TCP against those who mean harm: every known attack on a stack, and what it gets. Also: what happens when a table is full. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  ESTABLISHED,
  encode,
  fix,
  GONE,
  Host,
  LOCAL,
  PEER,
  Peer,
  PORT,
  pattern,
  READABLE,
  random,
  sizeOf,
} from "./trace.ts";

let host: Host;
let peer: Peer;
beforeEach(async () => {
  host = await Host.start();
  peer = new Peer(host);
});
const SYN_ACK = "SYN ACK seq=0 ack=1 win=8192 mss=1460";
const HERE = "ACK seq=1 ack=1 win=8192";

describe("a blind attacker", () => {
  it("resets only with the exact sequence number, and is answered with a challenge at most every 200 ms", () => {
    const handle = peer.opens();
    peer.sends("RST seq=2");
    peer.gets(HERE);
    peer.sends("RST seq=100");
    peer.gets();
    host.wait(200);
    peer.sends("RST seq=8192");
    peer.gets(HERE);
    host.wait(200);
    peer.sends("RST seq=9000");
    peer.sends("RST seq=0");
    peer.gets();
    expect(host.news()).toEqual({});
    peer.sends("RST seq=1");
    expect(host.news()).toEqual({ [handle]: GONE });
  });

  it.each(["SYN seq=1", "SYN seq=0", "SYN seq=100000", "SYN ACK seq=1 ack=1"])("kills nothing with %s", (syn) => {
    peer.opens();
    peer.sends(syn);
    peer.gets(HERE);
    expect(host.news()).toEqual({});
  });

  it("injects nothing with an ACK of what was never sent or of long ago", () => {
    const handle = peer.opens("mss=1460", 1000);
    for (const ack of [2, 70000, -1000, 0x7fffffff, -0x7fffffff]) {
      peer.sends(`ACK seq=1 ack=${ack}`, "evil");
      peer.gets(HERE);
      host.wait(200);
    }
    expect(host.news()).toEqual({});
    peer.sends("ACK seq=1 ack=1", "good");
    expect(host.read(handle).toString()).toBe("good");
  });

  it("injects nothing without timestamps or with old ones where they were agreed; they may wrap", () => {
    const late = 0xfffffff0;
    const stamped = new Peer(host, 40001);
    stamped.sends(`SYN seq=0 mss=1460 ts=${late},0`);
    stamped.take();
    stamped.sends(`ACK seq=1 ack=1 ts=${late},0`);
    host.news();
    stamped.sends("ACK seq=1 ack=1", "evil");
    stamped.gets();
    stamped.sends(`ACK seq=1 ack=1 ts=${late - 1},0`, "evil");
    stamped.gets(`ACK seq=1 ack=1 win=8192 ts=${late}`);
    expect(host.news()).toEqual({});
    stamped.sends("ACK seq=1 ack=1 ts=5,0", "good");
    expect(host.news()).toEqual({ 0: READABLE });
    host.wait(40);
    stamped.gets("ACK seq=1 ack=5 win=8188 ts=5");
    // After 24 days a timestamp says nothing any more (RFC 7323 §5.5).
    host.wait(25 * 86_400_000);
    stamped.sends("ACK seq=5 ack=1 ts=4,0", "late");
    expect(host.news()).toEqual({ 0: READABLE });
  });

  it("with both ports but no sequence number neither kills nor injects in 20,000 tries", () => {
    const handle = peer.opens();
    const next = random(5);
    const flags = [0x04, 0x02, 0x10, 0x18, 0x11, 0x14, 0x12];
    for (let n = 0; n < 20_000; n++) {
      const wire = peer.wire("", "evil");
      Object.assign(wire, { flags: flags[next(7)], seq: next(2 ** 32), ack: next(2 ** 32), win: next(65536) });
      // One that hits by chance is no blind one.
      if ((wire.seq - peer.mine + 8) >>> 0 < 8300) continue;
      host.receive(PEER, encode(wire, PEER, LOCAL));
      host.now++;
      host.drain();
    }
    expect(host.news()).toEqual({});
    peer.sends("ACK seq=1 ack=1", "good");
    expect(host.read(handle).toString()).toBe("good");
  });

  it("ends nothing with ICMP, except a dial whose own SYN it quotes with a hard error", () => {
    const handle = peer.opens();
    const dial = host.connect(PEER, 40001);
    const port = host.call("localPort", dial);
    host.drain();
    const iss = host.log.at(-1)!.wire.seq;
    const quote = (from: number, to: number, seq: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16BE(from, 0);
      bytes.writeUInt16BE(to, 2);
      bytes.writeUInt32BE(seq >>> 0, 4);
      return bytes;
    };
    host.unreachable(PEER, 3, quote(PORT, 40000, peer.theirs + 1));
    host.unreachable(PEER, 3, quote(port, 40001, iss + 1));
    host.unreachable(PEER, 1, quote(port, 40001, iss));
    host.unreachable(PEER + 1, 3, quote(port, 40001, iss));
    host.unreachable(PEER, 3, quote(port, 40001, iss).subarray(0, 7));
    expect(host.news()).toEqual({});
    host.unreachable(PEER, 3, quote(port, 40001, iss));
    expect(host.news()).toEqual({ [dial]: GONE });
    expect(host.call("room", handle)).toBe(4096);
  });
});

describe("a malformed segment", () => {
  it("of our own address, of port 0, or with a wrong checksum gets nothing", () => {
    const land = encode({ ...peer.wire("SYN seq=0"), source: PORT }, LOCAL, LOCAL);
    host.receive(LOCAL, land);
    host.receive(PEER, encode({ ...peer.wire("SYN seq=0"), source: 0 }, PEER, LOCAL));
    host.receive(PEER, encode({ ...peer.wire("SYN seq=0"), destination: 0 }, PEER, LOCAL));
    const good = encode(peer.wire("SYN seq=0"), PEER, LOCAL);
    for (let i = 0; i < good.length * 8; i++) {
      const bad = Buffer.from(good);
      bad[i >> 3]! ^= 1 << (i & 7);
      host.receive(PEER, bad);
    }
    host.drain();
    expect(host.log).toEqual([]);
    expect(host.deadline()).toBe(0);
  });

  it.each([
    ["length 0", "02000000"],
    ["length 1", "02010000"],
    ["past the end", "01020405"],
    ["kind without length", "01010102"],
    ["short MSS", "02030500"],
    ["long scale", "03040000"],
    ["long SACK permitted", "04030000"],
    ["short timestamps", "0808000000000000"],
    ["unknown past the end", "fd050000"],
  ])("with an option of %s gets nothing", (_, raw) => {
    peer.sends(`SYN seq=0 raw=${raw}`);
    peer.gets();
    peer.sends("SYN seq=0 raw=fd040000");
    peer.gets(SYN_ACK);
  });

  it("with a data offset below the header or past the end gets nothing", () => {
    for (const offset of [0, 1, 4, 6, 15]) {
      const bytes = encode(peer.wire("SYN seq=0"), PEER, LOCAL);
      bytes[12] = offset << 4;
      host.receive(PEER, fix(bytes, PEER, LOCAL));
    }
    for (let n = 0; n < 20; n++) host.receive(PEER, new Uint8Array(n));
    host.drain();
    expect(host.log).toEqual([]);
  });

  it.each(["SYN FIN seq=0", "FIN seq=0", "seq=0", "PSH seq=0", "RST seq=0", "SYN RST seq=0"])(
    "%s opens nothing",
    (text) => {
      peer.sends(text);
      peer.gets();
      expect(host.deadline()).toBe(0);
    },
  );
});

describe("a peer that plays foul", () => {
  it("cannot make segments tiny or shifts wide", () => {
    const handle = peer.opens("mss=1 ws=255", 1000);
    host.write(handle, pattern(200));
    peer.gets(`${HERE} len=88`, "ACK seq=89 ack=1 win=8192 len=88", "PSH ACK seq=177 ack=1 win=8192 len=24");
  });

  it("gains nothing by acknowledging what is not sent", () => {
    const handle = peer.opens();
    host.write(handle, pattern(2000));
    peer.take();
    peer.sends("ACK seq=1 ack=2002");
    peer.gets("ACK seq=2001 ack=1 win=8192");
    expect(host.call("room", handle)).toBe(2096);
  });

  it("holds no orphan by a closed window (sockstress), nor one that it drains by single bytes", () => {
    const handle = peer.opens("mss=1460", 0);
    host.write(handle, pattern(4096));
    host.call("finish", handle);
    let acknowledged = 1;
    for (let n = 0; n < 25; n++) {
      host.wait(1000);
      if (peer.take().some((line) => line.includes("len="))) peer.sends(`ACK seq=1 ack=${++acknowledged} win=0`);
    }
    expect(host.deadline()).toBe(0);
    peer.sends("ACK seq=1 ack=1");
    expect(peer.take().at(-1)).toMatch(/^RST/);
  });

  it("has data on its SYN ignored until it is sent again", () => {
    peer.sends("SYN seq=0", "early");
    peer.gets(SYN_ACK);
    peer.sends("ACK seq=1 ack=1", "early");
    expect(host.news()).toEqual({ 0: ESTABLISHED | READABLE });
    expect(host.read(0).toString()).toBe("early");
  });

  it("has data past the window cut off", () => {
    const handle = peer.opens();
    for (let seq = 1; seq < 7001; seq += 1000) peer.sends(`ACK seq=${seq} ack=1 len=1000`);
    peer.sends("FIN ACK seq=7001 ack=1 len=1400");
    expect(peer.take().at(-1)).toBe("ACK seq=1 ack=8193 win=0");
    expect(host.read(handle).length).toBe(8192);
    expect(host.news()).toEqual({ [handle]: READABLE });
  });
});

describe("a full table", () => {
  const flood = (count: number) => {
    for (let n = 0; n < count; n++) new Peer(host, 2000 + n, 0x0b000001 + n).sends("SYN seq=0");
    host.log.length = 0;
  };

  it("of half-open connections: SYNs are answered with cookies, good for a while, for this flow only", () => {
    flood(128);
    peer.sends("SYN seq=0 mss=1300 sackok ws=7 ts=1,0");
    peer.gets(SYN_ACK);
    peer.sends("ACK seq=1 ack=2");
    peer.gets("RST seq=2");
    peer.sends("ACK seq=2 ack=1");
    peer.gets("RST seq=1");
    const thief = new Peer(host, 40001);
    thief.theirs = peer.theirs;
    thief.sends("ACK seq=1 ack=1");
    thief.gets("RST seq=1");
    expect(host.news()).toEqual({});
    host.wait(31_000);
    peer.sends("ACK seq=1 ack=1", "hello");
    expect(host.news()).toEqual({ 0: ESTABLISHED | READABLE });
    host.write(0, pattern(2000));
    peer.gets("ACK seq=1 ack=6 win=8187 len=1220", "PSH ACK seq=1221 ack=6 win=8187 len=780");
  });

  it("of half-open connections: an entry admits only its own ACK, in the window, with its timestamps", () => {
    peer.sends("SYN seq=0 ts=100,0");
    peer.gets("SYN ACK seq=0 ack=1 win=8192 mss=1460 ts=100");
    for (const text of [
      "ACK seq=9000 ack=1 ts=100,0",
      "ACK seq=1 ack=1",
      "ACK seq=1 ack=1 ts=99,0",
      "RST seq=2",
      "FIN seq=1",
    ]) {
      peer.sends(text);
      peer.gets();
    }
    peer.sends("ACK seq=1 ack=5 ts=100,0");
    peer.gets("RST seq=5");
    peer.sends("SYN seq=7 ts=100,0");
    peer.gets("ACK seq=1 ack=1 win=8192 ts=100");
    expect(host.news()).toEqual({});
    peer.sends("ACK seq=1 ack=1 ts=101,0");
    expect(host.news()).toEqual({ 0: ESTABLISHED });
  });

  it("of half-open connections: an old cookie is refused", () => {
    flood(128);
    peer.sends("SYN seq=0");
    peer.gets(SYN_ACK);
    host.wait(64_000);
    peer.sends("ACK seq=1 ack=1");
    peer.gets("RST seq=1");
    expect(host.deadline()).toBe(0);
  });

  it("of connections: one more handshake is reset, one more dial is -1", () => {
    for (let n = 0; n < sizeOf("OWNED"); n++) new Peer(host, 2000 + n).opens();
    peer.sends("SYN seq=0");
    peer.gets(SYN_ACK);
    peer.sends("ACK seq=1 ack=1");
    peer.gets("RST seq=1");
    expect(host.connect(PEER, 40001)).toBe(-1);
    host.call("abort", 5);
    expect(host.connect(PEER, 40001)).toBe(5);
  });

  it("of orphans: the oldest is reset for one more, and all connections are still served", () => {
    const peers = Array.from({ length: 65 }, (_, n) => new Peer(host, 2000 + n));
    for (const each of peers) {
      const handle = each.opens();
      host.now++;
      host.call("finish", handle);
      host.drain();
    }
    expect(peers[0]!.take()).toEqual(["FIN ACK seq=1 ack=1 win=8192", "RST ACK seq=2 ack=1"]);
    expect(peers[1]!.take()).toEqual(["FIN ACK seq=1 ack=1 win=8192"]);
    for (let n = 0; n < sizeOf("OWNED"); n++) new Peer(host, 3000 + n).opens();
  });

  it("of TIME-WAIT: the oldest goes", () => {
    const peers = Array.from({ length: 129 }, (_, n) => new Peer(host, 2000 + n));
    for (const each of peers) {
      host.call("finish", each.opens());
      host.now++;
      each.sends("FIN ACK seq=1 ack=1");
      each.sends("ACK seq=2 ack=2");
      each.take();
    }
    peers[0]!.sends("FIN ACK seq=1 ack=2");
    peers[0]!.gets("RST seq=2");
    peers[1]!.sends("FIN ACK seq=1 ack=2");
    peers[1]!.gets("ACK seq=2 ack=2 win=8192");
  });

  it("of replies: one more is dropped; RSTs are limited to 100 a second", () => {
    const send = (n: number) =>
      host.receive(PEER, encode({ ...peer.wire("SYN seq=0"), source: 1 + n, destination: 9 }, PEER, LOCAL));
    for (let n = 0; n < 40; n++) send(n);
    host.drain();
    expect(host.log.length).toBe(32);
    for (let n = 0; n < 500; n++) {
      send(n);
      host.drain();
    }
    expect(host.log.length).toBe(32 + 60);
    host.now += 1000;
    send(1);
    host.drain();
    expect(host.log.length).toBe(32 + 61);
  });

  it("of listeners: a fifth port is our own bug, as is port 0", () => {
    for (const port of [0, 65536]) expect(() => host.call("listen", port)).toThrow(WebAssembly.RuntimeError);
    for (const port of [1, 2, 3]) host.call("listen", port);
    expect(() => host.call("listen", 4)).toThrow(WebAssembly.RuntimeError);
  });

  it("of what is written: more than the room is our own bug", () => {
    const handle = peer.opens();
    host.write(handle, pattern(4096));
    expect(host.call("room", handle)).toBe(0);
    expect(() => host.write(handle, "x")).toThrow(WebAssembly.RuntimeError);
  });
});

describe("identity", () => {
  it("lets a later SYN out of TIME-WAIT, by sequence number or timestamp, and no earlier one (RFC 6191)", () => {
    host.call("finish", peer.opens());
    peer.sends("FIN ACK seq=1 ack=1");
    peer.sends("ACK seq=2 ack=2");
    peer.take();
    peer.sends("SYN seq=1");
    peer.gets("ACK seq=2 ack=2 win=8192");
    const before = peer.theirs;
    peer.mine += 1000;
    peer.sends("SYN seq=0");
    peer.gets(SYN_ACK);
    expect((peer.theirs - before) | 0).toBeGreaterThan(0);
  });

  it("gives each flow and each secret sequence numbers of its own that rise with time (RFC 6528)", async () => {
    const first = (h: Host, port: number) => {
      const p = new Peer(h, port);
      p.sends("SYN seq=0");
      p.take();
      p.sends("RST seq=1");
      return p.theirs;
    };
    const here = first(host, 5000);
    expect(first(host, 5000)).toBe(here);
    host.now += 4;
    expect((first(host, 5000) - here) >>> 0).toBe(1000);
    expect(new Set([here, first(host, 5001), first(await Host.start(8), 5000)]).size).toBe(3);
  });

  it("dials from ports that do not follow from each other, never from one in use", () => {
    const ports = Array.from({ length: 60 }, () => host.call("localPort", host.connect(PEER, 40001)));
    expect(new Set(ports).size).toBe(60);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49152);
    expect(ports.filter((port, i) => port === (ports[i - 1] ?? 0) + 1).length).toBeLessThan(5);
  });

  it("goes with the address: connections of another one are gone, none are made without", () => {
    const handle = peer.opens();
    host.h.call.setLocal!(0, 1460);
    peer.sends("ACK seq=1 ack=1", "x");
    expect(host.connect(PEER, 1)).toBe(-1);
    expect(host.news()).toEqual({});
    host.h.call.setLocal!(LOCAL + 1, 1460);
    host.h.call.tick!(BigInt(host.now));
    expect(host.news()).toEqual({ [handle]: GONE });
    expect(host.deadline()).toBe(0);
  });
});

it("never traps on 50,000 random or mutated segments, with live connections of every kind", () => {
  const next = random(99);
  const peers = Array.from({ length: 8 }, (_, n) => new Peer(host, 2000 + n));
  const live = new Map<number, boolean>();
  for (let n = 0; n < 50_000; n++) {
    const who = peers[next(8)]!;
    const flags = next(3) ? 16 | (next(4) ? 0 : next(64)) : next(64);
    const wire = {
      ...who.wire(
        ["", "mss=500 sackok ts=9,9 ws=3", "ts=9999,0", "raw=0000"][next(4)]!,
        pattern(next(4) ? next(1400) : 0),
      ),
      ...{
        flags,
        seq: who.mine + next(20) * next(700),
        ack: next(9) ? who.theirs + next(3000) : next(2 ** 32),
        win: next(65536),
      },
      ...{ destination: next(50) ? PORT : next(65536) },
    };
    let bytes = encode(wire, PEER, LOCAL);
    for (let k = next(4) ? 0 : 1 + next(4); k > 0; k--) bytes[next(Math.min(bytes.length, 60))] = next(256);
    if (next(10) === 0) bytes = bytes.subarray(0, next(bytes.length + 1));
    if (bytes.length >= 18 && next(20)) fix(bytes, PEER, LOCAL);
    host.receive(next(40) ? PEER : next(2 ** 32), bytes);
    if (next(2)) host.drain();
    for (const { wire: out } of host.log.splice(0)) {
      const to = peers.find(({ port }) => port === out.destination);
      if (to && out.flags & 2) to.theirs = out.seq;
      if (to && out.flags & 16 && next(2)) to.mine = out.ack;
    }
    for (const [handle, news] of Object.entries(host.news())) live.set(Number(handle), (news & GONE) === 0);
    for (const [handle, alive] of live) {
      if (!alive) continue;
      const act = next(60);
      if (act === 0) host.write(handle, pattern(next(host.call("room", handle) + 1)));
      else if (act < 5) host.read(handle, next(3000));
      else if (act === 5 && next(5) === 0) host.call(next(2) ? "finish" : "abort", handle);
      else continue;
      if (act === 5 && !stillOwned(handle)) live.delete(handle);
    }
    if (next(30) === 0 && live.size < 60) {
      const handle = host.connect(PEER, 1 + next(65535));
      if (handle >= 0) live.set(handle, true);
    }
    host.now += next(30);
    if (host.deadline() > 0 && host.deadline() <= host.now) host.h.call.tick!(BigInt(host.now));
  }
  function stillOwned(handle: number): boolean {
    try {
      host.call("room", handle);
      return true;
    } catch {
      return false;
    }
  }
  host.drain();
  const fresh = new Peer(host, 999, PEER + 5);
  for (const handle of live.keys()) if (stillOwned(handle)) host.call("abort", handle);
  host.drain();
  host.wait(200_000);
  fresh.opens();
}, 60_000);
