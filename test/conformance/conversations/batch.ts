/**
 * Runs conversations one after the other in this process. The modules may be those of the image or test builds with a bug put in.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../../infra/image/compile-guest.ts";
import {
  type Conversed,
  converse,
  explain,
  type IsFailure,
  minimise,
  type Recipe,
  recipe,
} from "../../support/tls-peer/conversation/generate.ts";
import { type Modules, type Stage, setStage } from "../../support/tls-peer/conversation/player.ts";
import { makeWorld } from "../../support/tls-peer/conversation/world.ts";
import { count, newTally, type Tally } from "./tally.ts";

export interface Batch {
  seed: number;
  /** Numbers `from`, `from + step` … below `to`. */
  from: number;
  to: number;
  step: number;
}

/** Door and vault of the image, built when they are stale. */
export async function imageModules(): Promise<Modules> {
  for (const name of ["door", "vault"] as const) {
    await compileGuest({ ...GUEST_MODULES[name], out: guestModulePath(name) });
  }
  return { door: moduleAt(guestModulePath("door")), vault: moduleAt(guestModulePath("vault")) };
}

/** `path` is relative to the project. */
export function moduleAt(path: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(join(ROOT, path)));
}

export async function openStage(modules: Modules): Promise<Stage> {
  return setStage(await makeWorld(), modules);
}

export function runBatch(stage: Stage, { seed, from, to, step }: Batch): Tally {
  const tally = newTally();
  for (let number = from; number < to; number += step) {
    const conversed = converse(recipe(seed, number), stage);
    count(tally, conversed, () => explainSmallest(stage, recipe(seed, number)));
  }
  return tally;
}

/** The first of `most` conversations that fails in this way, made small. */
export function firstFailure(
  stage: Stage,
  { seed, most, isFailure }: { seed: number; most: number; isFailure: IsFailure },
): Conversed | undefined {
  for (let number = 0; number < most; number++) {
    const made = recipe(seed, number);
    if (isFailure(converse(made, stage).result)) return converse(minimise(made, stage, isFailure), stage);
  }
  return undefined;
}

/** A failure with the fewest mutations. */
function explainSmallest(stage: Stage, failing: Recipe): string {
  const smallest = minimise(failing, stage);
  return explain(smallest, converse(smallest, stage));
}
