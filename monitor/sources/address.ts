/**
 * A source as the settings name it: `esplora:URL`, `core:URL`, `core:/data/directory` or `electrum:tls://host:port`. What
 * follows the kind is read by that kind's own module.
 */
import { readCoreAddress } from "./core/address.ts";
import { readElectrumAddress } from "./electrum/address.ts";
import { readEsploraAddress } from "./esplora/address.ts";
import type { ChainSource } from "./source.ts";

export interface SourceAddress {
  kind: ChainSource["kind"];
  address: string;
}

interface Form {
  expected: string;
  fits(address: string): boolean;
}

const FORMS: Readonly<Record<ChainSource["kind"], Form>> = {
  esplora: {
    expected: "esplora:https://host/api, then maybe #per-second=2&burst=50&websocket=on",
    fits: (text) => readEsploraAddress(text) !== undefined,
  },
  core: {
    expected:
      "core:http://user:password@host:port or core:/data/directory, then maybe #cookie=FILE&zmq=tcp://host:port",
    fits: (text) => readCoreAddress(text) !== undefined,
  },
  electrum: {
    expected: "electrum:tcp://host:port, electrum:tls://host:port or the latter with #sha256: and 64 hex digits",
    fits: (text) => readElectrumAddress(text) !== undefined,
  },
};

/** undefined when the text is not `kind:address` of a known kind, or the address is not one of that kind. */
export function readSource(text: string): SourceAddress | undefined {
  const [, kind, address] = /^([a-z]+):(.*)$/.exec(text) ?? [];
  if (kind === undefined || address === undefined || !isKind(kind)) return undefined;
  return FORMS[kind].fits(address) ? { kind, address } : undefined;
}

/** What {@link readSource} would have understood, for whoever wrote `text`. */
export function expectedSource(text: string): string {
  const kind = text.split(":", 1)[0]!;
  return isKind(kind) ? FORMS[kind].expected : "esplora:…, core:… or electrum:…";
}

function isKind(text: string): text is ChainSource["kind"] {
  return Object.hasOwn(FORMS, text);
}
