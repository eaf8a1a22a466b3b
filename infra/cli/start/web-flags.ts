/**
 * What `pinata start` is told about the page and passes on to it (not --rate: its coins are worth nothing). The page's own
 * rules check it before anything starts, so that a mistake is one line in the page's words and nothing is left behind.
 */
import { resolve } from "node:path";
import { UsageError } from "../errors.ts";

export interface WebFlags {
  publicUrl?: string;
  onionUrl?: string;
  trustProxy?: boolean;
  securityContact?: string;
  metricsTokenFile?: string;
  explorer?: string[];
  /** False: there is no page for maintainers. */
  maintainers?: boolean;
}

/** As flags of web/main.ts, which runs in another folder: a file's path is whole. Throws a {@link UsageError}. */
export async function webFlags(options: WebFlags): Promise<string[]> {
  const { explorer = [], metricsTokenFile: file } = options;
  const values: [flag: string, value: string | undefined][] = [
    ["--public-url", options.publicUrl],
    ["--onion-url", options.onionUrl],
    ["--security-contact", options.securityContact],
    ["--metrics-token-file", file === undefined ? undefined : resolve(file)],
    ...explorer.map((each): [string, string] => ["--explorer", each]),
  ];
  const flags = [
    ...values.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`])),
    ...(options.trustProxy ? ["--trust-proxy"] : []),
    ...(options.maintainers === false ? ["--no-maintainers"] : []),
  ];
  const { webOptions } = await import("../../../web/main.ts");
  try {
    webOptions(["--monitor", "http://localhost", ...flags]);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return flags;
}
