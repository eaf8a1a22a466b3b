/**
 * The API of whoever maintains the piñata: what goes on, the alerts that are kept, acknowledging, annotating. Each call is
 * refused without the admin token before anything else of it is looked at, and refusals are counted. What was annotated is
 * public.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Acknowledged } from "../alerts/outbox.ts";
import {
  acknowledgement,
  annotation,
  annotationDraft,
  annotationList,
  apiError,
  keptAlerts,
  type Overview,
  overview,
} from "../schema.ts";
import type { Store } from "../store/store.ts";
import type { Annotations } from "./annotations.ts";
import { keptAlertOf } from "./overview.ts";
import { whyRefused } from "./token.ts";

export interface AdminParts {
  /** undefined: every admin call is refused with a text that says how to set one. */
  token: string | undefined;
  overview: () => Overview;
  store: Pick<Store, "alerts">;
  annotations: Pick<Annotations, "list" | "write">;
  /** Absent: there are no alerts. */
  acknowledge?: (id: string) => Promise<Acknowledged>;
  /** Called when a call is refused for its token. */
  refused?: () => void;
}

/** Bytes of a request's body. */
const MAX_BODY = 16 << 10;

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});
const error = (description: string) => json(apiError, description);
const unauthorized = {
  401: error("No token, or a wrong one"),
  403: error("This monitor has no admin token"),
};
const security = [{ admin: [] }];

/** Adds the routes to the API. */
export function addAdmin(app: OpenAPIHono, parts: AdminParts): void {
  const { token, store, annotations, acknowledge, refused } = parts;
  app.openAPIRegistry.registerComponent("securitySchemes", "admin", { type: "http", scheme: "bearer" });

  const admin: MiddlewareHandler = async (context, next) => {
    const why = whyRefused(context.req.header("authorization"), token);
    if (!why) return next();
    refused?.();
    if (why.status === 401) context.header("www-authenticate", "Bearer");
    return context.json({ error: why.error }, why.status);
  };

  const overviewRoute = createRoute({
    method: "get",
    path: "/v1/admin",
    summary: "Admin: problems, sources, incidents, channels, heartbeat",
    security,
    middleware: [admin] as const,
    responses: { 200: json(overview, "What goes on"), ...unauthorized },
  });
  app.openapi(overviewRoute, (context) => context.json(parts.overview(), 200));

  const alertsRoute = createRoute({
    method: "get",
    path: "/v1/admin/alerts",
    summary: "Admin: the alerts that are kept, newest first, with what came of them at each channel",
    security,
    middleware: [admin] as const,
    request: {
      query: z.object({
        limit: z.coerce.number().int().min(1).max(100).default(50),
        before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      }),
    },
    responses: {
      200: json(keptAlerts, "A page of alerts"),
      400: error("A query that makes no sense"),
      ...unauthorized,
    },
  });
  app.openapi(alertsRoute, async (context) => {
    const { limit, before } = context.req.valid("query");
    const kept = await store.alerts({ limit: limit + 1, before });
    const alerts = kept.slice(0, limit).map(keptAlertOf);
    return context.json({ alerts, next: kept.length > limit ? alerts.at(-1)!.sequence : null }, 200);
  });

  const acknowledgeRoute = createRoute({
    method: "post",
    path: "/v1/alerts/{id}/ack",
    summary: "Admin: no more reminders of what this alert told",
    security,
    middleware: [admin] as const,
    request: {
      params: z.object({
        id: z
          .string()
          .regex(/^[0-9a-f]{32}$/, "an id of 32 hex digits")
          .openapi({ param: { name: "id", in: "path" }, example: "0".repeat(32) }),
      }),
    },
    responses: {
      200: json(acknowledgement, "Acknowledged, now or before"),
      400: error("Not an alert's id"),
      ...unauthorized,
      404: error("No such alert, or it is over"),
    },
  });
  app.openapi(acknowledgeRoute, async (context) => {
    const { id } = context.req.valid("param");
    const outcome = await acknowledge?.(id);
    if (outcome === "acknowledged") return context.json({ acknowledged: true as const }, 200);
    const why = outcome === "over" ? "is over, or has nothing to acknowledge" : "is not known here";
    return context.json({ error: `alert ${id} ${why}` }, 404);
  });

  const annotateRoute = createRoute({
    method: "post",
    path: "/v1/annotations",
    summary: "Admin: writes for everyone to read; it is never changed and cannot be taken back",
    security,
    middleware: [admin, bodyLimit({ maxSize: MAX_BODY, onError: tooLong }), mustBeJson] as const,
    request: { body: { ...json(annotationDraft, "What to write, and which alert it is about"), required: true } },
    responses: {
      200: json(annotation, "Written within the last minute, by the same call as this one"),
      201: json(annotation, "Written"),
      400: error("A text that is not taken"),
      ...unauthorized,
      404: error("No such alert"),
      413: error("Too long"),
      415: error("Not JSON"),
    },
  });
  app.openapi(annotateRoute, async (context) => {
    const draft = context.req.valid("json");
    const written = await annotations.write(draft);
    if (written) return context.json(written.annotation, written.isNew ? 201 : 200);
    return context.json({ error: `alert ${draft.alert} is not known here; old ones are not kept` }, 404);
  });

  const annotationsRoute = createRoute({
    method: "get",
    path: "/v1/annotations",
    summary: "What maintainers wrote, newest first; nobody proves it",
    responses: { 200: json(annotationList, "The latest 200") },
  });
  app.openapi(annotationsRoute, (context) => context.json({ annotations: [...annotations.list()] }, 200));
}

const SHAPE = 'send {"text": "1 to 1,000 characters", "alert": "an alert\'s id, or leave it out"}';

function tooLong(context: Context): Response {
  return context.json({ error: `more than ${MAX_BODY} bytes; ${SHAPE}` }, 413);
}

const mustBeJson: MiddlewareHandler = async (context, next) => {
  if (!/^application\/json *(;|$)/i.test(context.req.header("content-type") ?? "")) {
    return context.json({ error: `not application/json; ${SHAPE}` }, 415);
  }
  const isRead = await context.req.json().then(
    () => true,
    () => false,
  );
  if (!isRead) return context.json({ error: `cannot be read as JSON; ${SHAPE}` }, 400);
  return next();
};
