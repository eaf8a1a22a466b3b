/**
 * The certificate corpus: every chain judged by the guest, the vault and OpenSSL; positive controls, in which each judge is shown a corpus
 * that lies about one case; that the corpus is what it says, the same every time, and that docs/certificates.md says the same.
 */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { type Corpus, type Made, ROOMS } from "./certificates/corpus.ts";
import { DIFFERENCES, DIFFERENT } from "./certificates/differences.ts";
import type { Entry } from "./certificates/files.ts";
import { judgeByGuest, judgeByOpenssl, judgeByVault } from "./certificates/judges.ts";
import { caughtBy, MUTANTS } from "./certificates/mutants.ts";
import { PAGE, page } from "./certificates/page.ts";
import { R } from "./certificates/rules.ts";
import { writeCorpus } from "./certificates/write.ts";
import { type Suite, tally } from "./suite.ts";
import { certificatesByGuest, certificatesByOpenssl, certificatesByVault, theCorpus } from "./suites/certificates.ts";

/** Seven hundred chains three times take a while on a busy machine. */
const PATIENCE = 300_000;

let corpus: Corpus;
beforeAll(async () => {
  corpus = await theCorpus();
}, PATIENCE);

describe("verdicts", () => {
  it("the guest's are all as they have to be", { timeout: PATIENCE }, async () => {
    const { failed, skipped, passed, refused } = await tally(certificatesByGuest, "short");
    expect(failed).toEqual([]);
    expect([...skipped]).toEqual([]);
    expect(passed + refused).toBe(corpus.made.length);
  });

  it("the vault's too, for each trust anchor that a seal can have", { timeout: PATIENCE }, async () => {
    const { failed, skipped } = await tally(certificatesByVault, "short");
    expect(failed).toEqual([]);
    expect([...skipped.keys()]).toEqual(["a seal with this trust anchor is refused"]);
    // Anchors that are no CA, not self-signed, or for one role only.
    expect([...skipped.values()][0]).toBeLessThan(20);
  });

  it("OpenSSL's are the same, or explained", { timeout: PATIENCE }, async () => {
    const { failed, cases } = await tally(certificatesByOpenssl, "short");
    expect(failed).toEqual([]);
    expect(cases).toBe(corpus.made.length);
  });
});

describe("a judge that is lied to notices", () => {
  const lies: [string, (made: Made) => Made][] = [
    ["signatures/right", (made) => ({ ...made, case: { ...made.case, verdict: Failure.CertificateSignatureWrong } })],
    ["signatures/one-bit", (made) => ({ ...made, case: { ...made.case, verdict: Failure.None } })],
    [
      "validity/leaf-long-expired",
      (made) => ({ ...made, case: { ...made.case, verdict: Failure.CertificateNotYetValid } }),
    ],
    ["encoding/der", (made) => ({ ...made, presented: { ...made.presented, chain: [] } })],
  ];
  const judges: Record<string, (corpus: Corpus, report: Parameters<Suite["run"]>[0]) => Promise<void>> = {
    "the guest": judgeByGuest,
    "the vault": judgeByVault,
    OpenSSL: judgeByOpenssl,
  };

  it.each(Object.entries(judges))("%s", { timeout: PATIENCE }, async (_name, judge) => {
    const made = lies.map(([name, lie]) => lie(corpus.made.find((item) => item.name === name)!));
    const suite: Suite = { name: "lies", source: "", atLeast: 4, run: (report) => judge({ ...corpus, made }, report) };
    const { failed, skipped } = await tally(suite, "short");
    // Without OpenSSL nothing is judged, and the tally says so.
    if (skipped.size === 0) expect(failed.map(({ name }) => name)).toEqual(lies.map(([name]) => name));
    else expect([...skipped.values()]).toEqual([lies.length]);
  });

  it("OpenSSL's agreement where a difference is expected, and the other way round", { timeout: PATIENCE }, async () => {
    const swapped = (name: string, other: string) => ({ ...corpus.made.find((item) => item.name === other)!, name });
    const made = [
      swapped("serials/serial-0", "serials/serial-empty"),
      swapped("serials/serial-empty", "serials/serial-0"),
    ];
    const suite: Suite = {
      name: "lies",
      source: "",
      atLeast: 2,
      run: (report) => judgeByOpenssl({ ...corpus, made }, report),
    };
    const { failed, skipped } = await tally(suite, "short");
    if (skipped.size === 0)
      expect(failed.map(({ name }) => name)).toEqual(["serials/serial-0", "serials/serial-empty"]);
  });
});

describe("a guest with a rule taken out is caught", () => {
  // All of them: npx tsx test/conformance/certificates/mutants.ts.
  const some = MUTANTS.filter((_, i) => i % 6 === 0);

  it.each(some)("%s: %j → %j", { timeout: PATIENCE }, async (...mutant) => {
    expect(await caughtBy(corpus, mutant)).not.toEqual([]);
  });

  it("and no piece of the guest that the list changes has gone", () => {
    for (const [file, from] of MUTANTS) {
      expect(readFileSync(join(ROOT, "unikernel/guest/x509", file), "utf8"), from).toContain(from);
    }
  });
});

describe("the corpus", () => {
  it("has at least 300 cases, each of its own name, and right and wrong ones in every room", () => {
    const names = corpus.made.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(300);
    expect(new Set(names).size).toBe(names.length);
    for (const { id, cases } of ROOMS) {
      expect(
        cases.some(({ verdict }) => verdict === Failure.None),
        id,
      ).toBe(true);
      expect(
        cases.some(({ verdict }) => verdict !== Failure.None),
        id,
      ).toBe(true);
    }
  });

  it("has every failure of a chain, and uses every sentence", () => {
    const verdicts = new Set(corpus.made.map((made) => made.case.verdict));
    for (let failure = Failure.CertificateMissing; failure <= Failure.CertificateNameMismatch; failure++) {
      expect(verdicts.has(failure), Failure[failure]).toBe(true);
    }
    const used = new Set(corpus.made.map((made) => made.case.rule));
    expect(Object.entries(R).filter(([, rule]) => !used.has(rule))).toEqual([]);
  });

  it("gives each difference a case that exists, and each case one difference", () => {
    const names = new Set(corpus.made.map(({ name }) => name));
    const explained = DIFFERENCES.flatMap(({ cases }) => cases);
    expect(explained.filter((name) => !names.has(name))).toEqual([]);
    expect(explained.length).toBe(DIFFERENT.size);
  });

  it("holds certificates that Node can read wherever they have to be accepted", () => {
    for (const {
      name,
      case: { verdict },
      presented,
    } of corpus.made) {
      // OpenSSL's reader, which is Node's, refuses a string that is no UTF-8.
      if (verdict !== Failure.None || name === "names/bad-utf8") continue;
      for (const der of presented.chain) expect(() => new X509Certificate(der), name).not.toThrow();
    }
  });

  it("is written with an index, the same every time", { timeout: PATIENCE }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pinata-corpus-"));
    try {
      expect(await writeCorpus(folder)).toBe(corpus.made.length);
      const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as Entry[];
      expect(index.map(({ name }) => name)).toEqual(corpus.made.map(({ name }) => name));
      for (const [i, entry] of index.entries()) {
        const made = corpus.made[i]!;
        expect(entry.verdict).toBe(Failure[made.case.verdict]);
        expect(certificatesOf(join(folder, entry.chain)), entry.name).toEqual(made.presented.chain.map(base64));
        expect(certificatesOf(join(folder, entry.anchor)), entry.name).toEqual([base64(made.presented.anchor.der)]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is what docs/certificates.md says", () => {
    expect(readFileSync(PAGE, "utf8")).toBe(page());
  });
});

const base64 = (der: Uint8Array) => Buffer.from(der).toString("base64");

function certificatesOf(file: string): string[] {
  const blocks = readFileSync(file, "utf8").matchAll(
    /-----BEGIN CERTIFICATE-----\n([^-]*)-----END CERTIFICATE-----\n/g,
  );
  return [...blocks].map(([, text]) => text!.replaceAll("\n", ""));
}
