/**
 * Claims: what the peer knows of the handshake messages that it made, for the model. A message that reaches the door without a claim is
 * not as its maker made it: it was damaged on the way.
 */
import type { Identity } from "./world.ts";

export interface HelloClaim {
  /** Groups that there is a share for. */
  shares: number[];
  /** What a second hello has to repeat. */
  unchanging: string;
  earlyData: boolean;
}

export interface ServerClaim {
  isRetry: boolean;
  suite: number;
  /** Of the share, or the one asked for; 0: none. */
  group: number;
  hasCookie: boolean;
  /** What the exchange gave; undefined where the peer could not do it. */
  shared: Buffer | undefined;
}

export interface CertificateClaim {
  identity: Identity;
  entries: number;
}

export interface Claim {
  /** Of these alerts one refuses the message by its contents; empty: they are right. */
  faults: readonly number[];
  hello?: HelloClaim;
  server?: ServerClaim;
  certificate?: CertificateClaim;
}

export class Claims {
  private readonly known = new Map<string, Claim>();

  note(message: Buffer, claim: Claim): void {
    this.known.set(message.toString("latin1"), claim);
  }

  of(message: Buffer): Claim | undefined {
    return this.known.get(message.toString("latin1"));
  }
}
