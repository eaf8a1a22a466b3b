/** Metrics: the text fits the format and the conventions, the page lists each one, and the rules ask only for what there is. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createApi } from "../../monitor/api.ts";
import { Hub } from "../../monitor/hub.ts";
import { runMonitor } from "../../monitor/main.ts";
import { Metrics } from "../../monitor/metrics.ts";
import { publicStatus } from "../../monitor/publish.ts";
import { problemsOf } from "../../monitor/readiness.ts";
import { funnel, pinataList, readiness, type Status } from "../../monitor/schema.ts";
import { AttemptFold } from "../../monitor/trace/attempts.ts";
import type { TraceTotals } from "../../monitor/trace/follow.ts";
import { parseTraceLine } from "../../unikernel/trace.ts";
import { fundBounty, PINATA, PUBLIC } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeEsplora } from "./support/fake-esplora.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";
import { BOOT, boot, refusedAttempt } from "./support/trace-lines.ts";
import { waitFor } from "./support/wait.ts";

const doc = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}
interface Family {
  type: string;
  help: string;
  samples: Sample[];
}

/** The text format 0.0.4, strictly: what does not fit it throws. (Prometheus reads prom-client's "Nan" as well as "NaN".) */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let family: Family | undefined;
  for (const line of text.trimEnd().split("\n")) {
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (line === "") continue;
    if (help) {
      if (families.has(help[1]!)) throw new Error(`twice: ${line}`);
      family = { type: "", help: help[2]!, samples: [] };
      families.set(help[1]!, family);
    } else if (type) families.get(type[1]!)!.type = type[2]!;
    else {
      const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|Nan|[+-]Inf)$/.exec(line);
      if (!sample || !family) throw new Error(`not a sample: ${line}`);
      const labels: Record<string, string> = {};
      for (const pair of (sample[2] ?? "").matchAll(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)",?/g))
        labels[pair[1]!] = pair[2]!;
      family.samples.push({ name: sample[1]!, labels, value: Number(sample[3]) });
    }
  }
  return families;
}

const coin = fundBounty(10_000_000n);
let chain: FakeChain;
let source: FakeSource;
let rig: Rig;
let hub: Hub;
let metrics: Metrics;
let app: ReturnType<typeof createApi>;
let totals: TraceTotals;
let storeProblem: string | null;

beforeEach(async () => {
  chain = new FakeChain();
  chain.mine(3, [coin]);
  source = new FakeSource(chain, "some where");
  rig = await new Rig(source).start();
  await rig.round();
  const fold = new AttemptFold([], null, { sampling: { perSecond: 1, random: () => 0.9 } });
  for (const line of [boot(), ...refusedAttempt(1), ...refusedAttempt(2)]) fold.apply(parseTraceLine(line)!);
  fold.count("lines:unreadable", 4);
  const { counts, pinata } = fold.take();
  const inputs = [{ name: "trace.jsonl", kind: "file" as const, problem: null, heard: rig.clock.now() }];
  totals = { counts, pinata, boots: fold.boots, inputs };
  storeProblem = null;
  const status = () => publicStatus(PINATA, rig.watch.snapshot(), totals, rig.clock.now());
  const problems = () => problemsOf({ snapshot: rig.watch.snapshot(), store: storeProblem, still: 0 });
  hub = new Hub(rig.clock, status);
  metrics = new Metrics();
  metrics.watch({
    snapshot: () => rig.watch.snapshot(),
    trace: () => totals,
    alerts: () => ({
      channels: [
        { channel: "pager", sent: 7, failed: 2, refused: 1, waiting: 3, oldest: 1_750_000_000_000, problem: null },
      ],
      heartbeat: { everySeconds: 60, taken: null, problem: null },
    }),
    sources: () => [{ source: "node", received: 12, gaps: 1 }],
    problems,
    streamClients: () => hub.listeners,
  });
  app = createApi({
    status,
    problems,
    snapshot: () => rig.watch.snapshot(),
    store: rig.store,
    hub,
    clock: rig.clock,
    log: { info: () => {}, problem: () => {}, recovered: () => {} },
    trace: () => totals,
    metrics,
  });
});
afterEach(async () => {
  hub.stop();
  await rig.stop();
  rig.folder.remove();
});

async function scrape(): Promise<Map<string, Family>> {
  const response = await app.request("/metrics");
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parse(await response.text());
}
const value = (families: Map<string, Family>, name: string, labels: Record<string, string> = {}) =>
  families
    .get(name)!
    .samples.find((sample) => Object.entries(labels).every(([label, text]) => sample.labels[label] === text))?.value;

describe("values", () => {
  test("the chain, the sources, the alerts and the attempts", async () => {
    metrics.moved(rig.clock.now());
    const families = await scrape();
    const told = (name: string, labels?: Record<string, string>) => value(families, name, labels);
    expect(told("pinata_verdict", { verdict: "sealed" })).toBe(1);
    expect(families.get("pinata_verdict")!.samples.reduce((sum, each) => sum + each.value, 0)).toBe(1);
    expect([told("pinata_hanging_satoshis"), told("pinata_funded_satoshis")]).toEqual([10_000_000, 10_000_000]);
    expect([told("pinata_coins", { state: "funded" }), told("pinata_coins", { state: "spent" })]).toEqual([1, 0]);
    expect([told("pinata_tip_height"), told("pinata_tip_since_timestamp_seconds")]).toEqual([
      3,
      rig.clock.now() / 1000,
    ]);
    expect(told("pinata_source_healthy", { source: "some where", kind: "esplora" })).toBe(1);
    expect(told("pinata_source_behind_blocks", { source: "some where" })).toBe(0);
    expect(told("pinata_source_notification_gaps_total", { source: "node" })).toBe(1);
    expect(told("pinata_alerts_waiting", { channel: "pager" })).toBe(3);
    expect(told("pinata_alerts_sent_total", { channel: "pager" })).toBe(7);
    expect(told("pinata_alerts_oldest_waiting_timestamp_seconds", { channel: "pager" })).toBe(1_750_000_000);
    expect(told("pinata_heartbeat_last_taken_timestamp_seconds")).toBe(0);
    expect(told("pinata_attempts_total")).toBe(2);
    expect(told("pinata_attempts_reached_total", { state: "key exchange" })).toBe(2);
    expect(told("pinata_attempts_sampled_out_total")).toBe(1);
    expect(told("pinata_trace_lines_skipped_total", { reason: "unreadable" })).toBe(4);
    expect([told("pinata_running"), told("pinata_connections_missing"), told("pinata_leader")]).toEqual([1, 0, 1]);
    // Asked twice, nothing is counted twice.
    expect(value(await scrape(), "pinata_attempts_total")).toBe(2);
  });

  test("a source that fails, and a store that cannot be written", async () => {
    source.lies.tip = async () => ({ height: 77, hash: chain.tip.hash });
    await rig.round();
    storeProblem = "disk full";
    const families = await scrape();
    expect(value(families, "pinata_source_healthy")).toBe(0);
    expect(value(families, "pinata_ready")).toBe(0);
    const ready = await app.request("/readyz");
    expect(ready.status).toBe(503);
    const { problem } = readiness.parse(await ready.json());
    expect(problem).toContain("the store cannot be written: disk full");
    expect(problem).toContain("no source is healthy: some where says that its tip has height 77");
  });

  test("while another monitor leads, nothing is claimed of the piñata", async () => {
    metrics.watch(undefined);
    const families = await scrape();
    expect([value(families, "pinata_leader"), value(families, "pinata_ready")]).toEqual([0, 0]);
    const claims = [...families].filter(
      ([name, { samples }]) => /verdict|coins|satoshi|tip|attempts/.test(name) && samples.length > 0,
    );
    expect(claims).toEqual([]);
  });

  test("requests are counted by route, never by what was asked for, and whatever the method", async () => {
    for (let n = 0; n < 50; n++) await app.request(`/v1/attempts/${BOOT}-${n}?x=${n}`);
    for (let n = 0; n < 50; n++) await app.request(`/nothing/${n}`, { method: n % 2 ? "POST" : "X-ODD" });
    const families = await scrape();
    expect(value(families, "pinata_api_requests_total", { route: "/v1/attempts/:id", status: "404" })).toBe(50);
    expect(value(families, "pinata_api_requests_total", { route: "none", status: "404" })).toBe(50);
    expect(families.get("pinata_api_requests_total")!.samples.length).toBeLessThan(5);
    const counts = families
      .get("pinata_api_request_duration_seconds")!
      .samples.filter(({ name }) => name.endsWith("_count"));
    expect(counts.reduce((sum, each) => sum + each.value, 0)).toBe(100);
  });
});

describe("conventions", () => {
  test("names, units and labels", async () => {
    metrics.moved(rig.clock.now());
    const families = await scrape();
    for (const [name, { type, help, samples }] of families) {
      expect(name).toMatch(/^pinata_[a-z_]+$/);
      expect(help.length, name).toBeGreaterThan(10);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name, "base units").not.toMatch(/milli|minutes|hours|_ms|_btc|percent/);
      expect(samples.length, name).toBeLessThan(40);
      for (const { labels } of samples) {
        for (const [label, text] of Object.entries(labels)) {
          expect([
            "verdict",
            "state",
            "source",
            "kind",
            "channel",
            "reason",
            "input",
            "route",
            "status",
            "le",
          ]).toContain(label);
          expect(text, "no ids, hashes or addresses").not.toMatch(/[0-9a-f]{16}|203\.0\.113/);
        }
      }
    }
    expect(families.size).toBeGreaterThan(30);
  });
});

describe("docs", () => {
  const listed = (text: string) => new Set(text.match(/\b(?:pinata|process|nodejs)_[a-z0-9_]+/g));

  test("the page lists every metric and no other", async () => {
    const all = new Metrics();
    all.addProcess();
    const there = [...parse(await all.text()).keys()];
    const page = doc("metrics.md");
    expect([...listed(page)].sort()).toEqual(there.sort());
  });

  test("every metric of this monitor is described with its labels", async () => {
    metrics.moved(rig.clock.now());
    await app.request("/v1/status");
    const rows = doc("metrics.md").split("\n");
    for (const [name, { samples }] of await scrape()) {
      const row = rows.find((line) => line.startsWith(`| \`${name}\``))!;
      expect(row, name).toBeDefined();
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== "le"));
      const stated = new Set([...row.split("|")[2]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
      expect(stated, name).toEqual(labels);
    }
  });

  test("each rule asks for metrics that exist, with labels that they have, and says what happened", async () => {
    const families = await scrape();
    const rules = doc("pinata-alerts.rules.yml")
      .split(/\n {6}- alert: /)
      .slice(1);
    expect(rules.length).toBeGreaterThan(10);
    const names = rules.map((rule) => rule.split("\n")[0]!);
    expect(new Set(names).size).toBe(names.length);
    for (const rule of rules) {
      expect(rule).toMatch(
        /^Pinata\w+\n {8}expr: \S.*\n(?: {8}for: \d+m\n)? {8}labels: \{ severity: (critical|warning|info) \}\n {8}annotations:\n {10}summary: \S/,
      );
      const expr = /expr: (.*)/.exec(rule)![1]!;
      const used = listed(expr);
      expect(used.size, rule).toBeGreaterThan(0);
      for (const name of used) expect(families.has(name), name).toBe(true);
      for (const [, name, label] of expr.matchAll(/(pinata_\w+)\{(\w+)=/g)) {
        if (name === "pinata_api_requests_total") continue;
        expect(
          families.get(name!)!.samples.some(({ labels }) => label! in labels),
          expr,
        ).toBe(true);
      }
      for (const [, label] of rule.matchAll(/\$labels\.(\w+)/g)) {
        const [name] = used;
        expect(Object.keys(families.get(name!)!.samples[0]!.labels), rule).toContain(label);
      }
      // A value with a colon or a brace at its start would need quotes.
      for (const [, text] of rule.matchAll(/^ +(?:summary|description): (.*)$/gm)) expect(text).toMatch(/^[A-Z][^#]*$/);
    }
  });
});

describe("the API of traces", () => {
  test("the funnel in all and by day", async () => {
    const response = await app.request("/v1/funnel?days=2");
    const answer = funnel.parse(await response.json());
    expect(answer).toMatchObject({ total: 2, refused: 2, opened: 0, sampledOut: 1 });
    expect(answer.reasons).toEqual([{ cause: "80", reason: "no certificate", source: "RFC 8446 §4.4.2.4", count: 2 }]);
    expect(answer.days.map(({ day, total }) => [day, total])).toEqual([
      ["2025-06-15", 2],
      ["2025-06-14", 0],
    ]);
    for (const days of ["-1", "x", "100000"]) expect((await app.request(`/v1/funnel?days=${days}`)).status).toBe(400);
  });

  test("the piñatas that were heard, and the inputs", async () => {
    const answer = pinataList.parse(await (await app.request("/v1/pinatas")).json());
    expect(answer.pinatas).toMatchObject([{ boot: BOOT, total: 2, opened: 0, missing: 0, info: { running: true } }]);
    expect(answer.inputs).toEqual(totals.inputs);
  });

  test("both, and the metrics, are in the OpenAPI document", async () => {
    const document = (await (await app.request("/openapi.json")).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(["/v1/funnel", "/v1/pinatas", "/metrics"]));
  });

  test("the status says how many were sampled out", async () => {
    const status = (await (await app.request("/v1/status")).json()) as { attempts: { sampledOut?: number } };
    expect(status.attempts.sampledOut).toBe(1);
  });
});

test("a whole monitor in a flood answers meanwhile: status, readiness and metrics", async () => {
  const esplora = await new FakeEsplora(chain).start();
  const trace = join(rig.folder.path, "trace.jsonl");
  writeFileSync(join(rig.folder.path, "public.json"), JSON.stringify(PUBLIC));
  writeFileSync(trace, `${boot()}\n`);
  const monitor = await runMonitor(
    {
      public: join(rig.folder.path, "public.json"),
      store: join(rig.folder.path, "flood.sqlite"),
      sources: [`esplora:${esplora.url}`],
      trace,
      port: 0,
    },
    { log: { info: () => {}, problem: () => {}, recovered: () => {} } },
  );
  try {
    const ask = async () => (await (await fetch(`${monitor.url}/v1/status`)).json()) as Status;
    const count = 3000;
    const like = refusedAttempt(7).map((line) => line.replace('"conn":7', '"conn":CONN'));
    const lines = Array.from({ length: count }, (_, n) => like.map((line) => line.replace("CONN", String(n + 1))));
    appendFileSync(trace, `${lines.flat().join("\n")}\n`);
    const seen = new Set<number>();
    await waitFor("the whole flood", async () => {
      const { attempts } = await ask();
      seen.add(attempts.total);
      return attempts.total === count;
    });
    expect(seen.size, "answers while it was read").toBeGreaterThan(1);
    await waitFor("readiness", async () => (await fetch(`${monitor.url}/readyz`)).status === 200);
    const families = parse(await (await fetch(`${monitor.url}/metrics`)).text());
    expect(value(families, "pinata_attempts_total")).toBe(count);
    expect(value(families, "pinata_attempts_sampled_out_total")).toBe(count - 50);
    expect(value(families, "pinata_leader")).toBe(1);
    expect(value(families, "pinata_trace_input_healthy", { input: "trace.jsonl", kind: "file" })).toBe(1);
    expect(value(families, "pinata_api_requests_total", { route: "/v1/status", status: "200" })).toBeGreaterThan(1);
  } finally {
    await monitor.stop();
    await esplora.stop();
  }
});
