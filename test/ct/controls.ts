/**
 * The positive controls: ways in which code leaks a secret through time, each put into a test build of the guest (all into one). The check that
 * it must be caught by, in which case, and the function that must be named, say that the checks see what they are for.
 */
import type { Patch } from "./patches.ts";

export interface Control extends Patch {
  name: string;
  /**
   * memcheck: a jump or an address made of a secret. divisions: a division instruction in code for secrets. trace: a secret in what a door
   * tells the board. wipe: a secret in a door's memory at its end.
   */
  caughtBy: "memcheck" | "divisions" | "trace" | "wipe";
  /** Of cases.ts, where memcheck must see it; absent: in the handshakes. */
  case?: string;
  /** What must be named: a source function, as FILE FUNCTION, or for the trace the board's function. */
  blames: string;
}

const CRYPTO = "unikernel/guest/crypto";

export const CONTROLS: Control[] = [
  {
    name: "branch on a bit of the scalar",
    caughtBy: "memcheck",
    case: "X25519",
    file: `${CRYPTO}/x25519.ts`,
    replace: [["  const mask = 0 - <i64>bit;", "  if (bit == 0) return; const mask: i64 = -1;"]],
    blames: "crypto/x25519.ts swapIf",
  },
  {
    name: "table read at a secret index",
    caughtBy: "memcheck",
    case: "P-256 public key",
    file: `${CRYPTO}/p256-multiply.ts`,
    replace: [
      [
        "let at = block * TABLE_BLOCK * TABLE_POINT;\n  for (let i: u32 = 0; i < TABLE_BLOCK; i++) {\n    const mask = <u64>equalMask(i, index);",
        "let at = (block * TABLE_BLOCK + <u32>index) * TABLE_POINT;\n  for (let i: u32 = 0; i < 1; i++) {\n    const mask: u64 = ~0;",
      ],
    ],
    blames: "crypto/p256-multiply.ts selectBase",
  },
  {
    name: "comparison that ends at the first difference",
    caughtBy: "memcheck",
    case: "equals",
    file: "unikernel/guest/prim/bytes.ts",
    replace: [
      [
        "difference |= <u32>load<u8>(this.at + i) ^ <u32>load<u8>(other.at + i);",
        "if (load<u8>(this.at + i) != load<u8>(other.at + i)) return false;",
      ],
    ],
    blames: "prim/bytes.ts Bytes#equals",
  },
  {
    name: "loop that runs as often as a secret says",
    caughtBy: "memcheck",
    case: "ML-KEM-768 key generation",
    file: `${CRYPTO}/ml-kem-polynomial.ts`,
    replace: [["  const less = x - Q;", "  while (x >= Q) x -= Q; const less = x - Q;"]],
    blames: "crypto/ml-kem-polynomial.ts canonical",
  },
  {
    name: "rejection of a ciphertext by a branch",
    caughtBy: "memcheck",
    case: "ML-KEM-768 decapsulation, wrong ciphertext",
    file: `${CRYPTO}/ml-kem.ts`,
    replace: [
      [
        "shared.putU64le(at, rejected ^ (same & (rejected ^ PAIR.u64le(at))));",
        "if (same != 0) shared.putU64le(at, rejected ^ (rejected ^ PAIR.u64le(at)));",
      ],
    ],
    blames: "crypto/ml-kem.ts mlKemDecaps",
  },
  {
    name: "division of a secret",
    caughtBy: "divisions",
    file: `${CRYPTO}/ml-kem-coding.ts`,
    replace: [
      [
        "return <u32>((<u64>((x << width) + Q / 2) * 20642679) >> 36) & ((1 << width) - 1);",
        "return (((x << width) + Q / 2) / Q) & ((1 << width) - 1);",
      ],
    ],
    blames: "crypto/ml-kem-coding.ts compress",
  },
  {
    name: "secret given to the trace",
    caughtBy: "trace",
    file: "unikernel/guest/tls/states/candy.ts",
    replace: [
      [
        "const length = connection.vault.candy(ticket, candy);",
        "connection.traceAlertReceived(ticket[0], 0); const length = connection.vault.candy(ticket, candy);",
      ],
    ],
    blames: "Z_boardZ_trace",
  },
  {
    name: "door's memory left as it is",
    caughtBy: "wipe",
    file: "unikernel/guest/door.ts",
    replace: [["release(ARENA_START);", "assert(ARENA_START > 0);"]],
    blames: "door.ts wipe",
  },
];
