/** The engine's pieces by themselves: joiner, sets, the choice of a suite, and one alert for every failure. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { FAILURES } from "../../../../unikernel/failures.ts";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import { handshake, u16s, uint } from "../../../support/tls-peer/wire.ts";

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("tls");
});

describe("the joiner", () => {
  it("puts messages together however they are cut and joined, allocating nothing", () => {
    const messages = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 })), {
      minLength: 1,
      maxLength: 8,
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 });
    const top = h.call.heapTop!();
    fc.assert(
      fc.property(messages, cuts, (list, pieces) => {
        h.call.resetJoiner!();
        const stream = Buffer.concat(list.map(([type, body]) => handshake(type, body)));
        h.write(stream);
        let into = 0;
        for (let at = 0, i = 0; at < stream.length; i++) {
          const length = Math.min(pieces[i % pieces.length]!, stream.length - at);
          into += h.call.join!(at, length, into);
          at += length;
        }
        expect(Buffer.from(h.read(into)).equals(stream)).toBe(true);
        expect(h.call.joinerInMessage!()).toBe(0);
      }),
      { numRuns: 200 },
    );
    expect(h.call.heapTop!()).toBe(top);
  });

  it("takes a message of 16 KiB, and refuses a longer one as soon as its header is there", () => {
    h.call.resetJoiner!();
    const longest = handshake(11, Buffer.alloc(16384, 7));
    h.write(longest);
    expect(h.call.join!(0, longest.length, 0)).toBe(longest.length);
    for (const length of [16385, 0xffffff]) {
      h.call.resetJoiner!();
      h.write(Buffer.concat([Buffer.from([11]), uint(3, length)]));
      expect(h.call.join!(0, 3, 0)).toBe(0);
      expect(h.call.join!(3, 1, 0)).toBe(-1);
    }
  });
});

describe("a set of 16-bit numbers", () => {
  it("counts each once and walks in order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }), (values) => {
        h.write(u16s(...values));
        const count = h.call.sortSet!(values.length);
        const sorted = [...new Set(values)].sort((a, b) => a - b);
        expect(Buffer.from(h.read(2 * count)).equals(u16s(...sorted))).toBe(true);
      }),
      { numRuns: 200 },
    );
    h.write(u16s(0xffff, 0, 0xffff, 31, 32));
    expect(h.call.sortSet!(5)).toBe(4);
  });
});

describe("the choice of a suite", () => {
  it.each([
    [[0x1301], 0x1301],
    [[0x1302], 0x1302],
    [[0x1303], 0x1303],
    [[0x1302, 0x1301], 0x1301],
    [[0x1302, 0x1303], 0x1303],
    [[0x1301, 0x1303], 0x1301],
    [[0x1303, 0x1301], 0x1303],
    [[0x1304, 0xc02b, 0x0a0a], 0],
  ])("%j: %i", (offered, chosen) => {
    h.write(u16s(...offered));
    expect(h.call.choose!(2 * offered.length)).toBe(chosen);
  });
});

describe("failures and alerts", () => {
  const numbers = Object.values(Failure).filter((value): value is Failure => typeof value === "number");

  it("each failure has its words", () => {
    for (const failure of numbers) expect(FAILURES[failure]?.reason).toBeTruthy();
    expect(Object.keys(FAILURES).length).toBe(numbers.length);
  });

  it("only faults of our own become internal_error", () => {
    const ours = [
      ...[Failure.None, Failure.TicketRefused, Failure.VaultUnavailable, Failure.Internal],
      ...[Failure.PeerAlert, Failure.PeerClosed], // never sent
    ];
    expect(numbers.filter((failure) => h.call.alertOf!(failure) === 80)).toEqual(ours);
    for (const failure of numbers) expect(h.call.alertOf!(failure)).not.toBe(0);
  });
});
