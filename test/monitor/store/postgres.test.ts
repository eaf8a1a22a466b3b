/** PostgreSQL: what every store does; who leads, how the lead changes hands, and that whoever lost it writes nothing. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TIMING } from "../../../monitor/store/lead.ts";
import { openStore } from "../../../monitor/store/open.ts";
import { openPostgresAccess } from "../../../monitor/store/postgres.ts";
import type { StoreAccess, StoreOptions, Term } from "../../../monitor/store/store.ts";
import { testDraft } from "../alerts/support.ts";
import { STORE_OPTIONS } from "../support/store.ts";
import { waitFor } from "../support/wait.ts";
import { Cluster, hasPostgres } from "./cluster.ts";
import { conformance } from "./conformance.ts";

describe.skipIf(!hasPostgres)("PostgreSQL", () => {
  let cluster: Cluster;
  let url: string;
  let opened: StoreAccess[] = [];
  let terms: Term[] = [];

  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.stop());
  beforeEach(async () => {
    url = await cluster.empty();
  });
  afterEach(async () => {
    await Promise.all(terms.map(({ store }) => store.close()));
    await Promise.all(opened.map((access) => access.close()));
    opened = [];
    terms = [];
  });

  function access(options: Partial<StoreOptions> = {}, timing = TIMING): StoreAccess {
    const made = openPostgresAccess(url, { ...STORE_OPTIONS, ...options }, timing);
    opened.push(made);
    return made;
  }

  async function lead(by = access()): Promise<Term> {
    const term = await by.lead();
    if (!("store" in term)) throw new Error(`led by ${term.leader}`);
    terms.push(term);
    return term;
  }

  const refusal = async (of: string, options = STORE_OPTIONS): Promise<string> => {
    const made = openStore(of, options);
    opened.push(made);
    return made.lead().then(
      (term) => {
        if ("store" in term) terms.push(term);
        return "opened";
      },
      (error: Error) => error.message,
    );
  };
  const lockHolder = "select pid from pg_locks where locktype = 'advisory' and granted";

  describe("a database", () => {
    conformance(async () => ({
      open: async (options) => {
        const term = await openStore(url, options).lead();
        if (!("store" in term)) throw new Error("somebody else leads");
        return term.store;
      },
      tamper: (statement) => cluster.ask(statement, url),
      remove: async () => {},
    }));
  });

  describe("the lead", () => {
    test("is one monitor's; the other is told whose, and gets it at once when it is given up", async () => {
      const first = await lead();
      const other = access();
      expect(await other.lead()).toEqual({ leader: expect.stringContaining(`${process.pid}, since 20`) });
      await first.store.load();
      const { annotation } = await first.store.commit({
        alerts: [testDraft()],
        annotation: { at: 7, text: "by the first", about: null },
      });
      await first.store.close();
      const second = await lead(other);
      expect((await second.store.waiting("one"))!.sequence).toBe(1);
      expect((await second.store.load()).annotations).toEqual([annotation]);
      expect(second.lost.aborted).toBe(false);
    });

    test("of another piñata is another one", async () => {
      await lead();
      const second = await access({ identity: "another" }).lead();
      expect("store" in second).toBe(true);
      if ("store" in second) terms.push(second);
    });

    test("ends with its connection, and that is noticed", async () => {
      const first = await lead();
      const other = access();
      const [holder] = await cluster.ask<{ pid: number }>(lockHolder, url);
      await cluster.ask(`select pg_terminate_backend(${holder!.pid})`, url);
      await waitFor("the loss", () => first.lost.aborted);
      expect(first.lost.reason).toMatch(/connection to PostgreSQL (broke|ended)/);
      await waitFor("the other one's lead", async () => {
        const term = await other.lead();
        if ("store" in term) terms.push(term);
        return "store" in term;
      });
      await expect(first.store.commit({ alerts: [testDraft()] })).rejects.toThrow("does not lead any more");
    });

    test("whoever did not notice its loss writes nothing, and notices then", async () => {
      const first = await lead();
      await first.store.load();
      const [leader] = await cluster.ask<{ value: string }>("select value from meta where key = 'leader'", url);
      const next = JSON.stringify({ ...JSON.parse(leader!.value), epoch: 2, name: "elsewhere 7" });
      await cluster.ask(`update meta set value = '${next}' where key = 'leader'`, url);
      const step = { alerts: [testDraft()], transitions: [], statement: { number: 1, at: 1, body: "{}" } };
      await expect(first.store.commit(step)).rejects.toThrow("another monitor leads now (elsewhere 7)");
      expect(first.lost.aborted).toBe(true);
      expect(await cluster.ask("select 1 from alerts union select 1 from statements", url)).toEqual([]);
    });

    test("whoever is overtaken while it writes hears that, not that the store fails", async () => {
      const first = await lead();
      await first.store.load();
      const [leader] = await cluster.ask<{ value: string }>("select value from meta where key = 'leader'", url);
      const next = JSON.stringify({ ...JSON.parse(leader!.value), epoch: 2, name: "elsewhere 7" });
      // The step fails as soon as somebody waits to be the leader.
      await cluster.ask(
        `create function overtaken() returns trigger language plpgsql as $$ begin
           while not exists (select from pg_locks where locktype = 'transactionid' and not granted) loop perform pg_sleep(0.01); end loop;
           raise exception 'the connection is gone';
         end $$;
         create trigger overtaken before insert on alerts for each row execute function overtaken()`,
        url,
      );
      const failing = first.store.commit({ alerts: [testDraft()] });
      const overtaking = cluster.ask(`update meta set value = '${next}' where key = 'leader'`, url);
      await expect(failing).rejects.toThrow("another monitor leads now (elsewhere 7)");
      await overtaking;
      expect(first.lost.aborted).toBe(true);
    });

    test("a step that fails while nobody else leads says what failed", async () => {
      const first = await lead();
      await first.store.load();
      await cluster.ask("alter table alerts add constraint none check (sequence < 0)", url);
      await expect(first.store.commit({ alerts: [testDraft()] })).rejects.toThrow(/violates check constraint "none"/);
      expect(first.lost.aborted).toBe(false);
    });

    test("of a leader that stands still is taken from it", async () => {
      const frozen = new pg.Client({ connectionString: url });
      frozen.on("error", () => undefined);
      await frozen.connect();
      const first = await lead();
      const [held] = await cluster.ask<{ key: string }>(
        "select ((classid::bigint << 32) | objid::bigint)::text as key from pg_locks where locktype = 'advisory'",
        url,
      );
      await first.store.close();
      // Has the lock, and shows no sign of life.
      await frozen.query("select pg_advisory_lock($1::bigint)", [held!.key]);
      const patient = access();
      expect("leader" in (await patient.lead())).toBe(true);
      expect("leader" in (await patient.lead())).toBe(true);
      const impatient = access({}, { ...TIMING, silent: 50 });
      await waitFor("the lead", async () => {
        const term = await impatient.lead();
        if ("store" in term) terms.push(term);
        return "store" in term;
      });
      await frozen.end().catch(() => undefined);
    });

    test("is not kept when it cannot be known whether a step was written", async () => {
      const first = await lead();
      await first.store.load();
      const stopped = cluster.ask(
        "select pg_sleep(0.05), pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()",
        url,
      );
      await waitFor("a failure", () =>
        first.store.commit({ alerts: [testDraft()] }).then(
          () => false,
          () => true,
        ),
      );
      await stopped.catch(() => undefined);
      await waitFor("the loss", () => first.lost.aborted);
    });

    test("comes back after the server has crashed and started again, with all that was written", async () => {
      const monitor = access();
      const first = await lead(monitor);
      await first.store.load();
      await first.store.commit({ alerts: [testDraft()] });
      await cluster.crash();
      await waitFor("the loss", () => first.lost.aborted);
      await expect(monitor.lead()).rejects.toThrow(/^postgres:\/\/pinata@.*: cannot be reached \(E[A-Z]+\)/);
      await first.store.close();
      await cluster.run();
      const again = await lead(monitor);
      expect((await again.store.waiting("one"))!.sequence).toBe(1);
    });
  });

  describe("is refused in words", () => {
    test("when nobody is there, there is no such database, or the password is wrong, which is not shown", async () => {
      expect(await refusal("postgres://me:hidden@localhost:1/x")).toBe(
        "postgres://me@localhost:1/x: cannot be reached (ECONNREFUSED); is PostgreSQL running there, and is the address right?",
      );
      expect(await refusal(cluster.url("nowhere"))).toMatch(
        /nowhere: has no database of that name; create it with createdb/,
      );
      const guarded = (password: string): string => url.replace("pinata@", `guarded:${password}@`);
      const said = await refusal(guarded("hidden"));
      expect(said).toMatch(/^postgres:\/\/guarded@.*: refuses the password \(of the URL, PGPASSWORD or PGPASSFILE\)/);
      expect(said).not.toContain("hidden");
      expect(await refusal(guarded("right"))).toBe("opened");
    });

    test("when it holds another program's tables, or was written by a newer monitor; nothing is changed", async () => {
      await cluster.ask("create table theirs (x integer)", url);
      expect(await refusal(url)).toContain("holds tables of some other program");
      expect(await cluster.ask("select tablename from pg_tables where schemaname = 'public'", url)).toHaveLength(1);
      url = await cluster.empty();
      await (await lead()).store.close();
      await cluster.ask("update meta set value = '99' where key = 'schema'", url);
      expect(await refusal(url)).toContain("was written by a newer monitor (schema 99");
    });

    test("when its encoding cannot hold every text, or it may lose what it took", async () => {
      const latin = await cluster.database("encoding 'LATIN1' template template0");
      expect(await refusal(latin)).toContain("has encoding LATIN1; create the database with UTF8");
      const careless = await cluster.database();
      await cluster.ask(
        `alter database ${new URL(careless).pathname.slice(1)} set synchronous_commit = off`,
        "postgres",
      );
      expect(await refusal(careless)).toContain("synchronous_commit = off");
    });

    test("when a number in it is too large to be one of ours", async () => {
      await (await lead()).store.close();
      await cluster.ask("insert into counters values ('total', 9007199254740993)", url);
      const { store } = await lead();
      await expect(store.load()).rejects.toThrow("a number that is too large (9007199254740993)");
    });
  });
});
