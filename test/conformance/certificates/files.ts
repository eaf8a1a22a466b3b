/** The corpus as files: for each case its chain and its trust anchor in PEM, and one index in JSON that says what each has to be. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../../../unikernel/guest/failure.ts";
import { NOW } from "../../support/certificates.ts";
import type { Made } from "./corpus.ts";
import { DIFFERENT } from "./differences.ts";

/** One case in the index. */
export interface Entry {
  name: string;
  /** What is wrong with it, or what must not matter. */
  what: string;
  role: "client" | "server";
  /** "None", or the guest's failure. */
  verdict: string;
  section: string;
  sentence: string;
  /** Seconds since 1970 at which it is judged. */
  time: number;
  /** Files: PEM, the peer's certificate first; and the one trust anchor. */
  chain: string;
  anchor: string;
  /** What `openssl verify` does otherwise, and the reason's name in differences.ts; absent where it agrees. */
  openssl?: { does: string; reason: string };
}

export const chainFile = ({ name }: Made): string => `${name}.chain.pem`;
export const anchorFile = ({ name }: Made): string => `${name}.anchor.pem`;

/** Writes all files into `folder`, which is made when it is not there. */
export function writeFiles(folder: string, corpus: Made[]): void {
  for (const made of corpus) {
    mkdirSync(dirname(join(folder, made.name)), { recursive: true });
    writeFileSync(join(folder, chainFile(made)), made.presented.chain.map(pem).join(""));
    writeFileSync(join(folder, anchorFile(made)), pem(made.presented.anchor.der));
  }
  writeFileSync(join(folder, "index.json"), `${JSON.stringify(corpus.map(entry), null, 2)}\n`);
}

function entry(made: Made): Entry {
  const { what, role = "client", verdict, rule } = made.case;
  const different = DIFFERENT.get(made.name);
  const time = made.presented.at ? made.presented.at.getTime() / 1000 : Number(NOW);
  const files = { chain: chainFile(made), anchor: anchorFile(made) };
  return {
    name: made.name,
    what,
    role,
    verdict: Failure[verdict],
    ...rule,
    time,
    ...files,
    ...(different && { openssl: { does: different.does, reason: different.reason } }),
  };
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
