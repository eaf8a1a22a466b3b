/** Secrets from the configuration or from files of their own, once, at the start. Errors name key and file, never the secret. */
import { readFileSync } from "node:fs";
import { ConfigError } from "../config.ts";
import { type AlertSettings, LEAST_SECRET } from "./settings.ts";

/** The file's text without the line break at its end. Throws {@link ConfigError}. */
export function readSecretFile(key: string, file: string, least: number): string {
  const text = readText(key, file).replace(/\r?\n$/, "");
  if (text.length < least || /[\r\n]/.test(text)) {
    throw new ConfigError(`${key}: ${file} should hold one line of at least ${least} characters`);
  }
  return text;
}

/** What to sign with. */
export function signingSecret(
  key: string,
  { secret, secretFile }: { secret?: string | undefined; secretFile?: string | undefined },
): string {
  return secret ?? readSecretFile(`${key}.secretFile`, secretFile!, LEAST_SECRET);
}

/** The token of admin calls; undefined when there shall be none. */
export function readAdminToken(settings: AlertSettings | undefined): string | undefined {
  const file = settings?.adminTokenFile;
  if (file === undefined) return undefined;
  const token = readSecretFile("alerts.adminTokenFile", file, LEAST_SECRET);
  if (!/^[!-~]+$/.test(token))
    throw new ConfigError(`alerts.adminTokenFile: ${file} should hold no spaces, only ASCII`);
  return token;
}

export function readText(key: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`${key}: ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}
