/**
 * Who judges the corpus: the guest's path validation (x509/path.ts, through a harness), the shipped vault (`authenticate`, with a right
 * CertificateVerify, so that only the chain can be what it refuses), and `openssl verify`. Each tells one outcome for each case.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOnPath } from "../../../infra/cli/on-path.ts";
import { Failure } from "../../../unikernel/guest/failure.ts";
import { chainBytes, type Issued, NOW, signAgain } from "../../support/certificates.ts";
import { type Harness, loadHarness } from "../../support/harness.ts";
import { sealBytes, sealFields } from "../../support/seal.ts";
import {
  CANDY,
  CLIENT,
  certificateVerify,
  HASH,
  loadVaultModule,
  NO_TICKET,
  SERVER,
  TestVault,
} from "../../support/vault.ts";
import type { Report } from "../suite.ts";
import type { Corpus, Made } from "./corpus.ts";
import { ALIKE, DIFFERENT, type Does } from "./differences.ts";
import { writeFiles } from "./files.ts";
import { type Answer, askOpensslAll, EXPECTED_RELEASE, opensslRelease } from "./openssl.ts";
import type { World } from "./world.ts";

const DOOR = 3;

/** The guest's verdict on every chain. */
export async function judgeByGuest(corpus: Corpus, report: Report): Promise<void> {
  judgeByHarness(await loadHarness("x509"), corpus, report);
}

/** The verdict of any build of the harness "x509". */
export function judgeByHarness(harness: Pick<Harness, "call" | "write">, { made }: Corpus, report: Report): void {
  for (const item of made) {
    tell(report, item, item.case.verdict, () => judge(harness, item));
  }
}

/** The vault's, where a seal can have the case's trust anchor. */
export async function judgeByVault({ made, world }: Corpus, report: Report): Promise<void> {
  const module = await loadVaultModule();
  const vaults = new Map<Uint8Array, TestVault | undefined>();
  for (const item of made) {
    const { anchor, keyUnusable } = item.presented;
    if (!vaults.has(anchor.der)) vaults.set(anchor.der, await openVault(module, world, anchor));
    const vault = vaults.get(anchor.der);
    if (!vault) {
      report(item.name, "skipped", "a seal with this trust anchor is refused");
      continue;
    }
    const unproven = item.case.verdict === Failure.None && keyUnusable === true;
    const expected = unproven ? Failure.CertificateVerifyWrong : item.case.verdict;
    tell(report, item, expected, () => authenticate(vault, item));
  }
}

/** OpenSSL's, which is the case's own or the one that differences.ts expects. */
export async function judgeByOpenssl({ made }: Corpus, report: Report): Promise<void> {
  const missing = await whyNotOpenssl();
  if (missing !== undefined) {
    const outcome = process.env.PINATA_TEST_REQUIRE_TOOLS ? "failed" : "skipped";
    for (const { name } of made) report(name, outcome, missing);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "pinata-certificates-"));
  try {
    writeFiles(folder, made);
    const answers = await askOpensslAll(folder, made);
    for (const item of made) tellOpenssl(report, item, answers.get(item.name)!);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tell(report: Report, { name }: Made, expected: Failure, verdict: () => Failure): void {
  let failure: Failure | undefined;
  try {
    failure = verdict();
  } catch (error) {
    report(name, "failed", `a trap: ${(error as Error).message}`);
    return;
  }
  if (failure === expected) report(name, expected === Failure.None ? "passed" : "refused");
  else report(name, "failed", `${Failure[expected]} expected, ${Failure[failure] ?? failure} came`);
}

function judge(harness: Pick<Harness, "call" | "write">, { case: { role }, presented }: Made): Failure {
  const { anchor } = presented;
  const chain = chainBytes(...presented.chain);
  harness.write(anchor.der);
  harness.write(chain, anchor.der.length);
  return harness.call.judge!(anchor.der.length, chain.length, role === "server" ? SERVER : CLIENT, timeOf(presented));
}

/** Throws when the ticket and the verdict do not agree. */
function authenticate(vault: TestVault, { case: { role = "client" }, presented }: Made): Failure {
  const keys = presented.peer?.keys;
  const { failure, ticket } = vault.authenticate({
    door: DOOR,
    peerRole: role === "server" ? SERVER : CLIENT,
    now: timeOf(presented),
    scheme: keys?.scheme ?? ECDSA_P256,
    chain: chainBytes(...presented.chain),
    signature: keys ? signAgain(keys, certificateVerify(role, HASH)) : new Uint8Array(64),
    hash: HASH,
  });
  const ticketed = Buffer.compare(ticket, NO_TICKET) !== 0;
  if (ticketed !== (failure === Failure.None)) throw new Error(`a ticket: ${ticketed}, with ${Failure[failure]}`);
  return failure;
}

/** A vault whose seal has this anchor, and leaves below it for the piñata's own; undefined when it refuses them. */
async function openVault(module: WebAssembly.Module, world: World, anchor: Issued): Promise<TestVault | undefined> {
  const own = (purpose: "server" | "client") => world.leaf({ issuer: anchor, purpose, subject: `CN=${purpose}` });
  const fields = { candy: CANDY, anchor, server: [await own("server")], client: [await own("client")] };
  const vault = new TestVault(module);
  vault.seed(new Uint8Array(64).fill(1));
  return vault.unseal(sealBytes(sealFields(fields))) === 0 ? vault : undefined;
}

function tellOpenssl(report: Report, { name, case: { verdict } }: Made, answer: Answer): void {
  const { does, reason } = DIFFERENT.get(name) ?? {};
  if (does === "unasked") {
    report(name, "skipped", reason);
    return;
  }
  const actual = whatItDoes(verdict, answer.code);
  const said = `${answer.code} (${answer.words}), where we say ${Failure[verdict]}`;
  if (actual !== does) report(name, "failed", `${does ?? "agreement"} expected of OpenSSL, which says ${said}`);
  else report(name, answer.code === 0 ? "passed" : "refused");
}

/** How its answer differs from our verdict; undefined when it does not. */
function whatItDoes(verdict: Failure, code: number): Does | undefined {
  if (verdict === Failure.None) return code === 0 ? undefined : "refuses";
  if (code === 0) return "accepts";
  return ALIKE[verdict]?.includes(code) ? undefined : "calls";
}

async function whyNotOpenssl(): Promise<string | undefined> {
  if (!isOnPath("openssl")) return "openssl is not installed";
  const release = await opensslRelease();
  if (release.startsWith(EXPECTED_RELEASE)) return undefined;
  return `OpenSSL ${release} is installed; what is expected here is ${EXPECTED_RELEASE}x's`;
}

function timeOf({ at }: { at?: Date }): bigint {
  return at ? BigInt(at.getTime() / 1000) : NOW;
}

const ECDSA_P256 = 0x0403;
