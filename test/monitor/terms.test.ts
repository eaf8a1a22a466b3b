/** Leading and standing by: what is begun, ended, answered and told when the lead comes and goes. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Standby, Store, Term } from "../../monitor/store/store.ts";
import { Terms } from "../../monitor/terms.ts";
import { FakeClock } from "./support/fake-clock.ts";

type Handler = (request: Request) => Response | Promise<Response>;

let clock: FakeClock;
/** What happened, in order. */
let log: string[];
let said: string[];
/** What the next try to lead finds. */
let next: () => Term | Standby;
let begin: () => void;
let handler: Handler;
let terms: Terms;

beforeEach(() => {
  clock = new FakeClock();
  log = [];
  said = [];
  begin = () => {};
  next = () => ({ leader: "elsewhere 7" });
  terms = new Terms({
    access: {
      lead: async () => next(),
      close: async () => void log.push("access closed"),
    },
    clock,
    log: {
      info: (text) => void said.push(text),
      problem: (_about, text) => void said.push(text),
      recovered: () => {},
    },
    begin: async () => {
      begin();
      log.push("begun");
      return { stop: async () => void log.push("stopped") };
    },
    serve: (given) => {
      handler = given;
    },
    emergency: {
      failed: (reason) => void log.push(`emergency: ${reason}`),
      worked: () => void log.push("no emergency"),
    },
  });
});
afterEach(() => terms.stop());

function term(): Term & { lose(reason: string): void } {
  const over = new AbortController();
  const store = { close: async () => void log.push("store closed") } as unknown as Store;
  return { store, lost: over.signal, lose: (reason) => over.abort(reason) };
}

async function ask(path: string): Promise<unknown[]> {
  const response = await handler(new Request(`http://here${path}`));
  const text = await response.text();
  return [response.status, text.startsWith("{") ? JSON.parse(text) : text];
}

test("a standby answers who leads, and takes over when it can", async () => {
  await terms.start({ leader: "elsewhere 7" });
  const error = "this monitor is a standby; ask the leader (elsewhere 7)";
  expect(await ask("/healthz")).toEqual([200, "ok\n"]);
  expect(await ask("/readyz")).toEqual([503, { ready: false, problem: error }]);
  expect(await ask("/v1/status")).toEqual([503, { error }]);
  await clock.advance(3000);
  expect(log).toEqual(["no emergency", "no emergency", "no emergency"]);
  next = term;
  await clock.advance(1000);
  expect(log.at(-1)).toBe("begun");
  await clock.advance(10_000);
  expect(log.filter((each) => each === "begun").length).toBe(1);
});

test("a leader that lost the lead ends all that it does before it stands by", async () => {
  const leading = term();
  await terms.start(leading);
  leading.lose("another monitor leads now");
  await clock.advance(0);
  expect(log).toEqual(["begun", "stopped", "store closed"]);
  expect(said).toEqual(["this monitor does not lead any more: another monitor leads now"]);
  expect(await ask("/v1/status")).toEqual([503, { error: "this monitor has just lost the lead" }]);
  next = term;
  await clock.advance(1000);
  expect(log.at(-1)).toBe("begun");
});

test("a store that cannot be used is an emergency, said and tried again", async () => {
  await terms.start({ leader: "elsewhere 7" });
  next = () => {
    throw new Error("cannot be reached");
  };
  await clock.advance(2000);
  expect(log).toEqual(["emergency: cannot be reached", "emergency: cannot be reached"]);
  expect(await ask("/readyz")).toEqual([
    503,
    { ready: false, problem: "this monitor cannot use its store: cannot be reached" },
  ]);
});

test("a first term that cannot begin is an error; a later one gives the lead up and tries again", async () => {
  begin = () => {
    throw new Error("damaged");
  };
  await expect(terms.start(term())).rejects.toThrow("damaged");
  expect(log).toEqual(["store closed"]);
  log = [];
  await terms.start({ leader: "elsewhere 7" });
  next = term;
  await clock.advance(1000);
  expect(log).toEqual(["store closed", "emergency: damaged"]);
  begin = () => {};
  await clock.advance(1000);
  expect(log.at(-1)).toBe("begun");
});

test("stopping ends what was begun, then gives up the lead", async () => {
  await terms.start(term());
  await terms.stop();
  expect(log).toEqual(["begun", "stopped", "store closed", "access closed"]);
});
