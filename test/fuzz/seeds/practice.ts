/**
 * The practice piñata of the fuzz targets, in test/fuzz/practice: a seal (P-256 as server, Ed25519 as client), a player that it accepts in
 * both roles, and the hello of each role's peer with which the plain targets can begin. Its keys are worth nothing and public.
 */
import { createPrivateKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { authority, type Issued, leaf } from "../../support/certificates.ts";
import type { Credential, Pki } from "../../support/door-host.ts";
import { sealBytes, sealFields } from "../../support/seal.ts";
import { FUZZ } from "../targets.ts";

export const PRACTICE = join(FUZZ, "practice");
const CANDY = "tr(a practice candy)#checksum\n";

export interface PracticePinata {
  seal: Uint8Array;
  pki: Pki;
  root: Issued;
  player: Issued;
  /** PEM for programs. */
  files: { ca: string; player: string; playerKey: string };
}

/** Makes everything anew; programs' files go to `folder`. */
export async function makePractice(folder: string): Promise<PracticePinata> {
  const root = await authority({ pathLength: 1 });
  const server = await leaf("server", { issuer: root });
  const client = await leaf("client", { issuer: root, kind: "ed25519" });
  const player = await leaf(["client", "server"], { issuer: root, subject: "CN=player,O=Example" });
  const other = await authority({ subject: "CN=Other CA" });
  const stranger = await leaf("client", { issuer: other, subject: "CN=stranger" });
  const seal = sealBytes(sealFields({ candy: CANDY, anchor: root, server: [server], client: [client] }));

  const files = {
    ca: join(folder, "ca.pem"),
    player: join(folder, "player.pem"),
    playerKey: join(folder, "player.key"),
  };
  const asPlayer = await credential(player);
  writeFileSync(files.ca, pem(root.der));
  writeFileSync(files.player, pem(player.der));
  writeFileSync(files.playerKey, asPlayer.key.export({ type: "pkcs8", format: "pem" }));
  const pki: Pki = {
    anchor: root,
    anchorName: new Uint8Array(0),
    server: await credential(server),
    client: await credential(client),
    player: asPlayer,
    host: asPlayer,
    stranger: await credential(stranger),
  };
  return { seal, pki, root, player, files };
}

async function credential({ der, keys }: Issued): Promise<Credential> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.pair.privateKey as CryptoKey);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return { chain: [der], key, scheme: keys.scheme };
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
