/**
 * POST /dev/faults: sets what is wrong with the JSON-RPC face and the ZMQ publisher, for tests that run the development chain
 * as a process. What is not named is right again, so `{}` ends all faults.
 */
import { z } from "zod";
import { DELIVERIES } from "./faults.ts";
import type { DevNode } from "./node.ts";
import { type RpcFaults, rpcLies } from "./rpc-faults.ts";
import type { ZmqPublisher } from "./zmq.ts";

type LieName = keyof typeof rpcLies;
const MAX_DELAY = 600_000;

export const faultsRequest = z.strictObject({
  core: z
    .strictObject({
      delivery: z.enum(DELIVERIES).default("whole"),
      /** JSON-RPC methods; all when empty. */
      only: z.array(z.string()).default([]),
      delay: z.number().int().min(0).max(MAX_DELAY).default(0),
      retryAfter: z.number().int().min(0).optional(),
      lies: z.array(z.enum(Object.keys(rpcLies) as [LieName, ...LieName[]])).default([]),
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
});

export interface Faulty {
  core: RpcFaults;
  zmq?: ZmqPublisher;
}

export function setFaults(node: DevNode, { core, zmq }: Faulty, wanted: z.infer<typeof faultsRequest>): void {
  core.clear();
  if (wanted.core) {
    const { delivery, only, delay, retryAfter, lies, warmingUp, forget } = wanted.core;
    Object.assign(core, { delivery, delay, retryAfter, warmingUp });
    for (const method of only) core.only.add(method);
    for (const name of lies) {
      const [method, lie] = rpcLies[name];
      core.lies.set(method, lie);
    }
    if (forget !== undefined) core.forget(node, forget);
  }
  zmq?.faults.clear();
  if (!wanted.zmq || !zmq) return;
  const { publishing, loseEvery, counters } = wanted.zmq;
  zmq.faults.publishing = publishing;
  if (loseEvery !== undefined) zmq.faults.keep = (_topic, number) => number % loseEvery !== 0;
  if (counters === "reset") zmq.resetCounters();
}
