/** docs/bounds.md says what `npm run bounds` measures: the work and the memory of every step, to the digit where it is the same in every run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { GUEST_MODULES, ROOT } from "../../infra/image/compile-guest.ts";
import { makePki, type Pki } from "../support/door-host.ts";
import { instrumented } from "./instrumented.ts";
import { clientHybridSteps, clientSteps, type Step, serverSteps } from "./scenes.ts";
import { words } from "./tables.ts";
import { vaultCalls } from "./vault-scenes.ts";

/** Lengths of DER signatures, and so of messages, differ by a few bytes from run to run. */
const SLACK_BYTES = 64;
/** ML-KEM's matrix is drawn by rejection (FIPS 203, algorithm 7) from the peer's seed: in one run of twelve an entry needs a fourth block. */
const SLACK_KECCAK = 4;
/** How many multiplications a verification takes depends on its numbers, which are public. */
const SLACK_WORK = 1.1;

const PAGE = readFileSync(join(ROOT, "docs/bounds.md"), "utf8");
const LONG = 60_000;

describe("docs/bounds.md", () => {
  let pki: Pki;
  let door: WebAssembly.Module;

  beforeAll(async () => {
    [pki, door] = [await makePki("p256"), await instrumented("door")];
  }, LONG);

  it.each([
    ["server", () => serverSteps(door, pki)],
    ["client", () => [...clientSteps(door, pki), ...clientHybridSteps(door, pki)]],
  ] as [string, () => Step[]][])("has what a peer can make the %s door hold and do", (role, play) => {
    const rows = rowsOf(`The ${role} door`);
    const steps = play();
    expect(rows.map(([what]) => what)).toEqual(steps.map(({ what }) => what));
    for (const [i, { received, sent, held, work }] of steps.entries()) {
      const [, ...cells] = rows[i]!;
      const said = Number(/(\d+) Keccak/.exec(cells[3]!)?.[1] ?? 0);
      expect(Math.abs(work.keccak - said)).toBeLessThanOrEqual(said === 0 ? 0 : SLACK_KECCAK);
      expect(cells[3]).toBe(words({ ...work, keccak: said }));
      for (const [cell, value] of [
        [cells[0], received],
        [cells[1], sent],
        [cells[2], held],
      ] as const) {
        expect(Math.abs(numberOf(cell!) - value)).toBeLessThanOrEqual(SLACK_BYTES);
      }
      expect(held).toBeLessThan(GUEST_MODULES.door.pages * 65_536);
    }
    // The counters count.
    expect(steps.at(-1)!.work.field25519).toBeGreaterThan(500);
  });

  it(
    "has what a peer can make the vault do, which keeps nothing of it",
    async () => {
      const rows = rowsOf("The vault");
      const calls = await vaultCalls(await instrumented("vault"));
      expect(rows.map(([what]) => what)).toEqual(calls.map(({ what }) => what));
      for (const [i, { work }] of calls.entries()) {
        const said = numberOf(/^[\d,]+/.exec(rows[i]![1]!)![0]);
        const done = work.field25519 + work.p256 + work.p384;
        expect(done).toBeGreaterThan(500);
        expect(Math.max(done / said, said / done)).toBeLessThan(SLACK_WORK);
      }
      expect(new Set(calls.map(({ held }) => held)).size).toBe(1);
    },
    LONG,
  );
});

/** The cells of the table below a heading. */
function rowsOf(heading: string): string[][] {
  const [, below = ""] = PAGE.split(`#### ${heading}\n`);
  const lines = below
    .split("####")[0]!
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.slice(2, -2).split(" | "));
}

function numberOf(text: string): number {
  return Number(text.replaceAll(",", ""));
}
