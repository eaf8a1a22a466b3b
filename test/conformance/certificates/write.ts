/**
 * Writes the corpus as files for others to use: `npx tsx test/conformance/certificates/write.ts FOLDER`. Each room is a folder, each case
 * two PEM files (its chain, its trust anchor), and index.json says what each is and has to be. The same bytes every time.
 */
import { fileURLToPath } from "node:url";
import { makeCorpus } from "./corpus.ts";
import { writeFiles } from "./files.ts";

export async function writeCorpus(folder: string): Promise<number> {
  const { made } = await makeCorpus();
  writeFiles(folder, made);
  return made.length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder] = process.argv;
  if (folder === undefined) {
    process.stderr.write("usage: npx tsx test/conformance/certificates/write.ts FOLDER\n");
    process.exitCode = 2;
  } else {
    process.stdout.write(`${await writeCorpus(folder)} cases written to ${folder}\n`);
  }
}
