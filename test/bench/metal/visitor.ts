/**
 * The client of both machines: the player, with certificate and key, one suite and one group so that both do the same work. A
 * handshake counts when the server has answered with data, which it does only after it has judged the client.
 */
import { setMaxListeners } from "node:events";
import { connect, createSecureContext, type SecureContext } from "node:tls";
import type { Guest } from "./guest.ts";

export interface Visitor {
  port: number;
  context: SecureContext;
  /** Sent as soon as the client may; undefined: the server speaks first. */
  request: string | undefined;
}

export interface Rate {
  handshakes: number;
  seconds: number;
  /** QEMU's processor time, seconds. */
  cpu: number;
}

export const SUITE = "TLS_AES_128_GCM_SHA256";
export const GROUP = "X25519";
const REFUSED_MILLIS = 2;
const NEXT_MILLIS = 50;
const ATTEMPT_MILLIS = 1000;
const VISIT_MILLIS = 10_000;

export function visitorContext(ca: Uint8Array, cert: Uint8Array, key: Uint8Array): SecureContext {
  return createSecureContext({
    ca: Buffer.from(ca),
    cert: Buffer.from(cert),
    key: Buffer.from(key),
    minVersion: "TLSv1.3",
    ciphers: SUITE,
    ecdhCurve: GROUP,
  });
}

/** One handshake, to the end of the connection. `onBytes` is called when the server answers at all. */
export function visit({ port, context, request }: Visitor, millis = VISIT_MILLIS, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      secureContext: context,
      servername: "localhost",
      checkServerIdentity: () => undefined,
    });
    let answered = false;
    const timer = setTimeout(() => socket.destroy(new Error(`no answer in ${millis} ms`)), millis);
    const abort = () => socket.destroy();
    signal?.addEventListener("abort", abort);
    if (request !== undefined) socket.once("secureConnect", () => socket.write(request));
    socket.on("data", () => {
      answered = true;
    });
    let failure: Error | undefined;
    socket.once("error", (error) => {
      failure = error;
    });
    socket.once("close", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      answered ? resolve() : reject(failure ?? new Error("the server said nothing"));
    });
  });
}

/**
 * Milliseconds from the start of QEMU to the first handshake that was answered. QEMU takes connections before the guest
 * lives and hands them on when it does, but gives up on early ones: a new one is begun every 50 ms, and the first that succeeds counts.
 */
export async function firstHandshake(guest: Guest, visitor: Visitor, patienceMillis: number): Promise<number> {
  const done = new AbortController();
  // One for each attempt that is under way.
  setMaxListeners(0, done.signal);
  const pending = new Set<Promise<void>>();
  let took: number | undefined;
  let refused = false;
  while (took === undefined) {
    guest.requireRunning();
    if (performance.now() - guest.started > patienceMillis) {
      done.abort();
      throw guest.failed(`answered no handshake in ${patienceMillis} ms`);
    }
    refused = false;
    let wake = () => {};
    const news = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const attempt = visit(visitor, ATTEMPT_MILLIS, done.signal).then(
      () => {
        took ??= performance.now() - guest.started;
        wake();
      },
      (error: NodeJS.ErrnoException) => {
        refused = error.code === "ECONNREFUSED";
        wake();
      },
    );
    pending.add(attempt);
    void attempt.then(() => pending.delete(attempt));
    await Promise.race([news, pause(NEXT_MILLIS)]);
    if (took === undefined && refused) await pause(REFUSED_MILLIS);
  }
  done.abort();
  await Promise.all(pending);
  return took;
}

/** Handshakes for at least `seconds`, `atOnce` at a time. */
export async function measureRate(guest: Guest, visitor: Visitor, atOnce: number, seconds: number): Promise<Rate> {
  const cpu = guest.cpuSeconds();
  const start = performance.now();
  let handshakes = 0;
  const lane = async () => {
    while (performance.now() - start < seconds * 1000) {
      await visit(visitor);
      handshakes++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { handshakes, seconds: (performance.now() - start) / 1000, cpu: guest.cpuSeconds() - cpu };
}

/** QEMU's share of one core while nobody calls, 0 to 1 and more. */
export async function measureIdle(guest: Guest, seconds: number): Promise<number> {
  const cpu = guest.cpuSeconds();
  const start = performance.now();
  await pause(seconds * 1000);
  return (guest.cpuSeconds() - cpu) / ((performance.now() - start) / 1000);
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
