/**
 * Everybody's certificates for generated conversations: the piñata with its shipped vault, peers that may pass, and chains that may not
 * (RFC 5280, RFC 8446 §4.4.2). What each chain deserves is written here, beside how it is made, for the model to know.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import {
  authority,
  basicConstraints,
  type Issued,
  issue,
  type KeyKind,
  KeyUsageFlags,
  keyUsage,
  leaf,
  NOW,
  purposes,
} from "../../certificates.ts";
import type { Credential } from "../../door-host.ts";
import { sealBytes, sealFields } from "../../seal.ts";
import { CANDY } from "../../vault.ts";
import { ALERT } from "../wire.ts";

/** The kinds of key that the piñata itself may have; each is another piñata under the same authority. */
export const PINATA_KINDS = ["p256", "ed25519"] as const;
export type PinataKind = (typeof PINATA_KINDS)[number];

/** The seconds since 1970 at which all conversations take place. */
export const CONVERSATION_TIME = NOW;
export { CANDY };

/** A chain with the key that belongs to it, or with another where the thief has only the certificate. */
export interface Identity extends Credential {
  name: string;
  /** The alerts that a verifier may refuse this chain with; none: it is trusted. */
  distrust: readonly number[];
}

export interface World {
  anchor: Issued;
  seals: Record<PinataKind, Uint8Array>;
  /** By the role of the peer that shows them: those that are trusted, and those that are not. */
  trusted: Record<"client" | "server", Identity[]>;
  distrusted: Record<"client" | "server", Identity[]>;
  /** The piñata's own certificates. */
  owned: Buffer[];
  /** The same, relayed by a thief who has another key. */
  stolen: Record<"client" | "server", Identity[]>;
}

export async function makeWorld(): Promise<World> {
  const anchor = await authority({ pathLength: 1, kind: "p256" });
  const other = await authority({ subject: "CN=Other CA,O=Example", kind: "p256" });
  /** Bears the anchor's name, not its key. */
  const impostor = await authority({ subject: anchor.subject, kind: "p256" });
  const between = await issue({
    ...{ issuer: anchor, subject: "CN=Between,O=Example", kind: "p256" },
    extensions: [basicConstraints(true, 0), keyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign)],
  });
  const own = {
    p256: { server: await leaf("server", { issuer: anchor }), client: await leaf("client", { issuer: anchor }) },
    ed25519: {
      server: await leaf("server", { issuer: anchor, kind: "ed25519" }),
      client: await leaf("client", { issuer: anchor, kind: "ed25519" }),
    },
  };
  const seal = ({ server, client }: (typeof own)[PinataKind]) =>
    sealBytes(sealFields({ candy: CANDY, anchor, server: [server], client: [client] }));

  const of = async (role: "client" | "server") => {
    const opposite = role === "client" ? "server" : "client";
    const good = await leaf(role, { issuer: anchor });
    const ed25519 = await leaf(role, { issuer: anchor, kind: "ed25519" });
    const below = await leaf(role, { issuer: between });
    const authorityToo = [basicConstraints(true), keyUsage(KeyUsageFlags.digitalSignature), purposes(role)];
    const trusted = [
      identity("a P-256 leaf", good),
      identity("an Ed25519 leaf", ed25519),
      identity("a P-384 leaf", await leaf(role, { issuer: anchor, kind: "p384" })),
      identity("a leaf below an intermediate", below, { above: [between] }),
      identity("a leaf with the anchor behind it", good, { above: [anchor] }),
    ];
    const past = { notBefore: new Date("2024-01-01T00:00:00Z"), notAfter: new Date("2025-01-01T00:00:00Z") };
    const future = { notBefore: new Date("2030-01-01T00:00:00Z"), notAfter: new Date("2031-01-01T00:00:00Z") };
    const distrusted = [
      identity("another authority's leaf", await leaf(role, { issuer: other }), { distrust: [ALERT.unknownCa] }),
      identity("an impostor's leaf", await leaf(role, { issuer: impostor }), { distrust: [ALERT.badCertificate] }),
      identity("an expired leaf", await leaf(role, { issuer: anchor, ...past }), {
        distrust: [ALERT.certificateExpired],
      }),
      identity("a leaf of the future", await leaf(role, { issuer: anchor, ...future }), {
        distrust: [ALERT.certificateExpired],
      }),
      identity(`a ${opposite}'s leaf`, await leaf(opposite, { issuer: anchor }), {
        distrust: [ALERT.unsupportedCertificate],
      }),
      identity("a leaf that calls itself an authority", await issue({ issuer: anchor, extensions: authorityToo }), {
        distrust: [ALERT.unsupportedCertificate],
      }),
      identity("an authority as leaf", between, { distrust: [ALERT.unsupportedCertificate] }),
      identity("the anchor as leaf", anchor, { distrust: [ALERT.unsupportedCertificate] }),
      identity("a leaf below a leaf", await leaf(role, { issuer: good }), {
        ...{ above: [good], distrust: [ALERT.unknownCa] },
      }),
      identity("a leaf without its intermediate", below, { distrust: [ALERT.unknownCa] }),
    ];
    const thief = keyOf(await leaf(role, { issuer: other }));
    const stolen = PINATA_KINDS.map((kind) => ({
      ...identity(`the piñata's own ${kind} certificate`, own[kind][role]),
      ...(kind === "p256" ? { key: thief } : { key: keyOf(ed25519) }),
    }));
    return { trusted, distrusted, stolen };
  };
  const client = await of("client");
  const server = await of("server");
  return {
    anchor,
    seals: { p256: seal(own.p256), ed25519: seal(own.ed25519) },
    owned: Object.values(own).flatMap(({ server, client }) => [server.der, client.der].map((der) => Buffer.from(der))),
    trusted: { client: client.trusted, server: server.trusted },
    distrusted: { client: client.distrusted, server: server.distrusted },
    stolen: { client: client.stolen, server: server.stolen },
  };
}

function identity(
  name: string,
  issued: Issued,
  { above = [], distrust = [] }: { above?: Issued[]; distrust?: readonly number[] } = {},
): Identity {
  const chain = [issued, ...above].map(({ der }) => der);
  return { name, chain, key: keyOf(issued), scheme: issued.keys.scheme, distrust };
}

/** The private key as node:crypto signs with it. */
function keyOf({ keys }: Issued): KeyObject {
  return privateKey(keys.kind, keys.secret);
}

/** A private key object from its bytes: PKCS #8 (RFC 5958; RFC 5915 for the curves, RFC 8410 for Ed25519). */
function privateKey(kind: KeyKind, secret: Uint8Array): KeyObject {
  const der = Buffer.concat([Buffer.from(PKCS8_PREFIX[kind], "hex"), secret]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

const PKCS8_PREFIX = {
  p256: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
  p384: "304e020100301006072a8648ce3d020106052b81040022043730350201010430",
  ed25519: "302e020100300506032b657004220420",
};
