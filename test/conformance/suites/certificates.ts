/**
 * The certificate corpus (test/conformance/certificates) as conformance suites: the guest's path validation and the shipped vault on every
 * chain, and `openssl verify` beside them, whose verdict has to be the same unless the corpus says why not.
 */
import { type Corpus, makeCorpus } from "../certificates/corpus.ts";
import { judgeByGuest, judgeByOpenssl, judgeByVault } from "../certificates/judges.ts";
import type { Report, Suite } from "../suite.ts";

const SOURCE = "made here (npx tsx test/conformance/certificates/write.ts); RFC 5280, 5480, 5758, 8410, X.690";
const AT_LEAST = 650;

let made: Promise<Corpus> | undefined;

/** The corpus, made once in a process. */
export function theCorpus(): Promise<Corpus> {
  made ??= makeCorpus();
  return made;
}

function suite(name: string, judge: (corpus: Corpus, report: Report) => Promise<void>): Suite {
  return { name, source: SOURCE, atLeast: AT_LEAST, run: async (report) => judge(await theCorpus(), report) };
}

export const certificatesByGuest = suite("Certificate corpus: the guest's path validation", judgeByGuest);
export const certificatesByVault = suite("Certificate corpus: the vault's authenticate", judgeByVault);
export const certificatesByOpenssl = suite("Certificate corpus: openssl verify, differences explained", judgeByOpenssl);
