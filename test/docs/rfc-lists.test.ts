/**
 * docs/rfc8446.md and docs/rfc5280.md are what they say: complete in their numbering, counted rightly, and every file and test that
 * they name is there. The rule by which their sentences were found is here as code; given the RFCs' text
 * (RFC8446_TEXT, RFC5280_TEXT: paths), it is run on that, and the pages must have the same sentences.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";

/** What a page lists. */
interface List {
  page: string;
  /** Classes whose rows must name a test, and those that need only a reason. */
  tested: string[];
  who: string[];
  /** Where the RFC's text is, if it is given, and which of its sections the page covers. */
  text: string | undefined;
  covers: (section: string) => boolean;
}

const RFC8446: List = {
  page: "docs/rfc8446.md",
  tested: ["abort"],
  who: ["client", "server", "both"],
  text: process.env.RFC8446_TEXT,
  covers: () => true,
};
const RFC5280: List = {
  page: "docs/rfc5280.md",
  tested: ["reject"],
  who: ["verifier", "issuer", "both"],
  text: process.env.RFC5280_TEXT,
  covers: (section) => /^(4\.1|4\.2|6\.1)(\.|$)/.test(section) && !/^4\.2\.2(\.|$)/.test(section),
};

interface Sentence {
  id: string;
  text: string;
}

/** The sentences of an RFC that demand something, numbered; docs/rfc8446.md says the rule in words. */
function demands(rfc: string): Sentence[] {
  const found: Sentence[] = [];
  const counts = new Map<string, number>();
  let section: string | undefined;
  let sentence = "";
  const end = () => {
    if (section !== undefined && /\b(MUST|REQUIRED|SHALL)\b/.test(sentence)) {
      const count = (counts.get(section) ?? 0) + 1;
      counts.set(section, count);
      found.push({ id: `${section}-${count}`, text: sentence });
    }
    sentence = "";
  };
  for (const line of rfc.split(/[\r\n\f]+/)) {
    if (/\[Page \d+\]$/.test(line) || /^RFC \d+ .* \d{4}$/.test(line)) continue;
    const heading = /^(?:Appendix )?((?:\d+|[A-E])(?:\.\d+)*)\. +\S/.exec(line);
    if (heading) {
      end();
      section = heading[1];
      continue;
    }
    if (/^\s*(o|-|\*|\d+\.|\([a-z0-9]+\)) /.test(line)) end();
    for (const part of line.trim().split(/(?<=[.:?!]["')\]]*) {2,}/)) {
      sentence = `${sentence} ${part}`.trim();
      if (/[.:?!]["')\]]*$/.test(part)) end();
    }
  }
  end();
  return found;
}

type Row = [id: string, kind: string, who: string, asked: string, where: string, tests: string];

/** A page's tables, by their first column: test files, counts, sentences, and steps (of RFC 5280 §6.1). */
function read(page: string) {
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.slice(2, -2).split(" | "));
  const files = new Map<string, string>();
  const counts: string[][] = [];
  const sentences: Row[] = [];
  const steps: Row[] = [];
  let header = "";
  for (const row of cells) {
    if (["tests", "section", "№"].includes(row[0]!)) header = row[0]!;
    else if (header === "tests") files.set(row[0]!, row[1]!);
    else if (header === "section") counts.push(row);
    else if (/^[\dA-E.]+-\d+$/.test(row[0]!)) sentences.push(row as Row);
    else steps.push(row as Row);
  }
  return { files, counts, sentences, steps };
}

const sectionOf = ([id]: Row) => id.slice(0, id.lastIndexOf("-"));
const source = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** Whether `text` has a test, a case or a row of this title. */
function hasTitle(text: string, title: string): boolean {
  return new RegExp(`[([]\\s*"${title.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}"`).test(text);
}

/** A row that a hostile peer plays: the test that plays it, and the roles of the doors that it is played on. */
interface Played {
  test: string;
  text: string;
  roles: string[];
}
const DOORS: Record<string, string[]> = { ClientPeer: ["server"], ServerPeer: ["client"], Peer: ["server", "client"] };
const PLAYED: Played[] = readdirSync(join(ROOT, "test/support/tls-peer/refusals")).flatMap((file) => {
  const lists = /: (Refusal|AfterCandy)<(\w+)>\[\] = (\[[\s\S]*?\n\]);/g;
  return [...source(join("test/support/tls-peer/refusals", file)).matchAll(lists)].map(([, type, peer, text]) => ({
    test: type === "Refusal" ? "refusals" : "after-candy",
    text: text!,
    roles: DOORS[peer!]!,
  }));
});
/** The roles of the doors on which `test` plays a row of this title. */
function rolesOf(test: string, title: string): string[] {
  return PLAYED.filter((list) => list.test === test && hasTitle(list.text, title)).flatMap(({ roles }) => roles);
}

/** Everything that is wrong with a page. */
function problems(list: List, page: string): string[] {
  const { files, counts, sentences, steps } = read(page);
  const wrong: string[] = [];
  for (const file of files.values()) if (!existsSync(join(ROOT, file))) wrong.push(`no file ${file}`);

  // Numbers without a gap, and the counts that stand at the top.
  const sections = new Map<string, Row[]>();
  for (const row of sentences) sections.set(sectionOf(row), [...(sections.get(sectionOf(row)) ?? []), row]);
  for (const [section, rows] of sections) {
    for (const [i, [id]] of rows.entries()) if (id !== `${section}-${i + 1}`) wrong.push(`a gap before ${id}`);
  }
  const kinds = [...list.tested, "behave", "n/a"];
  const count = (rows: Row[]) => [rows.length, ...kinds.map((kind) => rows.filter((row) => row[1] === kind).length)];
  const counted = [...sections].map(([section, rows]) => [section, ...count(rows)].join(" "));
  counted.push(["all", ...count(sentences)].join(" "));
  const stated = counts.map(([section, _title, ...numbers]) => [section, ...numbers].join(" "));
  for (const line of counted) if (!stated.includes(line)) wrong.push(`not counted so: ${line}`);
  if (stated.join() !== counted.join()) wrong.push("the counts are of other sections, or in another order");

  for (const row of [...sentences, ...steps]) {
    const [id, kind, who, asked, where, tests] = row;
    if (row.length !== 6 || row.some((cell) => cell.trim() === "")) wrong.push(`${id}: a cell is missing`);
    else if (!kinds.includes(kind) || !list.who.includes(who)) wrong.push(`${id}: ${kind}, ${who}?`);
    else if (/MUST|SHALL/.test(asked)) wrong.push(`${id}: not in our words`);
    else if (kind === "n/a" ? where !== "—" : !wheres(where)) wrong.push(`${id}: no file ${where}`);
    else if (kind !== "n/a") wrong.push(...testProblems(list, row, files).map((text) => `${id}: ${text}`));
    else if (tests.includes('"')) wrong.push(`${id}: n/a with a test`);
  }
  return wrong;
}

function wheres(file: string): boolean {
  return existsSync(join(ROOT, "unikernel/guest", file)) || existsSync(join(ROOT, file));
}

function testProblems(list: List, [, kind, who, , , cell]: Row, files: Map<string, string>): string[] {
  const wrong: string[] = [];
  const roles = new Set<string>();
  for (const reference of cell.split("; ")) {
    const [, name, title] = /^(\S+) "([^"]+)"$/.exec(reference) ?? [];
    const file = files.get(name ?? "");
    if (file === undefined || title === undefined) {
      wrong.push(`not a test: ${reference}`);
      continue;
    }
    const played = rolesOf(name!, title);
    if (!existsSync(join(ROOT, file)) || !(hasTitle(source(file), title) || played.length > 0)) {
      wrong.push(`no test ${reference}`);
    }
    // Any other test plays whatever its title says.
    for (const role of played.length > 0 ? played : ["server", "client"]) roles.add(role);
  }
  if (!list.tested.includes(kind) || wrong.length > 0) return wrong;
  const named = who === "both" ? ["server", "client"] : [who];
  return named
    .filter((role) => ["server", "client"].includes(role) && !roles.has(role))
    .map((role) => `no ${role} test`);
}

/** The steps of RFC 5280 §6.1 that its page has to have, in order. */
const STEPS = [
  ...["6.1(a)", "6.1(b)", "6.1(c)", "6.1(d)"],
  ...["6.1.3(a)(1)", "6.1.3(a)(2)", "6.1.3(a)(3)", "6.1.3(a)(4)"],
  ...[..."bcdef"].map((step) => `6.1.3(${step})`),
  ...[..."abcdefghijklmno"].map((step) => `6.1.4(${step})`),
  ...[..."abcdefg"].map((step) => `6.1.5(${step})`),
];

describe.each([RFC8446, RFC5280])("$page", (list) => {
  const page = source(list.page);

  it("is complete, counted, and names files and tests that are there", () => {
    expect(problems(list, page)).toEqual([]);
    expect(read(page).sentences.length).toBeGreaterThan(100);
    expect(read(page).steps.map(([id]) => id)).toEqual(list === RFC5280 ? STEPS : []);
  });

  it("would not pass with a row less, a test renamed, a file gone, a test gone, or another count", () => {
    const { sentences, files } = read(page);
    const tested = sentences.find((row) => list.tested.includes(row[1]))!;
    const line = `| ${tested.join(" | ")} |\n`;
    const changed = (from: string, to: string) => {
      expect(page).toContain(from);
      return problems(list, page.replace(from, to));
    };
    const [id] = tested;
    const found = (to: string) => expect.arrayContaining([expect.stringContaining(`${id}: ${to}`)]);
    expect(changed(line, "")).not.toEqual(problems(list, page));
    expect(changed(line, line.replace(tested[5], `${tested[5].slice(0, -1)} and more"`))).toEqual(found("no test"));
    expect(changed(line, line.replace(tested[5], "nothing"))).toEqual(found("not a test"));
    expect(changed(line, line.replace(tested[4], "tls/nowhere.ts"))).toEqual(found("no file"));
    expect(changed(line, line.replace(` ${tested[1]} `, " perhaps "))).toEqual(found("perhaps"));
    const [file] = files.values();
    expect(changed(`| ${file} |`, "| test/nowhere.test.ts |")).toContain("no file test/nowhere.test.ts");
    const total = `| all | — | ${sentences.length} |`;
    expect(changed(total, `| all | — | ${sentences.length + 1} |`)).not.toEqual(problems(list, page));
  });

  if (list.text !== undefined) {
    it("has the sentences of the RFC's text, no more and no fewer", () => {
      const found = demands(readFileSync(list.text!, "utf8")).filter(({ id }) => list.covers(id.split("-")[0]!));
      expect(read(page).sentences.map(([id]) => id)).toEqual(found.map(({ id }) => id));
    });
  }
});

describe("a refusal", () => {
  it("knows on which door it is played", () => {
    expect(rolesOf("refusals", "a wrong Finished")).toEqual(["server"]);
    expect(rolesOf("refusals", "a second HelloRetryRequest")).toEqual(["client"]);
    expect(rolesOf("after-candy", "two KeyUpdates in one record")).toEqual(["server", "client"]);
    expect(rolesOf("after-candy", "NewSessionTicket of a client")).toEqual(["server"]);
    expect(rolesOf("refusals", "two KeyUpdates in one record")).toEqual([]);
    const row = (tests: string): Row => ["4-1", "abort", "both", "x", "vault.ts", tests];
    const files = new Map([["refusals", "test/unikernel/guest/tls/refusals.test.ts"]]);
    expect(testProblems(RFC8446, row('refusals "a wrong Finished"'), files)).toEqual(["no client test"]);
    const both = row('refusals "a wrong Finished"; refusals "a second HelloRetryRequest"');
    expect(testProblems(RFC8446, both, files)).toEqual([]);
  });
});

describe("the rule for sentences", () => {
  it("takes sentences across lines and pages, list items apart, code and capitals as they come", () => {
    const text = `
   Table of Contents
   1.  One MUST not be found here .....1

1.  One

   A peer MUST do this.  It may do that.  Nothing is
   REQUIRED of e.g. this one,

Author                        Standards Track                  [Page 1]
\f
RFC 1                          TLS                       August 2018

   which goes on; it MUST be one.  These follow:

   -  first, it MUST

   -  second ("it SHALL.")  Third: it must not count.

   1.  and a fourth MUST NOT

1.1.  Deeper

   MUSTARD is no demand, nor is SHOULD.

Appendix B.  Last

   It SHALL be found:
   here MUST too
`;
    expect(demands(text)).toEqual([
      { id: "1-1", text: "A peer MUST do this." },
      { id: "1-2", text: "Nothing is REQUIRED of e.g. this one, which goes on; it MUST be one." },
      { id: "1-3", text: "-  first, it MUST" },
      { id: "1-4", text: '-  second ("it SHALL.")' },
      { id: "1-5", text: "and a fourth MUST NOT" },
      { id: "B-1", text: "It SHALL be found:" },
      { id: "B-2", text: "here MUST too" },
    ]);
  });
});
