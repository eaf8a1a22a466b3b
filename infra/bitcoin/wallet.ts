/** A new single-key taproot wallet (BIP-86's output: no script tree) to receive coins in. */

import { withChecksum } from "./descriptor.ts";
import { ECPair } from "./ecc.ts";
import { addressOfScript, NETWORKS, type NetworkName } from "./networks.ts";
import { publicKeyOf, taprootScript, tweakKey } from "./taproot.ts";

export interface Wallet {
  network: NetworkName;
  address: string;
  /** tr(WIF)#checksum, ready to import: a secret. */
  descriptor: string;
}

export function newWallet(network: NetworkName): Wallet {
  const pair = ECPair.makeRandom({ network: NETWORKS[network], compressed: true });
  const tweaked = tweakKey(publicKeyOf(pair.privateKey!));
  const address = tweaked && addressOfScript(taprootScript(tweaked.key), network);
  if (address === undefined)
    throw new Error("a random key without a taproot output: impossible but for a broken library");
  return { network, address, descriptor: withChecksum(`tr(${pair.toWIF()})`) };
}
