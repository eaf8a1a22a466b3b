/**
 * Where a Bitcoin Core node is: `http://user:password@host:port`, or the path of its data directory, in which its cookie
 * lies. After a `#`, joined by `&`: cookie=FILE, port=N (with a directory), zmq=tcp://host:port (may be repeated),
 * birth=HEIGHT (where to begin the search for coins that are spent already), operator=NAME.
 */
import { join } from "node:path";

export interface CoreAddress {
  /** http(s) URL of the RPC server, with user and password where given; absent with a data directory. */
  url?: string;
  directory?: string;
  /** Instead of the network's usual port; only with a directory. */
  port?: number;
  cookieFile?: string;
  zmq: string[];
  birth?: number;
  operator?: string;
}

/** Chains as Core calls them: the folder below its data directory, and the port of its RPC server. */
const PLACES: Readonly<Record<string, { folder: string; port: number }>> = {
  main: { folder: "", port: 8332 },
  test: { folder: "testnet3", port: 18332 },
  testnet4: { folder: "testnet4", port: 48332 },
  signet: { folder: "signet", port: 38332 },
  regtest: { folder: "regtest", port: 18443 },
};
const MAX_ENDPOINTS = 8;

/** undefined when the text is not such an address. */
export function readCoreAddress(text: string): CoreAddress | undefined {
  const [place = "", ...rest] = text.split("#");
  const address: CoreAddress = { zmq: [] };
  if (place.startsWith("/") || place.startsWith("./")) address.directory = place;
  else if (URL.canParse(place) && /^https?:$/.test(new URL(place).protocol)) address.url = place;
  else return undefined;
  for (const part of rest.join("#").split("&").filter(Boolean)) if (!readOption(address, part)) return undefined;
  return address;
}

/** URL of the RPC server and the cookie file, if any, for a node on `chain`. */
export function locateCore(address: CoreAddress, chain: string): { url: string; cookieFile?: string } {
  const { url, directory, port, cookieFile } = address;
  if (url !== undefined) return cookieFile === undefined ? { url } : { url, cookieFile };
  const place = PLACES[chain];
  return {
    url: `http://127.0.0.1:${port ?? place?.port ?? 8332}`,
    cookieFile: cookieFile ?? join(directory!, place?.folder ?? chain, ".cookie"),
  };
}

/** An endpoint that ZMQ can connect to: no wildcard. */
export function isZmqEndpoint(text: string): boolean {
  if (/^ipc:\/\/\/./.test(text)) return true;
  if (!/^tcp:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, port, pathname, search, hash } = new URL(text);
  return hostname !== "" && hostname !== "*" && port !== "" && /^\/?$/.test(pathname) && search + hash === "";
}

function readOption(address: CoreAddress, part: string): boolean {
  const [name, ...rest] = part.split("=");
  const value = decode(rest.join("="));
  if (value === undefined || value === "") return false;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  if (name === "zmq" && isZmqEndpoint(value) && address.zmq.length < MAX_ENDPOINTS) address.zmq.push(value);
  else if (name === "cookie") address.cookieFile = value;
  else if (name === "operator" && value.length <= 64) address.operator = value;
  else if (name === "birth" && number !== undefined) address.birth = number;
  else if (name === "port" && number !== undefined && number > 0 && number < 65_536 && address.directory !== undefined)
    address.port = number;
  else return false;
  return true;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
