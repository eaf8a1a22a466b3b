/**
 * Regtest as Bitcoin Core's chainparams define it: genesis block, difficulty, subsidy. All soft forks are active from the
 * first block on, as on a fresh regtest node.
 */

/** The real regtest genesis block: 0f9188f1…1466e2206. Its coinbase output can never be spent. */
export const GENESIS = Buffer.from(
  "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a5132" +
    "3a9fb8aa4b1e5e4adae5494dffff7f20020000000101000000010000000000000000000000000000000000000000000000000000000000000000ffff" +
    "ffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f" +
    "6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a6" +
    "7962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000",
  "hex",
);

/** Compact form of the one target that regtest blocks have. */
export const BITS = 0x207fffff;
export const TARGET = 0x7fffffn << 232n;
/** Expected hashes for one block. */
export const BLOCK_WORK = (1n << 256n) / (TARGET + 1n);
/** Core's "difficulty" of that target, relative to 1d00ffff. */
export const DIFFICULTY = 4.656542373906925e-10;

export const COIN = 100_000_000n;
export const MAX_MONEY = 21_000_000n * COIN;
export const HALVING = 150;
/** Blocks that must lie on top of a coinbase before its outputs can be spent in the next one. */
export const MATURITY = 100;
export const MAX_BLOCK_WEIGHT = 4_000_000;
/** A block's time may be this much ahead of the clock, in seconds. */
export const MAX_FUTURE = 7200;
/** From here on a lock time is seconds since 1970; below it is a height. */
export const LOCKTIME_THRESHOLD = 500_000_000;

/** Satoshi that a block of this height may create. */
export function subsidy(height: number): bigint {
  const halvings = Math.floor(height / HALVING);
  return halvings >= 64 ? 0n : (50n * COIN) >> BigInt(halvings);
}
