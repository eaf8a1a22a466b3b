/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The maintainers' pages (docs/page.md): what the monitor tells whoever shows the admin token, acknowledging, annotating. All
 * without script. What changes something is a POST from a page of this site, with a body of at most `MOST_BODY` bytes. No
 * cache and no index keeps any of it.
 */
import type { Context, Hono } from "hono";
import { annotationDraft, annotationList, keptAlert, pinataList } from "../../monitor/schema.ts";
import type { Assets } from "../assets.ts";
import type { Language } from "../catalogue/language.ts";
import type { MaintainCatalogue } from "../catalogue/maintain-en.ts";
import type { Clock } from "../clock.ts";
import type { Feed } from "../feed.ts";
import { isFromHere, readForm } from "../machine/form.ts";
import type { Headers } from "../machine/headers.ts";
import type { Draw, PageCache } from "../machine/page-cache.ts";
import { basePath, type Site } from "../machine/site.ts";
import type { Visit } from "../pages/visit.ts";
import { visitOf } from "../pages/visitor.ts";
import type { View } from "../view.ts";
import type { AdminClient, Answer } from "./admin-client.ts";
import { type Busy, Gate } from "./gate.ts";
import { AlertsPage } from "./pages/alerts.tsx";
import { type About, AnnotatePage } from "./pages/annotate.tsx";
import { ProblemPage, to } from "./pages/frame.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { noSession, readToken, sessionCookie, sessionToken } from "./session.ts";

export interface MaintainParts {
  admin: AdminClient;
  feed: Feed;
  clock: Clock;
  site: Site;
  pages: PageCache;
  assets: Assets;
  view: (language: Language) => View;
}

/** Bytes: 1,000 characters take 9 each at most as a form sends them, and the other fields some. */
const MOST_BODY = 12 * 1024;
const ALERTS_SHOWN = 10;
/** Also how many are looked through for the one that is written about. */
const ALERTS_A_PAGE = 50;
/** A number of the monitor's, as a query may hold it. */
const NUMBER = /^[1-9]\d{0,14}$/;

/** With no referrer at all a browser sends no Origin along with a form, and who sent it could not be told. */
const PRIVATE = { "referrer-policy": "same-origin", "x-robots-tag": "noindex", "cache-control": "no-store" } as const;
/** RFC 9110 §15.5.2 asks for a challenge; browsers know no dialog for this one and show the page. */
const CHALLENGE = { "www-authenticate": 'Cookie realm="maintain"' } as const;

type NoAnswer = Exclude<Answer<never>, { kind: "ok" }> | Busy;
type ProblemName = "tokenless" | "elsewhere" | "unfit" | "over";

export function addMaintain(app: Hono, { admin, feed, clock, site, pages, assets, view }: MaintainParts): void {
  const gate = new Gate(clock);
  const partsOf = (visit: Visit) => ({ assets, visit });

  const show = async (c: Context, status: number, page: ReturnType<Draw>, extra: Headers = {}): Promise<Response> =>
    pages.prepare(await page.toString(), null, c).answerAs(c, status, { ...PRIVATE, ...extra });

  /** 303: what a POST did is seen on the page that follows, and is not done again by a reload. */
  const goTo = (
    c: Context,
    {
      path = "/maintain",
      parameters = {},
      cookie,
    }: { path?: string; parameters?: Record<string, string>; cookie?: string },
  ): Response => {
    const location = basePath(site) + to(visitOf(c), path, parameters);
    const headers = { ...PRIVATE, location, ...(cookie === undefined ? {} : { "set-cookie": cookie }) };
    return new Response(null, { status: 303, headers });
  };

  const signIn = (c: Context, status: number, reason: string, extra: Headers = {}): Promise<Response> => {
    const came = c.req.header("sec-fetch-site") === "cross-site" ? "from elsewhere" : "directly";
    return show(c, status, <SignInPage reason={reason} came={came} {...partsOf(visitOf(c))} />, extra);
  };

  const trouble = (c: Context, status: number, name: ProblemName, extra: Headers = {}): Promise<Response> => {
    const visit = visitOf(c);
    const { problems } = visit.language.says.maintain;
    return show(
      c,
      status,
      <ProblemPage title={problems[name]} sentence={problems[`${name}Text`]} {...partsOf(visit)} />,
      extra,
    );
  };

  /** What is shown when the monitor did not give what a page is made of. */
  const instead = (c: Context, answer: NoAnswer): Promise<Response> => {
    const visit = visitOf(c);
    const says = visit.language.says.maintain;
    if (answer.kind === "refused") {
      return signIn(c, 401, says.signIn.over, { ...CHALLENGE, "set-cookie": noSession(c, site) });
    }
    if (answer.kind === "tokenless") return trouble(c, 403, "tokenless", { "set-cookie": noSession(c, site) });
    if (answer.kind === "busy") {
      const sentence = busyText(says, answer, visit.language);
      const page = <ProblemPage title={says.problems.busy} sentence={sentence} {...partsOf(visit)} />;
      return show(c, 429, page, { "retry-after": String(answer.seconds) });
    }
    const sentence = says.problems.silentText(problemOf(answer));
    const page = <ProblemPage title={says.problems.silent} sentence={sentence} {...partsOf(visit)} />;
    return show(c, 503, page, { "retry-after": "10" });
  };

  const post = (path: string, handle: (c: Context, fields: URLSearchParams) => Promise<Response>) =>
    app.post(path, async (c) => {
      if (!isFromHere(c, site)) return trouble(c, 403, "elsewhere");
      const fields = await readForm(c, MOST_BODY);
      return typeof fields === "number" ? trouble(c, fields, "unfit") : handle(c, fields);
    });

  app.get("/maintain", async (c) => {
    const token = sessionToken(c);
    if (token === undefined) return signIn(c, 200, "");
    const overview = await gate.ask(token, admin.overview);
    if (overview.kind !== "ok") return instead(c, overview);
    const [alerts, traces, published] = await Promise.all([
      admin.alerts(token, { limit: ALERTS_SHOWN }),
      feed.ask("v1/pinatas", pinataList).catch(() => undefined),
      annotationOf(c.req.query("published") ?? ""),
    ]);
    const visit = visitOf(c);
    const acknowledged = overview.value.incidents.find(
      (incident) => incident.id === c.req.query("acknowledged") && incident.acknowledged !== null,
    );
    return show(
      c,
      200,
      <OverviewPage
        overview={overview.value}
        inputs={traces?.inputs ?? null}
        alerts={alerts.kind === "ok" ? alerts.value.alerts : null}
        view={view(visit.language)}
        done={{ published, acknowledged }}
        {...partsOf(visit)}
      />,
    );
  });

  const annotationOf = async (number: string) => {
    if (!NUMBER.test(number)) return undefined;
    const list = await feed.ask("v1/annotations", annotationList).catch(() => undefined);
    return list?.annotations.find((annotation) => annotation.number === Number(number));
  };

  app.get("/maintain/alerts", async (c) => {
    const token = sessionToken(c);
    if (token === undefined) return goTo(c, {});
    const from = c.req.query("before") ?? "";
    const before = NUMBER.test(from) ? Number(from) : undefined;
    const alerts = await gate.ask(token, () => admin.alerts(token, { limit: ALERTS_A_PAGE, before }));
    if (alerts.kind !== "ok") return instead(c, alerts);
    const visit = visitOf(c);
    const { now } = view(visit.language);
    return show(c, 200, <AlertsPage page={alerts.value} now={now} before={before} {...partsOf(visit)} />);
  });

  // What only takes a POST may still be reloaded, or asked for in another language.
  for (const path of ["/maintain/sign-in", "/maintain/sign-out", "/maintain/acknowledge"]) {
    app.get(path, (c) => goTo(c, {}));
  }

  post("/maintain/sign-in", async (c, fields) => {
    const { language } = visitOf(c);
    const says = language.says.maintain;
    const token = readToken(fields.get("token") ?? "");
    if (token === undefined) return signIn(c, 401, says.signIn.wrong, CHALLENGE);
    const answer = await gate.ask(token, admin.overview);
    if (answer.kind === "ok") return goTo(c, { cookie: sessionCookie(c, site, token) });
    if (answer.kind === "refused") return signIn(c, 401, says.signIn.wrong, CHALLENGE);
    if (answer.kind === "busy") {
      return signIn(c, 429, busyText(says, answer, language), { "retry-after": String(answer.seconds) });
    }
    return instead(c, answer);
  });

  post("/maintain/sign-out", async (c) => goTo(c, { cookie: noSession(c, site) }));

  post("/maintain/acknowledge", async (c, fields) => {
    const id = keptAlert.shape.id.safeParse(fields.get("alert"));
    if (!id.success) return trouble(c, 400, "unfit");
    const token = sessionToken(c);
    if (token === undefined) return goTo(c, {});
    const answer = await gate.ask(token, () => admin.acknowledge(token, id.data));
    if (answer.kind === "ok") return goTo(c, { parameters: { acknowledged: id.data } });
    return answer.kind === "unknown" ? trouble(c, 404, "over") : instead(c, answer);
  });

  /** What the monitor tells of an alert among what is open and the latest. */
  const aboutOf = async (token: string, id: string | undefined): Promise<About | null> => {
    if (id === undefined) return null;
    const latest = await admin.alerts(token, { limit: ALERTS_A_PAGE });
    const found = latest.kind === "ok" ? latest.value.alerts.find((alert) => alert.id === id) : undefined;
    if (found !== undefined)
      return { id, known: { alert: id, kind: found.kind, at: found.at, subject: found.subject } };
    const overview = await admin.overview(token);
    const open = overview.kind === "ok" ? overview.value.incidents.find((incident) => incident.id === id) : undefined;
    return { id, known: open ? { alert: id, kind: open.kind, at: open.since, subject: open.subject } : null };
  };

  const annotateForm = (
    c: Context,
    {
      status = 200,
      text = "",
      about,
      reason = "",
    }: { status?: number; text?: string; about: About | null; reason?: string },
    extra: Headers = {},
  ): Promise<Response> => {
    const visit = visitOf(c);
    const { now } = view(visit.language);
    const page = <AnnotatePage text={text} about={about} reason={reason} now={now} {...partsOf(visit)} />;
    return show(c, status, page, extra);
  };

  app.get("/maintain/annotate", async (c) => {
    const token = sessionToken(c);
    if (token === undefined) return goTo(c, {});
    const id = keptAlert.shape.id.optional().safeParse(c.req.query("alert"));
    if (!id.success) return trouble(c, 400, "unfit");
    const session = await gate.ask(token, admin.overview);
    if (session.kind !== "ok") return instead(c, session);
    return annotateForm(c, { about: await aboutOf(token, id.data) });
  });

  post("/maintain/annotate", async (c, fields) => {
    const text = (fields.get("text") ?? "").replaceAll(/\r\n?/g, "\n");
    const id = keptAlert.shape.id.optional().safeParse(fields.get("alert") ?? undefined);
    if (!id.success) return trouble(c, 400, "unfit");
    const { language } = visitOf(c);
    const { annotate: says } = language.says.maintain;
    const unknown: About | null = id.data === undefined ? null : { id: id.data, known: null };
    const token = sessionToken(c);
    if (token === undefined)
      return annotateForm(c, { status: 401, text, about: unknown, reason: says.signedOut }, CHALLENGE);

    /** Whatever went wrong, the text stays. */
    const keep = (answer: NoAnswer, about: About | null): Promise<Response> => {
      if (answer.kind === "unfit") return annotateForm(c, { status: 400, text, about, reason: says.unfit });
      if (answer.kind === "unknown") return annotateForm(c, { status: 404, text, about, reason: says.noAlert });
      if (answer.kind === "refused") {
        const extra = { ...CHALLENGE, "set-cookie": noSession(c, site) };
        return annotateForm(c, { status: 401, text, about, reason: says.signedOut }, extra);
      }
      if (answer.kind === "tokenless") {
        const reason = language.says.maintain.problems.tokenlessText;
        return annotateForm(c, { status: 403, text, about, reason });
      }
      if (answer.kind === "busy") {
        const reason = busyText(language.says.maintain, answer, language);
        return annotateForm(c, { status: 429, text, about, reason }, { "retry-after": String(answer.seconds) });
      }
      return annotateForm(
        c,
        { status: 503, text, about, reason: says.silent(problemOf(answer)) },
        { "retry-after": "10" },
      );
    };

    const session = await gate.ask(token, admin.overview);
    if (session.kind !== "ok") return keep(session, unknown);
    const about = await aboutOf(token, id.data);
    if (fields.get("do") === "look") return annotateForm(c, { text, about });
    const draft = annotationDraft.safeParse({ text, ...(id.data === undefined ? {} : { alert: id.data }) });
    if (!draft.success) return keep({ kind: "unfit" }, about);
    const answer = await gate.ask(token, () => admin.annotate(token, draft.data));
    if (answer.kind !== "ok") return keep(answer, about);
    return goTo(c, { parameters: { published: String(answer.value.number) } });
  });
}

function busyText({ signIn }: MaintainCatalogue, { seconds }: Busy, language: Language): string {
  return signIn.busy(language.number(seconds));
}

function problemOf(answer: NoAnswer): string {
  return answer.kind === "silent" ? answer.problem : "the monitor does not know this call: it is older than this page";
}
