/**
 * What a monitor tells its maintainers, for the page's tests: an overview with something wrong in each part, alerts with each
 * state of a delivery, annotations; and a monitor that answers the admin calls with them. All checked by the schemas.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Annotation,
  annotationList,
  annotation as annotationSchema,
  keptAlerts,
  type Overview,
  overview,
} from "../../../monitor/schema.ts";
import type { FakeMonitor } from "./fake-monitor.ts";
import { feedWith, HandFeed, NOW, sampleStatus } from "./samples.ts";

export const TOKEN = "correct-horse-battery-staple";
export const BLIND = "b".repeat(32);
export const BREACH = "c".repeat(32);
const MINUTE = 60_000;

export function sampleOverview(changes: Partial<Overview> = {}): Overview {
  const [source] = sampleStatus("sealed").sources;
  return overview.parse({
    now: NOW,
    problems: ["the store cannot be written: disk full"],
    operatorsNeeded: 2,
    sources: [
      { ...source, operator: "us", own: true, behind: 0, coins: { agrees: 2, differs: 0, silent: 0 } },
      {
        ...source,
        name: "esplora two",
        healthy: false,
        problem: "three blocks behind the others",
        operator: "example.org",
        own: false,
        behind: 3,
        coins: { agrees: 0, differs: 1, silent: 1 },
      },
      {
        ...source,
        name: "esplora three",
        tip: null,
        lastAnswer: null,
        healthy: false,
        problem: null,
        operator: "example.net",
        own: false,
        behind: null,
        coins: { agrees: 0, differs: 0, silent: 0 },
      },
    ],
    incidents: [
      {
        id: BLIND,
        kind: "blind",
        severity: "critical",
        subject: "BLIND: no source answers",
        since: NOW - 20 * MINUTE,
        insists: true,
        acknowledged: null,
        reminders: 2,
      },
      {
        id: "d".repeat(32),
        kind: "pinata",
        severity: "critical",
        subject: "The piñata's trace has stopped",
        since: NOW - 50 * MINUTE,
        insists: true,
        acknowledged: NOW - 40 * MINUTE,
        reminders: 1,
      },
      {
        id: "e".repeat(32),
        kind: "clock",
        severity: "warning",
        subject: "The clock is wrong",
        since: NOW - 60 * MINUTE,
        insists: false,
        acknowledged: null,
        reminders: 0,
      },
    ],
    channels: [
      { name: "mail", sent: 12, failed: 0, refused: 0, waiting: 0, oldest: null, problem: null },
      {
        name: "pager",
        sent: 1_003,
        failed: 7,
        refused: 1,
        waiting: 2,
        oldest: NOW - 11 * MINUTE,
        problem: "answered 503",
      },
    ],
    heartbeat: { everySeconds: 60, taken: NOW - 5 * MINUTE, problem: "withheld: the store fails" },
    ...changes,
  });
}

/** `next`: the `before` of an older page. */
export function sampleAlerts(next: number | null = 7) {
  const common = { incident: null, at: NOW - 20 * MINUTE };
  const sent = { channel: "mail", state: "sent", attempts: 1, nextTry: null, problem: null };
  return keptAlerts.parse({
    alerts: [
      {
        ...common,
        sequence: 9,
        id: BLIND,
        kind: "blind",
        phase: "raised",
        severity: "critical",
        subject: "BLIND: no source answers",
        text: "No source has answered for 5 minutes.\n\nWhat to do:\n- look at the sources",
        deliveries: [
          sent,
          { channel: "pager", state: "waiting", attempts: 3, nextTry: NOW + MINUTE, problem: "answered 503" },
          { channel: "chat", state: "refused", attempts: 1, nextTry: null, problem: "the chat is not known" },
        ],
      },
      {
        ...common,
        sequence: 8,
        id: BREACH,
        kind: "breach",
        phase: "recovered",
        severity: "critical",
        at: NOW - 90 * MINUTE,
        subject: "BREACH: 10.00012345 BTC are leaving by the piñata's own key",
        text: "It is over.",
        deliveries: [],
      },
    ],
    next,
  });
}

export function sampleAnnotation(number: number, changes: Partial<Annotation> = {}): Annotation {
  return annotationSchema.parse({
    number,
    at: NOW - MINUTE * 2,
    text: `We restarted the node.\nNothing was lost (${number}).`,
    about: { alert: BLIND, kind: "blind", at: NOW - 20 * MINUTE },
    ...changes,
  });
}

/** The monitor's half of the admin calls, as far as the page needs it. */
export class Maintained {
  token: string | undefined = TOKEN;
  overview = sampleOverview();
  annotations: Annotation[] = [];
  readonly acknowledged: string[] = [];
  /** Admin calls that were answered, in order: method, path with query, and the body. */
  readonly asked: { call: string; authorization: string | undefined; body: string }[] = [];

  constructor(monitor: FakeMonitor) {
    const admin = (path: string, answer: (request: IncomingMessage, body: string) => [number, unknown]) => {
      monitor.instead.set(path, (request, response) => void this.#answer(request, response, answer));
    };
    admin("/v1/admin", () => [200, this.overview]);
    admin("/v1/admin/alerts", ({ url }) => [200, sampleAlerts(url?.includes("before=") ? null : 7)]);
    for (const { id } of this.overview.incidents) {
      admin(`/v1/alerts/${id}/ack`, () => {
        this.acknowledged.push(id);
        const incidents = this.overview.incidents.map((each) =>
          each.id === id ? { ...each, acknowledged: NOW } : each,
        );
        this.overview = { ...this.overview, incidents };
        return [200, { acknowledged: true }];
      });
    }
    monitor.instead.set("/v1/pinatas", (_, response) =>
      send(response, 200, {
        pinatas: [],
        inputs: [{ name: "serial.log", kind: "file", problem: "it cannot be opened", heard: NOW - MINUTE }],
      }),
    );
    monitor.instead.set("/v1/annotations", (request, response) => {
      if (request.method !== "POST")
        return send(response, 200, annotationList.parse({ annotations: this.annotations }));
      void this.#answer(request, response, (_, body) => {
        const { text, alert } = JSON.parse(body) as { text: string; alert?: string };
        if (alert !== undefined && alert !== BLIND) return [404, { error: "no such alert" }];
        const written = sampleAnnotation(this.annotations.length + 1, { text, ...(alert ? {} : { about: null }) });
        this.annotations.unshift(written);
        return [201, written];
      });
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    answer: (request: IncomingMessage, body: string) => [number, unknown],
  ): Promise<void> {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { authorization } = request.headers;
    this.asked.push({ call: `${request.method} ${request.url}`, authorization, body });
    if (this.token === undefined) return send(response, 403, { error: "no admin token" });
    if (authorization !== `Bearer ${this.token}`) return send(response, 401, { error: "not the token" });
    send(response, ...answer(request, body));
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

/** A feed that a test moves by hand, and that asks a monitor over HTTP whatever else is asked. */
export class AskingFeed extends HandFeed {
  readonly #monitor: { readonly url: string };

  constructor(monitor: { readonly url: string }) {
    super(feedWith("sealed", 2).state);
    this.#monitor = monitor;
  }

  override async ask<T>(path: string, schema: { parse(value: unknown): T }): Promise<T | undefined> {
    const response = await fetch(`${this.#monitor.url}/${path}`);
    const value: unknown = await response.json();
    return response.status === 404 ? undefined : schema.parse(value);
  }
}
