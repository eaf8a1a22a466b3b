/** Who QEMU runs as, and that the seal reaches it without a second name on any disk. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { leashed, namelessCopy, qemuOwner } from "../../../infra/machine/unprivileged.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-unprivileged-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const root = process.getuid?.() === 0;
const device = (mode: number, gid?: number) => {
  const file = join(folder, `kvm-${mode.toString(8)}-${gid ?? ""}`);
  writeFileSync(file, "");
  chmodSync(file, mode);
  if (gid !== undefined) chownSync(file, 0, gid);
  return file;
};
const nobody = { uid: 65_534, gid: 65_534 };

describe("QEMU's user", () => {
  it("is nobody for root, and oneself for others", () => {
    expect(qemuOwner(false, true)).toEqual(nobody);
    expect(qemuOwner(false, false)).toBeUndefined();
  });

  it("has the group that may use KVM, when root wants that", () => {
    expect(qemuOwner(true, true, device(0o666))).toEqual(nobody);
    if (root) expect(qemuOwner(true, true, device(0o660, 1234))).toEqual({ uid: 65_534, gid: 1234 });
  });

  it.runIf(root)("is never root's group for KVM: a line says what to change", () => {
    for (const file of [device(0o600, 0), device(0o660, 0), device(0o600, 1234)])
      expect(() => qemuOwner(true, true, file)).toThrow(/is open to root alone, .*chgrp kvm .*or leave --kvm out$/);
  });

  it("cannot have KVM where there is none", () => {
    for (const asRoot of [true, false])
      expect(() => qemuOwner(true, asRoot, join(folder, "none"))).toThrow(/none is not here: leave --kvm out$/);
  });

  it("that may use KVM already just does", () => {
    expect(qemuOwner(true, false, device(0o666))).toBeUndefined();
  });
});

describe("a copy without a name", () => {
  it("has the bytes, is read-only for one user, and has no link left", () => {
    const before = readdirSync("/dev/shm");
    const descriptor = namelessCopy(Buffer.from("secret"), root ? nobody : undefined);
    const { nlink, mode, uid } = fstatSync(descriptor);
    expect({ nlink, mode: mode & 0o777, uid }).toEqual({
      nlink: 0,
      mode: 0o400,
      uid: root ? 65_534 : process.getuid?.(),
    });
    expect(readFileSync(`/proc/self/fd/${descriptor}`, "utf8")).toBe("secret");
    expect(() => writeFileSync(descriptor, "other")).toThrow(/EBADF/);
    expect(readdirSync("/dev/shm").filter((name) => !before.includes(name) && name.startsWith("pinata-"))).toEqual([]);
    closeSync(descriptor);
  });
});

describe("the leash", () => {
  it("kills QEMU with us and takes away the ways to privileges, where setpriv is", () => {
    const path = process.env.PATH;
    try {
      expect(leashed("q", ["-x"])).toEqual(["setpriv", ["--pdeathsig", "KILL", "--no-new-privs", "--", "q", "-x"]]);
      process.env.PATH = folder;
      expect(leashed("q", ["-x"])).toEqual(["q", ["-x"]]);
    } finally {
      process.env.PATH = path;
    }
  });
});
