/** docs/memory-map.md is what a machine prints of its own page tables. After a change: npx vitest run FILE -u. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildMetal } from "../../../../infra/image/build-metal.ts";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { mintPractice } from "../../../../infra/mint/mint.ts";
import { ADDRESS, HAS_TOOLS, Metal } from "./machine.ts";

interface Region {
  from: number;
  to: number;
  rights: string;
  what: string;
}

const WHY: Record<string, string> = {
  code: "the board and the compartments' code; its length is the image's",
  constants: "",
  data: "the board's variables; page 0 and all else below the image is not mapped",
  "device registers": "network card, entropy device, interrupt controllers",
  door: "the linear memory of a connection, zeroed when it ends",
  net: "its linear memory",
  vault: "its linear memory",
  seal: "for the next vault, should this one trap; out of the reach of any 32-bit address and offset",
  stack: "nothing is mapped for 256 KiB on either side",
  "fault stack": "for exceptions, so that a used-up stack can be one",
  "rings and frames": "what the devices may read and write; a page of nothing between any two",
  "page tables": "visible so that they can be printed",
};

describe.skipIf(!HAS_TOOLS)("docs/memory-map.md", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is what the live machine prints", async () => {
    const dir = join(folder, "practice");
    const { file } = await buildMetal();
    await mintPractice({ dir, network: "regtest", refundHeight: 1000, now: new Date() });
    const machine = await Metal.start({ image: file, seal: join(dir, "seal"), commandLine: `${ADDRESS} map=1` });
    await machine.line(/^# ready$/);
    const regions = machine.lines.flatMap((line) => {
      const [, from, to, rights, what] = /^# map ([0-9a-f]+)-([0-9a-f]+) (\S+) ([^,]+)/.exec(line) ?? [];
      return from
        ? [{ from: Number.parseInt(from, 16), to: Number.parseInt(to!, 16), rights: rights!, what: what! }]
        : [];
    });
    await expect(page(regions)).toMatchFileSnapshot(join(ROOT, "docs/memory-map.md"));
  });
});

function page(regions: Region[]): string {
  const rows = groups(regions).map(([first, count]) => {
    const name = first.what.replace(/ \d+$/, "");
    const times = count > 1 ? `${count} × ` : "";
    const from = ["constants", "data"].includes(name)
      ? "behind it"
      : `\`${first.from.toString(16).padStart(12, "0")}\``;
    return `| ${from} | ${times}${size(first, name)} | \`${first.rights}\` | ${name} | ${WHY[name] ?? "?"} |`;
  });
  return [
    "# The machine's memory",
    "",
    "What is mapped in a running metal board, and with which rights: printed by the machine from the page tables that it uses (`map=1` on its command line), and put here by",
    "`test/unikernel/boards/metal/memory-map.test.ts`, which fails when this page is not true. Nothing else is mapped, and nothing changes after boot. Of several alike the first is shown.",
    "",
    "| from | size | rights | what | |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Neighbours of one kind and size become one row. */
function groups(regions: Region[]): [Region, number][] {
  const found: [Region, number][] = [];
  for (const region of regions) {
    const last = found.at(-1);
    const same = last && last[0].what.replace(/\d+$/, "") === region.what.replace(/\d+$/, "");
    if (same) last[1]++;
    else found.push([region, 1]);
  }
  return found;
}

function size({ from, to }: Region, name: string): string {
  if (["code", "constants", "data"].includes(name)) return "–";
  if (name === "page tables") return "as needed";
  return `${(to - from) / 1024} KiB`;
}
