/**
 * Bitcoin Core's JSON-RPC over a development node, for what a monitor or a test asks of one: the same methods, parameters, shapes
 * and error codes (compare Core's `help`). JSON-RPC 1.0 and 2.0, single calls and batches, basic authentication when wanted.
 */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { sha256 } from "../bitcoin/bytes.ts";
import { StoreError } from "./block-store.ts";
import { RpcCode, RpcFailure } from "./broadcast.ts";
import type { DevNode } from "./node.ts";
import { blockMethods } from "./rpc-blocks.ts";
import type { RpcFaults } from "./rpc-faults.ts";
import type { Methods, RpcOptions } from "./rpc-params.ts";
import { transactionMethods } from "./rpc-transactions.ts";

const request = z.object({
  jsonrpc: z.enum(["1.0", "1.1", "2.0"]).optional(),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string(),
  params: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional(),
});

export function rpcServer(node: DevNode, options: RpcOptions = {}): Hono {
  const methods: Methods = { ...blockMethods(node, options), ...transactionMethods(node, options) };
  const { faults } = options;
  const app = new Hono();
  app.post("/rpc", async (c) => {
    if (!isAllowed(c, options)) return c.body(null, 401, { "www-authenticate": 'Basic realm="jsonrpc"' });
    let body: unknown;
    try {
      body = JSON.parse(await c.req.text());
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return c.json(failure(null, new RpcFailure(RpcCode.Parse, "Parse error")), 500);
    }
    const one = answer(methods, Array.isArray(body) ? null : body, faults);
    const reply = Array.isArray(body)
      ? c.json(body.map((each) => answer(methods, each, faults).body))
      : c.json(one.body, one.status);
    const hangUp = (): void => {
      (c.env as { incoming?: IncomingMessage } | undefined)?.incoming?.socket.destroy();
    };
    return faults ? faults.deliver(methodsOf(body), reply, hangUp) : reply;
  });
  return app;
}

/** Names of the methods that are called. */
function methodsOf(body: unknown): string[] {
  return (Array.isArray(body) ? body : [body]).flatMap((one) => request.safeParse(one).data?.method ?? []);
}

function answer(methods: Methods, body: unknown, faults?: RpcFaults): { status: 200 | 400 | 404 | 500; body: unknown } {
  const parsed = request.safeParse(body);
  if (!parsed.success) {
    return { status: 400, body: failure(null, new RpcFailure(RpcCode.InvalidRequest, "Invalid Request object")) };
  }
  const { id = null, method, params = [], jsonrpc } = parsed.data;
  const modern = jsonrpc === "2.0";
  try {
    const call = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (!call) throw new RpcFailure(RpcCode.MethodNotFound, "Method not found");
    if (!Array.isArray(params))
      throw new RpcFailure(RpcCode.InvalidParameter, "Named parameters are not supported here");
    if (faults?.warmingUp !== undefined) throw new RpcFailure(RpcCode.WarmingUp, faults.warmingUp);
    const truth = call(params);
    const result = faults ? faults.said(method, truth, params) : truth;
    return { status: 200, body: modern ? { jsonrpc: "2.0", result, id } : { result, error: null, id } };
  } catch (error) {
    const problem = asFailure(error);
    const { code, message } = problem;
    if (modern) return { status: 200, body: { jsonrpc: "2.0", error: { code, message }, id } };
    const status = code === RpcCode.MethodNotFound ? 404 : code === RpcCode.InvalidRequest ? 400 : 500;
    return { status, body: failure(id, problem) };
  }
}

function asFailure(error: unknown): RpcFailure {
  if (error instanceof RpcFailure) return error;
  if (error instanceof StoreError) return new RpcFailure(RpcCode.Misc, error.message);
  throw error;
}

function failure(id: unknown, { code, message }: RpcFailure) {
  return { result: null, error: { code, message }, id };
}

function isAllowed(c: Context, { login }: RpcOptions): boolean {
  if (!login) return true;
  const wanted = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
  const given = c.req.header("authorization") ?? "";
  return timingSafeEqual(sha256(Buffer.from(given)), sha256(Buffer.from(wanted)));
}
