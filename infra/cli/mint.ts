/** `pinata mint`: makes a practice piñata's secrets and says what was made. */
import { resolve } from "node:path";
import { mintPractice } from "../mint/mint.ts";
import { UsageError } from "./errors.ts";

interface MintOptions {
  practice?: boolean;
  dir: string;
  refundHeight: number;
  key: "p256" | "ed25519";
  json?: boolean;
}

export async function mint(options: MintOptions): Promise<void> {
  if (!options.practice) {
    throw new UsageError(
      "only practice piñatas can be minted so far: add --practice (it makes a player's certificate that wins)",
    );
  }
  const dir = resolve(options.dir);
  const minted = await mintPractice({
    dir,
    network: "regtest",
    refundHeight: options.refundHeight,
    now: new Date(),
    scheme: options.key,
  });
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ dir, ...minted.public }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`A practice piñata is minted in ${dir}

  address      ${minted.public.address}
  descriptor   ${minted.public.descriptor}
  refund       by the key in refund.key, after height ${minted.public.refund.height}

  seal         the secrets, for the piñata alone (keep it as you would keep the coins)
  player.pem, player.key   the certificate that wins
  ca.pem, public.json      for everyone
`);
}
