/** Why a transaction or block is not accepted: Bitcoin Core's reason strings, so that clients see what a node would say. */

export class Refused extends Error {
  override name = "Refused";
  /** `reason`: Core's reject reason; `detail`: what Core adds after a comma. */
  constructor(
    readonly reason: string,
    readonly detail = "",
  ) {
    super(detail === "" ? reason : `${reason}, ${detail}`);
  }
}

/** The bytes are not a transaction or block in the one canonical encoding. */
export class Undecodable extends Error {
  override name = "Undecodable";
}

/** Satoshi as Core prints money: "0.0000011", "10.00". */
export function showMoney(sats: bigint): string {
  const magnitude = sats < 0n ? -sats : sats;
  const fraction = (magnitude % 100_000_000n)
    .toString()
    .padStart(8, "0")
    .replace(/0{1,6}$/, "");
  return `${sats < 0n ? "-" : ""}${magnitude / 100_000_000n}.${fraction}`;
}
