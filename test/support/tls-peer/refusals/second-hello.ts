/** Wrong answers to the server door's HelloRetryRequest. */
import { expect } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal } from "../refusal.ts";
import { ALERT, EXTENSION, GROUP, record, SCHEME, TYPE, vector } from "../wire.ts";
import { afterRetry, hybridShare } from "./client-words.ts";

export const SECOND_HELLO_REFUSALS: Refusal<ClientPeer>[] = [
  [
    "a second hello without the share that was asked for",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [] }),
  ],
  [
    "a second hello with a share for another group",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.p256] }),
  ],
  [
    "a second hello with a share too many",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519, GROUP.p256] }),
  ],
  [
    "a second hello without the hybrid that was asked for",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    ({ peer }) => {
      const groups = [GROUP.hybrid, GROUP.x25519];
      peer.send(peer.hello({ groups, shares: [] }));
      expect(peer.readRetry()).toBe(GROUP.hybrid);
      peer.send(peer.hello({ groups, shares: [GROUP.x25519] }));
    },
  ],
  [
    "a second hello with a hybrid share that is a byte short",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    (scene) => {
      scene.peer.send(scene.peer.hello({ groups: [GROUP.hybrid, GROUP.x25519], shares: [] }));
      scene.peer.readRetry();
      hybridShare((share) => share.subarray(0, -1))(scene);
    },
  ],
  [
    "a second hello with other suites",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519], suites: [0x1302] }),
  ],
  [
    "a second hello with another session id",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519], sessionId: Buffer.alloc(32) }),
  ],
  [
    "a second hello with an extension more",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519], edit: (list) => [...list, [0xbeef, Buffer.alloc(0)]] }),
  ],
  [
    "a second hello with an extension changed",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519], signatureSchemes: [SCHEME.ecdsa] }),
  ],
  [
    "a second hello with early_data",
    Failure.EarlyDataSent,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519], edit: (list) => [...list, [EXTENSION.earlyData, Buffer.alloc(0)]] }),
  ],
  [
    "a second hello with a cookie that we never sent",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    afterRetry({ shares: [GROUP.x25519], edit: (list) => [...list, [EXTENSION.cookie, vector(2, Buffer.alloc(4))]] }),
  ],
  [
    "protected records after HelloRetryRequest without early data",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    ({ peer }) => {
      peer.send(peer.hello({ shares: [] }));
      peer.readRetry();
      peer.sendRaw(record(TYPE.data, Buffer.alloc(40)));
    },
  ],
];
