/** The JSON-RPC client against a server that answers as a test says: what it sends, and every way in which a call can fail. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { BitcoindRpc, RpcError } from "../../../infra/bitcoind/rpc.ts";
import { CommandError } from "../../../infra/cli/errors.ts";
import { freePort } from "../../support/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-rpc-"));
const cookie = join(folder, ".cookie");
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  answer(request, response, body);
});
let url: string;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(() => writeFileSync(cookie, "__cookie__:secret\n"));
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});
writeFileSync(cookie, "__cookie__:secret\n");

const says = (status: number, body: string) => {
  answer = (_request, response) => response.writeHead(status).end(body);
};
const call = (patience?: number) => new BitcoindRpc(url, cookie, patience).call("getblockcount", [7, "x"], z.number());
const failure = async (attempt: Promise<unknown>): Promise<CommandError> => {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
};

describe("a call", () => {
  it("posts method and parameters with the cookie as login, and gives back the result", async () => {
    let seen: { method: string | undefined; login: string; body: unknown } | undefined;
    answer = (request, response, body) => {
      const login = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
      seen = { method: request.method, login, body: JSON.parse(body) };
      response.end('{"result":101,"error":null,"id":"pinata"}');
    };
    expect(await call()).toBe(101);
    expect(seen).toMatchObject({
      method: "POST",
      login: "__cookie__:secret",
      body: { method: "getblockcount", params: [7, "x"] },
    });
  });

  it("reads the cookie anew, since a node that starts again makes another", async () => {
    const logins: (string | undefined)[] = [];
    answer = (request, response) => {
      logins.push(request.headers.authorization);
      response.end('{"result":1}');
    };
    const rpc = new BitcoindRpc(url, cookie);
    await rpc.call("getblockcount", [], z.number());
    writeFileSync(cookie, "__cookie__:another");
    await rpc.call("getblockcount", [], z.number());
    expect(logins).toEqual(
      ["__cookie__:secret", "__cookie__:another"].map((login) => `Basic ${Buffer.from(login).toString("base64")}`),
    );
  });
});

describe("a call that fails says why", () => {
  it("the node does not accept the password", async () => {
    says(401, "");
    expect((await failure(call())).message).toBe(`bitcoind at ${url} does not accept the cookie in ${cookie}`);
  });

  it("there is no cookie", async () => {
    rmSync(cookie);
    says(200, '{"result":1}');
    expect((await failure(call())).message).toMatch(/^cannot read bitcoind's cookie: ENOENT/);
  });

  it.each([
    ["it is not JSON", 200, "<html>hello</html>", "<html>hello</html>"],
    ["it is too busy to speak JSON", 503, "Work queue depth exceeded", "Work queue depth exceeded"],
    ["it says nothing", 200, "", ""],
    ["it is JSON of another kind", 200, '["result"]', '["result"]'],
    ["there is no result", 200, "{}", "{}"],
    ["its error is of another kind", 500, '{"error":"no"}', '{"error":"no"}'],
  ])("what answers is not bitcoind: %s", async (_, status, body, shown) => {
    says(status, body);
    expect((await failure(call())).message).toBe(`${url} does not answer like bitcoind: ${shown}`);
  });

  it("the result is not what the method gives", async () => {
    says(200, '{"result":"many","error":null}');
    expect((await failure(call())).message).toBe(
      'bitcoind answered getblockcount with something else than expected: "many"',
    );
  });

  it("the node refuses, with its code", async () => {
    says(500, '{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":"pinata"}');
    const error = await failure(call());
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).code).toBe(-28);
    expect(error.message).toBe("bitcoind refused getblockcount: Loading block index… (-28)");
  });

  it("the node does not answer in time", async () => {
    answer = () => {};
    expect((await failure(call(100))).message).toBe(`cannot reach bitcoind at ${url}: no answer in 0.1 s`);
  });

  it("the answer breaks off", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"result":');
      setImmediate(() => response.destroy());
    };
    expect((await failure(call())).message).toMatch(/^cannot reach bitcoind at /);
  });

  it("nobody listens", async () => {
    const nobody = `http://127.0.0.1:${await freePort()}/`;
    const error = await failure(new BitcoindRpc(nobody, cookie).call("stop", [], z.string()));
    expect(error.message).toBe(`cannot reach bitcoind at ${nobody}: ECONNREFUSED`);
  });
});
