/** The screen that `pinata start` prints when everything is up: where things are, and what to try next. */
import { join, relative, resolve } from "node:path";
import type { PublicFile } from "../../mint/public.ts";
import { DEFAULT_DIR, type Running, type StateDir } from "./state-dir.ts";

/** The maintainers' page, and the file with the token that it asks for. */
interface Maintain {
  url: string;
  tokenFile: string;
}

/** @param maintain absent: there is no page for maintainers. */
export function readyScreen(state: Running, piñata: PublicFile, dir: StateDir, maintain: Maintain | undefined): string {
  const { host, doors, board } = state;
  const where = board === "metal" ? "a virtual machine of its own (metal board)" : "this machine's Node (Node board)";
  // Behind QEMU's forwarding all peers look like this machine.
  const caller = board === "metal" ? "this machine" : "you back";
  const practice = relative(process.cwd(), dir.practice) || ".";
  const here = dir.path === resolve(DEFAULT_DIR) ? "" : ` --dir ${relative(process.cwd(), dir.path) || "."}`;
  const chain = state.chain.kind === "core" ? "bitcoind" : `a development chain, ${state.chain.url}`;
  const player = `-cert ${join(practice, "player.pem")} -key ${join(practice, "player.key")}`;
  const upkeep =
    maintain === undefined
      ? ""
      : `\n    maintain   ${maintain.url}   the token is in ${relative(process.cwd(), maintain.tokenFile)}`;
  return `
  The piñata hangs.

    page       ${state.web}${upkeep}
    doors      ${host}:${doors.server}   it is the TLS server
               ${host}:${doors.dialback}   it calls ${caller} on port ${doors.dialTo}, and is the client there
               ${host}:${doors.client}   it is the TLS client
    runs in    ${where}, image ${state.image.slice(0, 16)}…
    address    ${piñata.address}
               on ${chain} (${piñata.network}): these coins are worth nothing

  Try:
    see it refuse you     openssl s_client -connect ${host}:${doors.server}
    win by hand           openssl s_client -connect ${host}:${doors.server} ${player}
    let it hit itself     npx pinata relay${here}
    smash it              npx pinata smash${here}

  Ctrl-C stops everything; the next start resumes this piñata (--new hangs another).
`;
}
