/**
 * What maintainers write about what happened, for everyone to read. Each is an event of the store's log and is published only
 * after it was written there; it is never changed and never taken back. Of the alert that it is about it tells id, kind and
 * time, and none of the alert's words, which may name hosts.
 */
import type { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Annotation, annotationDraft } from "../schema.ts";
import type { Saved, Store } from "../store/store.ts";

export interface AnnotationsOptions {
  store: Pick<Store, "alerts" | "commit">;
  saved: Pick<Saved, "annotations">;
  clock: Clock;
  /** Called after one was written. */
  changed: () => void;
}

export interface Written {
  annotation: Annotation;
  /** False when it is the one that was there already. */
  isNew: boolean;
}

type Draft = z.infer<typeof annotationDraft>;

const KEPT = 200;
/** Milliseconds within which the same text again is a call whose answer was lost. */
const AGAIN = 60_000;

export class Annotations {
  readonly #options: AnnotationsOptions;
  #latest: readonly Annotation[];
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: AnnotationsOptions) {
    this.#options = options;
    this.#latest = options.saved.annotations;
  }

  /** Newest first, the latest 200. */
  list(): readonly Annotation[] {
    return this.#latest;
  }

  /**
   * One after another, so that a call that is repeated while the first one is being written finds it. undefined: no such alert
   * is kept. Throws when it cannot be written.
   */
  write(draft: Draft): Promise<Written | undefined> {
    const written = this.#writing.then(() => this.#write(draft));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write({ text, alert }: Draft): Promise<Written | undefined> {
    const { store, clock, changed } = this.#options;
    const at = clock.now();
    const [newest] = this.#latest;
    if (newest?.text === text && newest.about?.alert === alert && Math.abs(at - newest.at) <= AGAIN) {
      return { annotation: newest, isNew: false };
    }
    const about = alert === undefined ? null : await this.#about(alert);
    if (about === undefined) return undefined;
    const { annotation } = await store.commit({ annotation: { at, text, about } });
    this.#latest = [annotation!, ...this.#latest].slice(0, KEPT);
    changed();
    return { annotation: annotation!, isNew: true };
  }

  async #about(id: string): Promise<Annotation["about"] | undefined> {
    const [alert] = await this.#options.store.alerts({ id });
    return alert && { alert: id, kind: alert.body.kind, at: alert.body.at };
  }
}
