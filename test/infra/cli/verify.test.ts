/** `pinata verify`: a breach on the development chain, checked by a process that has no network; and everything it refuses. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { UsageError } from "../../../infra/cli/errors.ts";
import { readDocument, recognise } from "../../../infra/cli/verify/read.ts";
import { verify as verifyHere } from "../../../infra/cli/verify.ts";
import { runDevchain } from "../../../infra/devchain/main.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { makeCertificate } from "../../../monitor/certificate/make.ts";
import { ProofError } from "../../../monitor/proofs/bytes.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { EsploraSource } from "../../../monitor/sources/esplora.ts";
import { canonical } from "../../../monitor/witness/canonical-json.ts";
import { CONFIRMED, coin, partsOf } from "../../monitor/certificate/fixture.ts";
import { breach, PAID, PUBLIC, refund } from "../../monitor/support/bounty.ts";
import { Rig } from "../../monitor/support/rig.ts";
import { waitFor } from "../../monitor/support/wait.ts";
import { chainOf, KEY } from "../../monitor/witness/fixture.ts";
import { run } from "../../support/run.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-verify-"));
const chain = chainOf(4);
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
/** Whoever opens a connection or looks a name up dies. */
const OFFLINE = `data:text/javascript,${encodeURIComponent(`
  import net from "node:net"; import dns from "node:dns";
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    if (args.flat().some((each) => each?.port !== undefined)) { console.error("NETWORK"); process.exit(77); }
    return connect.apply(this, args);
  };
  dns.lookup = () => { console.error("NETWORK"); process.exit(77); };
`)}`;
const verify = (args: string[], input = "") =>
  run(process.execPath, [join(ROOT, "bin/pinata.mjs"), "verify", ...args], {
    cwd: folder,
    input,
    env: { ...process.env, NODE_OPTIONS: `--import ${OFFLINE}` },
  });

let server: Server;
let base: string;
const answers = new Map<string, { status?: number; body: string; location?: string }>();
beforeAll(async () => {
  server = createServer((request, response) => {
    const { status = 200, body, location } = answers.get(request.url ?? "") ?? { status: 404, body: "none" };
    response.writeHead(status, location === undefined ? {} : { location }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  file("public.json", JSON.stringify(PUBLIC));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

test("a breach on the development chain, from the monitor's store to a reader without network", async () => {
  const devchain = await runDevchain({ dir: join(folder, "chain"), port: 0, blockSeconds: 0, log: () => {} });
  const { node } = devchain;
  const rig = await new Rig(new EsploraSource({ url: devchain.url })).start();
  const until = (what: string) =>
    waitFor(what, async () => {
      await rig.round();
      return [rig.verdict, ...rig.coins].join(", ") === what;
    });
  try {
    const txid = node.fund(PAID.script, 25_000_000n);
    node.mine(1);
    await until("sealed, funded 1");
    const paid = parseTransaction(node.chain.find(txid)!.tx.raw).parsed;
    const theft = breach({
      from: [{ transaction: paid, vout: paid.outs.findIndex(({ value }) => value === 25_000_000n) }],
    });
    node.submitTransaction(theft.toBuffer());
    await until("moving, spent-unconfirmed 0");
    expect(recognise((await rig.store.evidence(theft.getId()))!)).toMatchObject({ certificate: { headers: null } });
    node.mine(1);
    await until("smashed, spent 1");
    const body = await rig.store.evidence(theft.getId());
    const { code, stdout, stderr } = await verify([file("breach.json", body!), "--public", "public.json"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      new RegExp(`^VALID {2}breach of 0\\.25000000 BTC of regtest at ${PUBLIC.address} by ${theft.getId()}`),
    );
    expect(stdout).toContain("It is the piñata of the public.json that you gave");
    expect(stdout).toContain(`is in block ${node.chain.tip.height} (`);
    expect(stdout).toContain("from the genesis block of regtest");
    expect(code).toBe(0);
  } finally {
    await rig.stop();
    rig.folder.remove();
    await devchain.close();
  }
});

describe("as a command", () => {
  it("says in JSON what is proven, of a refund and of a chain of statements from standard input", async () => {
    const back = makeCertificate(partsOf(refund({ from: [{ transaction: coin }] })));
    const pins = ["--public", "public.json", "--key", KEY.publicKey.toUpperCase()];
    const { code, stdout } = await verify(
      ["-", file("refund.json", back), "--json", ...pins],
      chain.map((each) => `${canonical(each)}\n`).join(""),
    );
    const { valid, results } = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(valid).toBe(true);
    expect(results.map((each: { headline: string }) => each.headline)).toEqual([
      expect.stringMatching(/^refund of 0\.02/),
      `4 statements about ${PUBLIC.address} (regtest)`,
    ]);
    expect(results[0].proven.join()).toContain("REFUND, not a breach");
  });

  it("exits with 1 and one line when something is not valid, and nothing in it steers the terminal", async () => {
    const good = JSON.parse(makeCertificate(CONFIRMED));
    const bad = file("bad.json", JSON.stringify({ ...good, "\u001b[2J\u202e": 1 }));
    const { code, stdout, stderr } = await verify([bad, file("good.json", JSON.stringify(good))]);
    expect(code).toBe(1);
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      /^NOT VALID {2}bad\.json: shows a certificate that is malformed: as a whole: .*\?\[2J\?.*\n/,
    );
    expect(stdout).toContain("\nVALID  breach");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point.
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
  });

  it("exits with 2 and one line when nothing could be checked", async () => {
    const { code, stdout, stderr } = await verify(["none.json"]);
    expect(stderr).toMatch(/^pinata: none\.json: cannot be read: [^\n]+\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  const good = () => join(folder, file("good.json", makeCertificate(CONFIRMED)));
  const one = () => join(folder, file("one.json", canonical(chain[0])));
  it.each([
    ["a folder", () => [folder], {}, ": cannot be read"],
    ["a public.json that is not there", () => [good()], { public: "/none.json" }, "--public: /none.json: cannot read"],
    ["a key for a certificate", () => [good()], { key: [KEY.publicKey] }, "--key is for statements"],
    ["a block for statements", () => [one()], { block: "ab".repeat(32) }, "--block is for certificates"],
    ["standard input twice", () => ["-", "-"], {}, "can be read only once"],
  ])("refuses %s before anything is said", async (_what, places, options, reason) => {
    await expect(verifyHere(places(), options)).rejects.toThrow(UsageError);
    await expect(verifyHere(places(), options)).rejects.toThrow(reason);
  });
});

describe("what a file holds", () => {
  const one = canonical(chain[0]);
  it.each([
    ["a certificate", makeCertificate(CONFIRMED), "certificate", 0],
    ["a statement", one, "statements", 1],
    ["a statement for people", JSON.stringify(chain[0], null, 2), "statements", 1],
    ["a list", JSON.stringify(chain), "statements", 4],
    ["lines", chain.map((each) => JSON.stringify(each)).join("\n\n"), "statements", 4],
    ["a page", JSON.stringify({ statements: chain, next: null }), "statements", 4],
  ])("%s", (_what, text, kind, count) => {
    const document = recognise(text);
    expect(document.kind).toBe(kind);
    if (document.kind === "statements") expect(document.statements).toHaveLength(count);
  });

  it.each([
    ["nothing", " \n", "nothing: it is empty"],
    ["no JSON", "breach!", "that is not JSON"],
    ["a number", "7", "neither a spend certificate nor a signed statement"],
    ["something else", '{"txid":"00"}', "neither a spend certificate"],
    ["no statements", "[]", "a list without statements"],
    ["a list of certificates", `[${makeCertificate(CONFIRMED)}]`, "neither a spend certificate"],
    ["a line that is damaged", `${one}\n{"signature":`, "whose line 2 is not JSON"],
    ["a key twice", one.replace('"number":1', '"number":1,"number":1'), "read in two ways"],
    ["a fraction", one.replace('"number":1', '"number":1.0'), "read in two ways"],
    ["another version", one.replace('"version":1', '"version":2'), "place 1 that is malformed: statement.version"],
    ["a field more", one.replace('"number":1', '"number":1,"extra":1'), 'Unrecognized key: "extra"'],
    [
      "a page with more",
      JSON.stringify({ statements: chain, next: null, extra: 1 }),
      "page of statements that is malformed",
    ],
    ["a nest", "[".repeat(300_000) + "]".repeat(300_000), "nested too deeply"],
    ["coins without number", one.replace('"coins":[', `"coins":[${'{"a":1},'.repeat(500)}`), "malformed"],
  ])("not %s", (_what, text, reason) => {
    expect(() => recognise(text)).toThrow(ProofError);
    expect(() => recognise(text)).toThrow(reason);
  });

  it("not a file that is no text, or without end", async () => {
    writeFileSync(join(folder, "binary"), Buffer.from([0xff, 0xfe, 0x00]));
    await expect(readDocument(join(folder, "binary"))).rejects.toThrow("no text in UTF-8");
    await expect(readDocument("/dev/zero")).rejects.toThrow("more than 67108864 bytes");
  });
});

describe("a monitor's address", () => {
  const page = (from: number, next: number | null, count = 2) =>
    JSON.stringify({ statements: chain.slice(from - 1, from - 1 + count), next });

  it("is read to its last page", async () => {
    answers.set("/v1/statements", { body: page(1, 3) });
    answers.set("/v1/statements?from=3", { body: page(3, null) });
    expect(await readDocument(`${base}/v1/statements`)).toMatchObject({ statements: chain });
  });

  it("may not lead in a circle, nor elsewhere, nor to nothing", async () => {
    answers.set("/circle", { body: page(1, 3) });
    answers.set("/circle?from=3", { body: page(3, 3) });
    await expect(readDocument(`${base}/circle`)).rejects.toThrow("does not go on");
    answers.set("/other", { body: page(1, 3) });
    answers.set("/other?from=3", { body: makeCertificate(CONFIRMED) });
    await expect(readDocument(`${base}/other`)).rejects.toThrow("does not go on");
    answers.set("/moved", { status: 302, location: `${base}/v1/statements`, body: "" });
    await expect(readDocument(`${base}/moved`)).rejects.toThrow("cannot be read");
    await expect(readDocument(`${base}/none`)).rejects.toThrow("answers 404");
    await expect(readDocument("http://127.0.0.1:1/")).rejects.toThrow("http://127.0.0.1:1/: cannot be read");
  });
});
