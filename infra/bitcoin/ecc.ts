/**
 * The bitcoin libraries, ready for use: bitcoinjs-lib is given its curve here, once, before anyone can use its taproot
 * functions. Everything in infra takes the libraries from this module and never imports them directly.
 */
import { initEccLib } from "bitcoinjs-lib";
import { ECPairFactory } from "ecpair";
import * as ecc from "tiny-secp256k1";

initEccLib(ecc);

export {
  address as addresses,
  Block,
  crypto as hashes,
  networks,
  opcodes,
  payments,
  script as scripts,
  Transaction,
} from "bitcoinjs-lib";
export { ecc };

export const ECPair = ECPairFactory(ecc);
