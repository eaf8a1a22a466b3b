/**
 * The development chain over HTTP: Esplora's API, Core's JSON-RPC at /rpc, the development controls at /dev, and a block explorer
 * for people. Nothing here needs a login; it is meant for this machine alone, and says in every answer what it is.
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { isHash } from "../bitcoin/bytes.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import { StoreError } from "./block-store.ts";
import { esploraApi, HttpProblem } from "./esplora.ts";
import type { EsploraFaults } from "./esplora-faults.ts";
import { type Faulty, faultsRequest, setFaults } from "./fault-controls.ts";
import { type DevNode, MAX_MINED } from "./node.ts";
import { pages } from "./pages.tsx";
import { Refused } from "./refused.ts";
import { rpcServer } from "./rpc.ts";
import { RpcFaults } from "./rpc-faults.ts";
import type { RpcOptions } from "./rpc-params.ts";
import { WalletError } from "./wallet.ts";

/** Bytes of a request's body: a standard transaction in hex is shorter. */
export const MAX_BODY = 400_000;

const mineRequest = z.object({ blocks: z.number().int().min(1).max(MAX_MINED).default(1) });
const fundRequest = z.object({ address: z.string(), sats: z.number().int().positive().max(2_100_000_000_000_000) });
const invalidateRequest = z.object({ hash: z.string().refine(isHash, "not a block hash") });

export interface ServerOptions {
  rpc?: RpcOptions;
  /** What POST /dev/faults sets; by default the faults of the faces that are served here. */
  faulty?: Faulty;
  /** Of the Esplora API; none by default. */
  esplora?: EsploraFaults;
  log(line: string): void;
}

export function createServer(node: DevNode, options: ServerOptions): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header("x-development-chain", "regtest");
    c.header("cache-control", "no-store");
    c.header("x-content-type-options", "nosniff");
    c.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  });
  app.use(bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.text(`the body is longer than ${MAX_BODY} bytes`, 413) }));
  app.route("/", pages(node));
  const { esplora } = options;
  app.route("/", esploraApi(node, esplora));
  const faulty = options.faulty ?? { core: options.rpc?.faults ?? new RpcFaults(), ...(esplora ? { esplora } : {}) };
  app.route("/", rpcServer(node, { ...options.rpc, faults: faulty.core }));
  app.route("/", controls(node, faulty));
  app.notFound((c) => c.text(`endpoint does not exist "${c.req.path.slice(0, 200)}"`, 404));
  app.onError((error, c) => {
    if (error instanceof HttpProblem) return c.text(error.message, error.status);
    if (error instanceof StoreError) return c.text(error.message, 500);
    options.log(`a bug: ${error.stack ?? error.message}`);
    return c.text("internal error", 500);
  });
  return app;
}

/** POST with JSON, and only with that content type: a web page of another origin cannot send it without asking. */
function controls(node: DevNode, faulty: Faulty): Hono {
  const app = new Hono();
  app.post("/dev/faults", async (c) => {
    setFaults(node, faulty, await body(c, faultsRequest));
    return c.json({});
  });
  app.post("/dev/mine", async (c) => {
    const { blocks } = await body(c, mineRequest);
    const mined = refusable(() => node.mine(blocks));
    return c.json({ height: node.chain.height, hashes: mined.map(({ hash }) => hash) });
  });
  app.post("/dev/fund", async (c) => {
    const { address, sats } = await body(c, fundRequest);
    const script = scriptOfAddress(address, "regtest");
    if (!script) throw new HttpProblem(400, "Invalid Bitcoin address");
    return c.json({ txid: refusable(() => node.fund(script, BigInt(sats))) });
  });
  app.post("/dev/invalidate", async (c) => {
    const { hash } = await body(c, invalidateRequest);
    const block = node.chain.block(hash);
    if (!block) throw new HttpProblem(404, "Block not found");
    if (!block.previous) throw new HttpProblem(400, "the genesis block cannot be invalidated");
    node.invalidate(hash);
    return c.json({ height: node.chain.height, hash: node.chain.tip.hash });
  });
  return app;
}

async function body<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
    throw new HttpProblem(400, "send JSON, with content-type: application/json");
  }
  let value: unknown;
  const text = await c.req.text();
  try {
    value = text === "" ? {} : JSON.parse(text);
  } catch {
    throw new HttpProblem(400, "the body is not JSON");
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new HttpProblem(400, [issue.path.join("."), issue.message].filter((part) => part !== "").join(": "));
}

function refusable<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Refused || error instanceof WalletError) throw new HttpProblem(400, error.message);
    throw error;
  }
}
