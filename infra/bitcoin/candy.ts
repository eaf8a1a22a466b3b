/**
 * The candy: the text that a winner receives. It holds the private descriptor with checksum on a line of its own, ready to
 * import into Bitcoin Core or Sparrow, the address, and how to sweep safely. Printable ASCII, at most 2,048 bytes.
 */

import { fromHex, toHex } from "./bytes.ts";
import { formatDescriptor, parseDescriptor } from "./descriptor.ts";
import { ECPair } from "./ecc.ts";
import { NETWORKS, type NetworkName } from "./networks.ts";
import { type PinataOutput, type PinataTerms, pinataAddress, pinataOutput, publicKeyOf } from "./taproot.ts";

/** What was received is not the candy of a piñata; the message is for a person and holds no key. */
export class CandyError extends Error {
  override name = "CandyError";
}

export interface Candy {
  network: NetworkName;
  /** With the private key and checksum. */
  descriptor: string;
  publicDescriptor: string;
  address: string;
  /** 32 bytes, not tweaked. */
  privateKey: Uint8Array;
  terms: PinataTerms;
  output: PinataOutput;
}

export const MAX_CANDY = 2048;

/** The candy's text for a wallet key (32 bytes). */
export function candyText(
  privateKey: Uint8Array,
  terms: Omit<PinataTerms, "internalKey">,
  network: NetworkName,
): string {
  const address = pinataAddress({ ...terms, internalKey: publicKeyOf(privateKey) }, network);
  const wif = ECPair.fromPrivateKey(privateKey, { network: NETWORKS[network] }).toWIF();
  const descriptor = formatDescriptor({ ...terms, key: wif, refundKey: toHex(terms.refundKey) });
  return [
    "You broke the pinata. The coins are yours.",
    `Network: ${network}`,
    `Address: ${address}`,
    "Output descriptor with the private key (for Bitcoin Core's importdescriptors, or Sparrow):",
    descriptor,
    "Sweep the whole amount to an address of your own in one replaceable transaction with a good fee, through your own node, and at once: whoever reads this text can take the coins, and after the height in the descriptor the sponsor can too.",
    "",
  ].join("\n");
}

/**
 * Reads a candy. Throws {@link CandyError} unless it holds exactly one descriptor, whose checksum is right, whose private key is one of
 * the network it names, and from which the address in the text follows.
 */
export function parseCandy(text: string): Candy {
  if (text.length > MAX_CANDY || !/^[\x20-\x7e\n\r]*$/.test(text))
    throw new CandyError("not a candy: not short plain text");
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const descriptor = only(lines, /^(tr\(.*)$/, "output descriptor");
  const network = only(lines, /^Network: (\w+)$/, "network");
  const address = only(lines, /^Address: (\w+)$/, "address");
  if (!Object.hasOwn(NETWORKS, network)) throw new CandyError(`a candy for an unknown network, ${network}`);
  const parsed = parseDescriptor(descriptor);
  if (!parsed) throw new CandyError("the candy's descriptor is damaged: its checksum or its form is wrong");
  const name = network as NetworkName;
  const privateKey = keyOf(parsed.key, name);
  const terms: PinataTerms = {
    internalKey: publicKeyOf(privateKey),
    refundKey: fromHex(parsed.refundKey)!,
    refundHeight: parsed.refundHeight,
  };
  let output: PinataOutput;
  try {
    output = pinataOutput(terms);
  } catch (error) {
    throw new CandyError(`the candy's descriptor is impossible: ${(error as Error).message}`);
  }
  if (pinataAddress(terms, name) !== address) throw new CandyError("the candy's key does not belong to its address");
  const publicDescriptor = formatDescriptor({ ...parsed, key: toHex(terms.internalKey) });
  return { network: name, descriptor, publicDescriptor, address, privateKey, terms, output };
}

function keyOf(wif: string, network: NetworkName): Uint8Array {
  try {
    const pair = ECPair.fromWIF(wif, NETWORKS[network]);
    if (pair.compressed && pair.privateKey) return pair.privateKey;
  } catch {
    // The library's message could hold the key.
  }
  throw new CandyError(`the candy's key is not a private key for ${network}`);
}

function only(lines: string[], form: RegExp, what: string): string {
  const found = lines.flatMap((line) => form.exec(line)?.[1] ?? []);
  if (found.length !== 1) throw new CandyError(`a candy with ${found.length === 0 ? "no" : "more than one"} ${what}`);
  return found[0]!;
}
