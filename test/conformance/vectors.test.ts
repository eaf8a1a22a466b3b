/**
 * Published vectors on the guest's code: no case of any suite fails, in the short form. And each suite can fail: a case that should have gone
 * the other way fails, alone; and whatever passes fails when one bit of what the guest is to compute, or to accept, is altered.
 */
import { createPublicKey, verify } from "node:crypto";
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { allSuites } from "./all-suites.ts";
import { type Outcome, type Suite, tally } from "./suite.ts";
import { judge, unaltered, type VectorCase, type VectorSuite } from "./vectors/case.ts";
import { pointCases } from "./vectors/ed25519-points.ts";
import { published, readVectors } from "./vectors/files.ts";

const SUITES = (await allSuites()).filter((suite): suite is VectorSuite => "cases" in suite);

describe.each(SUITES.map((suite) => [suite.name, suite] as const))("%s", (_, suite) => {
  /** Each asks the guest once. */
  let cases: VectorCase[];
  beforeAll(async () => {
    cases = (await suite.cases("short", unaltered)).map(askedOnce);
  });

  it("has no case that fails", async () => {
    expect((await tally(suite, "short")).failed).toEqual([]);
  });

  it.each([
    ["passed", "invalid"],
    ["refused", "valid"],
  ] as const)("fails when a case that is %s should be %s, and for nothing else", async (outcome, expected) => {
    const it = cases.findLast((each) => outcomeOf(each) === outcome);
    const turned = cases.map((each) => (each === it ? { ...each, expected } : each));
    expect((await tally(of(turned), "short")).failed.map(({ name }) => name)).toEqual(it ? [it.name] : []);
  });

  it("fails every case whose value is altered in one bit", async () => {
    const altered = await suite.cases("short", oneBitFlipped);
    const passed = cases.flatMap((each, i) => (outcomeOf(each) === "passed" ? [altered[i]!] : []));
    expect(passed.length).toBeGreaterThan(0);
    expect(passed.filter((each) => outcomeOf(each) !== "failed").map(({ name }) => name)).toEqual([]);
  });
});

describe("the files", () => {
  it("are those that SHA256SUMS names, and each is used", () => {
    const files = readdirSync(new URL("../vectors/", import.meta.url), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /(wycheproof|cavp|cctv)$/.test(entry.parentPath))
      .map((entry) => `${entry.parentPath.split("/").at(-1)}/${entry.name}`);
    expect(files.sort()).toEqual([...published().keys()].sort());
    for (const file of files) expect(readVectors(file).length).toBeGreaterThan(0);
    const sources = SUITES.map(({ source }) => source).join();
    for (const file of files.filter((name) => name.endsWith("_test.json"))) {
      expect(sources).toContain(file.replace("wycheproof/", "testvectors_v1/"));
    }
  });
});

describe("Ed25519 points", () => {
  it("are what they claim: OpenSSL refuses residues and R that is not canonical, and nothing else", () => {
    const prefix = Buffer.from("302a300506032b6570032100", "hex");
    const wrong = pointCases().filter(({ publicKey, commitment, message, signature, hasResidue }) => {
      const key = createPublicKey({ key: Buffer.concat([prefix, publicKey.encoding]), format: "der", type: "spki" });
      return verify(null, message, key, signature) !== (commitment.isCanonical && !hasResidue);
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});

function outcomeOf(each: VectorCase): Outcome {
  let outcome: Outcome = "failed";
  judge(each, (_, got) => {
    outcome = got;
  });
  return outcome;
}

function of(cases: VectorCase[]): Suite {
  return {
    name: "turned",
    source: "here",
    atLeast: 1,
    run: (report) => cases.forEach((each) => void judge(each, report)),
  };
}

function askedOnce(each: VectorCase): VectorCase {
  const found = each.find();
  return { ...each, find: () => found };
}

/** Not the lowest bit of the last byte: s and n − s of an ECDSA signature may differ in no other, and both are right. */
function oneBitFlipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 2 : byte));
}
