/**
 * The live stream as a Response (Server-Sent Events, WHATWG HTML §9.2). A client that does not read as fast as events
 * come has a bounded queue; when that is full it is dropped and comes back with Last-Event-ID for what it missed.
 */
import type { Clock } from "./clock.ts";
import type { Hub, StreamEvent } from "./hub.ts";

export interface StreamLimits {
  /** Bytes waiting for one client. */
  queue: number;
  /** Milliseconds between comments that keep idle connections open. */
  keepAlive: number;
  clients: number;
}

export const STREAM_LIMITS: StreamLimits = { queue: 1 << 20, keepAlive: 15_000, clients: 20_000 };

export interface StreamOptions {
  hub: Hub;
  clock: Clock;
  limits: StreamLimits;
  /** The client's Last-Event-ID. */
  last: number | undefined;
  /** Cuts the connection, where there is one; without it the stream ends with an error. */
  disconnect?: (() => void) | undefined;
}

/** undefined when there are too many clients. */
export function eventStream({ hub, clock, limits, last, disconnect }: StreamOptions): Response | undefined {
  if (hub.listeners >= limits.clients) return undefined;
  let end = (): void => {};
  // What a client missed comes in one piece on top of its queue: it has had no chance to read yet.
  const missed = Buffer.concat([RETRY, ...hub.replay(last).map(encode)]);
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let cancelKeepAlive = (): void => {};
        const leave = hub.subscribe((event) => send(encode(event)));
        end = () => {
          leave();
          cancelKeepAlive();
        };
        const send = (bytes: Uint8Array): void => {
          controller.enqueue(bytes);
          if ((controller.desiredSize ?? 0) > 0) return;
          end();
          if (disconnect) disconnect();
          else controller.error(new Error("the client does not keep up"));
        };
        const keepAlive = (): void => {
          cancelKeepAlive = clock.after(limits.keepAlive, () => {
            send(KEEP_ALIVE);
            keepAlive();
          });
        };
        keepAlive();
        controller.enqueue(missed);
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: missed.length + limits.queue }),
  );
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // Some reverse proxies would hold the stream back.
      "x-accel-buffering": "no",
    },
  });
}

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(": keep-alive\n\n");
const RETRY = encoder.encode("retry: 1000\n\n");
const encoded = new WeakMap<StreamEvent, Uint8Array>();

/** The same event goes to every client: it is encoded once. */
function encode(event: StreamEvent): Uint8Array {
  const known = encoded.get(event);
  if (known) return known;
  const bytes = encoder.encode(`id: ${event.id}\nevent: ${event.event}\ndata: ${event.data}\n\n`);
  encoded.set(event, bytes);
  return bytes;
}
