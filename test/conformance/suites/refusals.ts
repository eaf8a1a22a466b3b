/**
 * The refusal table as a conformance suite: every row of docs/refusals.md that names an alert is played by the hostile peer of
 * test/support/tls-peer, and the door has to answer with that row's alert and failure, close, and leave vault and candy alone. The page is
 * what is believed: a row that nobody plays, or a play that has no row, is a failure.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { ALERT_NAMES } from "../../../unikernel/failures.ts";
import { Failure } from "../../../unikernel/guest/failure.ts";
import { makePki, type Pki } from "../../support/door-host.ts";
import type { ClientPeer } from "../../support/tls-peer/client.ts";
import { type Refusal, refusedByClient, refusedByServer } from "../../support/tls-peer/refusal.ts";
import { CLIENT_FLIGHT_REFUSALS } from "../../support/tls-peer/refusals/client-flight.ts";
import { CLIENT_HELLO_REFUSALS } from "../../support/tls-peer/refusals/client-hello.ts";
import { inFlight } from "../../support/tls-peer/refusals/client-words.ts";
import { GREASE_BY_CLIENT_DOOR, GREASE_BY_SERVER_DOOR } from "../../support/tls-peer/refusals/grease.ts";
import { LIMIT_REFUSALS } from "../../support/tls-peer/refusals/limits.ts";
import { PROFILE_BY_CLIENT_DOOR, PROFILE_BY_SERVER_DOOR } from "../../support/tls-peer/refusals/profile.ts";
import { RECORD_REFUSALS } from "../../support/tls-peer/refusals/records.ts";
import { RETRY_REQUEST_REFUSALS } from "../../support/tls-peer/refusals/retry-request.ts";
import { RFC8446_CLIENT_DOOR_REFUSALS } from "../../support/tls-peer/refusals/rfc8446-client-door.ts";
import { RFC8446_CLIENT_RECORD_REFUSALS } from "../../support/tls-peer/refusals/rfc8446-client-records.ts";
import { RFC8446_SERVER_DOOR_REFUSALS } from "../../support/tls-peer/refusals/rfc8446-server-door.ts";
import { SECOND_HELLO_REFUSALS } from "../../support/tls-peer/refusals/second-hello.ts";
import { SERVER_FLIGHT_REFUSALS } from "../../support/tls-peer/refusals/server-flight.ts";
import { SERVER_HELLO_REFUSALS } from "../../support/tls-peer/refusals/server-hello.ts";
import type { ServerPeer } from "../../support/tls-peer/server.ts";
import type { Suite } from "../suite.ts";

const BY_SERVER: readonly Refusal<ClientPeer>[] = [
  ...[RECORD_REFUSALS, CLIENT_HELLO_REFUSALS, SECOND_HELLO_REFUSALS, CLIENT_FLIGHT_REFUSALS, LIMIT_REFUSALS].flat(),
  ...[PROFILE_BY_SERVER_DOOR, GREASE_BY_SERVER_DOOR, RFC8446_SERVER_DOOR_REFUSALS].flat(),
];
const BY_CLIENT: readonly Refusal<ServerPeer>[] = [
  ...[SERVER_HELLO_REFUSALS, RETRY_REQUEST_REFUSALS, SERVER_FLIGHT_REFUSALS, PROFILE_BY_CLIENT_DOOR].flat(),
  ...[GREASE_BY_CLIENT_DOOR, RFC8446_CLIENT_DOOR_REFUSALS, RFC8446_CLIENT_RECORD_REFUSALS].flat(),
];
const VERDICT = /^the vault says (\w+)$/;

interface Row {
  name: string;
  alert: number;
  failure: Failure;
}

export const refusals: Suite = {
  name: "The refusal table, row by row",
  source: "docs/refusals.md",
  atLeast: 250,
  async run(report) {
    const pki = await makePki("p256");
    const rows = readRows(readFileSync(join(ROOT, "docs/refusals.md"), "utf8"));
    for (const row of rows) {
      const why = await playRow(pki, row);
      report(row.name, why === undefined ? "refused" : "failed", why);
    }
    const documented = new Set(rows.map(({ name }) => name));
    for (const [name] of [...BY_SERVER, ...BY_CLIENT]) {
      if (!documented.has(name)) report(name, "failed", "docs/refusals.md has no such row");
    }
  },
};

/** The rows of `what | alert | failure | section`. */
export function readRows(page: string): Row[] {
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| what"))
    .map((line) => line.slice(2, -2).split(" | "))
    .filter((row) => row.length === 4);
  return cells.map(([name, alert, failure]) => ({
    name: name!,
    alert: numberOf(ALERT_NAMES, alert!),
    failure: Failure[failure as keyof typeof Failure],
  }));
}

/** Plays a row; why it failed, or undefined. */
export async function playRow(pki: Pki, { name, alert, failure }: Row): Promise<string | undefined> {
  const [, verdict] = VERDICT.exec(name) ?? [];
  const byServer = verdict === undefined ? BY_SERVER.find((one) => one[0] === name) : saysVault(name, failure);
  const byClient = BY_CLIENT.find((one) => one[0] === name);
  try {
    if (byServer !== undefined) await refusedByServer(pki, [name, failure, alert, byServer[3]]);
    else if (byClient !== undefined) await refusedByClient(pki, [name, failure, alert, byClient[3]]);
    else return "nobody plays this row";
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

/** A right peer, whom the vault refuses. */
function saysVault(name: string, verdict: Failure): Refusal<ClientPeer> {
  const play = inFlight(({ door, peer, pki }) => {
    door.vault.verdict = verdict;
    peer.authenticate(pki.player);
  });
  return [name, verdict, 0, play];
}

function numberOf(names: Record<number, string>, name: string): number {
  const found = Object.entries(names).find(([, known]) => known === name);
  if (found === undefined) throw new Error(`no alert is called ${name}`);
  return Number(found[0]);
}
