/** A store that remembers whether its latest transaction was written: what /readyz asks, without writing anything itself. */
import type { Store } from "./store/store.ts";

export interface StoreHealth {
  store: Store;
  /** Why the latest transaction was not written; null when it was. */
  problem(): string | null;
}

export function withHealth(store: Store): StoreHealth {
  let problem: string | null = null;
  return {
    problem: () => problem,
    store: {
      load: () => store.load(),
      async commit(step) {
        try {
          const committed = await store.commit(step);
          problem = null;
          return committed;
        } catch (error) {
          problem = error instanceof Error ? error.message : String(error);
          throw error;
        }
      },
      history: (outpoint) => store.history(outpoint),
      waiting: (channel) => store.waiting(channel),
      alerts: (query) => store.alerts(query),
      attempts: (limit, of) => store.attempts(limit, of),
      attempt: (id) => store.attempt(id),
      statements: (from, limit) => store.statements(from, limit),
      evidence: (txid) => store.evidence(txid),
      close: () => store.close(),
    },
  };
}
