import type { ClientPeer, HelloOptions } from "../client.ts";
import type { Scene } from "../refusal.ts";
import { EXTENSION, type Extensions, GROUP, record, TYPE, uint, vector } from "../wire.ts";

export type Play = (scene: Scene<ClientPeer>) => void;
export const raw =
  (...parts: Uint8Array[]): Play =>
  ({ peer }) =>
    peer.sendRaw(...parts);
export const hello =
  (options: HelloOptions): Play =>
  ({ peer }) =>
    peer.send(peer.hello(options));
/** The hello with one extension's contents replaced, or the extension left out. */
export const helloWith = (type: number, data: Uint8Array): Play =>
  hello({ edit: (list) => list.map(([known, old]) => (known === type ? [known, data] : [known, old])) });
export const helloWithout = (...types: number[]): Play =>
  hello({ edit: (list) => list.filter(([type]) => !types.includes(type)) });
/** A hello whose X25519MLKEM768 share is bent. */
export const hybridShare =
  (bend: (share: Buffer) => Buffer): Play =>
  ({ peer }) => {
    const share = bend(Buffer.from(peer.pair(GROUP.hybrid).publicKey));
    const entry = Buffer.concat([uint(2, GROUP.hybrid), vector(2, share)]);
    const edit = (list: Extensions): Extensions =>
      list.map(([type, data]) => [type, type === EXTENSION.keyShare ? vector(2, entry) : data]);
    peer.send(peer.hello({ groups: [GROUP.hybrid, GROUP.x25519], edit }));
  };
export const helloAnd = (...more: Extensions): Play => hello({ edit: (list) => [...list, ...more] });
/** After our flight, under handshake keys. */
export const inFlight =
  (play: Play): Play =>
  (scene) => {
    scene.peer.untilFlight();
    play(scene);
  };
export const afterRetry =
  (second: HelloOptions): Play =>
  ({ peer }) => {
    peer.send(peer.hello({ shares: [] }));
    peer.readRetry();
    peer.send(peer.hello(second));
  };
export const ccs = (content: number[]) => record(TYPE.ccs, Buffer.from(content));
export const header = (type: number, length: number) => Buffer.concat([Buffer.from([type, 3, 3]), uint(2, length)]);
export const PSK = Buffer.concat([
  vector(2, vector(2, Buffer.alloc(16)), Buffer.alloc(4)),
  vector(2, vector(1, Buffer.alloc(32))),
]);
export const keyShares = (...shares: [number, Uint8Array][]) =>
  helloWith(EXTENSION.keyShare, vector(2, ...shares.map(([g, key]) => Buffer.concat([uint(2, g), vector(2, key)]))));
