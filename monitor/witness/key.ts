/**
 * The monitor's own key: Ed25519 (RFC 8032), made at the first start, kept as PKCS#8 in PEM so that openssl reads it too.
 * The file appears whole or not at all, is never overwritten, and is refused when others could read it or it is damaged:
 * a witness whose key may be known to others, or changes without a word, is none.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** The key file cannot be used; the message names it and says what to do. */
export class WitnessKeyError extends Error {
  override name = "WitnessKeyError";
}

export interface WitnessKey {
  /** 32 bytes in hex. */
  publicKey: string;
  /** It was made just now. */
  isNew: boolean;
  /** 64 bytes in hex. */
  sign(bytes: Uint8Array): string;
}

const MAX_FILE = 1000;
/** Bits of a mode that are not the owner's. */
const OTHERS = 0o077;

/** The key in `file`, made when there is none. Throws {@link WitnessKeyError}. */
export function openWitnessKey(file: string): WitnessKey {
  try {
    const pem = readKeyFile(file);
    if (pem !== undefined) return toKey(file, pem, { isNew: false });
    createKeyFile(file);
    return toKey(file, readKeyFile(file) ?? "", { isNew: true });
  } catch (error) {
    if (error instanceof WitnessKeyError) throw error;
    throw new WitnessKeyError(`${file}: the witness key cannot be used: ${(error as Error).message}`);
  }
}

function readKeyFile(file: string): string | undefined {
  let descriptor: number;
  try {
    // Not blocking: a pipe in the file's place would never open.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new WitnessKeyError(`${file}: the witness key is not a file`);
    const mode = status.mode & 0o777;
    if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
      throw new WitnessKeyError(
        `${file}: the witness key may be read or changed by others (mode ${mode.toString(8)}). If nobody did, chmod 600 it; ` +
          "otherwise move it away, and a new one is made",
      );
    }
    const bytes = Buffer.alloc(MAX_FILE + 1);
    const length = readSync(descriptor, bytes);
    return bytes.toString("latin1", 0, length);
  } finally {
    closeSync(descriptor);
  }
}

function toKey(file: string, pem: string, { isNew }: { isNew: boolean }): WitnessKey {
  let key: KeyObject | undefined;
  try {
    key = pem.length > MAX_FILE ? undefined : createPrivateKey({ key: pem, format: "pem" });
  } catch {
    // Damaged, as whatever else is no key.
  }
  if (key?.asymmetricKeyType !== "ed25519") {
    throw new WitnessKeyError(
      `${file}: is damaged or not an Ed25519 key in PEM. Put it back from a copy, or move it away, and a new one is made`,
    );
  }
  const secret = key;
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return {
    publicKey: Buffer.from(x!, "base64url").toString("hex"),
    isNew,
    sign: (bytes) => sign(null, bytes, secret).toString("hex"),
  };
}

/** Written aside, then linked into place: a link never overwrites, so of two that start at once one key stays. */
function createKeyFile(file: string): void {
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  mkdirSync(dirname(file), { recursive: true });
  const aside = `${file}.${randomBytes(6).toString("hex")}.new`;
  const descriptor = openSync(aside, "wx", 0o600);
  try {
    writeSync(descriptor, String(pem));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
