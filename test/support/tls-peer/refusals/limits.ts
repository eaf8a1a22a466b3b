/** Limits before authentication, and faults of our own side. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal } from "../refusal.ts";
import { ALERT, alert, EXTENSION, record, TYPE } from "../wire.ts";
import { ccs, hello, helloAnd, inFlight } from "./client-words.ts";

export const LIMIT_REFUSALS: Refusal<ClientPeer>[] = [
  [
    "more than 64 KiB before authentication",
    Failure.TooMuchBeforeAuthentication,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => {
      for (let i = 0; i < 5; i++) {
        peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1), { padding: 16000 });
      }
    }),
  ],
  [
    "more early data than 64 KiB",
    Failure.TooMuchBeforeAuthentication,
    ALERT.unexpectedMessage,
    ({ peer, ...scene }) => {
      helloAnd([EXTENSION.earlyData, Buffer.alloc(0)])({ peer, ...scene });
      peer.readServerHello();
      peer.readServerFlight();
      for (let i = 0; i < 5; i++) peer.sendRaw(record(TYPE.data, Buffer.alloc(16000)));
    },
  ],
  [
    "more than 1,024 records before authentication",
    Failure.TooManyRecords,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => {
      for (let i = 0; i < 1024; i++) peer.sendRaw(ccs([1]));
    }),
  ],
  [
    "a vault that does not answer",
    Failure.VaultUnavailable,
    ALERT.internalError,
    ({ door, ...scene }) => {
      door.vault.silent = true;
      hello({})({ door, ...scene });
    },
  ],
  [
    "a vault that does not answer when the peer is to be judged",
    Failure.VaultUnavailable,
    ALERT.internalError,
    inFlight(({ peer, door, pki: { player } }) => {
      door.vault.silent = true;
      peer.authenticate(player);
    }),
  ],
  [
    "a vault that does not honour the ticket",
    Failure.TicketRefused,
    ALERT.internalError,
    inFlight(({ peer, door, pki: { player } }) => {
      door.vault.candy = () => new Uint8Array(0);
      peer.authenticate(player);
    }),
  ],
];
