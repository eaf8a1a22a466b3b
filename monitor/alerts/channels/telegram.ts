/**
 * Telegram (https://core.telegram.org/bots/api#sendmessage): plain text without parse mode, so that nothing in it can be
 * markup. The bot's token is a part of the URL, which therefore never appears in an error.
 */
import { z } from "zod";
import type { Message } from "../kinds.ts";
import { type Channel, ChannelError } from "./channel.ts";
import { type HttpAnswer, mustBeTaken, post } from "./http.ts";

/** Characters (UTF-16 units) of one message. */
const MAX_TEXT = 4096;
const answer = z.object({ ok: z.literal(true) });
const refusal = z.object({ parameters: z.object({ retry_after: z.number().nonnegative().max(600) }) });

export class Telegram implements Channel {
  readonly name: string;
  readonly #url: string;
  readonly #chat: string;
  readonly #token: string;

  constructor(name: string, options: { url: string; chat: string; token: string }) {
    this.name = name;
    this.#chat = options.chat;
    this.#token = options.token;
    this.#url = `${options.url.replace(/\/+$/, "")}/bot${options.token}/sendMessage`;
  }

  async send({ body }: Message, signal: AbortSignal): Promise<void> {
    const text = `${body.subject}\n\n${body.text}`;
    const message = {
      chat_id: this.#chat,
      text: text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1).replace(/[\ud800-\udbff]$/, "")}…` : text,
      link_preview_options: { is_disabled: true },
    };
    const taken = await post(this.#url, { "content-type": "application/json" }, JSON.stringify(message), signal);
    if (taken.status === 429) throw this.#tooMany(taken);
    try {
      mustBeTaken(taken, this.#token);
    } catch (error) {
      // It answers 400 to a wrong chat too; a text that it would not take is not made here.
      throw error instanceof ChannelError ? new ChannelError(error.message, { retryAfter: error.retryAfter }) : error;
    }
    if (!answer.safeParse(parse(taken.text)).success) throw new ChannelError("did not answer as Telegram does");
  }

  /** How long to wait is in the body. */
  #tooMany({ text, retryAfter }: HttpAnswer): ChannelError {
    const told = refusal.safeParse(parse(text));
    const wait = told.success ? told.data.parameters.retry_after * 1000 : retryAfter;
    return new ChannelError("asks for fewer messages (HTTP 429)", { retryAfter: wait });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
