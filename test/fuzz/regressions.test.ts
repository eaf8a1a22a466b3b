/**
 * Every input that was ever a finding, and every seed, through the guest's wasm in Node: none may trap. No compiler is needed for it. The
 * seeds that are whole handshakes must still end in candy: otherwise the guest has changed, and the seeds are to be made anew
 * (npx tsx test/fuzz/seeds.ts).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { loadVaultModule, type TestVault } from "../support/vault.ts";
import { type DoorModules, FuzzDoor, loadDoorModules, openFuzzVault, practiceSeal, replayDoor } from "./replay-door.ts";
import { NET_FLAG, OP, replayNet } from "./replay-net.ts";
import { EDGE, Outcome, replayWire, STEP, wireInput } from "./replay-wire.ts";
import { replayX509 } from "./replay-x509.ts";
import { applyPatch, FUZZ, type Patch, TARGETS, targetModule } from "./targets.ts";

const DOORS = ["door-server", "door-client", "door-server-plain", "door-client-plain"] as const;
/** The seeds of a door that do not end in candy by themselves. */
const WITHOUT_CANDY = /^(curl|openssl-no-certificate|openssl-tls12)$/;

describe.each(DOORS)("%s", (name) => {
  let modules: DoorModules;
  let prefix: Uint8Array;
  beforeAll(async () => {
    modules = await loadDoorModules(TARGETS[name]);
    prefix = readFileSync(join(FUZZ, "practice", name.startsWith("door-server") ? "client-hello" : "server-hello"));
  });

  it.each(inputsOf(name))("%s", (path) => {
    const door = replayDoor(modules, prefix, readFileSync(join(FUZZ, path)));
    expect(door.closed || (readFileSync(join(FUZZ, path))[0]! & 64) !== 0).toBe(true);
    const file = path.split("/").at(-1)!;
    const isWhole = name.endsWith("plain") ? file.startsWith("candy") : !WITHOUT_CANDY.test(file);
    if (path.startsWith("corpus/") && isWhole) expect(door.gaveCandy).toBe(true);
    if (path.startsWith("crashes/")) expect(door.gaveCandy).toBe(false);
  });

  it("has seeds, and the hello that they begin with is accepted", () => {
    expect(inputsOf(name).length).toBeGreaterThan(5);
    const door = new FuzzDoor(modules);
    door.deliver(prefix);
    expect(door.closed).toBe(false);
  });
});

describe("x509", () => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = openFuzzVault(await loadVaultModule(), practiceSeal());
  });

  it.each(inputsOf("x509"))("%s", (path) => {
    const failure = replayX509(vault, readFileSync(join(FUZZ, path)));
    expect(Failure[failure]).toBeDefined();
    if (path.startsWith("corpus/")) expect(failure === Failure.None).toBe(/accepted/.test(path));
  });
});

describe("net", () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = new WebAssembly.Module(readFileSync(join(ROOT, await targetModule(TARGETS.net))));
  });

  it.each(inputsOf("net"))("%s", (path) => {
    const net = replayNet(module, readFileSync(join(FUZZ, path)));
    // Every conversation that is a seed hears something from net, be it an ARP request; but for a fragment, which is no whole packet.
    if (path.startsWith("corpus/")) expect(net.sent > 0).toBe(!path.endsWith("/fragment"));
  });

  it("is found out when it allocates after its start", async () => {
    const leak: Patch = {
      name: "leak",
      file: "unikernel/guest/tcpip/icmp.ts",
      replace: [["frame.put(START, message);", "frame.put(START, message.slice(0, message.length));"]],
    };
    const path = await targetModule({ module: "net", patches: [...TARGETS.net.patches, leak] });
    const leaking = new WebAssembly.Module(readFileSync(join(ROOT, path)));
    // Checksums put right; a packet of ICMP: an echo request without data.
    const input = Buffer.from([NET_FLAG.checksums, OP.packet, 1, 0, 8, 8, 0, 0, 0, 0, 1, 0, 1]);
    expect(replayNet(module, input).sent).toBeGreaterThan(0);
    expect(() => replayNet(leaking, input)).toThrow("allocated after its start");
  }, 60_000);
});

describe("wire", () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = new WebAssembly.Module(readFileSync(join(ROOT, await targetModule(TARGETS.wire))));
  });

  it.each(inputsOf("wire"))("%s", (path) => {
    const outcome = replayWire(module, readFileSync(join(FUZZ, path)));
    // A seed does nothing that must trap; a finding may have.
    expect(outcome).toBeLessThanOrEqual(path.startsWith("corpus/") ? Outcome.Agreed : Outcome.MustTrap);
  });

  it("takes a trap for right where a step lies outside of its view, and only there", () => {
    const bytes = Buffer.from("0123456789abcdef");
    const play = (...steps: number[]) => replayWire(module, wireInput(4, bytes, steps));
    expect(play(STEP.slice, 0, EDGE.left)).toBe(Outcome.Agreed);
    expect(play(STEP.slice, 0, EDGE.oneMore)).toBe(Outcome.MustTrap);
    expect(play(STEP.slice, 8, EDGE.around)).toBe(Outcome.MustTrap);
    expect(play(STEP.take, EDGE.oneMore, STEP.put)).toBe(Outcome.Agreed);
    expect(play(STEP.rest, STEP.put)).toBe(Outcome.MustTrap);
    expect(play(STEP.take, 4, STEP.put)).toBe(Outcome.Agreed);
  });

  it("is found out when a written number is another than the one that was given", async () => {
    const swapped: Patch = {
      name: "swapped",
      file: "unikernel/guest/prim/bytes.ts",
      replace: [["store<u16>(this.at + i, bswap(<u16>value));", "store<u16>(this.at + i, <u16>value);"]],
    };
    const broken = new WebAssembly.Module(
      readFileSync(join(ROOT, await targetModule({ module: "wire", patches: [swapped] }))),
    );
    const input = wireInput(8, Buffer.from([1, 2]), [STEP.integer | 0x10, STEP.write | 0x10]);
    expect(replayWire(module, input)).toBe(Outcome.Agreed);
    expect(replayWire(broken, input)).toBe(Outcome.Memory);
  });
});

describe("a patch of a target", () => {
  const patch = TARGETS["door-server-plain"].patches![0]!;

  it("is refused when the text is not there, or is there twice", () => {
    const text = patch.replace.map(([from]) => from).join("\n");
    expect(applyPatch(patch, text)).toBe(patch.replace.map(([, to]) => to).join("\n"));
    expect(() => applyPatch(patch, "")).toThrow("does not hold once");
    expect(() => applyPatch(patch, text + text)).toThrow("does not hold once");
  });

  it("is refused when the file is not part of the module", async () => {
    const elsewhere = { ...patch, name: "elsewhere", file: "unikernel/guest/tls/nowhere.ts" };
    await expect(targetModule({ module: "door", patches: [elsewhere] })).rejects.toThrow("is not part of door");
  });
});

/** Paths of a target's inputs, relative to test/fuzz. */
function inputsOf(name: string): string[] {
  return ["corpus", "crashes"].flatMap((kind) => {
    const folder = join(FUZZ, kind, name);
    return existsSync(folder) ? readdirSync(folder).map((file) => `${kind}/${name}/${file}`) : [];
  });
}
