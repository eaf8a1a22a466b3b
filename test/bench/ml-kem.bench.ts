/**
 * ML-KEM-768 in the guest beside @noble/post-quantum (with the same randomness; equal output is checked first), and what the hybrid
 * costs a server: a door's whole answer to a ClientHello with X25519MLKEM768 beside one with x25519.
 */
import { randomBytes } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { Role } from "../../unikernel/guest/role.ts";
import { doorModule, FakeVault, makePki, TestDoor } from "../support/door-host.ts";
import { loadHarness } from "../support/harness.ts";
import { ClientPeer } from "../support/tls-peer/client.ts";
import { GROUP, record, TYPE } from "../support/tls-peer/wire.ts";
import { type Comparison, compare } from "./measure.ts";

const TARGET = 3;

export async function rows(): Promise<Comparison[]> {
  return [...(await primitives()), await answer()];
}

async function primitives(): Promise<Comparison[]> {
  const { call, write, read } = await loadHarness("ml-kem");
  const seed = randomBytes(64);
  const random = randomBytes(32);
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, random);
  const keyGen = () => {
    write(seed);
    call.keyGen!(64, 1184, 2400);
  };
  const encaps = () => {
    write(publicKey);
    write(random, 1184);
    call.encaps!(1184, 32, 1088, 32);
  };
  const decaps = () => {
    write(secretKey);
    write(cipherText, 2400);
    call.decaps!(2400, 1088, 32);
  };
  for (const [run, expected] of [
    [keyGen, Buffer.concat([publicKey, secretKey])],
    [encaps, Buffer.concat([cipherText, sharedSecret])],
    [decaps, Buffer.from(sharedSecret)],
  ] as const) {
    run();
    if (!expected.equals(read(expected.length))) throw new Error("ML-KEM: the two disagree");
  }
  const noble = (run: () => unknown) => ({ name: "@noble/post-quantum", run: () => void run() });
  return [
    compare(
      "ML-KEM-768 key generation",
      keyGen,
      noble(() => ml_kem768.keygen(seed)),
      TARGET,
    ),
    compare(
      "ML-KEM-768 encapsulation",
      encaps,
      noble(() => ml_kem768.encapsulate(publicKey, random)),
      TARGET,
    ),
    compare(
      "ML-KEM-768 decapsulation",
      decaps,
      noble(() => ml_kem768.decapsulate(cipherText, secretKey)),
      TARGET,
    ),
  ];
}

/** A new door and its flight of ServerHello … Finished; the test vault signs with node:crypto. */
async function answer(): Promise<Comparison> {
  const pki = await makePki("p256");
  const module = await doorModule();
  const peer = new ClientPeer(() => new Uint8Array());
  const respond = (group: number) => {
    const hello = record(TYPE.handshake, peer.hello({ groups: [group] }));
    return () => {
      const door = new TestDoor(module, new FakeVault(pki));
      door.start(Role.Server);
      if (door.receive(hello).length < 500) throw new Error("the door did not answer");
    };
  };
  return compare("a door's answer with X25519MLKEM768", respond(GROUP.hybrid), {
    name: "the same with x25519",
    run: respond(GROUP.x25519),
  });
}
