/** A store of the tests' piñata in a file. */
import { openSqliteStore } from "../../../monitor/store/sqlite.ts";
import type { Store, StoreOptions } from "../../../monitor/store/store.ts";
import { PINATA } from "./bounty.ts";

export const STORE_OPTIONS: StoreOptions = {
  identity: "regtest",
  rules: PINATA.rules,
  channels: ["one", "two"],
  context: { network: PINATA.network, address: PINATA.address, acknowledgeAt: "http://127.0.0.1:8081" },
};

export function openTestStore(path: string, more: Partial<StoreOptions> = {}): Promise<Store> {
  return openSqliteStore(path, { ...STORE_OPTIONS, ...more });
}
