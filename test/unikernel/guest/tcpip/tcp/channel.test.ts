/** Two stacks joined by a channel that loses, reorders and repeats: what is sent arrives whole, and nothing is left behind. */
import { expect, it } from "vitest";
import { ESTABLISHED, GONE, Host, LOCAL, PEER, PORT, random } from "./trace.ts";

const SEND_BUFFER = 4096;

interface Flying {
  at: number;
  from: number;
  to: Host;
  bytes: Buffer;
}
class End {
  handle = -1;
  sent = 0;
  got = 0;
  closed = false;
  gone = false;
  readonly received: Buffer[] = [];
  constructor(
    readonly host: Host,
    readonly out: Buffer,
    readonly expected: number,
  ) {}
  /** Takes and gives what it can; finishes when it has everything and everything of its own is acknowledged. */
  work(): void {
    for (const [handle, news] of Object.entries(this.host.news())) {
      if (news & GONE) this.gone = true;
      else if (news & ESTABLISHED) this.handle = Number(handle);
    }
    if (this.handle < 0 || this.closed || this.gone) return;
    for (let data = this.host.read(this.handle, 700); data.length > 0; data = this.host.read(this.handle, 700)) {
      this.received.push(data);
      this.got += data.length;
    }
    const room = this.host.call("room", this.handle);
    const n = Math.min(room, this.out.length - this.sent);
    if (n > 0) this.host.write(this.handle, this.out.subarray(this.sent, this.sent + n));
    else if (this.got === this.expected && room === SEND_BUFFER) {
      this.host.call("finish", this.handle);
      this.closed = true;
    }
    this.sent += n;
  }
}

async function run(seed: number, a: Host, b: Host): Promise<void> {
  const next = random(seed);
  const bytes = () => Buffer.from(Array.from({ length: next(30_000) }, () => next(256)));
  const loss = next(20);
  const [here, there] = [bytes(), bytes()];
  const [first, second] = [new End(a, here, there.length), new End(b, there, here.length)];
  const flying: Flying[] = [];
  let now = Math.max(a.now, b.now) + 100_000;
  const move = (time: number) => {
    now = time;
    a.now = now;
    b.now = now;
  };
  move(now);
  expect(a.connect(PEER, PORT)).toBeGreaterThanOrEqual(0);
  const end = now + 600_000;
  for (;;) {
    first.work();
    second.work();
    for (const [host, other] of [
      [a, b],
      [b, a],
    ] as const)
      for (let out = host.transmit(); out; out = host.transmit())
        for (let copies = next(100) < loss ? 0 : next(100) < 5 ? 2 : 1; copies > 0; copies--)
          flying.push({ at: now + 5 + next(next(10) === 0 ? 300 : 20), from: host.local, to: other, bytes: out.bytes });
    const times = [...flying.map(({ at }) => at), a.deadline(), b.deadline()].filter((t) => t > 0);
    if (times.length === 0) break;
    move(Math.max(now, Math.min(...times)));
    expect(now, `seed ${seed} ends`).toBeLessThan(end);
    for (const host of [a, b]) if (host.deadline() > 0 && host.deadline() <= now) host.h.call.tick!(BigInt(now));
    for (const f of flying.filter(({ at }) => at <= now)) {
      flying.splice(flying.indexOf(f), 1);
      f.to.receive(f.from, f.bytes);
    }
  }
  expect([first.gone, second.gone], `seed ${seed} gone`).toEqual([false, false]);
  expect([first.closed, second.closed], `seed ${seed} closed`).toEqual([true, true]);
  expect(Buffer.concat(first.received).equals(second.out), `seed ${seed}`).toBe(true);
  expect(Buffer.concat(second.received).equals(first.out), `seed ${seed}`).toBe(true);
}

it("carries random data both ways, whole, and leaves no timer, for 200 seeds", async () => {
  const [a, b] = [await Host.start(1, LOCAL), await Host.start(2, PEER)];
  const top = [a.call("heapTop"), b.call("heapTop")];
  for (let seed = 1; seed <= 200; seed++) await run(seed, a, b);
  expect([a.call("heapTop"), b.call("heapTop")]).toEqual(top);
}, 120_000);
