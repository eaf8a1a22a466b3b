/** Where a store is, as the setting says it: the path of a file, or a PostgreSQL URL, which is shown without its password. */

export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:/i.test(location);
}

export const DATABASE_URL_FORMS =
  "postgres://user@host:port/database, or postgres://user@localhost/database?host=/socket/folder";

/** Whether it is a URL that names a database. */
export function isDatabaseUrl(text: string): boolean {
  try {
    return /^\w+:\/\//.test(text) && new URL(text).pathname.length > 1;
  } catch {
    return false;
  }
}

/** The URL without password and options, for people. */
export function showDatabaseUrl(url: string): string {
  const { username, host, pathname, searchParams } = new URL(url);
  return `postgres://${username === "" ? "" : `${username}@`}${searchParams.get("host") ?? host}${pathname}`;
}
