/** What JSON-RPC methods have in common: their type, the server's options, and reading parameters with Core's complaints. */
import { z } from "zod";
import { RpcCode, RpcFailure } from "./broadcast.ts";
import type { RpcFaults } from "./rpc-faults.ts";

export interface RpcOptions {
  /** Without it, everyone may call. */
  login?: { user: string; password: string };
  /** As Core's -txindex: confirmed transactions are found without their block's hash. */
  txindex?: boolean;
  /** As Core's -txospenderindex (31.0): gettxspendingprevout finds confirmed spenders too. */
  txospenderindex?: boolean;
  /** As Core's -blockfilterindex: scanblocks. */
  blockfilterindex?: boolean;
  /** Where ZMQ notifications are published, as getzmqnotifications tells it; none by default. */
  notifications?: readonly { type: string; address: string; hwm: number }[];
  faults?: RpcFaults;
}

/** Parameters by position, checked by each method itself. */
export type Method = (params: unknown[]) => unknown;
export type Methods = Record<string, Method>;

const NAMES: Readonly<Record<string, string>> = {
  boolean: "bool",
  object: "object",
  number: "number",
  string: "string",
};

/** Parameter `position` by a schema; Core's complaint otherwise. A missing one is undefined, as is null. */
export function param<T>(params: readonly unknown[], position: number, name: string, schema: z.ZodType<T>): T {
  const value = params[position] ?? undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  if (value === undefined) throw new RpcFailure(RpcCode.Misc, `missing parameter ${position + 1}, ${name}`);
  const type = Array.isArray(value) ? "array" : (NAMES[typeof value] ?? typeof value);
  throw new RpcFailure(
    RpcCode.Type,
    `Wrong type passed: Position ${position + 1} (${name}): ${result.error.issues[0]!.message}, JSON value is of type ${type}`,
  );
}

/** `addr(…)`, `raw(…)` or `rawtr(…)`, with or without checksum, as in scantxoutset and scanblocks. */
export const scanObjects = z.array(z.union([z.string(), z.object({ desc: z.string() })]));

/** A hash of 64 hex digits, with Core's complaints. */
export function hashParam(params: readonly unknown[], position: number, name: string): string {
  return checkHash(param(params, position, name, z.string()), name);
}

export function checkHash(text: string, name: string): string {
  if (text.length !== 64) {
    throw new RpcFailure(
      RpcCode.InvalidParameter,
      `${name} must be of length 64 (not ${text.length}, for '${text.slice(0, 100)}')`,
    );
  }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new RpcFailure(RpcCode.InvalidParameter, `${name} must be hexadecimal string (not '${text}')`);
  }
  return text.toLowerCase();
}
