/** Where a Core node is: addresses that are read, and those that are not. */
import { describe, expect, test } from "vitest";
import { expectedSource, readSource } from "../../../monitor/sources/address.ts";
import { locateCore, readCoreAddress } from "../../../monitor/sources/core/address.ts";

describe("an address of a Core node", () => {
  test.each([
    ["http://me:secret@10.0.0.7:8332", { url: "http://me:secret@10.0.0.7:8332", zmq: [] }],
    ["https://node.example/rpc#birth=840000", { url: "https://node.example/rpc", zmq: [], birth: 840_000 }],
    ["/var/lib/bitcoind", { directory: "/var/lib/bitcoind", zmq: [] }],
    ["./regtest-node#port=18999", { directory: "./regtest-node", port: 18_999, zmq: [] }],
    [
      "http://n:1#cookie=%2Ftmp%2Fa%23b%26c%2F.cookie",
      { url: "http://n:1", cookieFile: "/tmp/a#b&c/.cookie", zmq: [] },
    ],
    [
      "http://n:1#zmq=tcp://n:28332&zmq=tcp://[::1]:28333&zmq=ipc:///run/zmq&operator=me",
      { url: "http://n:1", zmq: ["tcp://n:28332", "tcp://[::1]:28333", "ipc:///run/zmq"], operator: "me" },
    ],
  ])("%s", (text, address) => {
    expect(readCoreAddress(text)).toEqual(address);
    expect(readSource(`core:${text}`)).toEqual({ kind: "core", address: text });
  });

  test.each([
    "node:8332",
    "ftp://node",
    "",
    "http://n:1#colour=red",
    "http://n:1#birth=-1",
    "http://n:1#birth=",
    "http://n:1#port=8332",
    "/btc#port=0",
    "/btc#port=65536",
    "/btc#zmq=tcp://*:28332",
    "/btc#zmq=tcp://node",
    "/btc#zmq=http://node:28332",
    "/btc#cookie=%zz",
    `/btc#operator=${"x".repeat(65)}`,
    `/btc#${Array.from({ length: 9 }, (_, i) => `zmq=tcp://n:${i + 1}`).join("&")}`,
  ])("%j is none", (text) => {
    expect(readCoreAddress(text)).toBeUndefined();
    expect(readSource(`core:${text}`)).toBeUndefined();
    expect(expectedSource(`core:${text}`)).toContain("core:/data/directory");
  });
});

test.each([
  ["main", "http://127.0.0.1:8332", "/btc/.cookie"],
  ["test", "http://127.0.0.1:18332", "/btc/testnet3/.cookie"],
  ["testnet4", "http://127.0.0.1:48332", "/btc/testnet4/.cookie"],
  ["signet", "http://127.0.0.1:38332", "/btc/signet/.cookie"],
  ["regtest", "http://127.0.0.1:18443", "/btc/regtest/.cookie"],
])("in a data directory, the cookie and the port of %s are found", (chain, url, cookieFile) => {
  expect(locateCore(readCoreAddress("/btc")!, chain)).toEqual({ url, cookieFile });
  const elsewhere = readCoreAddress("/btc#port=9&cookie=/run/cookie")!;
  expect(locateCore(elsewhere, chain)).toEqual({ url: "http://127.0.0.1:9", cookieFile: "/run/cookie" });
  expect(locateCore(readCoreAddress("http://n:1")!, chain)).toEqual({ url: "http://n:1" });
});

test("a source of no known kind", () => {
  for (const text of ["", "http://x", "ripple:x", "core", "electrum:x", "toString:x"]) {
    expect(readSource(text)).toBeUndefined();
  }
  expect(expectedSource("http://x")).toBe("esplora:…, core:… or electrum:…");
});
