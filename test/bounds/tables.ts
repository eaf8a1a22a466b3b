/** The tables of `npm run bounds`, in Markdown: what does not depend on the machine first, times in the last column. */
import { makePki } from "../support/door-host.ts";
import { instrumented, type Work } from "./instrumented.ts";
import { netCalls } from "./net-scenes.ts";
import { clientHybridSteps, clientSteps, type Step, serverSteps } from "./scenes.ts";
import { vaultCalls } from "./vault-scenes.ts";

/** A scene is played so often; a time is the least of them, so that it is the code's and not the compiler's or a neighbour's. */
const TIMES = 8;

export async function tables(): Promise<string> {
  const [door, vault] = [await instrumented("door"), await instrumented("vault")];
  const pki = await makePki("p256");
  const steps = (scene: (module: WebAssembly.Module, p: typeof pki) => Step[]) => best(() => scene(door, pki));
  const doorHead = ["after", "received", "sent", "held", "work so far", "longest call, ms"];
  const calls = await vaultCalls(vault);
  return [
    "#### The server door",
    table(doorHead, steps(serverSteps).map(stepCells)),
    "#### The client door",
    table(doorHead, [...steps(clientSteps), ...steps(clientHybridSteps)].map(stepCells)),
    "#### The vault",
    table(
      ["one call", "work", "ms"],
      calls.map(({ what, work, micros }) => [what, words(work), millis(micros)]),
    ),
    "#### net",
    table(
      ["one frame more", "ms"],
      (await netCalls()).map(({ what, micros }) => [what, millis(micros)]),
    ),
  ].join("\n\n");
}

function best(play: () => Step[]): Step[] {
  const runs = Array.from({ length: TIMES }, play);
  return runs[0]!.map((step, i) => ({ ...step, longest: Math.min(...runs.map((run) => run[i]!.longest)) }));
}

function stepCells({ what, received, sent, held, work, longest }: Step): string[] {
  return [what, received, sent, held, words(work), millis(longest)].map((cell) =>
    typeof cell === "number" ? cell.toLocaleString("en") : cell,
  );
}

export function words(work: Work): string {
  const names: Record<keyof Work, string> = {
    field25519: "mod 2^255 − 19",
    p256: "mod P-256's prime",
    p384: "mod P-384's",
    keccak: "Keccak",
  };
  const parts = Object.entries(work).filter(([, count]) => count > 0);
  return (
    parts.map(([name, count]) => `${count.toLocaleString("en")} ${names[name as keyof Work]}`).join(", ") || "none"
  );
}

function millis(micros: number): string {
  return (micros / 1000).toFixed(micros < 100 ? 3 : 2);
}

function table(head: string[], rows: string[][]): string {
  const row = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(row)].join("\n");
}
