/**
 * A cpio archive in the "newc" form that Linux unpacks as its initramfs (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
 * Pure: the same entries give the same bytes; everything belongs to root and has no date.
 */
export type CpioEntry =
  | { kind: "file"; path: string; executable: boolean; content: Uint8Array }
  | { kind: "directory"; path: string }
  | { kind: "device"; path: string; major: number; minor: number };

interface Fields {
  mode: number;
  content: Uint8Array;
  major: number;
  minor: number;
}

const DIRECTORY = 0o040755;
const CHARACTER_DEVICE = 0o020666;
const PLAIN = 0o100644;
const PROGRAM = 0o100755;
const EMPTY = new Uint8Array(0);

/** Paths without a leading slash; the folders above each entry are made. Throws a RangeError for a path that is there twice or is not plain. */
export function cpioArchive(entries: CpioEntry[]): Buffer {
  const all = [...folders(entries), ...entries];
  const paths = new Set<string>();
  const parts = all.map((entry, index) => {
    if (!/^[\w.+-]+(\/[\w.+-]+)*$/.test(entry.path) || entry.path.split("/").includes("..")) {
      throw new RangeError(`${JSON.stringify(entry.path)} is no path for an archive`);
    }
    if (paths.has(entry.path)) throw new RangeError(`${entry.path} is there twice`);
    paths.add(entry.path);
    return member(index + 1, entry.path, fields(entry));
  });
  return Buffer.concat([...parts, member(0, "TRAILER!!!", { mode: 0, content: EMPTY, major: 0, minor: 0 })]);
}

function folders(entries: CpioEntry[]): CpioEntry[] {
  const named = new Set(entries.map(({ path }) => path));
  const above = new Set<string>();
  for (const { path } of entries) {
    const steps = path.split("/");
    for (let depth = 1; depth < steps.length; depth++) above.add(steps.slice(0, depth).join("/"));
  }
  return [...above]
    .filter((path) => !named.has(path))
    .sort()
    .map((path) => ({ kind: "directory", path }));
}

function fields(entry: CpioEntry): Fields {
  if (entry.kind === "directory") return { mode: DIRECTORY, content: EMPTY, major: 0, minor: 0 };
  if (entry.kind === "device") {
    return { mode: CHARACTER_DEVICE, content: EMPTY, major: entry.major, minor: entry.minor };
  }
  return { mode: entry.executable ? PROGRAM : PLAIN, content: entry.content, major: 0, minor: 0 };
}

function member(inode: number, path: string, { mode, content, major, minor }: Fields): Buffer {
  const name = Buffer.from(`${path}\0`, "latin1");
  // inode, mode, uid, gid, links, time, size, device (2), device of a device node (2), length of the name, checksum (unused)
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length, 0];
  const head = numbers.map((number) => number.toString(16).padStart(8, "0")).join("");
  return Buffer.concat([padded(Buffer.concat([Buffer.from(`070701${head}`, "latin1"), name])), padded(content)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
