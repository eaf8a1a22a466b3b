/** The store that a setting names: a file of SQLite, or a PostgreSQL database by its URL. */
import { DATABASE_URL_FORMS, isDatabaseUrl, isPostgres } from "./location.ts";
import { openPostgresAccess } from "./postgres.ts";
import { openSqliteStore } from "./sqlite.ts";
import { type StoreAccess, StoreError, type StoreOptions } from "./store.ts";

/** Nothing is opened before {@link StoreAccess.lead}. A file has one process, so whoever can open it leads. */
export function openStore(location: string, options: StoreOptions): StoreAccess {
  if (isPostgres(location)) {
    if (!isDatabaseUrl(location)) throw new StoreError(`the store's URL is not ${DATABASE_URL_FORMS}`);
    return openPostgresAccess(location, options);
  }
  const lost = new AbortController().signal;
  return {
    lead: async () => ({ store: await openSqliteStore(location, options), lost }),
    close: async () => {},
  };
}
