import { answerKey } from "../keys.ts";
import type { Scene } from "../refusal.ts";
import type { RetryOptions, ServerHelloOptions, ServerPeer } from "../server.ts";
import { EXTENSION, type Extensions, GROUP, uint, vector } from "../wire.ts";

export type Play = (scene: Scene<ServerPeer>) => void;
/** A ServerHello that the door refuses: answered in the clear, as there are no keys yet. */
export const hello =
  (options: ServerHelloOptions, bend: (message: Buffer) => Buffer = (message) => message): Play =>
  ({ peer }) =>
    peer.send(bend(peer.serverHello(options)));
export const helloAnd = (...more: Extensions): Play => hello({ edit: (list) => [...list, ...more] });
export const helloWithout = (type: number): Play => hello({ edit: (list) => list.filter(([known]) => known !== type) });
export const retry =
  (options: RetryOptions): Play =>
  ({ peer }) =>
    peer.send(peer.retryMessage(options));
/** A ServerHello whose X25519MLKEM768 share is bent. */
export const hybridAnswer =
  (bend: (share: Buffer) => Buffer): Play =>
  ({ peer }) => {
    const { share } = answerKey(GROUP.hybrid, peer.share(GROUP.hybrid));
    peer.send(peer.serverHello({ group: GROUP.hybrid, share: bend(share) }));
  };
/** Under handshake keys, before our flight. */
export const inFlight =
  (play: Play): Play =>
  (scene) => {
    scene.peer.sendServerHello();
    play(scene);
  };
/** After EncryptedExtensions. */
export const afterExtensions = (play: Play): Play =>
  inFlight((scene) => {
    scene.peer.send(scene.peer.encryptedExtensions());
    play(scene);
  });
export const sentinel = (last: number) =>
  Buffer.concat([Buffer.alloc(24, 1), Buffer.from("DOWNGRD"), Buffer.from([last])]);
export const withoutVersion = (options: ServerHelloOptions = {}) =>
  hello({ ...options, edit: (list) => list.filter(([type]) => type !== EXTENSION.supportedVersions) });
export const share = (group: number, key: Uint8Array): Extensions[number] => [
  EXTENSION.keyShare,
  Buffer.concat([uint(2, group), vector(2, key)]),
];
export const withShare = (group: number, key: Uint8Array): Play =>
  hello({ edit: (list) => list.map((known) => (known[0] === EXTENSION.keyShare ? share(group, key) : known)) });
