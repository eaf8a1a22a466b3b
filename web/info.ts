/**
 * What the operator tells the page and the monitor does not know: the name under which the doors are reached, the
 * trust anchor, and where the practice files are. From these come the exact commands that a visitor may copy.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Explorer } from "./explorers.ts";

export interface Info {
  /** Host name or address of the doors, as visitors reach them. */
  doorsHost: string;
  /** PEM of the one certificate that both roles must lead to; null when it was not given. */
  trustAnchor: string | null;
  /** Folder of a practice piñata's files, which hold the player's certificate; null for a real one. */
  practiceDir: string | null;
  /** The port at the visitor's address that the dial-back door calls. */
  dialPort: number;
  /** Where visitors may look transactions up; absent: the usual places of the network. */
  explorers?: readonly Explorer[];
  /** What a bitcoin is worth elsewhere, when a source of that is configured; null while it does not know. */
  rate?: () => Rate | null;
}

/** The price of one bitcoin, as somebody told it. */
export interface Rate {
  perBitcoin: number;
  /** ISO 4217. */
  currency: string;
  /** Who told it, and when. */
  source: string;
  at: number;
}

export interface Doors {
  server: number;
  dialback: number;
  client: number;
}

/** What the page reads of public.json, which `pinata mint` writes; the rest of it is not the page's business. */
const publicFile = z.object({
  trustAnchor: z.string().regex(/^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----\s*$/),
});

/** The trust anchor of a public file. Throws one clear line. */
export function readTrustAnchor(path: string): string {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(
      `${path} cannot be read as a piñata's public facts: ${error instanceof Error ? error.message : error}`,
    );
  }
  const parsed = publicFile.safeParse(value);
  if (!parsed.success) throw new Error(`${path} holds no trust anchor (field "trustAnchor", PEM)`);
  return `${parsed.data.trustAnchor.trim()}\n`;
}

/** The usual ports, used in commands until the piñata has told its own. */
const USUAL: Doors = { server: 10000, dialback: 10001, client: 10002 };

/** The commands of "how to win", by the names that the page gives them. File names as `pinata mint` makes them. */
export function commands({ doorsHost, practiceDir, dialPort }: Info, doors: Doors | null): Record<string, string> {
  const port = doors ?? USUAL;
  const file = (name: string) => quoted(practiceDir === null ? name : `${practiceDir}/${name}`);
  const player = `-cert ${file("player.pem")} -key ${file("player.key")}`;
  return {
    cmdLook: `openssl s_client -connect ${doorsHost}:${port.server} -tls1_3`,
    cmdPlay: `openssl s_client -connect ${doorsHost}:${port.server} -tls1_3 -quiet ${player}`,
    cmdServe: `openssl s_server -accept ${dialPort} -tls1_3 -quiet -Verify 3 -CAfile ${file("ca.pem")} ${player}`,
    cmdDialBack: `socat -u OPEN:/dev/null TCP:${doorsHost}:${port.dialback}`,
    cmdReverse: `socat TCP:${doorsHost}:${port.client} TCP:localhost:${dialPort}`,
    cmdRelay: `socat TCP:${doorsHost}:${port.server} TCP:${doorsHost}:${port.client}`,
    cmdSmash: "npx pinata smash",
  };
}

/** A path as one word of a POSIX shell. */
function quoted(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
