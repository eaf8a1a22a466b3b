/** Following a file: growth, torn and long lines, rotation seen and unseen, truncation, restart at any place. */
import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Cursor, MAX_LINE, Tail } from "../../../monitor/trace/tail.ts";
import { temporaryFolder } from "../support/rig.ts";

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
const tails: Tail[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, "trace.jsonl");
});
afterEach(async () => {
  for (const each of tails.splice(0)) await each.close();
  folder.remove();
});

function follow(cursor: Cursor | null = null): Tail {
  const tail = new Tail(path, cursor);
  tails.push(tail);
  return tail;
}

/** Everything there is now. */
async function drain(tail: Tail) {
  const all = { lines: [] as string[], tooLong: 0, torn: 0, cursor: null as Cursor | null };
  for (let read = await tail.read(); read; read = await tail.read()) {
    all.lines.push(...read.lines);
    all.tooLong += read.tooLong;
    all.torn += read.torn;
    all.cursor = read.cursor;
  }
  return all;
}

describe("growth", () => {
  test("a file that is not there yet, then grows", async () => {
    const tail = follow();
    expect(await tail.read()).toBeUndefined();
    writeFileSync(path, "one\ntwo\n");
    expect((await drain(tail)).lines).toEqual(["one", "two"]);
    expect(await tail.read()).toBeUndefined();
    appendFileSync(path, "three\n\nfour\n");
    expect((await drain(tail)).lines).toEqual(["three", "four"]);
  });

  test("a partial last line waits until it is whole, byte by byte", async () => {
    const tail = follow();
    const got: string[] = [];
    for (const byte of Buffer.from("größe\nx\n")) {
      appendFileSync(path, Buffer.from([byte]));
      got.push(...(await drain(tail)).lines);
    }
    expect(got).toEqual(["größe", "x"]);
  });

  test("lines up to the limit are read, longer ones are counted and skipped, however they arrive", async () => {
    const tail = follow();
    writeFileSync(path, `${"a".repeat(MAX_LINE)}\n${"b".repeat(MAX_LINE + 1)}\nafter\n`);
    const first = await drain(tail);
    expect(first.lines.map((each) => each.length)).toEqual([MAX_LINE, 5]);
    expect(first.tooLong).toBe(1);
    let tooLong = 0;
    const lines: string[] = [];
    for (let i = 0; i < 10; i++) {
      appendFileSync(path, "c".repeat(100_000));
      tooLong += (await drain(tail)).tooLong;
    }
    appendFileSync(path, "\nend\n");
    const last = await drain(tail);
    lines.push(...last.lines);
    expect([lines, tooLong + last.tooLong]).toEqual([["end"], 1]);
  });
});

describe("restart", () => {
  test("from every cursor nothing is lost or read twice", async () => {
    const all = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    const tail = follow();
    const cursors: { cursor: Cursor | null; seen: number }[] = [{ cursor: null, seen: 0 }];
    for (const [i, each] of all.entries()) {
      appendFileSync(path, `${each}\n`);
      cursors.push({ cursor: (await drain(tail)).cursor, seen: i + 1 });
    }
    for (const { cursor, seen } of cursors) {
      const again = follow(cursor && (JSON.parse(JSON.stringify(cursor)) as Cursor));
      expect((await drain(again)).lines).toEqual(all.slice(seen));
    }
  });

  test("inside a line that is too long, the rest of it is still skipped", async () => {
    const tail = follow();
    writeFileSync(path, `first\n${"x".repeat(MAX_LINE * 3)}`);
    const { cursor } = await drain(tail);
    appendFileSync(path, "tail of it\nnext\n");
    expect(await drain(follow(cursor))).toMatchObject({ lines: ["next"], tooLong: 0 });
  });
});

describe("rotation", () => {
  test("the old file is read to its end first", async () => {
    const tail = follow();
    writeFileSync(path, "one\n");
    await drain(tail);
    appendFileSync(path, "two\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "three\n");
    appendFileSync(`${path}.1`, "late\n");
    expect((await drain(tail)).lines).toEqual(["two", "late", "three"]);
  });

  test("while nobody followed: the rest of the old file is found by its inode", async () => {
    const tail = follow();
    writeFileSync(path, "one\n");
    const { cursor } = await drain(tail);
    appendFileSync(path, "two\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "three\n");
    expect((await drain(follow(cursor))).lines).toEqual(["two", "three"]);
  });

  test("while nobody followed, and the old file is gone: the new one from its start, whatever its inode", async () => {
    const tail = follow();
    writeFileSync(path, "one\n");
    const { cursor } = await drain(tail);
    await tail.close();
    rmSync(path);
    // Long enough that an offset alone would not tell, and often given the inode number of the old one.
    writeFileSync(path, "another beginning\nmore\n");
    expect((await drain(follow(cursor))).lines).toEqual(["another beginning", "more"]);
    writeFileSync(path, "same inode, other file\n");
    expect((await drain(follow(cursor))).lines).toEqual(["same inode, other file"]);
  });

  test("the name is gone for a while: the open file is still read, then the new one", async () => {
    const tail = follow();
    writeFileSync(path, "one\n");
    await drain(tail);
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, "two\n");
    expect((await drain(tail)).lines).toEqual(["two"]);
    expect(await tail.read()).toBeUndefined();
    writeFileSync(path, "three\n");
    expect((await drain(tail)).lines).toEqual(["three"]);
  });

  test("a line torn by rotation is counted, and the next file is read from its start", async () => {
    const tail = follow();
    writeFileSync(path, "one\nhal");
    await drain(tail);
    renameSync(path, `${path}.1`);
    writeFileSync(path, "two\n");
    expect(await drain(tail)).toMatchObject({ lines: ["two"], torn: 1 });
  });

  test("copied and truncated in place", async () => {
    const tail = follow();
    writeFileSync(path, "one\ntwo\n");
    await drain(tail);
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
    expect((await drain(tail)).lines).toEqual([]);
    appendFileSync(path, "new\n");
    const { lines, cursor } = await drain(tail);
    expect(lines).toEqual(["new"]);
    appendFileSync(path, "newer\n");
    expect((await drain(follow(cursor))).lines).toEqual(["newer"]);
  });
});
