/**
 * How QEMU is started so that a guest which breaks out of it has won little: as the user nobody when we are root, without a
 * way to regain privileges, and never outliving us. Image and seal reach it as open files without a name: they are read
 * once, by us, so the seal can stay readable for its owner alone, the image may lie in a folder that is closed to
 * others, and what is hashed is what boots, also after a restart.
 */
import {
  accessSync,
  constants,
  existsSync,
  fchownSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "../cli/errors.ts";
import { isOnPath } from "../cli/on-path.ts";

export interface Owner {
  uid: number;
  gid: number;
}

/** The user "nobody", by number: the same on every Linux, also where there is no such name. */
export const NOBODY = 65_534;
const KVM = "/dev/kvm";

/** Who QEMU runs as; undefined: as we do, because we are not root. Throws a CommandError when `kvm` is wanted and that user may not have it. */
export function qemuOwner(kvm: boolean, root = process.getuid?.() === 0, device = KVM): Owner | undefined {
  if (kvm && !existsSync(device)) throw new CommandError(`${device} is not here: leave --kvm out`);
  if (!root) {
    if (kvm) requireAccess(device);
    return undefined;
  }
  if (!kvm) return { uid: NOBODY, gid: NOBODY };
  const { mode, gid } = statSync(device);
  if ((mode & 0o006) === 0o006) return { uid: NOBODY, gid: NOBODY };
  if ((mode & 0o060) === 0o060 && gid !== 0) return { uid: NOBODY, gid };
  throw new CommandError(
    `${device} is open to root alone, and QEMU does not run as root: chgrp kvm ${device} && chmod 660 ${device}, or leave --kvm out`,
  );
}

/** The program and arguments that start `program` so that it ends with us (Linux), even when we are killed, and gains no privileges. */
export function leashed(program: string, args: string[]): [program: string, args: string[]] {
  if (!isOnPath("setpriv")) return [program, args];
  return ["setpriv", ["--pdeathsig", "KILL", "--no-new-privs", "--", program, ...args]];
}

/**
 * Opens, read-only, a copy of `bytes` in memory that has no name and only `owner` (default: we) may open again, as /dev/fd/N in
 * a child. Its one name is gone before this returns.
 */
export function namelessCopy(bytes: Uint8Array, owner?: Owner): number {
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "pinata-"));
  try {
    const file = join(folder, "copy");
    writeFileSync(file, bytes, { mode: 0o400, flag: "wx" });
    const descriptor = openSync(file, "r");
    if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
    return descriptor;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function requireAccess(device: string): void {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch {
    throw new CommandError(`you may not use ${device}: join the group kvm, or leave --kvm out`);
  }
}
