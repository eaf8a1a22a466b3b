/** The metal image: the same bytes in any folder at any time, nothing of this machine inside, built only when stale, and clear words when it cannot be built. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildMetal, MetalBuildError } from "../../../infra/image/build-metal.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { hasTool } from "../../support/run.ts";

const HAS_TOOLS = ["wasm2c", "gcc"].every(hasTool);

describe.skipIf(!HAS_TOOLS)("metal image", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  const again = join(folder, "2/again.elf");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is the same, byte for byte, from two folders with names of different lengths", async () => {
    // The project's own image was made in a temporary folder; `pinata image --check` (its test) makes two more.
    const [usual, first] = [
      await buildMetal(),
      await buildMetal({ out: again, workDir: join(folder, "another board/guest-folder") }),
    ];
    expect(first.outcome).toBe("built");
    const bytes = readFileSync(first.file);
    expect(readFileSync(usual.file).equals(bytes)).toBe(true);
    expect(first.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(first.size).toBe(bytes.length);
    const text = bytes.toString("latin1");
    const words = [ROOT, folder, tmpdir(), hostname(), `/${userInfo().username}/`, "GCC:", ".wasm"];
    // A host that is called "vm" proves nothing.
    for (const word of words.filter(({ length }) => length > 3)) {
      expect(text.includes(word), word).toBe(false);
    }
    expect(text.includes(String(new Date().getFullYear()))).toBe(false);
  }, 180_000);

  it("is a static ELF file for the processor, with a PVH entry and no segment that is writable and executable", async () => {
    const bytes = readFileSync((await buildMetal()).file);
    expect(bytes.subarray(0, 6).toString("latin1")).toBe("\x7fELF\x02\x01");
    expect(bytes.readUInt16LE(16)).toBe(2);
    expect(bytes.readUInt16LE(18)).toBe(62);
    const segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
      const at = Number(bytes.readBigUInt64LE(32)) + i * bytes.readUInt16LE(54);
      return {
        type: bytes.readUInt32LE(at),
        flags: bytes.readUInt32LE(at + 4),
        at: Number(bytes.readBigUInt64LE(at + 8)),
      };
    });
    const loaded = segments.filter(({ type }) => type === 1).map(({ flags }) => flags);
    expect(loaded).toEqual([5, 4, 6]);
    const note = segments.find(({ type }) => type === 4)!;
    expect(bytes.readUInt32LE(note.at + 8)).toBe(18);
    expect(bytes.subarray(note.at + 12, note.at + 15).toString()).toBe("Xen");
  }, 120_000);

  it("is not built twice, but again when it was changed or lost", async () => {
    const time = statSync(again).mtimeMs;
    const built = await buildMetal({ out: again });
    expect(built.outcome).toBe("fresh");
    expect(statSync(again).mtimeMs).toBe(time);
    writeFileSync(again, "something else");
    expect(await buildMetal({ out: again })).toEqual({ ...built, outcome: "built" });
    expect(readFileSync(again).length).toBe(built.size);
  }, 180_000);

  it("says which module a compiler refuses and leaves no image", async () => {
    const bad = join(folder, "bad.wasm");
    writeFileSync(bad, "no module");
    const out = join(folder, "never.elf");
    const built = buildMetal({ out, modules: { net: bad } });
    await expect(built).rejects.toThrow(MetalBuildError);
    await expect(built).rejects.toThrow(/wasm2c .*net/);
    expect(existsSync(out)).toBe(false);
  });
});

describe("without the tools", () => {
  it("says which packages are missing", async () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    try {
      await expect(buildMetal()).rejects.toThrow(/wasm2c \(Debian package wabt\), gcc \(Debian package gcc\)/);
    } finally {
      process.env.PATH = path;
    }
  });
});
