/** The Esplora source against a server that tells the truth, and against every other kind. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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
  source = new EsploraSource({ url: server.url, timeout: 20_000 });
});
afterEach(() => server.stop());

/** What each question says of an answer that is replaced. */
async function problems(tamper: Tamper): Promise<string[]> {
  server.tamper = tamper;
  const block = chain.best[1]!;
  const questions = [
    () => source.tip(),
    () => source.headers(chain.tip.hash, 3, 2),
    () => source.fundings(TARGET, () => false),
    () => source.spender(outpointOf(coin)),
    () => source.transaction(coin.getId()),
    () => source.merkleProof(coin.getId(), block),
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
    expect(await source.fundings(TARGET, () => false)).toEqual([{ ...outpointOf(coin), value: 1_000_000, block }]);
    expect(await source.spender(outpointOf(coin))).toBeUndefined();
    chain.add(spend);
    expect(await source.spender(outpointOf(coin))).toEqual({ txid: spend.getId() });
    expect(await source.transaction(spend.getId())).toEqual(Uint8Array.from(spend.toBuffer()));
    expect(await source.transaction("ab".repeat(32))).toBeUndefined();
    chain.mine();
    expect(await source.spender(outpointOf(coin))).toEqual({
      txid: spend.getId(),
      block: { height: 4, hash: chain.tip.hash },
    });
    const proof = await source.merkleProof(coin.getId(), block);
    expect(proof).toMatchObject({ form: "branch", position: 1 });
  });

  test("an unchanged tip is one short question", async () => {
    await source.tip();
    server.requests = [];
    await source.tip();
    expect(server.requests).toEqual(["/blocks/tip/hash"]);
  });

  test("a long history is paged until it is known", async () => {
    const more = Array.from({ length: 60 }, () => fundBounty());
    chain.mine(1, more);
    const all = await source.fundings(TARGET, () => false);
    expect(all.length).toBe(61);
    server.requests = [];
    await source.fundings(TARGET, () => true);
    expect(server.requests.length).toBe(1);
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

  test("a 429 page as the tip's hash is a 429, with its Retry-After", async () => {
    server.tamper = (_path, response) => {
      response.writeHead(429, { "retry-after": "7" }).end("<html>Too Many Requests</html>");
      return true;
    };
    await expect(source.tip()).rejects.toMatchObject({
      message: "asks for fewer requests (HTTP 429)",
      retryAfter: 7000,
      lost: true,
    });
  });

  test("errors of the server are said with their number; redirects are not followed", async () => {
    expect(new Set(await problems(body("oops", 500)))).toEqual(new Set(["answers HTTP 500"]));
    server.tamper = (_path, response) => {
      response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      return true;
    };
    await expect(source.tip()).rejects.toThrow("answers HTTP 302");
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
  expect(retryAfter("soon", now)).toBeUndefined();
  expect(retryAfter(null, now)).toBeUndefined();
});
