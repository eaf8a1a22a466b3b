/** The maintainers' pages before a fake monitor with admin calls, and how a maintainer's browser asks for them and posts forms. */
import { createApp } from "../../../web/app.tsx";
import { type Site, UNKNOWN_SITE } from "../../../web/machine/site.ts";
import { createAdminClient } from "../../../web/maintain/admin-client.ts";
import { FakeMonitor } from "./fake-monitor.ts";
import { HandClock } from "./hand-clock.ts";
import { AskingFeed, Maintained, TOKEN } from "./maintain.ts";
import { INFO, NOW, sampleStatus } from "./samples.ts";

/** What a browser says of a form that a page of the same site posts. */
export const HERE = { "sec-fetch-site": "same-origin" };
export const FORM = "application/x-www-form-urlencoded";
/** Of a maintainer who is signed in. */
export const COOKIE = cookieOf(TOKEN);

export function cookieOf(token: string): string {
  return `pinata-maintainer=${Buffer.from(token).toString("base64url")}`;
}

type App = ReturnType<typeof createApp>;
interface Asked {
  app?: App;
  headers?: Record<string, string>;
}

export class MaintainRig {
  monitor = new FakeMonitor(sampleStatus("sealed"));
  kept = new Maintained(this.monitor);
  clock = new HandClock(NOW + 2_000);

  async start(): Promise<void> {
    this.monitor = new FakeMonitor(sampleStatus("sealed"));
    await this.monitor.start();
    this.kept = new Maintained(this.monitor);
    this.clock = new HandClock(NOW + 2_000);
  }

  stop(): Promise<void> {
    return this.monitor.stop();
  }

  app(site: Partial<Site> = {}): App {
    const { clock, monitor } = this;
    const admin = createAdminClient({ monitorUrl: monitor.url, clock });
    return createApp({ feed: new AskingFeed(monitor), info: INFO, clock, site: { ...UNKNOWN_SITE, ...site }, admin });
  }

  /** A page, as a maintainer who is signed in asks for it. */
  async get(path: string, { app = this.app(), headers = { cookie: COOKIE } }: Asked = {}) {
    const response = await app.request(path, { headers });
    return { response, status: response.status, page: await response.text() };
  }

  /** A form, as a page of this site posts it for a maintainer who is signed in. */
  async post(
    path: string,
    fields: Record<string, string>,
    { app = this.app(), headers = { ...HERE, cookie: COOKIE } }: Asked = {},
  ) {
    const body = new URLSearchParams(fields).toString();
    const response = await app.request(path, { method: "POST", body, headers: { "content-type": FORM, ...headers } });
    return {
      response,
      status: response.status,
      page: await response.text(),
      location: response.headers.get("location"),
      cookie: response.headers.get("set-cookie"),
    };
  }

  signIn(token: string, asked: Asked = {}) {
    return this.post("/maintain/sign-in", { token }, { headers: HERE, ...asked });
  }
}

/** The text of a page, tags taken out. */
export function words(page: string): string {
  return page
    .replace(/<[^>]+>/g, "")
    .replace(/\s+/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}
