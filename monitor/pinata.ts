/**
 * What is watched: the public facts that minting a piñata prints (public.json). They must agree with each other: the
 * output key must follow from internal key and refund leaf, and address and script from the output key. A monitor
 * that watches something else than what it publishes would be worse than none.
 */
import { readFileSync } from "node:fs";
import { address as addresses } from "bitcoinjs-lib";
import { z } from "zod";
import { fromHex, toHex } from "./proofs/bytes.ts";
import { customSignet, NETWORKS, type NetworkRules } from "./proofs/networks.ts";
import { outputKeyOf, refundLeaf, type WatchedOutput } from "./proofs/taproot-spend.ts";

const key = z.string().regex(/^(0[23])?[0-9a-f]{64}$/, "a public key: 64 hex digits (x-only) or 66");
const NAMES: Readonly<Record<string, NetworkRules>> = {
  ...NETWORKS,
  bitcoin: NETWORKS.main,
  mainnet: NETWORKS.main,
  testnet: NETWORKS.test,
};

/** The part of public.json that the monitor needs; other keys are allowed. */
export const publicFile = z.object({
  network: z.string().refine((name) => Object.hasOwn(NAMES, name), `one of ${Object.keys(NAMES).join(", ")}`),
  address: z.string().min(14).max(90),
  scriptPubKey: z.string().regex(/^5120[0-9a-f]{64}$/, "a taproot script: 5120 and 64 hex digits"),
  descriptor: z.string().min(1).max(1000),
  internalKey: key,
  refund: z.object({ publicKey: key, height: z.number().int().positive().max(499_999_999) }),
});

export interface Pinata {
  /** As the file names it. */
  network: string;
  rules: NetworkRules;
  address: string;
  descriptor: string;
  /** x-only, in hex. */
  internalKey: string;
  output: WatchedOutput;
}

/** Reads and checks public.json; throws an Error with one clear line that names the file. */
export function readPinata(path: string): Pinata {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(
      `${path}: cannot read the piñata's public facts: ${error instanceof Error ? error.message : error}`,
    );
  }
  const result = publicFile.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new Error(`${path}: ${issue.path.join(".") || "the file"}: ${issue.message}`);
  }
  try {
    return toPinata(result.data);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * The same with what whoever runs the monitor knows of the chain: `checkpoint` as "height:hash", `signetChallenge` in hex.
 * Throws when the network has no such thing.
 */
export function withChain(
  pinata: Pinata,
  known: { checkpoint?: string | undefined; signetChallenge?: string | undefined },
): Pinata {
  let { rules } = pinata;
  if (known.signetChallenge !== undefined) {
    if (!rules.challenge) throw new Error(`signetChallenge: ${pinata.network} is no signet`);
    rules = customSignet(fromHex(known.signetChallenge));
  }
  if (known.checkpoint !== undefined) {
    const [height, hash] = known.checkpoint.split(":") as [string, string];
    rules = { ...rules, anchor: { height: Number(height), hash } };
  }
  return { ...pinata, rules };
}

/** Throws when the facts do not belong together. */
export function toPinata(facts: z.infer<typeof publicFile>): Pinata {
  const rules = NAMES[facts.network]!;
  const script = fromHex(facts.scriptPubKey);
  const refund = { refundKey: fromHex(facts.refund.publicKey.slice(-64)), refundHeight: facts.refund.height };
  const { key: outputKey } = outputKeyOf(fromHex(facts.internalKey.slice(-64)), refundLeaf(refund));
  if (toHex(outputKey) !== facts.scriptPubKey.slice(4)) {
    throw new Error("scriptPubKey does not follow from internalKey and refund; one of them is wrong");
  }
  if (facts.address.toLowerCase() !== addresses.toBech32(outputKey, 1, rules.hrp)) {
    throw new Error("address does not belong to scriptPubKey on this network");
  }
  const { network, address, descriptor } = facts;
  const internalKey = facts.internalKey.slice(-64);
  return { network, rules, address, descriptor, internalKey, output: { script, outputKey, ...refund } };
}
