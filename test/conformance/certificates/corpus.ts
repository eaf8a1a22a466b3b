/** The corpus: all rooms, and their cases made into certificates. */
import type { Case, Room } from "./case.ts";
import type { Presented } from "./presented.ts";
import { ALGORITHMS } from "./rooms/algorithms.ts";
import { BASIC_CONSTRAINTS } from "./rooms/basic-constraints.ts";
import { ENCODING } from "./rooms/encoding.ts";
import { EXTENSIONS } from "./rooms/extensions.ts";
import { KEY_USAGE } from "./rooms/key-usage.ts";
import { NAMES } from "./rooms/names.ts";
import { PATHS } from "./rooms/paths.ts";
import { PUBLIC_KEYS } from "./rooms/public-keys.ts";
import { PURPOSES } from "./rooms/purposes.ts";
import { SERIALS } from "./rooms/serials.ts";
import { SIGNATURES } from "./rooms/signatures.ts";
import { SIZES } from "./rooms/sizes.ts";
import { TIME_FORMATS } from "./rooms/time-formats.ts";
import { VALIDITY } from "./rooms/validity.ts";
import { World } from "./world.ts";

export const ROOMS: Room[] = [
  PATHS,
  SIGNATURES,
  VALIDITY,
  TIME_FORMATS,
  NAMES,
  BASIC_CONSTRAINTS,
  KEY_USAGE,
  PURPOSES,
  EXTENSIONS,
  ALGORITHMS,
  PUBLIC_KEYS,
  SERIALS,
  ENCODING,
  SIZES,
];

/** A case and its certificates. */
export interface Made {
  /** Room and case: "paths/one". */
  name: string;
  case: Case;
  presented: Presented;
}

export interface Corpus {
  world: World;
  made: Made[];
}

export async function makeCorpus(): Promise<Corpus> {
  const world = await World.make();
  const made: Made[] = [];
  for (const room of ROOMS) {
    for (const item of room.cases) {
      const name = `${room.id}/${item.id}`;
      try {
        made.push({ name, case: item, presented: await item.make(world) });
      } catch (error) {
        throw new Error(`${name} cannot be made`, { cause: error });
      }
    }
  }
  return { world, made };
}
