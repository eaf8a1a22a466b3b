import { describe, expect, it } from "vitest";
import { english } from "../../web/catalogue/choose.ts";
import { conversationOf } from "../../web/conversation.ts";

type Door = "server" | "dialback" | "client";

interface Event {
  event: string;
  [field: string]: unknown;
}

/** `peer: label` for each step, in order; what only happened has no speaker. */
function told(door: Door, events: Event[], reason = "the reason"): string[] {
  const timed = events.map((event, i) => ({ ...event, time: 1_000 + i }));
  return conversationOf({ door, reason }, timed, english).steps.map(({ from, label }) =>
    from === null ? label : `${from}: ${label}`,
  );
}

const state = (number: number) => ({ event: "state", state: number });
const HELLO = { event: "hello", fingerprint: "t13d", suites: [], groups: [] };
const AGREED = { event: "negotiated", suite: 0x1303, group: 0x001d };
const CLOSED = { event: "closed", by: "peer", bytesIn: 1, bytesOut: 2, millis: 3, cpuMicros: 400 };

describe("a conversation", () => {
  it("at the server door: the client speaks first, and the server's flight follows its hello", () => {
    const won = [
      { event: "accepted", door: "server", peer: "203.0.x.x" },
      ...[state(1), HELLO, state(2), AGREED, state(3), state(4)],
      { event: "certificate", subject: "CN=player", verdict: 0 },
      ...[state(5), state(6), { event: "opened" }, state(7)],
      { event: "alert", direction: "sent", alert: 0 },
      CLOSED,
    ];
    expect(told("server", won)).toEqual([
      "peer: TCP",
      "peer: ClientHello",
      "pinata: ServerHello",
      "pinata: EncryptedExtensions … Finished",
      "peer: Certificate",
      "peer: CertificateVerify",
      "peer: Finished",
      "pinata: application data",
      "pinata: alert close_notify",
      "peer: the peer closed",
    ]);
  });

  it("at the client doors: the piñata speaks first, and answers last", () => {
    const events = [
      { event: "accepted", door: "client", peer: "x" },
      ...[HELLO, state(1), state(2), AGREED, state(3), state(4)],
      { event: "certificate", subject: "CN=player", verdict: 0 },
      ...[state(5), state(6)],
    ];
    const expected = [
      "pinata: ClientHello",
      "peer: ServerHello",
      "peer: Certificate",
      "peer: CertificateVerify",
      "peer: Finished",
      "pinata: Certificate … Finished",
    ];
    expect(told("client", events)).toEqual(["peer: TCP", ...expected]);
    expect(told("dialback", events)).toEqual(["pinata: TCP", ...expected]);
  });

  it("that is no TLS, or never began, is told as far as it went", () => {
    const plain = [
      { event: "accepted" },
      { event: "alert", direction: "sent", alert: 10, failure: 11 },
      { ...CLOSED, by: "pinata" },
    ];
    expect(told("server", plain)).toEqual([
      "peer: TCP",
      "pinata: alert unexpected_message",
      "pinata: the piñata closed",
    ]);
    expect(told("server", [{ event: "refused", reason: "too-many-from-peer" }])).toEqual(["turned away before TLS"]);
    expect(told("server", [{ event: "accepted" }, state(1), { ...CLOSED, by: "timeout" }])).toEqual([
      "peer: TCP",
      "peer: first record",
      "the time was up",
    ]);
    expect(told("server", [{ event: "trap", compartment: "door" }])).toEqual(["a fault of ours, contained"]);
    expect(told("server", [])).toEqual([]);
  });

  it("passes over events that it does not know or cannot read", () => {
    const odd = [{ event: "dance" }, { event: "state", state: "high" }, { event: "hello" }, { event: "accepted" }];
    expect(told("server", odd)).toEqual(["peer: TCP"]);
  });

  it("keeps what the peer named apart, marks the refusal, and counts time from the beginning", () => {
    const events = [
      { event: "accepted", time: 5_000 },
      { event: "hello", time: 5_004, fingerprint: "t13d", serverName: "pinata.example" },
      { event: "certificate", time: 5_009, subject: "CN=mallory", verdict: 85 },
      { event: "alert", time: 5_010, direction: "sent", alert: 48, failure: 85 },
    ];
    const { steps, quote } = conversationOf({ door: "server", reason: "why" }, events, english);
    expect(steps.map(({ at, mark, peerText, note }) => [at, mark, peerText, note])).toEqual([
      [0, "plain", "", "connects"],
      [4, "plain", "pinata.example · t13d", ""],
      [9, "bad", "CN=mallory", "not accepted"],
      [10, "bad", "", "a certificate that does not lead to our trust anchor (RFC 5280 §6.1)"],
    ]);
    expect(quote?.text).toContain("known trust anchor");
  });

  it("says why by the failure's number, and by the monitor's words where that is not known", () => {
    const told = (event: Event, door: Door = "server") => {
      const timed: Event = { time: 1, ...event };
      const { steps, quote } = conversationOf({ door, reason: "the monitor's" }, [timed], english);
      return [steps[0]?.note, steps[0]?.noteLang, quote?.section];
    };
    const alert = { event: "alert", direction: "sent", alert: 47 };
    expect(told({ ...alert, failure: 33 })).toEqual(["compression offered (RFC 8446 §4.1.2)", undefined, "4.1.2"]);
    expect(told({ ...alert, failure: 33 }, "client")).toEqual([expect.any(String), undefined, "4.1.3"]);
    expect(told({ ...alert, failure: 254 })).toEqual(["the monitor's", undefined, "6.2"]);
    expect(told(alert)).toEqual(["the monitor's", undefined, "6.2"]);
    // Not refusals of ours.
    expect(told({ ...alert, alert: 0 })).toEqual(["", undefined, undefined]);
    expect(told({ ...alert, direction: "received" })).toEqual(["", undefined, undefined]);
  });

  it("says what was refused after the candy, when no alert can follow", () => {
    const events = [{ event: "opened" }, { event: "failed", failure: 41 }];
    expect(told("server", events)).toEqual(["pinata: application data", "refused after close_notify"]);
    const timed = events.map((event) => ({ ...event, time: 1 }));
    const { steps, quote } = conversationOf({ door: "server", reason: "the candy was given out" }, timed, english);
    expect(steps[1]).toMatchObject({ mark: "bad", note: "a KeyUpdate that is not valid (RFC 8446 §4.6.3)" });
    expect(quote).toMatchObject({ section: "4.6.3" });
  });
});
