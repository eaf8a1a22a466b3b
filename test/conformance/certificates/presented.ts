/** What a case of the corpus makes and a judge is given. */
import type { Issued } from "../../support/certificates.ts";

/** A chain as a peer would present it, and how it is to be judged. */
export interface Presented {
  /** DER, the peer's own certificate first. */
  chain: Uint8Array[];
  anchor: Issued;
  /** Whose key signs the CertificateVerify; absent where the first certificate is of nobody. */
  peer?: Issued;
  /** The key in the first certificate is none that a signature can be right under. */
  keyUnusable?: true;
  /** The time of judging, where it is not `NOW`. */
  at?: Date;
}
