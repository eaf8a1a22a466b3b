/**
 * RFC 8448's traces, replayed: key schedule, transcript hashes, Finished values, traffic keys and record protection byte for
 * byte. The RSA certificates and signatures in them are passed through as messages; nothing here verifies them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";

interface Step {
  actor: "client" | "server";
  title: string;
  fields: Record<string, string>;
}
const vectors = JSON.parse(readFileSync(join(ROOT, "test/vectors/rfc8448.json"), "utf8")) as {
  sections: Record<string, Step[]>;
};

const CLIENT_HANDSHAKE = 0;
const SERVER_HANDSHAKE = 1;
const CLIENT_APPLICATION = 2;
const SERVER_APPLICATION = 3;

/** One section of the RFC, with the harness in step. */
class Trace {
  constructor(
    private readonly h: Harness,
    private readonly steps: Step[],
  ) {}

  bytes(actor: string, title: string, field: string, nth = 0): Buffer {
    const found = this.steps.filter(
      (step) => step.actor === actor && step.title.startsWith(title) && field in step.fields,
    );
    const hex = found[nth]?.fields[field];
    if (hex === undefined) throw new Error(`the trace has no ${actor} "${title}" ${field}`);
    return Buffer.from(hex, "hex");
  }

  add(actor: string, message: string, nth = 0): void {
    const bytes = this.bytes(actor, `construct a${/^[AEIOU]/.test(message) ? "n" : ""} ${message}`, message, nth);
    this.h.write(bytes);
    this.h.call.addMessage!(bytes.length);
  }

  expectHash(title: string): void {
    const length = this.h.call.transcriptHash!();
    expect(this.out(length)).toBe(this.bytes("server", title, "hash").toString("hex"));
  }

  agree(kind: string, from: "client" | "server"): void {
    const title = `create an ephemeral ${kind} key pair`;
    const other = from === "client" ? "server" : "client";
    const peer = this.bytes(other, title, "public key");
    this.h.write(Buffer.concat([this.bytes(from, title, "private key"), peer]));
    expect(this.h.call.agree!(peer.length)).toBe(1);
  }

  expectFinished(actor: string, secret: number): void {
    const length = this.h.call.finished!(secret);
    expect(this.out(length)).toBe(this.bytes(actor, "calculate finished", "finished").toString("hex"));
  }

  /** Our writer makes the RFC's record, and our reader takes it apart again. */
  expectRecord(actor: string, title: string, type: number, nth = 0): void {
    const payload = this.bytes(actor, title, "payload", nth);
    const complete = this.bytes(actor, title, "complete record", nth);
    this.h.write(payload);
    const length = this.h.call.write!(type, payload.length);
    const made = Buffer.from(new Uint8Array(this.h.memory.buffer, this.h.call.writerAddress!(), length));
    expect(made.toString("hex")).toBe(complete.toString("hex"));
    this.h.call.written!();
    this.h.write(complete);
    const read = this.h.call.read!(complete.length);
    expect([read >> 16, read & 0xffff]).toEqual([type, payload.length]);
    expect(this.out(payload.length)).toBe(payload.toString("hex"));
  }

  use(secret: number): void {
    this.h.call.writeWith!(secret);
    this.h.call.readWith!(secret);
  }

  private out(length: number): string {
    return Buffer.from(this.h.read(length)).toString("hex");
  }
}

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("tls");
});

function open(section: number): Trace {
  h.call.begin!(0x1301);
  return new Trace(h, vectors.sections[section]!);
}

const HANDSHAKE = 22;
const DATA = 23;
const ALERT = 21;

/** From the agreed secret to the end of the server's flight. */
function serverFlight(trace: Trace, messages: string[], record: number): void {
  trace.expectHash('derive secret "tls13 c hs traffic"');
  trace.expectHash('derive secret "tls13 s hs traffic"');
  for (const message of messages) trace.add("server", message);
  trace.expectFinished("server", SERVER_HANDSHAKE);
  trace.add("server", "Finished");
  trace.use(SERVER_HANDSHAKE);
  trace.expectRecord("server", "send handshake record", HANDSHAKE, record);
  trace.expectHash('derive secret "tls13 c ap traffic"');
  h.call.complete!();
}

/** The client's second flight and the alerts at the end. */
function clientFlight(trace: Trace, messages: string[], record: number): void {
  for (const message of messages) trace.add("client", message);
  trace.expectFinished("client", CLIENT_HANDSHAKE);
  trace.use(CLIENT_HANDSHAKE);
  trace.expectRecord("client", "send handshake record", HANDSHAKE, record);
}

describe("RFC 8448", () => {
  it.each(["client", "server"] as const)("section 3, simple 1-RTT, with the %s's private key", (side) => {
    const trace = open(3);
    trace.add("client", "ClientHello");
    trace.add("server", "ServerHello");
    trace.agree("x25519", side);
    serverFlight(trace, ["EncryptedExtensions", "Certificate", "CertificateVerify"], 1);
    clientFlight(trace, [], 1);
    trace.use(SERVER_APPLICATION);
    trace.expectRecord("server", "send handshake record", HANDSHAKE, 2);
    trace.expectRecord("server", "send application_data record", DATA);
    trace.expectRecord("server", "send alert record", ALERT);
    trace.use(CLIENT_APPLICATION);
    trace.expectRecord("client", "send application_data record", DATA);
    trace.expectRecord("client", "send alert record", ALERT);
  });

  it.each(["client", "server"] as const)("section 5, HelloRetryRequest to P-256, with the %s's private key", (side) => {
    const trace = open(5);
    trace.add("client", "ClientHello");
    h.call.replaceByHash!();
    trace.add("server", "ServerHello");
    trace.add("client", "ClientHello", 1);
    trace.add("server", "ServerHello", 1);
    trace.agree("P-256", side);
    serverFlight(trace, ["EncryptedExtensions", "Certificate", "CertificateVerify"], 2);
    clientFlight(trace, [], 2);
    trace.use(CLIENT_APPLICATION);
    trace.expectRecord("client", "send alert record", ALERT);
    trace.use(SERVER_APPLICATION);
    trace.expectRecord("server", "send alert record", ALERT);
  });

  it("section 6, client authentication", () => {
    const trace = open(6);
    trace.add("client", "ClientHello");
    trace.add("server", "ServerHello");
    trace.agree("x25519", "server");
    serverFlight(trace, ["EncryptedExtensions", "CertificateRequest", "Certificate", "CertificateVerify"], 1);
    clientFlight(trace, ["Certificate", "CertificateVerify"], 1);
    trace.use(CLIENT_APPLICATION);
    trace.expectRecord("client", "send alert record", ALERT);
    trace.use(SERVER_APPLICATION);
    trace.expectRecord("server", "send alert record", ALERT);
  });

  it("section 7, compatibility mode", () => {
    const trace = open(7);
    trace.add("client", "ClientHello");
    trace.add("server", "ServerHello");
    trace.agree("x25519", "client");
    serverFlight(trace, ["EncryptedExtensions", "Certificate", "CertificateVerify"], 1);
    clientFlight(trace, [], 1);
    trace.use(CLIENT_APPLICATION);
    trace.expectRecord("client", "send alert record", ALERT);
  });

  it("its hellos parse to what the RFC says of them", () => {
    for (const section of [3, 5, 6, 7]) {
      const trace = open(section);
      const hello = trace.bytes("client", "construct a ClientHello", "ClientHello").subarray(4);
      h.write(hello);
      expect(h.call.parseClientHello!(hello.length)).toBe(0);
      const share = h.call.clientHelloField!(6);
      const key = trace.bytes("client", "create an ephemeral x25519 key pair", "public key");
      expect(Buffer.from(h.read(share)).equals(key)).toBe(true);
      expect(h.call.clientHelloField!(2)).toBe(6);
      expect(Buffer.from(h.read(6)).toString("hex")).toBe("130113031302");

      const answer = trace.bytes("server", "construct a ServerHello", "ServerHello").subarray(4);
      h.write(answer);
      expect(h.call.parseServerHello!(answer.length)).toBe(0);
      const fields = Buffer.from(h.read(h.call.serverHelloFields!()));
      const isRetry = section === 5;
      expect(fields.subarray(0, 7).toString("hex")).toBe(isRetry ? "01130103040017" : "0013010304001d");
      expect(fields.length - 7).toBe(isRetry ? 0x72 : 32);
    }
  });
});
