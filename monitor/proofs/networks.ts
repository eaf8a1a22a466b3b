/**
 * What the proofs need to know of each network: its first block, the easiest target, the rule by which difficulty
 * changes, and on signet the challenge that every block must answer (BIP-325). Values are those of Bitcoin Core's
 * kernel/chainparams.cpp; each genesis header is written out here so that its hash can be computed instead of believed.
 */
import { fromHex, type Hash, hashBytes } from "./bytes.ts";

/**
 * - fixed: never changes (regtest).
 * - period: every 2016 blocks, by the time that they took (mainnet, signet).
 * - period-or-late: the same, and a block more than 20 minutes after its parent has the easiest target (testnet3).
 * - bip94: the same, but the new target follows from the first block of the period, and the first block of a period may
 *   be at most 10 minutes older than its parent (testnet4).
 */
export type DifficultyRule = "fixed" | "period" | "period-or-late" | "bip94";

/** A block to start from instead of the genesis block: the first of a difficulty period, so that the next retarget can be computed. */
export interface Checkpoint {
  /** A multiple of 2016. */
  height: number;
  hash: Hash;
  /** 80 bytes in hex: bits and time, and the proof that hash and bits belong together. */
  header: string;
}

export interface NetworkRules {
  /** As Bitcoin Core's getblockchaininfo calls it. */
  name: string;
  /** Human-readable part of addresses (BIP-173). */
  hrp: string;
  genesis: Hash;
  /** 80 bytes. */
  genesisHeader: Uint8Array;
  /** The easiest target allowed. */
  limit: bigint;
  difficulty: DifficultyRule;
  /** Signet only: the script that each block's solution must satisfy. */
  challenge?: Uint8Array;
  /** The newest block that is known for certain. */
  checkpoint?: Checkpoint;
  /** A newer block that whoever runs the monitor knows for certain (setting `checkpoint`): the first of a period. */
  anchor?: { height: number; hash: Hash };
}

const EASY = 0xffffn << 208n;
/** The merkle root that all genesis blocks but testnet4's share: the one coinbase of 3 January 2009. */
const FIRST_COINBASE = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";

function genesisHeader(time: number, bits: number, nonce: number, merkleRoot: Hash = FIRST_COINBASE): Uint8Array {
  const header = Buffer.alloc(80);
  header.writeUInt32LE(1, 0);
  header.set(hashBytes(merkleRoot), 36);
  header.writeUInt32LE(time, 68);
  header.writeUInt32LE(bits, 72);
  header.writeUInt32LE(nonce, 76);
  return new Uint8Array(header);
}

/** One of two keys, in bare script: the default signet's challenge. */
const SIGNET_CHALLENGE = fromHex(
  "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430" +
    "210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae",
);

const signet = {
  name: "signet",
  hrp: "tb",
  genesis: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
  genesisHeader: genesisHeader(1_598_918_400, 0x1e0377ae, 52_613_770),
  limit: 0x0377aen << 216n,
  difficulty: "period",
} as const;

/** By the names that Bitcoin Core's getblockchaininfo uses. */
export const NETWORKS: Readonly<Record<"main" | "test" | "testnet4" | "signet" | "regtest", NetworkRules>> = {
  main: {
    name: "main",
    hrp: "bc",
    genesis: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    genesisHeader: genesisHeader(1_231_006_505, 0x1d00ffff, 2_083_236_893),
    limit: EASY,
    difficulty: "period",
    /**
     * April 2019. Its header is in summa-tx/bitcoin-spv's test data (from public explorers) together with the two
     * headers that its difficulty follows from; the test recomputes both, and nobody can forge 2^75 hashes of work.
     */
    checkpoint: {
      height: 570_528,
      hash: "0000000000000000000d4833adbfb465d4cfb57c2918b830db228cf1b217d99f",
      header:
        "0000402021332f1880d072abd65a4ea1b09facdb301171a7e7e30d00000000000000000071b3a612" +
        "47a4cf6b892055f278247f33d76fa90b48c76fda69f583268cb965f8af39a95c1d072c170022062d",
    },
  },
  test: {
    name: "test",
    hrp: "tb",
    genesis: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    genesisHeader: genesisHeader(1_296_688_602, 0x1d00ffff, 414_098_458),
    limit: EASY,
    difficulty: "period-or-late",
  },
  testnet4: {
    name: "testnet4",
    hrp: "tb",
    genesis: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    genesisHeader: genesisHeader(
      1_714_777_860,
      0x1d00ffff,
      393_743_547,
      "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e",
    ),
    limit: EASY,
    difficulty: "bip94",
  },
  signet: { ...signet, challenge: SIGNET_CHALLENGE },
  regtest: {
    name: "regtest",
    hrp: "bcrt",
    genesis: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    genesisHeader: genesisHeader(1_296_688_602, 0x207fffff, 2),
    limit: 0x7fffffn << 232n,
    difficulty: "fixed",
  },
};

/** A signet of one's own: everything as on the default one, but another challenge (Core's -signetchallenge). */
export function customSignet(challenge: Uint8Array): NetworkRules {
  return { ...signet, challenge };
}
