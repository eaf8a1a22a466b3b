/**
 * Mints a practice piñata: wallet key, taproot output with the sponsor's refund leaf, certificates, and the player's
 * certificate that wins. The secrets the piñata needs go into one seal file. All files appear at once or none does.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { toHex } from "../bitcoin/bytes.ts";
import { candyText } from "../bitcoin/candy.ts";
import { formatDescriptor, MAX_LOCK_HEIGHT } from "../bitcoin/descriptor.ts";
import { ECPair, ecc } from "../bitcoin/ecc.ts";
import { NETWORKS } from "../bitcoin/networks.ts";
import { pinataAddress, pinataOutput, publicKeyOf } from "../bitcoin/taproot.ts";
import { UsageError } from "../cli/errors.ts";
import { certificatePem, type Identity, makeCertificates, type Scheme } from "./certificates.ts";
import { type PublicFile, publicFile } from "./public.ts";
import { encodeSeal, type SealIdentity, SealScheme } from "./seal.ts";
import { type NewFile, requireUnused, writeOnce } from "./write-once.ts";

export interface MintOptions {
  /** Made, or an empty directory. */
  dir: string;
  network: "regtest";
  /** From this block height on the sponsor may take the coins back; 1 to 499,999,999. */
  refundHeight: number;
  now: Date;
  /** The leaf certificates' kind of key; P-256 when not given. */
  scheme?: Scheme;
}

export interface Minted {
  public: PublicFile;
  /** Names of the files in `dir`. */
  files: string[];
}

const options = z.object({
  dir: z.string().min(1, "the directory has no name"),
  network: z.literal("regtest", "practice piñatas are for regtest only"),
  refundHeight: z
    .number("the refund height is not a number")
    .int("the refund height is not a whole number")
    .min(1, "the refund height is below 1")
    .max(MAX_LOCK_HEIGHT, `the refund height is above ${MAX_LOCK_HEIGHT}`),
  now: z.date("the time is not a time"),
  scheme: z.enum(["p256", "ed25519"], "the key type is p256 or ed25519").default("p256"),
});

/** Throws {@link UsageError} for wrong options or a directory that is in use, CommandError when the disk says no; nothing is written then. */
export async function mintPractice(given: MintOptions): Promise<Minted> {
  const checked = options.safeParse(given);
  if (!checked.success) throw new UsageError(checked.error.issues.map(({ message }) => message).join("; "));
  const { dir, network, refundHeight, now, scheme } = checked.data;
  requireUnused(dir);

  const walletKey = newPrivateKey();
  const refundKey = newPrivateKey();
  const terms = { internalKey: publicKeyOf(walletKey), refundKey: publicKeyOf(refundKey), refundHeight };
  const certificates = await makeCertificates(now, scheme);
  const anchor = certificatePem(certificates.authority);
  const player = certificatePem(certificates.player.certificate);
  const facts: PublicFile = publicFile.parse({
    version: 1,
    network,
    address: pinataAddress(terms, network),
    scriptPubKey: toHex(pinataOutput(terms).script),
    descriptor: formatDescriptor({ key: toHex(terms.internalKey), refundKey: toHex(terms.refundKey), refundHeight }),
    internalKey: toHex(terms.internalKey),
    refund: { publicKey: toHex(terms.refundKey), height: refundHeight },
    trustAnchor: anchor,
    created: now.toISOString(),
  });
  const seal = encodeSeal({
    network,
    candy: candyText(walletKey, terms, network),
    trustAnchor: certificates.authority,
    server: sealed(certificates.server, scheme),
    client: sealed(certificates.client, scheme),
  });
  const wif = ECPair.fromPrivateKey(refundKey, { network: NETWORKS[network] }).toWIF();
  const files: NewFile[] = [
    { name: "seal", content: seal, secret: true },
    { name: "public.json", content: `${JSON.stringify(facts, null, 2)}\n`, secret: false },
    { name: "ca.pem", content: anchor, secret: false },
    { name: "player.pem", content: player, secret: false },
    { name: "player-chain.pem", content: player + anchor, secret: false },
    {
      name: "player.key",
      content: certificates.player.privateKey.export({ type: "pkcs8", format: "pem" }),
      secret: true,
    },
    {
      name: "refund.key",
      content: `# The sponsor's refund key (WIF, ${network}): it takes the coins back from block ${refundHeight} on.\n${wif}\n`,
      secret: true,
    },
  ];
  writeOnce(dir, files);
  walletKey.fill(0);
  refundKey.fill(0);
  return { public: facts, files: files.map(({ name }) => name) };
}

function sealed(identity: Identity, scheme: Scheme): SealIdentity {
  return {
    chain: [identity.certificate],
    scheme: scheme === "p256" ? SealScheme.P256 : SealScheme.Ed25519,
    key: identity.secret,
  };
}

function newPrivateKey(): Uint8Array {
  for (;;) {
    const key = new Uint8Array(randomBytes(32));
    if (ecc.isPrivate(key)) return key;
  }
}
