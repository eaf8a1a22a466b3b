/** Mail over real SMTP: what arrives, that nothing goes without TLS that checks out, and each refusal. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { ChannelError } from "../../../../monitor/alerts/channels/channel.ts";
import { addressOf, Smtp, type SmtpOptions } from "../../../../monitor/alerts/channels/smtp.ts";
import { type ServerCertificate, serverCertificate } from "../certificate.ts";
import { type SinkOptions, SmtpSink } from "../smtp-sink.ts";
import { testMessage } from "../support.ts";

const never = new AbortController().signal;
let tls: ServerCertificate;
let sink: SmtpSink | undefined;
beforeAll(async () => {
  tls = await serverCertificate();
});
afterEach(async () => {
  await sink?.stop();
  sink = undefined;
});

async function channel(options: SinkOptions, more: Partial<SmtpOptions> = {}): Promise<Smtp> {
  sink = await new SmtpSink(options).start();
  return new Smtp("mail", {
    host: "127.0.0.1",
    port: sink.port,
    tls: "starttls",
    from: "Piñata <watch@example.org>",
    to: "op@example.net",
    ca: tls.ca,
    ...more,
  });
}

async function failure(sending: Promise<void>): Promise<ChannelError> {
  const error = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ChannelError);
  return error as ChannelError;
}

describe("a mail that arrives", () => {
  test("goes under TLS after logging in, as plain text, with an id that is the alert's", async () => {
    const mail = await channel({ tls }, { login: { user: "watch", password: "right" } });
    const message = testMessage();
    await mail.send(message, never);
    await mail.send(message, never);
    const [first, second] = sink!.mails;
    expect(first).toMatchObject({ from: "watch@example.org", to: "op@example.net", secure: true, user: "watch" });
    expect(first!.data).toBe(second!.data);
    expect(first!.data).toContain(`Message-ID: <${message.body.id}.alert@example.org>\r\n`);
    expect(first!.data).toContain(`X-Pinata-Alert: ${message.body.id}\r\n`);
    expect(first!.data).toContain("Auto-Submitted: auto-generated\r\n");
    expect(first!.data).toMatch(/Date: Sun, 15 Jun 2025 15:06:40/);
    expect(first!.data).toContain("Content-Type: text/plain; charset=utf-8");
    expect(first!.data).not.toMatch(/^(In-Reply-To|Importance):/im);
    expect(sink!.commands.slice(0, 2)[1]).toBe("STARTTLS");
  });

  test("reminders and recoveries answer the first one; what is critical says so", async () => {
    const mail = await channel({ tls });
    const incident = "ab".repeat(16);
    await mail.send(testMessage({ kind: "blind", phase: "reminder", incident, number: 1 }), never);
    expect(sink!.mails[0]!.data).toContain(`In-Reply-To: <${incident}.alert@example.org>\r\n`);
    expect(sink!.mails[0]!.data).toContain("Importance: high\r\n");
  });

  test("TLS from the start; without TLS only where that was asked for", async () => {
    const implicit = await channel({ tls, implicit: "implicit" }, { tls: "implicit" });
    await implicit.send(testMessage(), never);
    expect(sink!.mails.map(({ secure }) => secure)).toEqual([true]);
    await sink!.stop();
    const plain = await channel({}, { tls: "none" });
    await plain.send(testMessage(), never);
    expect(sink!.mails.map(({ secure }) => secure)).toEqual([false]);
  });
});

describe("nothing is sent", () => {
  const login = { user: "watch", password: "right" };
  const wordless = () => sink!.commands.filter((line) => /^(AUTH|MAIL|DATA)/.test(line));

  test("to a server without STARTTLS", async () => {
    const mail = await channel({}, { login });
    expect((await failure(mail.send(testMessage(), never))).message).toMatch(
      /^offers no TLS that can be trusted, so nothing was sent: it .*STARTTLS/,
    );
    expect(wordless()).toEqual([]);
  });

  test("to one whose certificate nobody known has signed, or that is for another name", async () => {
    const unknown = await channel({ tls }, { login, ca: (await serverCertificate()).ca });
    expect((await failure(unknown.send(testMessage(), never))).message).toMatch(
      /^offers no TLS .* nothing was sent: it shows a certificate that is signed by nobody known$/,
    );
    expect(wordless()).toEqual([]);
    await sink!.stop();
    const other = await serverCertificate([{ type: "dns", value: "mail.example.org" }]);
    const misnamed = await channel({ tls: other }, { login, ca: other.ca });
    expect((await failure(misnamed.send(testMessage(), never))).message).toMatch(/certificate of another name/);
    expect(wordless()).toEqual([]);
  });

  test("when the password is wrong, which is not said", async () => {
    const mail = await channel({ tls }, { login: { user: "watch", password: "wrong-secret" } });
    sink!.answer = (command) => (command.startsWith("AUTH") ? "535 5.7.8 wrong-secret is wrong" : undefined);
    const { message, about } = await failure(mail.send(testMessage(), never));
    expect(message).toBe("does not accept user and password: 535 5.7.8 … is wrong");
    expect(about).toBe("channel");
    expect(sink!.mails).toEqual([]);
  });
});

describe("a mail that is not taken", () => {
  test.each([
    ["RCPT", "550 5.1.1 no such user", "refused the mail: 550 5.1.1 no such user", "channel"],
    ["MAIL", "451 4.7.1 come back later", "refused the mail: 451 4.7.1 come back later", "channel"],
    ["(end of data)", "552 5.3.4 too long", "refused the mail: 552 5.3.4 too long", "message"],
    ["(end of data)", "452 4.3.1 disk full", "refused the mail: 452 4.3.1 disk full", "channel"],
  ])("%s: %s", async (command, answer, message, about) => {
    const mail = await channel({ tls });
    sink!.answer = (line) => (line.startsWith(command) ? answer : undefined);
    expect(await failure(mail.send(testMessage(), never))).toMatchObject({ message, about });
  });

  test("nobody listens; the server hangs up; it says nothing", async () => {
    const mail = await channel({ tls });
    sink!.answer = (line) => (line === "(greeting)" ? "" : undefined);
    const stop = new AbortController();
    const sending = failure(mail.send(testMessage(), stop.signal));
    setTimeout(() => stop.abort(), 50);
    expect((await sending).message).toBe("did not answer in time");
    sink!.answer = (line) => (line.startsWith("DATA") ? "421 4.3.2 going down" : undefined);
    expect((await failure(mail.send(testMessage(), never))).message).toMatch(/421 4\.3\.2 going down|closed/);
    await sink!.stop();
    expect((await failure(mail.send(testMessage(), never))).message).toBe("refuses connections");
    expect((await failure(mail.send(testMessage(), AbortSignal.abort()))).message).toBe("did not answer in time");
  });
});

test("the address of a mailbox", () => {
  expect(addressOf("Piñata <watch@example.org>")).toBe("watch@example.org");
  expect(addressOf("watch@example.org")).toBe("watch@example.org");
});
