/**
 * Where an Esplora API is and how often it may be asked: `https://host/api`, then maybe `#per-second=2&burst=50&websocket=on`.
 * Public servers do not say what they allow: the default stays below 700 requests an hour, the least that was reported.
 * What follows the # is never sent, and user and password are kept apart, so that the rest may be shown.
 */
import { isLoopback, operatorAt } from "../operator.ts";

export interface EsploraAddress {
  /** Without user, password and a slash at the end. */
  base: string;
  /** The base without its scheme. */
  name: string;
  /** Who runs it (operator.ts). */
  operator: string;
  authorization?: string;
  /** Absent: as often as wanted. */
  limit?: { perSecond: number; burst: number };
  /** The push channel of mempool.space, where it is offered. */
  socket?: string;
}

/** 450 an hour, and 250 at once (the headers of a difficulty period): 700 in the first hour. */
const PUBLIC = { perSecond: 1 / 8, burst: 250 };
const PUSHES = /(^|\.)mempool\.space$/;
const OPTIONS = ["per-second", "burst", "websocket"];
const MAX_RATE = 1_000;

/** undefined when the text is not such an address. */
export function readEsploraAddress(text: string): EsploraAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if ((url.protocol !== "http:" && url.protocol !== "https:") || url.search !== "") return undefined;
  const options = readOptions(url.hash);
  if (!options) return undefined;
  const { host, hostname, protocol } = url;
  const path = url.pathname.replace(/\/+$/, "");
  const limit = readLimit(options, hostname);
  if (limit === "wrong") return undefined;
  const login = credentials(url);
  if (login === "wrong") return undefined;
  const pushes = options.get("websocket") ?? (PUSHES.test(hostname) ? "on" : "off");
  if (pushes !== "on" && pushes !== "off") return undefined;
  const socket = `${protocol.replace("http", "ws")}//${host}${path.endsWith("/api") ? path : `${path}/api`}/v1/ws`;
  return {
    base: `${protocol}//${host}${path}`,
    name: host + path,
    operator: operatorAt(hostname, host),
    ...(login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` }),
    ...(limit ? { limit } : {}),
    ...(pushes === "on" ? { socket } : {}),
  };
}

function readOptions(hash: string): URLSearchParams | undefined {
  const options = new URLSearchParams(hash.slice(1));
  const names = [...options.keys()];
  const isRight = names.every((name) => OPTIONS.includes(name)) && new Set(names).size === names.length;
  return isRight ? options : undefined;
}

function readLimit(options: URLSearchParams, hostname: string): EsploraAddress["limit"] | "wrong" {
  const [rate, burst] = [options.get("per-second"), options.get("burst")];
  if (rate === null && burst === null) return isLoopback(hostname) ? undefined : PUBLIC;
  const perSecond = rate === null ? PUBLIC.perSecond : number(rate);
  if (!(perSecond > 0 && perSecond <= MAX_RATE)) return "wrong";
  const most = burst === null ? Math.max(10, Math.ceil(60 * perSecond)) : number(burst);
  return Number.isInteger(most) && most >= 1 && most <= 60 * MAX_RATE ? { perSecond, burst: most } : "wrong";
}

function number(text: string): number {
  return /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
}

function credentials({ username, password }: URL): string | undefined | "wrong" {
  if (username === "" && password === "") return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return "wrong";
  }
}
