/**
 * A small SMTP server (RFC 5321) that keeps mails: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, RSET, QUIT. A test may
 * replace the answer to any command.
 */

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";

export interface Mail {
  from: string;
  to: string;
  /** Under TLS, and who logged in. */
  secure: boolean;
  user: string | null;
  data: string;
}

export interface SinkOptions {
  tls?: { key: string; cert: string };
  /** Offered at the connection's start instead of after STARTTLS. */
  implicit?: "implicit";
}

export class SmtpSink {
  readonly mails: Mail[] = [];
  /** Every command line that was received, passwords included. */
  readonly commands: string[] = [];
  /** An answer in place of the usual one; "" for none at all. */
  answer: (command: string) => string | undefined = () => undefined;
  readonly #options: SinkOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: SinkOptions = {}) {
    this.#options = options;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {});
      if (options.implicit && options.tls) this.#serve(this.#secure(socket), "from the start");
      else this.#serve(socket, "never");
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #secure(socket: Socket): TLSSocket {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(this.#options.tls) });
    secure.on("error", () => {});
    return secure;
  }

  #serve(socket: Socket, tls: "never" | "from the start" | "after STARTTLS"): void {
    const secure = tls !== "never";
    let text = "";
    let mail: Mail = { from: "", to: "", secure, user: null, data: "" };
    let inData = false;
    const say = (line: string): void => {
      if (line !== "") socket.write(`${line}\r\n`);
    };
    const usual = (line: string): string => {
      const [verb = ""] = line.toUpperCase().split(/[ :]/);
      switch (verb) {
        case "EHLO": {
          const offers = ["sink", ...(this.#options.tls && !secure ? ["STARTTLS"] : []), "AUTH PLAIN", "8BITMIME"];
          return offers.map((offer, i) => `250${i === offers.length - 1 ? " " : "-"}${offer}`).join("\r\n");
        }
        case "AUTH": {
          const [, user = "", password] = Buffer.from(line.split(" ")[2] ?? "", "base64")
            .toString()
            .split("\0");
          mail.user = user;
          return password === "right" ? "235 2.7.0 welcome" : "535 5.7.8 wrong password";
        }
        case "MAIL":
          mail = { ...mail, from: /<(.*?)>/.exec(line)?.[1] ?? "", data: "" };
          return "250 2.1.0 ok";
        case "RCPT":
          mail.to = /<(.*?)>/.exec(line)?.[1] ?? "";
          return "250 2.1.5 ok";
        case "DATA":
          inData = true;
          return "354 go on";
        case "STARTTLS":
          return this.#options.tls ? "220 2.0.0 go ahead" : "502 5.5.1 no such command";
        case "QUIT":
          return "221 2.0.0 bye";
        default:
          return verb === "RSET" ? "250 2.0.0 ok" : "502 5.5.1 no such command";
      }
    };
    const takeData = (line: string): void => {
      if (line !== ".") {
        mail.data += `${line.replace(/^\./, "")}\r\n`;
        return;
      }
      inData = false;
      const other = this.answer("(end of data)");
      if (other === undefined) this.mails.push({ ...mail });
      say(other ?? "250 2.0.0 kept");
    };
    const take = (line: string): void => {
      this.commands.push(line);
      const other = this.answer(line);
      say(other ?? usual(line));
      if (other === undefined && this.#options.tls && /^STARTTLS$/i.test(line)) {
        socket.removeAllListeners("data");
        this.#serve(this.#secure(socket), "after STARTTLS");
      }
      if (other === undefined && /^QUIT$/i.test(line)) socket.end();
    };
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (inData) takeData(line);
        else take(line);
      }
    });
    if (tls !== "after STARTTLS") say(this.answer("(greeting)") ?? "220 sink ready");
  }
}
