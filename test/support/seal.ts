/**
 * Seals for tests: the file's form written down once more, independent of infra/mint and of the vault, in parts that a
 * test can change one at a time.
 */
import { chainBytes, type Issued } from "./certificates.ts";
import { concat, uint } from "./der.ts";

export const SEAL_MAGIC = Buffer.from("pinata seal 1\n", "ascii");

/** `type` and value of a field. */
export type SealField = [number, Uint8Array];

export interface SealParts {
  network?: string;
  candy: string;
  anchor: Issued;
  server: Issued[];
  client: Issued[];
}

export function keyField(scheme: number, secret: Uint8Array): Uint8Array {
  return concat(uint(2, scheme), secret);
}

/** The seven fields of a seal in order; the keys are those of the leaves. */
export function sealFields({ network = "regtest", candy, anchor, server, client }: SealParts): SealField[] {
  const key = ([leaf]: Issued[]) => keyField(leaf!.keys.scheme, leaf!.keys.secret);
  return [
    [1, Buffer.from(network, "latin1")],
    [2, Buffer.from(candy, "latin1")],
    [3, anchor.der],
    [4, chainBytes(...server)],
    [5, key(server)],
    [6, chainBytes(...client)],
    [7, key(client)],
  ];
}

/** A seal file of any fields. */
export function sealBytes(fields: SealField[], magic: Uint8Array = SEAL_MAGIC): Uint8Array {
  return concat(magic, ...fields.map(([type, value]) => concat(uint(1, type), uint(3, value.length), value)));
}
