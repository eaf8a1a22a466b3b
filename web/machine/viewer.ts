/**
 * A viewer's stream over Node's own response: bytes go straight to the socket, the event's end is the connection's end (RFC
 * 9112 §6.3), so an event shared by ten thousand viewers is framed once. What waits for a viewer is what Node holds for it.
 */
import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hub, Viewer } from "../hub.ts";
import { complete } from "./answer.ts";
import type { Headers } from "./headers.ts";

export interface StreamOptions {
  hub: Hub;
  /** Node's response to the request. */
  outgoing: ServerResponse;
  headers: Headers;
  voice: string;
  /** The last event that the viewer has seen; empty for none. */
  after: string;
}

const STREAM = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // Some reverse proxies would hold the stream back.
  "x-accel-buffering": "no",
  connection: "close",
} as const;

/** Begins the stream and says that the answer is under way; undefined: there are too many viewers. */
export function openStream({ hub, outgoing, headers, voice, after }: StreamOptions): Response | undefined {
  const viewer = new NodeViewer(outgoing, headers);
  const leave = hub.join(viewer, { voice, after });
  if (leave === undefined) return undefined;
  outgoing.once("close", leave);
  return complete(RESPONSE_ALREADY_SENT);
}

/** The headers of a stream, for who asks only for these (HEAD). */
export function streamHeaders(headers: Headers): Headers {
  return { ...STREAM, ...headers };
}

class NodeViewer implements Viewer {
  readonly #outgoing: ServerResponse;
  readonly #headers: Headers;

  constructor(outgoing: ServerResponse, headers: Headers) {
    this.#outgoing = outgoing;
    this.#headers = headers;
  }

  write(bytes: Uint8Array): void {
    const outgoing = this.#outgoing;
    if (!outgoing.headersSent) {
      // Neither a length nor chunks: the stream goes on until the connection ends.
      outgoing.removeHeader("transfer-encoding");
      outgoing.writeHead(200, streamHeaders(this.#headers));
    }
    outgoing.write(bytes);
  }

  waiting(): number {
    return this.#outgoing.writableLength;
  }

  cut(): void {
    this.#outgoing.destroy();
  }
}
