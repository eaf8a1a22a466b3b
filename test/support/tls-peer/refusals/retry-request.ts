/** Wrong HelloRetryRequests, and wrong ServerHellos after one. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Refusal } from "../refusal.ts";
import type { RetryOptions, ServerPeer } from "../server.ts";
import { ALERT, EXTENSION, GROUP, RETRY_RANDOM, vector } from "../wire.ts";
import { hello, retry, share } from "./server-words.ts";

export const RETRY_REQUEST_REFUSALS: Refusal<ServerPeer>[] = [
  [
    "a HelloRetryRequest that asks for nothing",
    Failure.RetryUnchanged,
    ALERT.illegalParameter,
    retry({ withoutGroup: true }),
  ],
  [
    "a HelloRetryRequest for the share that it has",
    Failure.RetryUnchanged,
    ALERT.illegalParameter,
    retry({ group: GROUP.x25519, cookie: Buffer.alloc(4) }),
  ],
  [
    "a HelloRetryRequest for the hybrid share that it has",
    Failure.RetryUnchanged,
    ALERT.illegalParameter,
    retry({ group: GROUP.hybrid }),
  ],
  [
    "a HelloRetryRequest for a group that we do not have",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    retry({ group: GROUP.p521 }),
  ],
  [
    "a HelloRetryRequest with an unknown extension",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    retry({ edit: (list) => [...list, [0xbeef, Buffer.alloc(0)]] }),
  ],
  [
    "a HelloRetryRequest with a whole key share",
    Failure.MessageMalformed,
    ALERT.decodeError,
    hello({ random: RETRY_RANDOM }),
  ],
  [
    "a HelloRetryRequest with an empty cookie",
    Failure.MessageMalformed,
    ALERT.decodeError,
    retry({ edit: (list) => [...list, [EXTENSION.cookie, vector(2)]] }),
  ],
  ["a cookie of more than 8 KiB", Failure.MessageTooLong, ALERT.decodeError, retry({ cookie: Buffer.alloc(8193) })],
  [
    "a HelloRetryRequest with another session id",
    Failure.SessionIdNotEchoed,
    ALERT.illegalParameter,
    retry({ sessionId: Buffer.alloc(32) }),
  ],
  [
    "a second HelloRetryRequest",
    Failure.SecondRetry,
    ALERT.unexpectedMessage,
    ({ peer }) => {
      peer.retry();
      peer.send(peer.retryMessage({ group: GROUP.p256, cookie: Buffer.alloc(4) }));
    },
  ],
  [
    "another suite after HelloRetryRequest",
    Failure.SuiteChangedAfterRetry,
    ALERT.illegalParameter,
    ({ peer }) => {
      peer.retry({ suite: 0x1301 });
      peer.send(peer.serverHello({ suite: 0x1303, group: GROUP.p256 }));
    },
  ],
  [
    "another group than HelloRetryRequest asked for",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    ({ peer }) => {
      peer.retry();
      peer.send(
        peer.serverHello({
          group: GROUP.p256,
          edit: ([version]) => [version!, share(GROUP.x25519, Buffer.alloc(32, 9))],
        }),
      );
    },
  ],
  [
    "the hybrid after HelloRetryRequest asked for another group",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    ({ peer }) => {
      peer.retry();
      const edit: RetryOptions["edit"] = ([version]) => [version!, share(GROUP.hybrid, Buffer.alloc(1120, 9))];
      peer.send(peer.serverHello({ group: GROUP.p256, edit }));
    },
  ],
  [
    "a server's P-256 share that is not on the curve",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    ({ peer }) => {
      peer.retry();
      const bad = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]);
      peer.send(peer.serverHello({ group: GROUP.p256, share: bad }));
    },
  ],
];
