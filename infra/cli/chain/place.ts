/** Who answers for a chain, as run.json keeps it, and the client for it. */
import { z } from "zod";
import { BitcoindRpc } from "../../bitcoind/rpc.ts";
import type { Chain } from "./chain.ts";
import { CoreChain } from "./core.ts";
import { EsploraChain } from "./esplora.ts";

export const chainPlace = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("esplora"), url: z.string() }),
  z.object({ kind: z.literal("core"), url: z.string(), cookie: z.string() }),
]);
export type ChainPlace = z.infer<typeof chainPlace>;

export function chainAt(place: ChainPlace): Chain {
  return place.kind === "esplora"
    ? new EsploraChain(place.url)
    : new CoreChain(new BitcoindRpc(place.url, place.cookie));
}
