/**
 * Whole handshakes for the native program: a client door against a server door beside one vault, so that each suite, each group (P-256 by way of
 * HelloRetryRequest) and each kind of signature is seen from both sides. The certificates are made anew in every run.
 */
import { NOW, type OwnKeyKind } from "../support/certificates.ts";
import { CANDY, makeVaultWorld, sealOf, type VaultWorld } from "../support/vault.ts";
import type { Run } from "./memcheck.ts";

interface Choice {
  name: string;
  suite: number;
  group: number;
  kind: OwnKeyKind;
  /** The flight (from 1: the ClientHello; 0: none) of which a bit is flipped on the wire, and in which byte: one of a protected record. */
  spoilt: [flight: number, byte: number];
  /** How many of the two doors give candy: the client door does as soon as it has sent its flight. */
  candies: number;
}

/** A handshake, and how many candies must come of it. */
export interface HandshakeRun extends Run {
  candies: number;
}

const CHOICES: Choice[] = [
  {
    name: "AES-128-GCM, X25519MLKEM768, ECDSA",
    suite: 0x1301,
    group: 0x11ec,
    kind: "p256",
    spoilt: [0, 0],
    candies: 2,
  },
  {
    name: "AES-256-GCM, P-256 after retry, Ed25519",
    suite: 0x1302,
    group: 23,
    kind: "ed25519",
    spoilt: [0, 0],
    candies: 2,
  },
  { name: "ChaCha20-Poly1305, X25519, ECDSA", suite: 0x1303, group: 29, kind: "p256", spoilt: [0, 0], candies: 2 },
  { name: "the server's flight is spoilt", suite: 0x1301, group: 29, kind: "p256", spoilt: [2, 400], candies: 0 },
  { name: "the client's flight is spoilt", suite: 0x1303, group: 29, kind: "ed25519", spoilt: [3, 100], candies: 1 },
];

export async function handshakeRuns(): Promise<HandshakeRun[]> {
  const world = await makeVaultWorld();
  return CHOICES.map((choice) => ({
    name: `handshake: ${choice.name}`,
    candies: choice.candies,
    line: (id: string) => scenarioLine(id, world, choice),
  }));
}

/** Where the secrets are in the seal is found by looking for them. */
function scenarioLine(id: string, world: VaultWorld, { suite, group, kind, spoilt }: Choice): string {
  const seal = Buffer.from(sealOf(world, kind));
  const place = (bytes: Uint8Array) => {
    const at = seal.indexOf(bytes);
    if (at < 0) throw new Error("a secret is not in the seal");
    return at;
  };
  const { server, client } = world.own[kind];
  const keys = [place(server.keys.secret), place(client.keys.secret)];
  const candy = Buffer.from(CANDY);
  return [id, suite, group, ...spoilt, NOW, ...keys, place(candy), candy.length, seal.toString("hex")].join(" ");
}
