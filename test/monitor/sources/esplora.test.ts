/** The Esplora source against a server that tells the truth, and against every other kind. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { checkInclusion } from "../../../monitor/proofs/merkle.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { EsploraSource } from "../../../monitor/sources/esplora.ts";
import { retryAfter } from "../../../monitor/sources/http.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach, fundBounty, outpointOf, PAID, PUBLIC } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeEsplora, type Tamper } from "../support/fake-esplora.ts";

const TARGET = { script: PAID.script, address: PUBLIC.address };
const coin = fundBounty();
const spend = breach({ from: [{ transaction: coin }] });
let chain: FakeChain;
let server: FakeEsplora;
let source: EsploraSource;

beforeEach(async () => {
  chain = new FakeChain();
  chain.mine(3, [coin]);
  server = await new FakeEsplora(chain).start();
  source = new EsploraSource({ url: server.url, timeout: 20_000, random: () => 0 });
});
afterEach(() => server.stop());

/** What each question says of an answer that is replaced. */
async function problems(tamper: Tamper): Promise<string[]> {
  server.tamper = tamper;
  const block = chain.best[1]!;
  const questions = [
    () => source.tip(),
    () => source.headers(chain.tip.hash, 3, 2),
    () => source.fundings(TARGET),
    () => source.spender(outpointOf(coin)),
    () => source.transaction(coin.getId()),
    () => source.merkleProof(coin.getId(), block),
    () => source.coinbaseProof(block),
  ];
  const said: string[] = [];
  for (const ask of questions) {
    said.push(
      await ask().then(
        () => "believed",
        (error: unknown) => {
          expect(error).toBeInstanceOf(SourceError);
          return (error as SourceError).message;
        },
      ),
    );
  }
  return said;
}

const body = (text: string, code = 200): Tamper => {
  return (_path, response) => {
    response.writeHead(code).end(text);
    return true;
  };
};

describe("the truth", () => {
  test("every question", async () => {
    const block = { height: 1, hash: chain.best[1]!.hash };
    expect(await source.tip()).toEqual({ height: 3, hash: chain.tip.hash });
    expect(await source.headers(chain.tip.hash, 3, 10)).toEqual(chain.best.toReversed().map(({ header }) => header));
    expect(await source.fundings(TARGET)).toEqual([{ ...outpointOf(coin), value: 1_000_000, block }]);
    expect(await source.spender(outpointOf(coin))).toBeUndefined();
    chain.add(spend);
    await source.tip();
    expect(await source.spender(outpointOf(coin))).toEqual({ txid: spend.getId() });
    expect(await source.transaction(spend.getId())).toEqual(Uint8Array.from(spend.toBuffer()));
    expect(await source.transaction("ab".repeat(32))).toBeUndefined();
    chain.mine();
    await source.tip();
    expect(await source.spender(outpointOf(coin))).toEqual({
      txid: spend.getId(),
      block: { height: 4, hash: chain.tip.hash },
    });
    const proof = await source.merkleProof(coin.getId(), block);
    expect(proof).toMatchObject({ form: "branch", position: 1 });
    const coinbase = await source.coinbaseProof(block);
    expect(coinbase.raw).toEqual(Uint8Array.from(chain.best[1]!.transactions[0]!.toBuffer()));
    const header = parseHeader(chain.best[1]!.header, NETWORKS.regtest);
    expect(() =>
      checkInclusion(parseTransaction(Uint8Array.from(coin.toBuffer())), proof, header, coinbase),
    ).not.toThrow();
    server.requests = [];
    await source.coinbaseProof(block);
    expect(server.requests).toEqual([]);
  });

  test("headers come ten in a request, of another branch one by one, and none twice", async () => {
    chain.mine(40);
    const newestFirst = chain.best.toReversed().map(({ header }) => header);
    server.requests = [];
    expect(await source.headers(chain.tip.hash, 43, 43)).toEqual(newestFirst.slice(0, 43));
    expect(server.requests).toEqual(["/blocks/43", "/blocks/33", "/blocks/23", "/blocks/13", "/blocks/3"]);
    server.requests = [];
    expect(await source.headers(chain.tip.hash, 43, 44)).toEqual(newestFirst);
    expect(server.requests).toEqual([]);
    const side = chain.side(chain.side(chain.best[40]!));
    expect(await source.headers(side.hash, 42, 3)).toEqual([
      side.header,
      chain.blocks.get(side.previous)!.header,
      chain.best[40]!.header,
    ]);
    expect(server.requests).toEqual(["/blocks/42", `/block/${side.hash}/header`, `/block/${side.previous}/header`]);
  });

  test("a server without lists of blocks is asked for each header", async () => {
    server.tamper = (path, response) => {
      if (!path.startsWith("/blocks/") || path === "/blocks/tip/hash") return false;
      response.writeHead(400).end("no such thing");
      return true;
    };
    expect(await source.headers(chain.tip.hash, 3, 4)).toEqual(chain.best.toReversed().map(({ header }) => header));
  });

  test("user and password of the URL are sent, and are not in the name", async () => {
    let seen: string | undefined;
    server.tamper = (_path, _response, request) => {
      seen = request.headers.authorization;
      return false;
    };
    const url = server.url.replace("http://", "http://me:s%20cret@");
    const private_ = new EsploraSource({ url: `${url}/` });
    await private_.tip();
    expect(seen).toBe(`Basic ${Buffer.from("me:s cret").toString("base64")}`);
    expect(private_.name).toBe(server.url.replace("http://", ""));
    expect(JSON.stringify(private_)).not.toContain("cret");
  });
});

describe("something else than the truth", () => {
  test.each([
    ["an HTML page with status 200", "<html><body>429 Too Many Requests</body></html>"],
    ["nothing", ""],
    ["JSON of another kind", '{"error":"no"}'],
    ["a list", "[1,2,3]"],
    ["a number", "7"],
    ["null", "null"],
    ["a hash where none belongs", "ab".repeat(32)],
    ["deep nesting", "[".repeat(50_000)],
  ])("%s is never believed", async (_name, text) => {
    for (const said of await problems(body(text))) expect(said).not.toBe("believed");
  });

  // CypherBox #194: the body of a 429 was taken for a block hash.
  test("known failure: a 429's body parsed as a block hash", async () => {
    server.tamper = (_path, response) => {
      response.writeHead(429, { "retry-after": "7" }).end("<html>Too Many Requests</html>");
      return true;
    };
    await expect(source.tip()).rejects.toMatchObject({
      message: "asks for fewer requests (HTTP 429)",
      retryAfter: 7000,
      lost: true,
    });
    const fresh = () => new EsploraSource({ url: server.url, random: () => 0 });
    server.tamper = body("ab".repeat(32), 429);
    await expect(fresh().tip()).rejects.toMatchObject({ message: "asks for fewer requests (HTTP 429)", lost: true });
    for (const code of [200, 404]) {
      server.tamper = body("<!DOCTYPE html><title>Too Many Requests</title>", code);
      await expect(fresh().tip()).rejects.toThrow(`sent a web page (HTTP ${code}) instead of its tip`);
      await expect(fresh().spender(outpointOf(coin))).rejects.toThrow("instead of who spends the coin");
      await expect(fresh().transaction(coin.getId())).rejects.toThrow("instead of a transaction");
    }
  });

  test("a coin that the source must know and does not is no unspent coin", async () => {
    await source.tip();
    server.tamper = body("not found", 404);
    await expect(source.spender(outpointOf(coin), 1)).rejects.toThrow("does not know the coin");
    expect(
      await source.spender(outpointOf(coin), 3),
      "of the latest blocks not every server has heard",
    ).toBeUndefined();
  });

  test("errors of the server are said with their number; redirects are not followed but shown", async () => {
    expect(new Set(await problems(body("oops", 500)))).toEqual(new Set(["answers HTTP 500"]));
    server.tamper = (_path, response) => {
      response.writeHead(302, { location: "http://me:secret@169.254.169.254/latest?key=secret" }).end();
      return true;
    };
    await expect(source.tip()).rejects.toMatchObject({
      message: "redirects to http://169.254.169.254/latest (HTTP 302), which is not followed",
      lost: true,
    });
    server.tamper = (_path, response) => {
      response.writeHead(307).end();
      return true;
    };
    await expect(source.tip()).rejects.toThrow("redirects to nowhere (HTTP 307)");
  });

  test("an answer longer than it can be is cut off while it comes", async () => {
    let sent = 0;
    server.tamper = (_path, response) => {
      let over = false;
      response.writeHead(200);
      response.on("close", () => {
        over = true;
      });
      const more = (): void => {
        if (over) return;
        sent += 65_536;
        if (response.write("f".repeat(65_536))) setImmediate(more);
        else response.once("drain", more);
      };
      more();
      return true;
    };
    await expect(source.tip()).rejects.toThrow("longer than 4096 bytes");
    await expect(source.transaction(coin.getId())).rejects.toThrow("longer than 8000002 bytes");
    expect(sent).toBeLessThan(40_000_000);
  });

  test("silence ends after the time limit, also in the middle of an answer", async () => {
    const hasty = new EsploraSource({ url: server.url, timeout: 100 });
    server.tamper = () => true;
    await expect(hasty.tip()).rejects.toMatchObject({ message: "did not answer within 100 ms", lost: true });
    server.tamper = (_path, response) => {
      response.writeHead(200, { "content-length": "64" }).write("ab");
      return true;
    };
    await expect(hasty.tip()).rejects.toThrow("did not answer within 100 ms");
  });

  test("a server that is gone, or hangs up in the middle", async () => {
    server.tamper = (_path, response) => {
      response.writeHead(200, { "content-length": "64" }).write("ab");
      response.destroy();
      return true;
    };
    await expect(source.tip()).rejects.toMatchObject({ lost: true });
    await server.stop();
    await expect(source.tip()).rejects.toMatchObject({ message: "refuses connections", lost: true });
  });

  test("another header, another transaction, another block's proof, a confirmation without a block", async () => {
    server.tamper = (path, response) => {
      if (!path.endsWith("/header")) return false;
      response.end(Buffer.from(chain.best[0]!.header).toString("hex"));
      return true;
    };
    await expect(source.headers(chain.tip.hash, 3, 1)).rejects.toThrow("does not have the hash asked for");
    server.tamper = body(Buffer.from(spend.toBuffer()).toString("hex"));
    await expect(source.transaction(coin.getId())).rejects.toThrow(`asked for transaction ${coin.getId()}`);
    server.tamper = body(JSON.stringify({ block_height: 2, merkle: [], pos: 0 }));
    await expect(source.merkleProof(coin.getId(), { height: 1, hash: chain.best[1]!.hash })).rejects.toThrow(
      "another block",
    );
    server.tamper = body(JSON.stringify({ spent: true, txid: spend.getId(), status: { confirmed: true } }));
    await expect(source.spender(outpointOf(coin))).rejects.toThrow("without naming the block");
    server.tamper = body(JSON.stringify({ spent: true }));
    await expect(source.spender(outpointOf(coin))).rejects.toThrow("not by which");
    let answers = 0;
    server.tamper = (_path, response) => {
      response.end(answers++ === 0 ? "ab".repeat(32) : JSON.stringify({ id: "cd".repeat(32), height: 4 }));
      return true;
    };
    await expect(source.tip()).rejects.toThrow("another block");
  });
});

test("Retry-After: seconds, dates, and nonsense", () => {
  const now = Date.parse("2026-11-01T00:00:00Z");
  expect(retryAfter("120", now)).toBe(120_000);
  expect(retryAfter("Sun, 01 Nov 2026 00:01:00 GMT", now)).toBe(60_000);
  expect(retryAfter("Sun, 01 Nov 2020 00:01:00 GMT", now)).toBe(0);
  expect(retryAfter("999999999", now)).toBe(600_000);
  expect(retryAfter("999999999", now, 3_600_000)).toBe(3_600_000);
  expect(retryAfter("soon", now)).toBeUndefined();
  expect(retryAfter(null, now)).toBeUndefined();
});
