/** Who shows the random of a ClientHello sees that attempt whole; nobody else sees more than before, and no token anywhere. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createApi } from "../../../monitor/api.ts";
import { Hub } from "../../../monitor/hub.ts";
import { publicAttempt, publicStatus } from "../../../monitor/publish.ts";
import { apiError, attemptDetail, mineAnswer } from "../../../monitor/schema.ts";
import { AttemptFold } from "../../../monitor/trace/attempts.ts";
import { NOTHING_READ } from "../../../monitor/trace/progress.ts";
import { parseTraceLine } from "../../../unikernel/trace.ts";
import { PINATA } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";
import { Rig } from "../support/rig.ts";
import { accepted, BOOT, boot, closed, line, randomOf, refusedAttempt, tokenOf } from "../support/trace-lines.ts";

const PEER = "203.0.113.77";
const PORT = 50_000;
let rig: Rig;
let fold: AttemptFold;
let hub: Hub;
let app: ReturnType<typeof createApi>;
let said: string[];

beforeEach(async () => {
  const chain = new FakeChain();
  chain.mine(3);
  rig = await new Rig(new FakeSource(chain, "somewhere")).start();
  fold = new AttemptFold([], null);
  said = [];
  const now = () => publicStatus(PINATA, rig.watch.snapshot(), { counts: {}, pinata: fold.pinata }, rig.clock.now());
  hub = new Hub(rig.clock, now);
  const say = (...words: string[]) => void said.push(words.join(" "));
  app = createApi({
    status: now,
    snapshot: () => rig.watch.snapshot(),
    store: rig.store,
    hub,
    clock: rig.clock,
    log: { info: say, problem: say, recovered: say },
    limits: { queue: 20_000, keepAlive: 15_000, clients: 5 },
    trace: () => ({ counts: {}, pinata: fold.pinata, boots: fold.boots, inputs: [] }),
  });
  await trace(boot());
});
afterEach(async () => {
  hub.stop();
  await rig.stop();
  rig.folder.remove();
});

async function trace(...lines: string[]): Promise<void> {
  for (const each of lines) fold.apply(parseTraceLine(each)!);
  const batch = fold.take();
  await rig.store.commit({ trace: { batch, cursor: NOTHING_READ, at: rig.clock.now() } });
  for (const record of batch.records) hub.attempt(publicAttempt(record));
}

async function ask(body: unknown, type = "application/json"): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return app.request("/v1/attempts/mine", { method: "POST", headers: { "content-type": type }, body: text });
}

async function mine(random: string) {
  const response = await ask({ random });
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const text = await response.text();
  const answer = mineAnswer.parse(JSON.parse(text));
  expect(answer).toEqual(JSON.parse(text));
  return answer.attempts;
}

async function refusal(response: Response): Promise<[number, string]> {
  expect(response.headers.get("cache-control")).toBe("no-store");
  return [response.status, apiError.parse(await response.json()).error];
}

describe("the random of an attempt", () => {
  test("shows it whole: address, port, and every trace line as it was written", async () => {
    for (let conn = 1; conn <= 3; conn++) await trace(...refusedAttempt(conn));
    const found = await mine(randomOf(2));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ id: `${BOOT}-2`, peerAddress: PEER, peerPort: PORT, outcome: "refused" });
    expect(found[0]!.events).toEqual(refusedAttempt(2).map((each) => JSON.parse(each)));
    expect(await mine(randomOf(2).toUpperCase())).toEqual(found);
  });

  test("shows one that still goes on, and one without an end", async () => {
    const [begin, record, hello] = refusedAttempt(1) as [string, string, string];
    await trace(begin, record, hello);
    const [open] = await mine(randomOf(1));
    expect(open).toMatchObject({ outcome: "open", ended: null, peerPort: PORT });
    expect(open!.events).toHaveLength(3);
  });

  test("shows both ends of a hello that was relayed from one door to another, newest first", async () => {
    const token = tokenOf(randomOf(1));
    await trace(...refusedAttempt(1), ...refusedAttempt(2, { token }));
    const found = await mine(randomOf(1));
    expect(found.map(({ id }) => id)).toEqual([`${BOOT}-2`, `${BOOT}-1`]);
    for (const { peerAddress } of found) expect(peerAddress).toBe(PEER);
  });

  test("shows at most the ten newest", async () => {
    const token = tokenOf(randomOf(0));
    for (let conn = 1; conn <= 12; conn++) await trace(...refusedAttempt(conn, { token }));
    expect((await mine(randomOf(0))).map(({ id }) => id)).toEqual(
      Array.from({ length: 10 }, (_, i) => `${BOOT}-${12 - i}`),
    );
  });

  test("shows no address when peers of several used it: it is nobody's secret", async () => {
    const token = tokenOf(randomOf(1));
    const [, ...rest] = refusedAttempt(2, { token });
    const other = accepted(2, { peer: { address: "198.51.100.9", port: 1234 } });
    await trace(...refusedAttempt(1), other, ...rest);
    const found = await mine(randomOf(1));
    expect(found.map(({ id, peer, peerAddress, peerPort }) => [id, peer, peerAddress, peerPort])).toEqual([
      [`${BOOT}-2`, "198.51.x.x", null, null],
      [`${BOOT}-1`, "203.0.x.x", null, null],
    ]);
    const text = JSON.stringify(found);
    for (const hidden of [PEER, "198.51.100.9", '"port"', '"token"', token]) expect(text).not.toContain(hidden);
  });

  test.each([
    ["is not known", randomOf(9)],
    ["is the token itself", tokenOf(randomOf(1))],
  ])("that %s finds nothing, and it is said why that may be", async (_what, random) => {
    await trace(...refusedAttempt(1));
    const [status, error] = await refusal(await ask({ random }));
    expect(status).toBe(404);
    expect(error).toContain("could not be read");
    expect(error).toContain("too old");
    expect(error).not.toContain(random);
  });

  test("finds nothing of a hello that was not read, nor of a trace without tokens", async () => {
    await trace(accepted(1), line({ event: "state", conn: 1, state: 1 }), closed(1));
    const old = refusedAttempt(2).map((each) => JSON.stringify({ ...JSON.parse(each), token: undefined }));
    await trace(...old);
    for (const conn of [1, 2]) expect((await ask({ random: randomOf(conn) })).status).toBe(404);
    expect(await rig.store.attempt(`${BOOT}-2`)).toMatchObject({ token: null, attempt: { outcome: "refused" } });
  });

  test("is of the first hello that the trace tells", async () => {
    const [begin, record, hello, ...rest] = refusedAttempt(1) as [string, string, string];
    const second = line({ ...JSON.parse(hello), token: tokenOf(randomOf(2)) });
    await trace(begin, record, hello, second, ...rest);
    expect(await mine(randomOf(1))).toHaveLength(1);
    expect((await ask({ random: randomOf(2) })).status).toBe(404);
  });
});

describe("a question that is none", () => {
  const random = randomOf(1);
  test.each<[string, unknown, number]>([
    ["no JSON", "random", 400],
    ["nothing", "", 400],
    ["null", null, 400],
    ["a list", [random], 400],
    ["no random", {}, 400],
    ["a number", { random: 7 }, 400],
    ["63 digits", { random: random.slice(1) }, 400],
    ["65 digits", { random: `${random}0` }, 400],
    ["digits that are none", { random: "g".repeat(64) }, 400],
    ["a random with a line after it", { random: `${random}\n` }, 400],
    ["more than a kilobyte", { random, more: "x".repeat(1024) }, 413],
  ])("is refused with what to send: %s", async (_what, body, status) => {
    await trace(...refusedAttempt(1));
    const [got, error] = await refusal(await ask(body));
    expect(got).toBe(status);
    expect(error).toContain('{"random":"64 hex digits"}');
  });

  test("is refused when it is not sent as JSON", async () => {
    await trace(...refusedAttempt(1));
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
      const [status, error] = await refusal(await ask({ random }, type));
      expect(status).toBe(415);
      expect(error).toContain("application/json");
    }
    expect((await ask({ random }, "application/json; charset=utf-8")).status).toBe(200);
  });

  test("is not answered to GET", async () => {
    expect((await app.request("/v1/attempts/mine")).status).toBe(400);
  });
});

test("nothing is logged of a question, not even when the store fails", async () => {
  rig.store.attempts = async () => {
    throw new Error("the disk is full");
  };
  const [status, error] = await refusal(await ask({ random: randomOf(1) }));
  expect([status, error]).toEqual([500, "the monitor could not answer; it is not your mistake"]);
  expect(said).toEqual(["api POST /v1/attempts/mine: the disk is full"]);
});

test("no public answer has a token, a port or a whole address: not one of any path, nor the live events", async () => {
  const events = await app.request("/v1/events");
  for (let conn = 1; conn <= 3; conn++) await trace(...refusedAttempt(conn));
  const [begin, record, hello] = refusedAttempt(4) as [string, string, string];
  await trace(begin, record, hello);
  const { paths } = (await (await app.request("/openapi.json")).json()) as { paths: Record<string, object> };
  const asked = Object.entries(paths).flatMap(([path, methods]) => ("get" in methods ? [path] : []));
  expect(asked).toContain("/v1/attempts/{id}");
  const answers: string[] = [];
  for (const path of asked.filter((each) => each !== "/v1/events")) {
    for (const id of [2, 4]) answers.push(await (await app.request(path.replace("{id}", `${BOOT}-${id}`))).text());
  }
  expect(
    attemptDetail.parse(JSON.parse(answers.find((each) => each.includes('"event":"hello"'))!)).events,
  ).toHaveLength(9);
  const reader = events.body!.getReader();
  const seen = new TextDecoder();
  let live = "";
  while (!live.includes(`${BOOT}-4`)) live += seen.decode((await reader.read()).value, { stream: true });
  await reader.cancel();
  for (const text of [...answers, live]) {
    expect(text).not.toContain('"token"');
    expect(text).not.toContain(PEER);
    expect(text).not.toContain('"port"');
    for (let conn = 1; conn <= 4; conn++) {
      expect(text).not.toContain(randomOf(conn));
      expect(text).not.toContain(tokenOf(randomOf(conn)));
    }
  }
});
