/** A way to reach a person. It is given one message at a time and says whether that was taken. */
import type { Message } from "../kinds.ts";

export interface Channel {
  /** As the configuration names it. */
  readonly name: string;
  /** Resolves when the other side has taken the message. Throws {@link ChannelError}; ends soon after `signal` is aborted. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/** The message was not taken. The text says why, after "channel X …", and holds no secret. */
export class ChannelError extends Error {
  override name = "ChannelError";
  /** Milliseconds for which the other side asked to be left alone. */
  readonly retryAfter: number | undefined;
  /** `message`: this very message is what the other side does not want; a later one may do. */
  readonly about: "channel" | "message";

  constructor(text: string, options: { retryAfter?: number | undefined; about?: ChannelError["about"] } = {}) {
    super(text);
    this.retryAfter = options.retryAfter;
    this.about = options.about ?? "channel";
  }
}

/** Cut to so many bytes of UTF-8 at a character's border, with a mark that something is missing. */
export function clip(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let room = bytes - Buffer.byteLength("…");
  let end = 0;
  for (const character of text) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}
