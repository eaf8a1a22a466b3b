/** Chains for the target x509: one that the vault accepts, and properly signed ones that are each wrong, or unusual, in one place. */
import {
  alter,
  authority,
  basicConstraints,
  type Issued,
  issue,
  KeyUsageFlags,
  keyUsage,
  leaf,
  purposes,
  rawExtension,
  sign,
} from "../../support/certificates.ts";
import { primitive } from "../../support/der.ts";
import { certificateVerify } from "../../support/vault.ts";
import { X509_FLAG, x509Hash, x509Input } from "../replay-x509.ts";
import type { PracticePinata } from "./practice.ts";
import type { Recorded } from "./programs.ts";

export async function recordChains({ root, player, pki }: PracticePinata): Promise<Recorded[]> {
  const of = async (name: string, flags: number, peer: Issued, ...chain: Issued[]): Promise<Recorded> => {
    const role = flags & X509_FLAG.server ? "server" : "client";
    const signature = await sign(peer.keys, certificateVerify(role, x509Hash(flags)));
    const certificates = [peer, ...chain].map(({ der }) => der);
    return {
      name,
      input: x509Input(flags, peer.keys.scheme, signature, certificates),
      candy: name.startsWith("accepted"),
    };
  };
  const middle = await authority({ issuer: root, subject: "CN=Middle CA", pathLength: 0 });
  const edwards = await leaf("client", { issuer: root, kind: "ed25519", subject: "CN=edwards" });
  const below = await leaf("client", { issuer: middle, subject: "CN=below,OU=a,L=b,C=DE,DC=example" });
  const usage = keyUsage(KeyUsageFlags.digitalSignature);
  const altName = rawExtension("2.5.29.17", false, Buffer.from("300d820b6578616d706c652e6f7267", "hex"));
  const extended = (extensions: Parameters<typeof issue>[0]["extensions"]) =>
    issue({ issuer: root, extensions: extensions! });
  return [
    await of("accepted-client", 0, player),
    await of("accepted-server", X509_FLAG.server, player),
    await of("accepted-sha384", X509_FLAG.sha384, player),
    await of("accepted-ed25519", 0, edwards),
    await of("accepted-intermediate", 0, below, middle),
    await of("accepted-root-sent-too", 0, player, root),
    await of("too-early", X509_FLAG.early, player),
    await of("too-late", X509_FLAG.late, player),
    await of("wrong-purpose", X509_FLAG.server, edwards),
    await of("authority-as-leaf", 0, root),
    await of("path-too-long", 0, below, middle, root, root),
    await of("accepted-extensions", 0, await extended([usage, purposes("client"), altName, basicConstraints(false)])),
    await of("critical-extension", 0, await extended([usage, rawExtension("1.2.3.4", true, Buffer.from([5, 0]))])),
    await of("no-extensions", 0, await extended([])),
    await of("accepted-long-serial", 0, await leaf("client", { issuer: root, serialNumber: "7f".repeat(20) })),
    await of("accepted-odd-subject", 0, await alter(player, root, ({ tbs }) => tbs[5]!.children!.splice(0, 1))),
    await of(
      "generalized-time",
      0,
      await alter(player, root, ({ tbs }) => {
        tbs[4]!.children![1] = primitive(0x18, Buffer.from("20400101000000Z"));
      }),
    ),
    { name: "stranger", input: x509Input(0, 0x0403, Buffer.alloc(70), [pki.stranger.chain[0]!]), candy: false },
    {
      name: "raw",
      input: x509Input(X509_FLAG.raw, 0x0403, Buffer.alloc(70), [Buffer.concat([Buffer.from([0, 0, 5]), player.der])]),
      candy: false,
    },
  ];
}
