/**
 * Mail (RFC 5321) to one address, through nodemailer's connection so that an attempt can be ended at any moment. STARTTLS
 * (RFC 3207) is required: a server that does not offer it, or shows a certificate that does not check out, gets neither
 * password nor alert. The Message-ID is made from the alert's id and the Date is the alert's, so that a repeated mail is
 * the same mail. Reminders and recoveries answer the first mail (RFC 5322 §3.6.4) and form a thread.
 */
import MailComposer from "nodemailer/lib/mail-composer";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Message } from "../kinds.ts";
import { type Channel, ChannelError } from "./channel.ts";
import { reasonFor } from "./http.ts";

export type SmtpTls = "starttls" | "implicit" | "none";

export interface SmtpOptions {
  host: string;
  port: number;
  tls: SmtpTls;
  from: string;
  to: string;
  login?: { user: string; password: string } | undefined;
  /** PEM, in place of the authorities that Node trusts. */
  ca?: string | undefined;
}

export class Smtp implements Channel {
  readonly name: string;
  readonly #options: SmtpOptions;

  constructor(name: string, options: SmtpOptions) {
    this.name = name;
    this.#options = options;
  }

  async send(message: Message, signal: AbortSignal): Promise<void> {
    const { host, port, tls, from, to, login, ca } = this.#options;
    const bytes = await compose(message, from, to);
    const connection = new SMTPConnection({
      host,
      port,
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "none",
      ...(ca === undefined ? {} : { tls: { ca } }),
      socketCloseTimeout: 0,
    });
    try {
      await interruptible(connection, signal, async () => {
        await new Promise<void>((resolve, reject) =>
          connection.connect((error) => (error ? reject(error) : resolve())),
        );
        if (login) {
          const { user, password: pass } = login;
          await new Promise<void>((resolve, reject) =>
            connection.login({ user, pass }, (error) => (error ? reject(error) : resolve())),
          );
        }
        await new Promise<void>((resolve, reject) =>
          connection.send({ from: addressOf(from), to }, bytes, (error) => (error ? reject(error) : resolve())),
        );
      });
      connection.quit();
    } catch (error) {
      throw failure(error, signal, login?.password);
    } finally {
      connection.close();
    }
  }
}

/** Ends with the connection's error or with the signal, whatever `work` waits for. */
function interruptible(connection: SMTPConnection, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      connection.close();
      reject(new Error("aborted"));
    };
    // Stays for good: an error that comes after the end must find a listener.
    connection.on("error", reject);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    else work().then(resolve, reject);
    connection.once("end", () => signal.removeEventListener("abort", stop));
  });
}

async function compose({ body }: Message, from: string, to: string): Promise<Buffer> {
  const domain = addressOf(from).split("@")[1] ?? "localhost";
  const thread =
    body.incident === null
      ? {}
      : { inReplyTo: mailId(body.incident, domain), references: mailId(body.incident, domain) };
  const mail = new MailComposer({
    from,
    to,
    subject: body.subject,
    text: body.text,
    date: new Date(body.at),
    messageId: mailId(body.id, domain),
    ...thread,
    headers: {
      "auto-submitted": "auto-generated",
      "x-pinata-alert": body.id,
      ...(body.severity === "critical" ? { importance: "high", "x-priority": "1 (Highest)" } : {}),
    },
    newline: "win",
  });
  return mail.compile().build();
}

function mailId(id: string, domain: string): string {
  return `<${id}.alert@${domain}>`;
}

/** "Piñata <watch@example.org>" → "watch@example.org" */
export function addressOf(mailbox: string): string {
  return /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox;
}

/** What nodemailer adds to an error. */
interface SmtpFailure extends Error {
  code?: string;
  /** The system's or TLS's own code. */
  originalCode?: string;
  response?: string;
  responseCode?: number;
}

function failure(error: unknown, signal: AbortSignal, password: string | undefined): ChannelError {
  if (!(error instanceof Error) || signal.aborted) return new ChannelError("did not answer in time");
  const { code, originalCode = "", response, responseCode, message } = error as SmtpFailure;
  const certificate = reasonFor(originalCode);
  if (/CERT|ISSUER|UNABLE_|^ERR_(TLS|SSL)/.test(originalCode) || code === "ETLS" || /STARTTLS/.test(message)) {
    const why = certificate ?? message.replace(/\s+/g, " ").trim().slice(0, 120);
    return new ChannelError(`offers no TLS that can be trusted, so nothing was sent: it ${why}`);
  }
  if (responseCode === undefined) return new ChannelError(certificate ?? connectionReason(code, originalCode));
  const said = (response ?? "").replace(/\s+/g, " ").slice(0, 160);
  const hidden = password === undefined ? said : said.replaceAll(password, "…");
  if (code === "EAUTH") return new ChannelError(`does not accept user and password: ${hidden}`);
  // RFC 5321 §4.2.1: 5yz will not change for this mail; after DATA it is about what the mail holds.
  const about = code === "EMESSAGE" && responseCode >= 500 ? "message" : "channel";
  return new ChannelError(`refused the mail: ${hidden}`, { about });
}

const REASONS: Readonly<Record<string, string>> = {
  EDNS: "has a name that does not resolve",
  ECONNECTION: "closed the connection without an answer",
  ETIMEDOUT: "did not answer in time",
};

function connectionReason(code: string | undefined, originalCode: string): string {
  return REASONS[code ?? ""] ?? `cannot be reached (${originalCode || (code ?? "no reason given")})`;
}
