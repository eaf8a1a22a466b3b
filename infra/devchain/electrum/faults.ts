/** What a test may set wrong with the Electrum server: how its messages leave, which answers are lies, what is left out. */
import { sha256d, showHash } from "../../bitcoin/bytes.ts";
import type { Method } from "./methods.ts";

/** Takes the truth (undefined where that is a refusal) and returns what is said instead; undefined: the truth after all. */
export type Lie = (truth: unknown, params: readonly unknown[]) => unknown;

/**
 * How a message leaves: as it is; twice; not at all; as bytes that are no JSON; as a line without end; half of it, after which the
 * server hangs up.
 */
export type Wire = "whole" | "twice" | "never" | "garbage" | "endless" | "half";

export class Faults {
  wire: Wire = "whole";
  /** Only answers to these are tampered with on the wire; all messages when empty. */
  readonly only = new Set<Method>();
  /** Milliseconds before a message leaves. */
  delay = 0;
  readonly lies = new Map<Method, Lie>();
  /** Changes are told to subscribers, or not. */
  notifications: "told" | "kept back" = "told";
  /** New connections are served, or closed as they come. */
  connections: "served" | "closed" = "served";

  clear(): void {
    this.wire = "whole";
    this.only.clear();
    this.delay = 0;
    this.lies.clear();
    this.notifications = "told";
    this.connections = "served";
  }
}

export const lies = {
  /** Another network's genesis block. */
  otherNetwork: ((truth) => ({ ...(truth as object), genesis_hash: "00".repeat(32) })) satisfies Lie,
  /** A transaction whose last bytes (the lock time) were changed. */
  falseBytes: ((truth) => `${String(truth).slice(0, -8)}01000000`) satisfies Lie,
  /** A merkle branch with another sibling, or one too many. */
  badBranch: ((truth) => {
    const proof = truth as { merkle: string[] };
    return { ...proof, merkle: ["ab".repeat(32), ...proof.merkle.slice(1)] };
  }) satisfies Lie,
  /** A tip above the true one, whose header has no work in it. */
  weakTip: ((truth) => {
    const { height, hex } = truth as { height: number; hex: string };
    return { height: height + 1, hex: weakHeader(hex) };
  }) satisfies Lie,
  /** Headers up to the tip, and the one of {@link lies.weakTip} after them. */
  weakHeaders: ((truth) => {
    const { count, hex, max } = truth as { count: number; hex: string; max: number };
    return { count: count + 1, hex: hex + weakHeader(hex.slice(-160)), max };
  }) satisfies Lie,
  /** Nobody has ever paid the script. */
  emptyHistory: (() => []) satisfies Lie,
};

/** On top of `previous` (hex of 80 bytes), the same each time; its hash is above regtest's target. */
function weakHeader(previous: string): string {
  const header = Buffer.from(previous, "hex");
  header.set(sha256d(Buffer.from(previous, "hex")), 4);
  while (showHash(sha256d(header)) < "8") header.writeUInt32LE((header.readUInt32LE(76) + 1) >>> 0, 76);
  return header.toString("hex");
}
