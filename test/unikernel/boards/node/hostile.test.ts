/** What a hostile peer, or a door that it has taken over, must not be able to do to the board, its vault and its other doors. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { compileGuest, GUEST_MODULES, ROOT } from "../../../../infra/image/compile-guest.ts";
import { DoorHost } from "../../../../unikernel/boards/node/door.ts";
import { Lingering } from "../../../../unikernel/boards/node/lingering.ts";
import { CompartmentFault } from "../../../../unikernel/boards/node/memory.ts";
import { DOOR_PAGES, MemoryPool } from "../../../../unikernel/boards/node/memory-pool.ts";
import { loadGuestModules } from "../../../../unikernel/boards/node/modules.ts";
import { VaultHost } from "../../../../unikernel/boards/node/vault.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { doorModule } from "../../../support/door-host.ts";
import { type Practice, startPractice } from "../../../support/practice.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { ALERT, handshake, MESSAGE, SCHEME, uint, vector } from "../../../support/tls-peer/wire.ts";
import { makeVaultWorld, sealOf, type VaultWorld } from "../../../support/vault.ts";

let world: VaultWorld;
beforeAll(async () => {
  world = await makeVaultWorld();
});

/** A module with one statement put behind `find`: a test build. */
async function patched(name: "door" | "vault", find: string, statement: string): Promise<WebAssembly.Module> {
  const out = `build/test/hostile-${name}-${process.pid}.wasm`;
  await compileGuest({
    ...GUEST_MODULES[name],
    out,
    patch(path, text) {
      if (path !== `unikernel/guest/${name}.ts`) return text;
      if (!text.includes(find)) throw new Error(`${path} does not contain ${find}`);
      return text.replace(find, `${find}\n${statement}`);
    },
  });
  return new WebAssembly.Module(new Uint8Array(readFileSync(join(ROOT, out))));
}

describe("more bytes than the vault's inbox holds", () => {
  const openVault = (traps: string[]) =>
    new VaultHost({ module: world.module, seal: sealOf(world, "p256"), onTrap: (reason) => traps.push(reason) });

  it("from a peer, as chain and signature together, are refused by the door and do not restart the vault", async () => {
    const traps: string[] = [];
    const pool = new MemoryPool(DOOR_PAGES);
    const events = { trace: () => {}, judged: () => {} };
    const door = new DoorHost(await doorModule(), 3, openVault(traps), events, () => Date.now(), pool);
    door.start(Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes).output);
    peer.untilFlight();
    peer.send(peer.certificateMessage([1, 2, 3, 4].map(() => Buffer.alloc(4000))));
    peer.send(handshake(MESSAGE.certificateVerify, uint(2, SCHEME.ecdsa), vector(2, Buffer.alloc(16_000))));
    expect(peer.outcome().alerts).toEqual([ALERT.decryptError]);
    expect(traps).toEqual([]);
  });

  it("from a door are that door's fault, not the vault's", () => {
    const traps: string[] = [];
    const vault = openVault(traps);
    const huge = new Uint8Array(30_000);
    const hash = new Uint8Array(32);
    expect(() => vault.sign(Role.Server, huge)).toThrow(CompartmentFault);
    expect(() => vault.authenticate(1, Role.Client, 0, SCHEME.ecdsa, huge, hash, hash)).toThrow(CompartmentFault);
    expect(() => vault.candy(1, huge)).toThrow(CompartmentFault);
    expect(traps).toEqual([]);
    expect(vault.sign(Role.Server, hash).length).toBeGreaterThan(0);
  });
});

describe("a vault that cannot be opened again after a trap", () => {
  it("answers nothing until it can, and no call throws", async () => {
    const module = await patched(
      "vault",
      "export function sign(role: u32, hashLength: u32): u32 {",
      "  assert(hashLength != 48);",
    );
    const seal = Uint8Array.from(sealOf(world, "p256"));
    const traps: string[] = [];
    const vault = new VaultHost({ module, seal, onTrap: (reason) => traps.push(reason) });
    const first = seal[0]!;
    seal[0] = first ^ 1;
    expect(vault.sign(Role.Server, new Uint8Array(48))).toHaveLength(0);
    expect(traps).toHaveLength(1);
    expect(vault.scheme(Role.Server)).toBe(0);
    expect(vault.certificates(Role.Server)).toHaveLength(0);
    vault.forget(1);
    seal[0] = first;
    expect(vault.scheme(Role.Server)).toBe(0x0403);
  });
});

describe("the board", () => {
  let piñata: Practice;
  let child: ChildProcess | undefined;
  afterEach(async () => {
    child?.kill("SIGKILL");
    child = undefined;
    await piñata.stop();
  });

  function open(port: number): Socket {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    return socket;
  }

  it("drops a connection whose door cannot be made, and gives its place to the next", async () => {
    const door = await patched("door", "let wiped: bool = false;", "assert(!wiped && ENGINE.closed);");
    const modules = { ...loadGuestModules(join(ROOT, "build/guest")), door };
    piñata = await startPractice({ modules, limits: { connections: 1 } });
    for (const conn of [1, 2]) {
      const socket = open(piñata.board.ports.server);
      await new Promise((resolve) => socket.once("close", resolve));
      expect(socket.bytesRead).toBe(0);
      const events = piñata.trace.filter((event) => "conn" in event && event.conn === conn).map(({ event }) => event);
      expect(events).toEqual(["accepted", "trap", "closed"]);
    }
  });

  it("does not take a slot from the connection that got it after an overdue dial-back", async () => {
    // A listener that never accepts: when its queue is full, the system lets further callers wait.
    const code = `const s = require("node:net").createServer(); s.listen(0, "127.0.0.1", 1, () => {
      require("node:fs").writeSync(1, String(s.address().port)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });`;
    child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    const dialTo = Number(await new Promise((resolve) => child!.stdout!.once("data", resolve)));
    const waiting = [open(dialTo), open(dialTo)];
    await Promise.all(waiting.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));

    piñata = await startPractice({ dialTo, limits: { handshakeMillis: 300 } });
    const trigger = open(piñata.board.ports.dialback);
    trigger.resume();
    await new Promise<void>((resolve) => {
      trigger.once("end", () => {
        open(piñata.board.ports.server);
        // The loop stands still until the dial is overdue: then its end and the next accept come in one turn.
        process.nextTick(() => {
          const until = Date.now() + 400;
          while (Date.now() < until);
          resolve();
        });
      });
    });
    await piñata.until((event) => event.event === "refused" && event.reason === "dial-failed");
    expect(await piñata.until((event) => event.event === "closed" && event.conn === 2)).toMatchObject({
      by: "timeout",
    });
    for (const socket of waiting) socket.destroy();
  });
});

describe("peers that do not hang up", () => {
  const socket = () => new Duplex({ allowHalfOpen: true, read() {}, write: (_chunk, _encoding, done) => done() });

  it("wait in a room of fixed size: the oldest leaves for the newest", () => {
    const lingering = new Lingering(2);
    const sockets = [socket(), socket(), socket()] as unknown as Socket[];
    for (const one of sockets) lingering.finish(one);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
    for (const one of sockets) one.destroy();
  });

  it("make room when they go", async () => {
    const lingering = new Lingering(1);
    const [gone, stays] = [socket(), socket()] as unknown as [Socket, Socket];
    lingering.finish(gone);
    gone.destroy();
    await new Promise((resolve) => gone.once("close", resolve));
    lingering.finish(stays);
    expect(stays.destroyed).toBe(false);
    stays.destroy();
  });
});
