/** TCP, as packet traces: opening, data, retransmission, closing. */
import { beforeEach, describe, expect, it } from "vitest";
import { ESTABLISHED, GONE, Host, PEER, PEER_CLOSED, Peer, pattern, READABLE } from "./trace.ts";

let host: Host;
let peer: Peer;
beforeEach(async () => {
  host = await Host.start();
  peer = new Peer(host);
});

describe("opening", () => {
  it("answers a SYN with what it offers and no more, and tells its owner at the ACK", () => {
    peer.sends("SYN seq=0 mss=1400 sackok ts=500,0 ws=7");
    peer.gets("SYN ACK seq=0 ack=1 win=8192 mss=1460 sackok ts=500 ws=0");
    expect(host.news()).toEqual({});
    peer.sends("ACK seq=1 ack=1 ts=501,0");
    expect(host.news()).toEqual({ 0: ESTABLISHED });
    expect(host.call("remoteAddress", 0)).toBe(PEER);
    expect(host.call("remotePort", 0)).toBe(40000);
    expect(host.call("localPort", 0)).toBe(10000);
    const plain = new Peer(host, 40001);
    plain.sends("SYN seq=0");
    plain.gets("SYN ACK seq=0 ack=1 win=8192 mss=1460");
    expect(host.deadline()).toBeGreaterThan(0);
  });

  it("sends a SYN-ACK again after 1, 2 and 4 s and forgets it after 8 more", () => {
    peer.sends("SYN seq=0");
    const answer = "SYN ACK seq=0 ack=1 win=8192 mss=1460";
    peer.gets(answer);
    for (const millis of [1000, 2000, 4000]) {
      host.wait(millis - 1);
      peer.gets();
      host.wait(1);
      peer.gets(answer);
    }
    host.wait(8000);
    peer.gets();
    expect(host.deadline()).toBe(0);
    peer.sends("ACK seq=1 ack=1");
    peer.gets("RST seq=1");
  });

  it("connects, and is told of refusal only by what acknowledges its SYN", () => {
    const handle = host.connect(PEER, 40001);
    const port = host.call("localPort", handle);
    expect(port).toBeGreaterThanOrEqual(49152);
    const server = new Peer(host, 40001, PEER, 0x20000000, port);
    server.gets("SYN seq=0 win=8192 mss=1460 sackok ts=0 ws=0");
    server.sends("RST seq=0");
    server.sends("RST ACK seq=0 ack=2");
    expect(host.news()).toEqual({});
    server.sends("SYN ACK seq=0 ack=7 mss=1460");
    server.gets("RST seq=7");
    server.sends("SYN ACK seq=0 ack=1 mss=1460");
    server.gets("ACK seq=1 ack=1 win=8192");
    expect(host.news()).toEqual({ [handle]: ESTABLISHED });
    const other = host.connect(PEER, 40002);
    const refuser = new Peer(host, 40002, PEER, 0, host.call("localPort", other));
    refuser.gets("SYN seq=0 win=8192 mss=1460 sackok ts=0 ws=0");
    refuser.sends("RST ACK seq=0 ack=1");
    expect(host.news()).toEqual({ [other]: GONE });
  });

  it("gives a dial up after its time", () => {
    const handle = host.connect(PEER, 40001);
    host.wait(40_000);
    expect(host.news()).toEqual({ [handle]: GONE });
    expect(host.deadline()).toBe(0);
  });

  it("opens at the same time as its peer", () => {
    const handle = host.connect(PEER, 40001);
    const other = new Peer(host, 40001, PEER, 0x20000000, host.call("localPort", handle));
    other.gets("SYN seq=0 win=8192 mss=1460 sackok ts=0 ws=0");
    other.sends("SYN seq=0 mss=1460");
    other.gets("SYN ACK seq=0 ack=1 win=8192 mss=1460 ws=0");
    other.sends("ACK seq=1 ack=1");
    expect(host.news()).toEqual({ [handle]: ESTABLISHED });
  });

  it("refuses a closed port, but never an RST", () => {
    const closed = new Peer(host, 40000, PEER, 0, 9);
    closed.sends("SYN seq=5");
    closed.gets("RST ACK seq=0 ack=6");
    closed.sends("ACK seq=5 ack=77");
    closed.gets("RST seq=77");
    closed.sends("RST seq=5");
    closed.sends("RST ACK seq=5 ack=1");
    closed.gets();
  });
});

describe("data", () => {
  it("is acknowledged at the second segment, or after 40 ms", () => {
    const handle = peer.opens();
    peer.sends("ACK seq=1 ack=1", "one");
    peer.gets();
    host.wait(39);
    peer.gets();
    host.wait(1);
    peer.gets("ACK seq=1 ack=4 win=8189");
    peer.sends("ACK seq=4 ack=1", "two");
    peer.sends("ACK seq=7 ack=1", "six");
    peer.gets("ACK seq=1 ack=10 win=8183");
    expect(host.news()).toEqual({ [handle]: READABLE });
    expect(host.read(handle).toString()).toBe("onetwosix");
    expect(host.read(handle).length).toBe(0);
  });

  it("that comes too early is reported by SACK, the latest first, and the first bytes win", () => {
    const handle = peer.opens("mss=1460 sackok");
    peer.sends("ACK seq=11 ack=1", "kkkkk");
    peer.gets("ACK seq=1 ack=1 win=8192 sack=11-16");
    peer.sends("ACK seq=31 ack=1", "EE");
    peer.gets("ACK seq=1 ack=1 win=8192 sack=31-33 sack=11-16");
    peer.sends("ACK seq=9 ack=1", "XXXXXXXXXX");
    peer.gets("ACK seq=1 ack=1 win=8192 sack=9-19 sack=31-33");
    peer.sends("ACK seq=1 ack=1", "abcdefghZZZZZ");
    peer.gets("ACK seq=1 ack=19 win=8174 sack=31-33");
    expect(host.read(handle).toString()).toBe("abcdefghXXkkkkkXXX");
  });

  it("in a fifth range is dropped and asked for again", () => {
    const handle = peer.opens("mss=1460 sackok");
    for (const seq of [11, 21, 31, 41, 51]) peer.sends(`ACK seq=${seq} ack=1`, "x");
    expect(peer.take().at(-1)).toBe("ACK seq=1 ack=1 win=8192 sack=41-42 sack=11-12 sack=21-22 sack=31-32");
    peer.sends("ACK seq=1 ack=1", pattern(60));
    peer.gets("ACK seq=1 ack=61 win=8132");
    expect(host.read(handle).length).toBe(60);
  });

  it("closes the window and opens it again when it is read", () => {
    const handle = peer.opens();
    for (let seq = 1; seq < 8193; seq += 1024) peer.sends(`ACK seq=${seq} ack=1 len=1024`);
    expect(peer.take().at(-1)).toBe("ACK seq=1 ack=8193 win=0");
    peer.sends("ACK seq=8193 ack=1", "!");
    peer.gets("ACK seq=1 ack=8193 win=0");
    host.read(handle, 100);
    peer.gets();
    host.read(handle, 2000);
    peer.gets("ACK seq=1 ack=8193 win=2100");
  });

  it("is sent in segments of the peer's size, without waiting, and once more when it is not acknowledged", () => {
    const handle = peer.opens("mss=1000");
    host.write(handle, pattern(2500));
    const last = "PSH ACK seq=2001 ack=1 win=8192 len=500";
    peer.gets("ACK seq=1 ack=1 win=8192 len=1000", "ACK seq=1001 ack=1 win=8192 len=1000", last);
    peer.sends("ACK seq=1 ack=2001");
    // The round trip took no time: the least timeout.
    host.wait(299);
    peer.gets();
    host.wait(1);
    peer.gets(last);
    peer.sends("ACK seq=1 ack=2501");
    expect(host.deadline()).toBe(0);
    expect(host.call("room", handle)).toBe(4096);
  });

  it("backs off exponentially and gives up after 100 s", () => {
    const handle = peer.opens();
    host.write(handle, "x");
    const from = host.now;
    const times: number[] = [];
    host.drain();
    while (host.deadline() > 0) {
      if (peer.take().some((line) => line.includes("len=1"))) times.push(host.now - from);
      host.wait(host.deadline() - host.now);
    }
    expect(times).toEqual([0, 1000, 3000, 7000, 15000, 31000, 63000]);
    expect(host.news()).toEqual({ [handle]: GONE });
    peer.gets("RST ACK seq=2 ack=1");
  });

  it("is retransmitted at the third duplicate ACK", () => {
    const handle = peer.opens("mss=500");
    host.write(handle, pattern(4000));
    expect(peer.take().length).toBe(8);
    peer.sends("ACK seq=1 ack=1");
    peer.sends("ACK seq=1 ack=1");
    peer.gets();
    peer.sends("ACK seq=1 ack=1");
    peer.gets("ACK seq=1 ack=1 win=8192 len=500");
    peer.sends("ACK seq=1 ack=1001");
    peer.gets("ACK seq=1001 ack=1 win=8192 len=500");
    peer.sends("ACK seq=1 ack=4001");
    expect(host.deadline()).toBe(0);
  });

  it("that is being retransmitted does not make ACKs look old (two such sides would deafen each other)", () => {
    const handle = peer.opens("mss=1000");
    host.write(handle, pattern(2000));
    peer.take();
    host.wait(1000);
    peer.gets("ACK seq=1 ack=1 win=8192 len=1000");
    peer.sends("ACK seq=0 ack=1", "x");
    peer.gets("ACK seq=2001 ack=1 win=8192");
  });

  it("probes a closed window, sends on when it opens, and not for ever", () => {
    const handle = peer.opens("mss=1000", 0);
    host.write(handle, pattern(50));
    peer.gets();
    host.wait(1000);
    peer.gets("ACK seq=1 ack=1 win=8192 len=1");
    peer.sends("ACK seq=1 ack=1 win=0");
    host.wait(2000);
    peer.gets("ACK seq=1 ack=1 win=8192 len=1");
    peer.sends("ACK seq=1 ack=1 win=1000");
    peer.gets("PSH ACK seq=1 ack=1 win=8192 len=50");
    peer.sends("ACK seq=1 ack=51 win=0");
    host.write(handle, "more");
    for (let n = 0; n < 300; n++) {
      host.wait(1000);
      if (peer.take().length > 0) peer.sends("ACK seq=1 ack=51 win=0");
    }
    expect(host.news()).toEqual({ [handle]: GONE });
  });

  it("is not sent in crumbs to a peer whose window opens in crumbs", () => {
    const handle = peer.opens("mss=1000", 2000);
    host.write(handle, pattern(4000));
    expect(peer.take().length).toBe(2);
    peer.sends("ACK seq=1 ack=2001 win=10");
    peer.gets();
    peer.sends("ACK seq=1 ack=2001 win=1000");
    peer.gets("ACK seq=2001 ack=1 win=8192 len=1000");
  });
});

describe("closing", () => {
  it("by us first: FIN, the peer's FIN, TIME-WAIT, which acknowledges the FIN again and ignores RST", () => {
    const handle = peer.opens();
    host.write(handle, "bye");
    host.call("finish", handle);
    peer.gets("FIN PSH ACK seq=1 ack=1 win=8192 len=3");
    peer.sends("ACK seq=1 ack=5");
    peer.sends("FIN ACK seq=1 ack=5");
    peer.gets("ACK seq=5 ack=2 win=8192");
    expect(host.deadline()).toBe(0);
    peer.sends("RST seq=2");
    peer.sends("FIN ACK seq=1 ack=5");
    peer.gets("ACK seq=5 ack=2 win=8192");
    host.wait(60_001);
    peer.sends("FIN ACK seq=1 ack=5");
    peer.gets("RST seq=5");
  });

  it("by the peer first: half-closed until we finish, then nothing is left", () => {
    const handle = peer.opens();
    peer.sends("FIN ACK seq=1 ack=1", "end");
    peer.gets("ACK seq=1 ack=5 win=8188");
    expect(host.news()).toEqual({ [handle]: READABLE | PEER_CLOSED });
    expect(host.read(handle).toString()).toBe("end");
    host.write(handle, "still here");
    peer.gets("PSH ACK seq=1 ack=5 win=8188 len=10");
    peer.sends("ACK seq=5 ack=11");
    host.call("finish", handle);
    peer.gets("FIN ACK seq=11 ack=5 win=8188");
    peer.sends("ACK seq=5 ack=12");
    peer.gets();
    expect(host.deadline()).toBe(0);
    peer.sends("ACK seq=5 ack=12");
    peer.gets("RST seq=12");
  });

  it("tells of the peer's FIN only when what comes before it is there", () => {
    const handle = peer.opens();
    peer.sends("FIN ACK seq=4 ack=1", "def");
    peer.gets("ACK seq=1 ack=1 win=8192");
    expect(host.news()).toEqual({});
    peer.sends("ACK seq=1 ack=1", "abc");
    peer.sends("FIN ACK seq=4 ack=1", "def");
    expect(peer.take().at(-1)).toBe("ACK seq=1 ack=8 win=8185");
    expect(host.news()).toEqual({ [handle]: READABLE | PEER_CLOSED });
  });

  it("by both at once", () => {
    const handle = peer.opens();
    host.call("finish", handle);
    peer.gets("FIN ACK seq=1 ack=1 win=8192");
    peer.sends("FIN ACK seq=1 ack=1");
    peer.gets("ACK seq=2 ack=2 win=8191");
    peer.sends("ACK seq=2 ack=2");
    peer.gets("ACK seq=2 ack=2 win=8192");
    expect(host.deadline()).toBe(0);
  });

  it("sends its FIN again, and resets after 20 s without an answer", () => {
    const handle = peer.opens();
    host.call("finish", handle);
    peer.gets("FIN ACK seq=1 ack=1 win=8192");
    host.wait(1000);
    peer.gets("FIN ACK seq=1 ack=1 win=8192");
    host.wait(19_000);
    expect(peer.take().at(-1)).toBe("RST ACK seq=2 ack=1");
    expect(host.deadline()).toBe(0);
  });

  it("discards what still comes, for 2 s after its FIN was acknowledged", () => {
    const handle = peer.opens();
    host.call("finish", handle);
    peer.gets("FIN ACK seq=1 ack=1 win=8192");
    peer.sends("ACK seq=1 ack=2", pattern(1000));
    peer.sends("ACK seq=1001 ack=2", pattern(1000));
    expect(peer.take().at(-1)).toBe("ACK seq=2 ack=2001 win=8192");
    host.wait(1999);
    peer.gets();
    host.wait(1);
    peer.gets("RST ACK seq=2 ack=2001");
    expect(host.deadline()).toBe(0);
  });

  it("discards at most 256 KiB", () => {
    const handle = peer.opens();
    host.call("finish", handle);
    let seq = 1;
    for (let n = 0; n < 262; n++, seq += 1000) peer.sends(`ACK seq=${seq} ack=1 len=1000`);
    expect(peer.take().some((line) => line.startsWith("RST"))).toBe(false);
    peer.sends(`ACK seq=${seq} ack=1 len=1000`);
    peer.gets(`RST ACK seq=2 ack=${seq + 1000}`);
  });

  it("abort resets at once", () => {
    const handle = peer.opens();
    host.call("abort", handle);
    peer.gets("RST ACK seq=1 ack=1");
    expect(() => host.call("room", handle)).toThrow(WebAssembly.RuntimeError);
  });
});
