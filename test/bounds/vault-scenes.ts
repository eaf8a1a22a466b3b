/**
 * What a peer can make the vault do with one CertificateVerify: the paths that cost most, by the keys of the authority and of the leaf, and what
 * a stranger gets out of it who has no certificate of the authority's.
 */
import { randomBytes } from "node:crypto";
import { authority, chainBytes, type Issued, type KeyKind, leaf } from "../support/certificates.ts";
import { sealBytes, sealFields } from "../support/seal.ts";
import { type Attempt, attempt, CLIENT, HASH, TestVault } from "../support/vault.ts";
import { taken, type Work, work } from "./instrumented.ts";

export interface VaultCall {
  what: string;
  work: Work;
  /** Bytes of the vault's memory that are taken after it: as before it. */
  held: number;
  /** Microseconds, the fastest of several. */
  micros: number;
}

const TIMES = 15;

export async function vaultCalls(module: WebAssembly.Module): Promise<VaultCall[]> {
  const rows: VaultCall[] = [];
  for (const kind of ["p256", "ed25519"] as const) {
    const world = await worldOf(module, kind, kind);
    rows.push(measured(world, `sign with ${NAMES[kind]}`, (vault) => vault.sign(0, HASH).length > 0));
  }
  for (const kind of ["p256", "ed25519", "p384"] as const) {
    const world = await worldOf(module, kind, "p256");
    const judged = (what: string, path: Issued[], accepted: boolean) =>
      attemptWith(path).then((one) =>
        rows.push(measured(world, what, (vault) => (vault.authenticate(one).failure === 0) === accepted)),
      );
    const name = NAMES[kind];
    await judged(
      `judge a ${name} leaf of a ${name} authority`,
      [await leaf("client", { issuer: world.root, kind })],
      true,
    );
    await judged(`judge four ${name} certificates in a row`, await longestPath(world.root, kind), true);
    const forger = await authority({ kind, pathLength: 3 });
    await judged(`refuse a forger's path of the right names, ${name}`, await longestPath(forger, kind), false);
  }
  return rows;
}

const NAMES: Record<KeyKind, string> = { p256: "P-256", p384: "P-384", ed25519: "Ed25519" };

interface SmallWorld {
  module: WebAssembly.Module;
  root: Issued;
  seal: Uint8Array;
}

async function worldOf(module: WebAssembly.Module, kind: KeyKind, own: "p256" | "ed25519"): Promise<SmallWorld> {
  const root = await authority({ kind, pathLength: 3 });
  const server = await leaf("server", { issuer: root, kind: own });
  const client = await leaf("client", { issuer: root, kind: own });
  return {
    module,
    root,
    seal: sealBytes(sealFields({ candy: "candy", anchor: root, server: [server], client: [client] })),
  };
}

/** A leaf under three intermediate authorities: the longest path there may be. */
async function longestPath(root: Issued, kind: KeyKind): Promise<Issued[]> {
  const path: Issued[] = [];
  let issuer = root;
  for (const pathLength of [2, 1, 0]) {
    issuer = await authority({ subject: `CN=Intermediate ${pathLength}`, issuer, kind, pathLength });
    path.unshift(issuer);
  }
  return [await leaf("client", { issuer, kind }), ...path];
}

async function attemptWith(path: Issued[]): Promise<Attempt> {
  return { ...(await attempt(path[0]!)), peerRole: CLIENT, chain: chainBytes(...path) };
}

function measured(world: SmallWorld, what: string, call: (vault: TestVault) => boolean): VaultCall {
  const vault = new TestVault(world.module);
  vault.seed(randomBytes(64));
  if (vault.unseal(world.seal) !== 0) throw new Error("the vault refuses the seal");
  const before = work(vault.raw);
  if (!call(vault)) throw new Error(`it is not so that the vault would ${what}`);
  const after = work(vault.raw);
  let micros = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now();
    call(vault);
    micros = Math.min(micros, 1000 * (performance.now() - start));
  }
  const spent = Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - before[name as keyof Work]]),
  ) as unknown as Work;
  return { what, work: spent, held: taken(vault.raw), micros };
}
