/** The API with its admin calls over an {@link AlertRig}, put together as a leading monitor does. */
import { expect } from "vitest";
import type { z } from "zod";
import { Annotations } from "../../../monitor/admin/annotations.ts";
import { overviewOf } from "../../../monitor/admin/overview.ts";
import { createApi } from "../../../monitor/api.ts";
import { Hub } from "../../../monitor/hub.ts";
import { publicStatus } from "../../../monitor/publish.ts";
import { annotationList } from "../../../monitor/schema.ts";
import { Receiver } from "../alerts/receiver.ts";
import { AlertRig, SECRET } from "../alerts/support.ts";
import { fundBounty, PINATA } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";

export const TOKEN = "0123456789-admin-token";
/** The id of no alert. */
export const NOBODY = "0".repeat(32);

export interface Call {
  method?: string;
  /** null: none is shown. */
  token?: string | null;
  body?: string | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
}

/** A funded piñata, one source, two channels, a heartbeat; the alert of the funding was taken. */
export class AdminRig {
  readonly coin = fundBounty(10_000_000n);
  readonly chain = new FakeChain();
  readonly failures: string[] = [];
  alerts!: AlertRig;
  hub!: Hub;
  refusals = 0;
  #heart!: Receiver;
  #app!: ReturnType<typeof createApi>;

  static async start(): Promise<AdminRig> {
    const rig = new AdminRig();
    rig.chain.mine(3, [rig.coin]);
    rig.#heart = await new Receiver().start();
    const heartbeat = { url: rig.#heart.url, secret: SECRET, seconds: 60 };
    const source = new FakeSource(rig.chain, "somewhere");
    rig.alerts = await AlertRig.start([source], { names: ["mail", "pager"], more: { heartbeat } });
    await rig.alerts.round();
    await rig.alerts.until(1, "mail");
    await rig.alerts.until(1);
    rig.serve(TOKEN);
    return rig;
  }

  /** Anew, with what the store holds. */
  serve(token: string | undefined): void {
    const { watch, store, saved, clock, alerts } = this.alerts;
    const status = () => {
      const [newest] = annotations.list();
      const parts = publicStatus(PINATA, watch.snapshot(), { counts: {}, pinata: null }, clock.now());
      return { ...parts, ...(newest ? { annotations: newest.number } : {}) };
    };
    const annotations = new Annotations({ store, saved, clock, changed: () => hub.touch() });
    const hub = new Hub(clock, status);
    this.hub = hub;
    this.#app = createApi({
      status,
      snapshot: () => watch.snapshot(),
      store,
      hub,
      clock,
      log: { info: () => {}, problem: (_about, text) => void this.failures.push(text), recovered: () => {} },
      admin: {
        token,
        store,
        annotations,
        overview: () =>
          overviewOf({
            ...watch.report(),
            now: clock.now(),
            problems: ["one", "two"],
            incidents: alerts.outbox.open(),
            alerts: alerts.stats(),
          }),
        acknowledge: (id) => alerts.outbox.acknowledge(id, clock.now()),
        refused: () => {
          this.refusals++;
        },
      },
    });
  }

  async restart(): Promise<void> {
    this.hub.stop();
    await this.alerts.restart();
    this.serve(TOKEN);
  }

  async end(): Promise<void> {
    this.hub.stop();
    await this.alerts.end();
    await this.#heart.stop();
  }

  async call(path: string, { token = TOKEN, method = "GET", body, headers = {} }: Call = {}): Promise<Response> {
    const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    return this.#app.request(path, {
      method,
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body, duplex: "half" }),
    });
  }

  async get<T>(path: string, schema: z.ZodType<T>, code = 200): Promise<T> {
    return answer(await this.call(path), schema, code);
  }

  annotate(draft: unknown, more: Call = {}): Promise<Response> {
    const headers = { "content-type": "application/json" };
    return this.call("/v1/annotations", { method: "POST", body: JSON.stringify(draft), headers, ...more });
  }

  /** Of the annotations, as anyone sees them. */
  async texts(): Promise<string[]> {
    const { annotations } = await answer(await this.call("/v1/annotations", { token: null }), annotationList);
    return annotations.map(({ text }) => text);
  }
}

/** The answer, which must fit `schema` exactly: what the schema would drop is a mistake. */
export async function answer<T>(response: Response, schema: z.ZodType<T>, code = 200): Promise<T> {
  const text = await response.text();
  expect(response.status, text).toBe(code);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const value = schema.parse(JSON.parse(text));
  expect(value).toEqual(JSON.parse(text));
  return value;
}
