/** The networks by the names used in seals and public files, and the addresses that belong to each. */
import type { Network } from "bitcoinjs-lib";
import { addresses, networks } from "./ecc.ts";

export const NETWORKS = {
  regtest: networks.regtest,
  testnet: networks.testnet,
  mainnet: networks.bitcoin,
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof NETWORKS;

/** The script that `address` pays to, or undefined when it is no address of this network. */
export function scriptOfAddress(address: string, network: NetworkName): Uint8Array | undefined {
  try {
    return addresses.toOutputScript(address, NETWORKS[network]);
  } catch {
    return undefined;
  }
}

/** The address that pays to `script`, or undefined for scripts that have none. */
export function addressOfScript(script: Uint8Array, network: NetworkName): string | undefined {
  try {
    return addresses.fromOutputScript(script, NETWORKS[network]);
  } catch {
    return undefined;
  }
}

/** OP_1 and a push of 32 bytes: pay to taproot (BIP-341). */
export function isTaproot(script: Uint8Array): boolean {
  return script.length === 34 && script[0] === 0x51 && script[1] === 0x20;
}

/**
 * Below this many satoshi an output costs more to spend than it is worth, and nodes do not relay it (Core's
 * GetDustThreshold at 3 sat/vB): 330 for taproot, 294 for P2WPKH, 546 for P2PKH.
 */
export function dustLimit(script: Uint8Array): bigint {
  if (script[0] === 0x6a) return 0n;
  const witness =
    script.length >= 4 && script.length <= 42 && (script[0] === 0 || (script[0]! > 0x50 && script[0]! <= 0x60));
  return BigInt((8 + 1 + script.length + (witness ? 67 : 148)) * 3);
}
