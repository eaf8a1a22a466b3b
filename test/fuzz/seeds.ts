/**
 * Makes the practice piñata and the seeds of all fuzz targets anew: `npx tsx test/fuzz/seeds.ts`. The inputs are recorded from real peers,
 * then libFuzzer keeps those that reach something that no other does; what is left goes to test/fuzz/corpus. With names behind it
 * (`net`, `wire`) only the seeds of those are made, and the practice piñata stays: the others belong to its keys.
 *
 * To be run when the seeds no longer reach what they did (test/fuzz/regressions.test.ts says so), e.g. because the door draws its random bytes
 * in another order.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { loadDoorModules } from "./replay-door.ts";
import { recordNet } from "./seeds/net.ts";
import { recordPlainClients, recordPlainServers, takeProtectionOut } from "./seeds/plain.ts";
import { makePractice, PRACTICE } from "./seeds/practice.ts";
import { type Recorded, recordClients, recordServers } from "./seeds/programs.ts";
import { recordWire } from "./seeds/wire.ts";
import { recordChains } from "./seeds/x509.ts";
import { buildTarget, FUZZ, TARGETS, type TargetName, targetModule } from "./targets.ts";

/** Files of one target at most (net has no handshakes that must be there, and the most to say), and bytes of one file. */
const MOST_FILES = {
  "door-server": 18,
  "door-client": 18,
  "door-server-plain": 18,
  "door-client-plain": 18,
  x509: 18,
  net: 28,
  wire: 18,
};
const MOST_BYTES = 6000;

/** Targets whose seeds need no key. */
const KEYLESS = {
  net: async () => recordNet(new WebAssembly.Module(readFileSync(join(ROOT, await targetModule(TARGETS.net))))),
  wire: async () => recordWire(),
};
type Keyless = keyof typeof KEYLESS;

const asked = process.argv.slice(2);
if (!asked.every(isKeyless)) {
  process.stderr.write(`usage: npx tsx test/fuzz/seeds.ts [${Object.keys(KEYLESS).join("] [")}]\n`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "pinata-seeds-"));
try {
  if (asked.length === 0) await renewKeyed();
  for (const name of asked.length > 0 ? asked : (Object.keys(KEYLESS) as Keyless[])) {
    await keep(name, await KEYLESS[name]());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The practice piñata, and the seeds that belong to its keys. */
async function renewKeyed(): Promise<void> {
  const practice = await makePractice(folder);
  const all: Partial<Record<TargetName, Recorded[]>> = {};
  all["door-server"] = await recordClients(await loadDoorModules(TARGETS["door-server"], practice.seal), practice);
  all["door-client"] = await recordServers(await loadDoorModules(TARGETS["door-client"], practice.seal), practice);
  all.x509 = await recordChains(practice);
  takeProtectionOut();
  const clients = recordPlainClients(await loadDoorModules(TARGETS["door-server-plain"], practice.seal), practice.pki);
  const servers = recordPlainServers(await loadDoorModules(TARGETS["door-client-plain"], practice.seal), practice.pki);
  // Only now that everything was recorded: the seal and the seeds belong together.
  mkdirSync(PRACTICE, { recursive: true });
  writeFileSync(join(PRACTICE, "seal"), practice.seal);
  writeFileSync(join(PRACTICE, "client-hello"), clients.prefix);
  writeFileSync(join(PRACTICE, "server-hello"), servers.prefix);
  all["door-server-plain"] = clients.seeds;
  all["door-client-plain"] = servers.seeds;
  for (const [name, seeds] of Object.entries(all)) await keep(name as TargetName, seeds);
}

function isKeyless(name: string): name is Keyless {
  return Object.hasOwn(KEYLESS, name);
}

/** Writes the seeds of a target: those with candy always, of the others those that reach something of their own. */
async function keep(name: TargetName, seeds: Recorded[]): Promise<void> {
  const from = join(folder, name);
  const corpus = join(FUZZ, "corpus", name);
  for (const path of [from, corpus]) mkdirSync(path, { recursive: true });
  // What fuzzing has found holds no key, unlike the handshakes: it stays as it is.
  const found = readdirSync(corpus).filter((file) => file.startsWith("found-"));
  for (const file of readdirSync(corpus)) if (!found.includes(file)) rmSync(join(corpus, file));
  const label = (text: string) =>
    text
      .normalize("NFKD")
      .replace(/[^A-Za-z0-9]+/g, "-")
      .slice(0, 60)
      .toLowerCase();
  for (const seed of seeds) {
    if (seed.candy) writeFileSync(join(corpus, label(seed.name)), seed.input);
    else if (seed.input.length <= MOST_BYTES) writeFileSync(join(from, label(seed.name)), seed.input);
  }
  execFileSync(await buildTarget(name, TARGETS[name]), ["-merge=1", corpus, from], { stdio: "ignore" });
  // libFuzzer names what it kept by hash: give the names back.
  const byContent = new Map(readdirSync(from).map((file) => [readFileSync(join(from, file), "base64"), file]));
  for (const file of readdirSync(corpus)) {
    const path = join(corpus, file);
    const known = byContent.get(readFileSync(path, "base64"));
    if (known === undefined) continue;
    rmSync(path);
    if (readdirSync(corpus).length < MOST_FILES[name])
      writeFileSync(join(corpus, known), readFileSync(join(from, known)));
  }
  const files = readdirSync(corpus);
  const bytes = files.reduce((sum, file) => sum + statSync(join(corpus, file)).size, 0);
  const candy = seeds.filter((seed) => seed.candy).length;
  process.stdout.write(
    `${name}: ${seeds.length} recorded, ${candy} with candy, ${files.length} kept, ${bytes} bytes\n`,
  );
}
