/** Asks `openssl verify` (3.0) for its verdict on chains of the corpus, with the flags that come closest to our profile. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { NOW } from "../../support/certificates.ts";
import type { Made } from "./corpus.ts";
import { UNREADABLE } from "./differences.ts";
import { anchorFile, chainFile } from "./files.ts";

/** What OpenSSL said. `code` is its X509_V_ERR number, 0 when it accepts, or `UNREADABLE`. */
export interface Answer {
  code: number;
  words: string;
}

/** The release that the corpus's expectations were written for. */
export const EXPECTED_RELEASE = "3.0.";

/** Processes at once: each lives for a few milliseconds. */
const AT_ONCE = 4;

/**
 * Strict in form; the chain's end is the given anchor, whatever it is; no store of the machine's; a self-signed anchor's own signature is
 * checked; the purpose is the peer's role.
 */
function flags({ case: { role }, presented: { at } }: Made): string[] {
  const time = at ? at.getTime() / 1000 : Number(NOW);
  const purpose = role === "server" ? "sslserver" : "sslclient";
  const closed = ["-no-CApath", "-no-CAfile", "-no-CAstore", "-partial_chain"];
  return ["verify", "-x509_strict", "-check_ss_sig", ...closed, "-attime", String(time), "-purpose", purpose];
}

export async function opensslRelease(): Promise<string> {
  const { stdout } = await promisify(execFile)("openssl", ["version"]);
  return stdout.split(" ")[1] ?? "";
}

/** The verdict on a chain whose files are in `folder`. */
export async function askOpenssl(folder: string, made: Made): Promise<Answer> {
  const chain = join(folder, chainFile(made));
  const files = ["-trusted", join(folder, anchorFile(made)), "-untrusted", chain, chain];
  const said = await execute([...flags(made), ...files]);
  if (said.code === 0) return { code: 0, words: "OK" };
  const [, number, words] = /error (\d+) at \d+ depth lookup: (.*)/.exec(said.text) ?? [];
  if (number !== undefined) return { code: Number(number), words: words! };
  return { code: UNREADABLE, words: said.text.trim().split("\n")[0] ?? "nothing" };
}

/** The answers to all of these, several at a time. */
export async function askOpensslAll(folder: string, corpus: Made[]): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  const left = [...corpus];
  const worker = async () => {
    for (let made = left.shift(); made; made = left.shift()) answers.set(made.name, await askOpenssl(folder, made));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return answers;
}

function execute(args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    execFile("openssl", args, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(error);
      else resolve({ code: error ? Number(error.code) : 0, text: `${stderr}${stdout}` });
    });
  });
}
