/** Exports of crypto/ecdsa-p384 for its tests. */
import { Bytes } from "bytes";
import { ecdsaP384Verify } from "../../../../unikernel/guest/crypto/ecdsa-p384";

const INPUT = Bytes.alloc(1024);

export function input(): usize {
  return INPUT.address;
}

export function output(): usize {
  return INPUT.address;
}

/** Input: digest (48) ‖ signature (96) ‖ public key. */
export function verify(keyLength: u32): bool {
  return ecdsaP384Verify(INPUT.slice(144, keyLength), INPUT.slice(0, 48), INPUT.slice(48, 96));
}
