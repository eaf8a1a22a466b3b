/**
 * The guest's random generator: ChaCha20 with fast key erasure (Bernstein, "Fast-key-erasure random-number generators").
 *
 * State: one 32-byte key K. `fill`: block 0 of ChaCha20 under K (nonce zero) gives K' ‖ E, 32 bytes each; K' replaces K at
 * once; the output is the ChaCha20 stream under E, which is wiped. So whoever reads the memory after `fill` learns
 * nothing of earlier output. `seed`: K = SHA-256(K ‖ seed), so a new seed can add to what is there but never lessen it.
 * The time depends on lengths alone. Nothing is allocated after the constructor.
 */
import { Bytes } from "bytes";
import {
  CHACHA20_BLOCK_LENGTH,
  CHACHA20_KEY_LENGTH,
  CHACHA20_NONCE_LENGTH,
  chacha20Block,
  chacha20Xor,
} from "./chacha20";
import { Sha256 } from "./sha256";

/** The fewest bytes that a seed may have; they must carry 256 bits of entropy together with what was seeded before. */
export const SEED_LENGTH: u32 = 32;

@final
export class Generator {
  private key: Bytes = Bytes.alloc(CHACHA20_KEY_LENGTH);
  private seeded: bool = false;

  /** Mixes `bytes` (32 or more, else a trap) into the state. */
  seed(bytes: Bytes): void {
    assert(bytes.length >= SEED_LENGTH);
    SHA256.update(this.key);
    SHA256.update(bytes);
    SHA256.digest(this.key);
    SHA256.reset();
    this.seeded = true;
  }

  /** Overwrites `out` (any length) with random bytes. Traps before the first seed. */
  fill(out: Bytes): void {
    assert(this.seeded);
    chacha20Block(this.key, 0, NONCE, BLOCK);
    this.key.put(0, NEXT_KEY);
    out.wipe();
    chacha20Xor(OUTPUT_KEY, 0, NONCE, out);
    BLOCK.wipe();
  }

  /** Forgets the state: unseeded again. */
  wipe(): void {
    this.key.wipe();
    this.seeded = false;
  }
}

const SHA256 = new Sha256();
/** Always zero: no key is used for two messages. */
const NONCE = Bytes.alloc(CHACHA20_NONCE_LENGTH);
/** Working memory of the call in progress; wiped before it returns. */
const BLOCK = Bytes.alloc(CHACHA20_BLOCK_LENGTH);
const NEXT_KEY = BLOCK.slice(0, CHACHA20_KEY_LENGTH);
const OUTPUT_KEY = BLOCK.slice(CHACHA20_KEY_LENGTH, CHACHA20_KEY_LENGTH);
