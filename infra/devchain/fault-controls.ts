/**
 * POST /dev/faults: sets what is wrong with each face of the development chain (JSON-RPC, ZMQ, Esplora and its push channel,
 * Electrum), for tests that run it as a process. What is not named is right again, so `{}` ends all faults.
 */
import { z } from "zod";
import { type Faults as ElectrumFaults, lies as electrumLies } from "./electrum/faults.ts";
import { METHOD_NAMES, type Method } from "./electrum/methods.ts";
import { type EsploraFaults, esploraLies, QUESTION_NAMES } from "./esplora-faults.ts";
import { DELIVERIES, type HttpFaults, type Lie } from "./faults.ts";
import type { DevNode } from "./node.ts";
import { type RpcFaults, rpcLies } from "./rpc-faults.ts";
import type { ZmqPublisher } from "./zmq.ts";

const MAX_DELAY = 600_000;

/** Which question each of the Electrum server's lies fits. */
const ELECTRUM_LIES = {
  otherNetwork: "server.features",
  falseBytes: "blockchain.transaction.get",
  badBranch: "blockchain.transaction.get_merkle",
  weakTip: "blockchain.headers.subscribe",
  weakHeaders: "blockchain.block.headers",
  emptyHistory: "blockchain.scripthash.get_history",
} as const satisfies Record<keyof typeof electrumLies, Method>;

const delay = z.number().int().min(0).max(MAX_DELAY).default(0);
const retryAfter = z.number().int().min(0).optional();
const name = <T extends object>(table: T) => z.enum(Object.keys(table) as [keyof T & string, ...(keyof T & string)[]]);

/** How answers over HTTP leave. */
const http = { delivery: z.enum(DELIVERIES).default("whole"), delay, retryAfter };

export const faultsRequest = z.strictObject({
  core: z
    .strictObject({
      ...http,
      /** JSON-RPC methods; all when empty. */
      only: z.array(z.string()).default([]),
      lies: z.array(name(rpcLies)).default([]),
      warmingUp: z.string().optional(),
      /** Blocks that the node has forgotten. */
      forget: z.number().int().positive().optional(),
    })
    .optional(),
  zmq: z
    .strictObject({
      publishing: z.enum(["told", "silent"]).default("told"),
      /** Each message whose number is a multiple of this is lost. */
      loseEvery: z.number().int().positive().optional(),
      counters: z.enum(["kept", "reset"]).default("kept"),
    })
    .optional(),
  esplora: z
    .strictObject({
      ...http,
      /** All when empty. */
      only: z.array(z.enum(QUESTION_NAMES)).default([]),
      lies: z.array(name(esploraLies)).default([]),
      /** Txids that no answer mentions. */
      omitted: z.array(z.string()).default([]),
      /** The height at which the chain ends. */
      amnesia: z.number().int().min(0).optional(),
      tip: z.enum(["true", "weak", "easy"]).default("true"),
      /** Requests beyond `allowed` get a web page. */
      limit: z
        .strictObject({
          allowed: z.number().int().min(0),
          status: z.union([z.literal(200), z.literal(429), z.literal(503)]).default(429),
          retryAfter: z.string().optional(),
        })
        .optional(),
      push: z
        .strictObject({
          connections: z.enum(["served", "refused"]).default("served"),
          voice: z.enum(["told", "kept back", "dead"]).default("told"),
          wire: z.enum(["whole", "twice", "garbage", "huge"]).default("whole"),
          removals: z.enum(["told", "kept back"]).default("told"),
          delay,
        })
        .optional(),
    })
    .optional(),
  electrum: z
    .strictObject({
      wire: z.enum(["whole", "twice", "never", "garbage", "endless", "half"]).default("whole"),
      /** All messages when empty. */
      only: z.array(z.enum(METHOD_NAMES)).default([]),
      delay,
      lies: z.array(name(electrumLies)).default([]),
      notifications: z.enum(["told", "kept back"]).default("told"),
      connections: z.enum(["served", "closed"]).default("served"),
    })
    .optional(),
});
type Wanted = z.infer<typeof faultsRequest>;

/** The faces that there are. */
export interface Faulty {
  core: RpcFaults;
  zmq?: ZmqPublisher;
  esplora?: EsploraFaults;
  electrum?: ElectrumFaults;
}

/** Faces that are not there ignore what is wished of them. */
export function setFaults(node: DevNode, { core, zmq, esplora, electrum }: Faulty, wanted: Wanted): void {
  core.clear();
  if (wanted.core) {
    const { lies, warmingUp, forget } = wanted.core;
    setHttp(
      core,
      wanted.core,
      lies.map((each) => rpcLies[each]),
    );
    Object.assign(core, { warmingUp });
    if (forget !== undefined) core.forget(node, forget);
  }
  zmq?.faults.clear();
  if (zmq && wanted.zmq) setZmq(zmq, wanted.zmq);
  esplora?.clear();
  if (esplora && wanted.esplora) {
    const { lies, omitted, amnesia, tip, limit, push } = wanted.esplora;
    setHttp(
      esplora,
      wanted.esplora,
      lies.map((each) => esploraLies[each]),
    );
    Object.assign(esplora, { amnesia, tip, limit });
    for (const txid of omitted) esplora.omitted.add(txid);
    Object.assign(esplora.push, push);
  }
  electrum?.clear();
  if (electrum && wanted.electrum) {
    const { lies, only, ...rest } = wanted.electrum;
    Object.assign(electrum, rest);
    for (const each of only) electrum.only.add(each);
    for (const each of lies) electrum.lies.set(ELECTRUM_LIES[each], electrumLies[each]);
  }
}

type HttpWanted = Pick<NonNullable<Wanted["core"]>, "delivery" | "delay" | "retryAfter" | "only">;

function setHttp(
  faults: HttpFaults,
  { delivery, delay: wait, retryAfter: after, only }: HttpWanted,
  lies: readonly (readonly [question: string, lie: Lie])[],
): void {
  Object.assign(faults, { delivery, delay: wait, retryAfter: after });
  for (const question of only) faults.only.add(question);
  for (const [question, lie] of lies) faults.lies.set(question, lie);
}

function setZmq(zmq: ZmqPublisher, { publishing, loseEvery, counters }: NonNullable<Wanted["zmq"]>): void {
  zmq.faults.publishing = publishing;
  if (loseEvery !== undefined) zmq.faults.keep = (_topic, number) => number % loseEvery !== 0;
  if (counters === "reset") zmq.resetCounters();
}
