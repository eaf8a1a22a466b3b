/**
 * ntfy (https://docs.ntfy.sh/publish/, "Publish as JSON"): POST to the server's root. The alert's id is the sequence id,
 * by which a server of version 2.16 or later shows a repeated message once; the text holds it for older ones.
 */
import type { Message, Severity } from "../kinds.ts";
import { type Channel, clip } from "./channel.ts";
import { mustBeTaken, post } from "./http.ts";

/** A longer message would become an attachment, which a phone does not show. */
const MAX_MESSAGE = 4096;
const PRIORITY: Readonly<Record<Severity, number>> = { critical: 5, warning: 4, info: 3 };
const TAG: Readonly<Record<Severity, string>> = {
  critical: "rotating_light",
  warning: "warning",
  info: "information_source",
};

export class Ntfy implements Channel {
  readonly name: string;
  readonly #url: string;
  readonly #topic: string;
  readonly #token: string | undefined;

  constructor(name: string, options: { url: string; topic: string; token?: string | undefined }) {
    this.name = name;
    this.#url = options.url;
    this.#topic = options.topic;
    this.#token = options.token;
  }

  async send({ body }: Message, signal: AbortSignal): Promise<void> {
    const message = {
      topic: this.#topic,
      title: clip(body.subject, 250),
      message: clip(body.text, MAX_MESSAGE),
      priority: PRIORITY[body.severity],
      tags: [TAG[body.severity]],
      sequence_id: body.id,
    };
    const headers = {
      "content-type": "application/json",
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
    };
    mustBeTaken(await post(this.#url, headers, JSON.stringify(message), signal), this.#token);
  }
}
