/**
 * The vault's law, on its shipped bytes: who proved itself gets the candy once, for its door; nobody else gets anything,
 * from any export, in any order; and no call leaves behind what it was given.
 */
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Failure as F } from "../../../unikernel/guest/failure.ts";
import type { OwnKeyKind } from "../../support/certificates.ts";
import { concat } from "../../support/der.ts";
import {
  attempt,
  CANDY,
  CLIENT,
  HASH,
  HASH384,
  makeVaultWorld,
  NO_TICKET,
  openVault,
  SERVER,
  sealOf,
  TestVault,
  type VaultWorld,
} from "../../support/vault.ts";

const PAGE = 65536;

let w: VaultWorld;
let vault: TestVault;
beforeAll(async () => {
  w = await makeVaultWorld();
});
beforeEach(() => {
  vault = openVault(w, "p256");
});

/** How often each secret is in the vault's memory. */
function census(of: TestVault, kind: OwnKeyKind): { candy: number; server: number; client: number } {
  const memory = Buffer.from(of.memory.buffer);
  const count = (...forms: Uint8Array[]) => {
    let found = 0;
    for (const form of forms) for (let at = memory.indexOf(form); at >= 0; at = memory.indexOf(form, at + 1)) found++;
    return found;
  };
  const { server, client } = w.own[kind];
  return {
    candy: count(Buffer.from(CANDY)),
    server: count(server.keys.secret, server.keys.secret.toReversed()),
    client: count(client.keys.secret, client.keys.secret.toReversed()),
  };
}

/** What the vault's generator (crypto/drbg.ts) gives after its first seed: 32 bytes of each call. */
function* generatorOutputs(seed: Uint8Array): Generator<Buffer, never> {
  const stream = (key: Uint8Array, length: number) =>
    createCipheriv("chacha20", key, new Uint8Array(16)).update(new Uint8Array(length));
  let key: Uint8Array = createHash("sha256").update(new Uint8Array(32)).update(seed).digest();
  for (;;) {
    const block = stream(key, 64);
    key = block.subarray(0, 32);
    yield stream(block.subarray(32), 32);
  }
}

describe("a ticket", () => {
  async function ticketFor(door: number, on = vault): Promise<Uint8Array> {
    const { failure, ticket } = on.authenticate(await attempt(w.player, { door }));
    expect(failure).toBe(F.None);
    return ticket;
  }

  it("is new every time", async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) seen.add(Buffer.from(await ticketFor(1)).toString("hex"));
    expect(seen.size).toBe(20);
  });

  it("works for its own door only, and another door's try does not spend it", async () => {
    const ticket = await ticketFor(7);
    for (const door of [0, 6, 8, 7 + 2 ** 31, 0xffffffff]) expect(vault.candy(door, ticket)).toBe("");
    expect(vault.candy(7, ticket)).toBe(CANDY);
  });

  it("of another door kills the one that is there", async () => {
    const seven = await ticketFor(7);
    const eight = await ticketFor(8);
    expect(vault.candy(7, eight)).toBe("");
    expect(vault.candy(7, seven)).toBe("");
    expect(vault.candy(8, eight)).toBe(CANDY);
  });

  it("dies on any wrong try", async () => {
    for (let bit = 0; bit < 128; bit += 9) {
      const ticket = await ticketFor(7);
      const wrong = ticket.slice();
      wrong[bit >> 3]! ^= 1 << (bit & 7);
      expect(vault.candy(7, wrong)).toBe("");
      expect(vault.candy(7, ticket)).toBe("");
    }
    const ticket = await ticketFor(7);
    expect(vault.candy(7, NO_TICKET)).toBe("");
    expect(vault.candy(7, ticket)).toBe("");
  });

  it("dies when its door is forgotten, not when another is", async () => {
    const seven = await ticketFor(7);
    const eight = await ticketFor(8);
    vault.forget(7);
    vault.forget(9);
    expect(vault.candy(7, seven)).toBe("");
    expect(vault.candy(8, eight)).toBe(CANDY);
  });

  it("dies when its door authenticates again, rightly or wrongly", async () => {
    const first = await ticketFor(7);
    const second = await ticketFor(7);
    expect(vault.candy(7, first)).toBe("");
    expect(vault.candy(7, second)).toBe("");
    const third = await ticketFor(7);
    expect(vault.candy(7, third)).toBe(CANDY);
    const fourth = await ticketFor(7);
    const wrong = { ...(await attempt(w.player, { door: 7 })), signature: new Uint8Array(64) };
    expect(vault.authenticate(wrong).failure).toBe(F.CertificateVerifyWrong);
    expect(vault.candy(7, fourth)).toBe("");
  });

  it("dies with the instance", async () => {
    const ticket = await ticketFor(7);
    expect(openVault(w, "p256").candy(7, ticket)).toBe("");
  });

  it("is not moved by a second seal or seed", async () => {
    const ticket = await ticketFor(7);
    expect(vault.unseal(sealOf(w, "ed25519"))).toBe(1);
    vault.seed(randomBytes(32));
    expect(vault.candy(7, ticket)).toBe(CANDY);
  });

  it("is one of 64: the oldest is forgotten for a new one", async () => {
    const tickets: Uint8Array[] = [];
    for (let door = 0; door < 66; door++) tickets.push(await ticketFor(door));
    expect(vault.candy(0, tickets[0]!)).toBe("");
    expect(vault.candy(1, tickets[1]!)).toBe("");
    for (let door = 2; door < 66; door++) expect(vault.candy(door, tickets[door]!)).toBe(CANDY);
    const again = await ticketFor(0);
    expect(vault.candy(0, again)).toBe(CANDY);
  });
});

describe("secrets", () => {
  const texts = () => {
    const { server, client } = w.own.p256;
    return [Buffer.from(CANDY.slice(0, 12)), Buffer.from("Sweep"), server.keys.secret, client.keys.secret].flatMap(
      (secret) => [secret.subarray(0, 8), secret.subarray(-8)],
    );
  };
  /** The outbox as the last call left it has none of the secrets, not even eight bytes of one. */
  function expectClean(what: string): void {
    const outbox = Buffer.from(vault.outbox());
    for (const secret of texts()) expect(outbox.indexOf(secret), what).toBe(-1);
  }

  it("leave through candy(ticket) alone", async () => {
    const right = await attempt(w.player);
    const { ticket } = vault.authenticate(right);
    expectClean("authenticate");
    const calls: [string, () => unknown][] = [
      ...[SERVER, CLIENT, 2, 0xffffffff].flatMap((role): [string, () => unknown][] => [
        [`scheme ${role}`, () => vault.scheme(role)],
        [`certificates ${role}`, () => vault.certificates(role)],
        [`sign ${role}`, () => vault.sign(role, HASH)],
        [`sign 384 ${role}`, () => vault.sign(role, HASH384)],
        [`authenticate ${role}`, () => vault.authenticate({ ...right, door: 9, peerRole: role })],
      ]),
      ["sign nothing", () => vault.raw.sign!(SERVER, 0)],
      ["sign too much", () => vault.raw.sign!(SERVER, 20_000)],
      ["authority", () => vault.authority()],
      ["seed", () => vault.seed(randomBytes(32))],
      ["unseal again", () => vault.unseal(sealOf(w, "p256"))],
      ["unseal rubbish", () => vault.unseal(randomBytes(1000))],
      ["candy without a ticket", () => vault.candy(8, NO_TICKET)],
      ["candy for another door", () => vault.candy(6, ticket)],
      ["forget", () => vault.forget(8)],
    ];
    for (const [what, call] of calls) {
      call();
      expectClean(what);
    }
    expect(vault.candy(7, ticket)).toBe(CANDY);
    const after: [string, () => unknown][] = [...calls, ["candy again", () => vault.candy(7, ticket)]];
    for (const [what, call] of after) {
      vault.candy(7, vault.authenticate(right).ticket);
      expect(Buffer.from(vault.outbox(CANDY.length)).toString()).toBe(CANDY);
      call();
      expectClean(`${what}, after candy`);
    }
  });

  it("are each in one place, and nothing that was given to a call is left anywhere", async () => {
    for (const kind of ["p256", "ed25519"] as const) {
      const opened = openVault(w, kind);
      expect(census(opened, kind)).toEqual({ candy: 1, server: 1, client: 1 });
      const right = await attempt(w.player);
      for (const role of [SERVER, CLIENT]) for (const hash of [HASH, HASH384]) opened.sign(role, hash);
      const { ticket } = opened.authenticate(right);
      expect(census(opened, kind)).toEqual({ candy: 1, server: 1, client: 1 });
      expect(opened.candy(7, ticket)).toBe(CANDY);
      expect(census(opened, kind).candy).toBe(2); // the answer, until the next call
      const seedBytes = randomBytes(64);
      opened.seed(seedBytes);
      opened.forget(7);
      expect(census(opened, kind)).toEqual({ candy: 1, server: 1, client: 1 });

      const memory = Buffer.from(opened.memory.buffer);
      const inbox = memory.subarray(opened.raw.inbox!(), opened.raw.inbox!() + opened.raw.inboxSize!());
      expect(inbox.every((byte) => byte === 0)).toBe(true);
      for (const gone of [ticket, seedBytes.subarray(0, 32), seedBytes.subarray(32), right.chain, right.signature]) {
        expect(memory.indexOf(gone)).toBe(-1);
      }
    }
  });

  it("do not include the randomness of a ticket or a signature once it was used", async () => {
    const seedBytes = randomBytes(64);
    const known = new TestVault(w.module);
    known.seed(seedBytes);
    expect(known.unseal(sealOf(w, "p256"))).toBe(0);
    const outputs = generatorOutputs(seedBytes);
    const { ticket } = known.authenticate(await attempt(w.player));
    expect(Buffer.from(ticket)).toEqual(outputs.next().value.subarray(0, 16)); // the prediction is right
    expect(known.sign(SERVER, HASH).length).toBeGreaterThan(60);
    const added = outputs.next().value;
    expect(Buffer.from(known.memory.buffer).indexOf(added.subarray(0, 16))).toBe(-1);
    expect(known.candy(7, ticket)).toBe(CANDY);
    expect(Buffer.from(known.memory.buffer).indexOf(ticket)).toBe(-1);
  });

  it("stay in fixed memory: 20,000 calls work as the first did", async () => {
    const right = await attempt(w.player);
    expect(vault.memory.buffer.byteLength).toBe(8 * PAGE);
    expect(() => vault.memory.grow(1)).toThrow(RangeError);
    const rubbish = randomBytes(3000);
    for (let i = 0; i < 1000; i++) {
      const { ticket } = vault.authenticate(right);
      expect(vault.candy(7, ticket)).toBe(CANDY);
      expect(vault.sign(i % 2, HASH).length).toBeGreaterThan(60);
      expect(vault.scheme(i % 2)).toBe(0x0403);
      expect(vault.certificates(i % 2).length).toBeGreaterThan(200);
      vault.authority();
      vault.forget(i);
      vault.unseal(rubbish);
      vault.seed(rubbish);
      for (let j = 0; j < 11; j++) {
        expect(
          vault.authenticate({ ...right, chain: right.chain.subarray(0, 50 + ((i * 11 + j) % 300)) }).failure,
        ).toBe(F.CertificateMalformed);
      }
    }
    expect(vault.memory.buffer.byteLength).toBe(8 * PAGE);
    expect(census(vault, "p256")).toEqual({ candy: 1, server: 1, client: 1 });
  });

  it("stay when refused seals are tried 1,000 times", () => {
    const closed = new TestVault(w.module);
    const good = sealOf(w, "p256");
    const bad = concat(good, Uint8Array.of(0));
    for (let i = 0; i < 1000; i++)
      expect(closed.unseal(i % 2 === 0 ? bad : good.subarray(0, i % good.length))).not.toBe(0);
    expect(census(closed, "p256")).toEqual({ candy: 0, server: 0, client: 0 });
    expect(closed.unseal(good)).toBe(0);
    expect(census(closed, "p256")).toEqual({ candy: 1, server: 1, client: 1 });
  });
});
