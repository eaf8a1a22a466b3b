/**
 * Webhook: POST of the alert's JSON with `Idempotency-Key` (the alert's id), `Pinata-Timestamp` and `Pinata-Signature`
 * (sign.ts). Any 2xx means taken.
 */
import type { Message } from "../kinds.ts";
import { signedHeaders } from "../sign.ts";
import type { Channel } from "./channel.ts";
import { mustBeTaken, post } from "./http.ts";

export class Webhook implements Channel {
  readonly name: string;
  readonly #url: string;
  readonly #secret: string;
  readonly #now: () => number;

  constructor(name: string, options: { url: string; secret: string; now: () => number }) {
    this.name = name;
    this.#url = options.url;
    this.#secret = options.secret;
    this.#now = options.now;
  }

  async send({ body, json }: Message, signal: AbortSignal): Promise<void> {
    const headers = {
      "content-type": "application/json",
      "user-agent": "pinata-monitor",
      "idempotency-key": body.id,
      ...signedHeaders(this.#secret, json, this.#now()),
    };
    mustBeTaken(await post(this.#url, headers, json, signal), this.#secret);
  }
}
