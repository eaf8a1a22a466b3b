/**
 * public.json: what everyone may know of a piñata. The monitor, the web page and the commands read it through this schema;
 * it holds no secret.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UsageError } from "../cli/errors.ts";

const key = z.string().regex(/^[0-9a-f]{64}$/, "64 hex digits");

export const publicFile = z.object({
  version: z.literal(1),
  network: z.enum(["regtest", "testnet", "mainnet"]),
  address: z.string().min(14).max(90),
  /** OP_1 and a push of the output key. */
  scriptPubKey: z.string().regex(/^5120[0-9a-f]{64}$/, "5120 and 64 hex digits"),
  /** With public keys only, and checksum. */
  descriptor: z.string().max(1000),
  /** x-only; the key path's key before the tweak. */
  internalKey: key,
  refund: z.object({ publicKey: key, height: z.number().int().min(1).max(499_999_999) }),
  /** The authority that both sides' certificates chain to, PEM. */
  trustAnchor: z.string().startsWith("-----BEGIN CERTIFICATE-----"),
  /** ISO 8601, UTC. */
  created: z.iso.datetime(),
});
export type PublicFile = z.infer<typeof publicFile>;

/** Reads and checks public.json; throws {@link UsageError} that names the file. */
export function readPublicFile(path: string): PublicFile {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError(`${path} cannot be read as a piñata's public facts: ${(error as Error).message}`);
  }
  const result = publicFile.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new UsageError(`${path}: ${issue.path.join(".") || "the file"}: ${issue.message}`);
}
