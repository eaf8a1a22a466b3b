/**
 * The latest of things that are costly to make, each under a name, good for one key: asked for by many at once it is made once,
 * and a failure is not kept.
 */
export class Kept<T> {
  readonly #names: number;
  readonly #latest = new Map<string, { key: string; made: Promise<T | undefined> }>();

  /** @param names how many names are kept at most; the oldest goes first. */
  constructor(names = 16) {
    this.#names = names;
  }

  /** What `make` makes for this key, or made before; undefined is not kept. */
  of(name: string, key: string, make: () => Promise<T | undefined>): Promise<T | undefined> {
    const known = this.#latest.get(name);
    if (known?.key === key) return known.made;
    const made = make();
    this.#latest.delete(name);
    this.#latest.set(name, { key, made });
    if (this.#latest.size > this.#names) this.#latest.delete(this.#latest.keys().next().value!);
    const forget = () => {
      if (this.#latest.get(name)?.made === made) this.#latest.delete(name);
    };
    made.then((value) => value === undefined && forget(), forget);
    return made;
  }
}
