/**
 * The text of docs/certificates.md, made from the corpus, so that the page and the cases cannot differ: `npx tsx
 * test/conformance/certificates/page.ts` writes it anew; the test compares.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { Failure } from "../../../unikernel/guest/failure.ts";
import type { Case, Room } from "./case.ts";
import { ROOMS } from "./corpus.ts";
import { DIFFERENCES, DIFFERENT, type Difference, type Does } from "./differences.ts";
import { MUTANTS } from "./mutants.ts";
import { R } from "./rules.ts";

export const PAGE = join(ROOT, "docs/certificates.md");

export function page(): string {
  const cases = ROOMS.flatMap((room) => room.cases);
  const accepted = cases.filter(isAccepted).length;
  const differing = count(["accepts", "refuses"]);
  return `# The certificate corpus

${cases.length} certificate chains of our own making, in the manner of Frankencert and x509-limbo: each has one thing wrong, or is right in the thing
that another has wrong, and names the verdict that it has to get and the sentence that asks for it. ${accepted} have to be accepted, ${cases.length - accepted} refused, each with
its own failure. \`npm run conformance\` (and \`test/conformance/certificates.test.ts\`) has all of them judged by the guest's path validation
(\`unikernel/guest/x509\`), by the shipped vault's \`authenticate\`, and by \`openssl verify\` 3.0.

The corpus is made anew in each run, the same to the byte: keys come from seeds, signatures are deterministic. @peculiar/x509 writes the plain
certificate; an edit of its DER makes the one thing wrong; then it is signed again, so that nothing but that one thing can be what a judge
refuses. To use it elsewhere:

\`\`\`sh
npx tsx test/conformance/certificates/write.ts FOLDER   # PEM files and index.json
npx tsx test/conformance/certificates/page.ts           # this page
npx tsx test/conformance/certificates/mutants.ts        # each rule of the guest, taken out
\`\`\`

OpenSSL is asked with \`-x509_strict -check_ss_sig -partial_chain -attime … -purpose sslclient|sslserver\` and no store of the machine's. It gives
the same verdict to all but ${differing}: it accepts ${count(["accepts"])} that we refuse and refuses ${count(["refuses"])} that we accept. ${count(["calls"])} more it refuses for another mistake than we name, and ${count(["unasked"])}
cannot be asked. Each has its reason below; a difference that has none, and a reason that no longer holds, fails the suite.

That the corpus can fail is tried too: ${MUTANTS.length} copies of the guest with one rule taken out or bent (\`test/conformance/certificates/mutants.ts\`), each
of which some case catches.

## Rooms

| room | cases | accepted | refused | OpenSSL differs |
|---|---|---|---|---|
${ROOMS.map(roomRow).join("\n")}

## What OpenSSL accepts and we refuse

${differencesOf("accepts")}

## What OpenSSL refuses and we accept

${differencesOf("refuses")}

## What both refuse, under different names

${differencesOf("calls")}

## What OpenSSL cannot be asked

${differencesOf("unasked")}

## Sentences

${sentences()}
`;
}

const isAccepted = ({ verdict }: Case) => verdict === Failure.None;

function count(kinds: Does[]): number {
  return DIFFERENCES.filter(({ does }) => kinds.includes(does)).reduce((sum, { cases }) => sum + cases.length, 0);
}

function roomRow({ id, title, cases }: Room): string {
  const accepted = cases.filter(isAccepted).length;
  const differing = cases.filter((item) =>
    /accepts|refuses/.test(DIFFERENT.get(`${id}/${item.id}`)?.does ?? ""),
  ).length;
  return `| ${title} (\`${id}\`) | ${cases.length} | ${accepted} | ${cases.length - accepted} | ${differing} |`;
}

function differencesOf(kind: Does): string {
  const row = ({ reason, why, cases }: Difference) =>
    `| ${reason} | ${why} | ${cases.map((name) => `\`${name}\``).join(" ")} |`;
  const rows = DIFFERENCES.filter(({ does }) => does === kind).map(row);
  return ["| reason | why | cases |", "|---|---|---|", ...rows].join("\n");
}

/** Each sentence with the number of cases that it asks a verdict of. */
function sentences(): string {
  const all = ROOMS.flatMap((room) => room.cases);
  const rows = Object.values(R).map((rule) => {
    const cases = all.filter((item) => item.rule === rule).length;
    return `| ${rule.section} | ${rule.sentence.replaceAll("|", "\\|")} | ${cases} |`;
  });
  return ["| section | sentence | cases |", "|---|---|---|", ...rows].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, page());
