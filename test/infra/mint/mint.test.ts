import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../../infra/bitcoin/bytes.ts";
import { ECPair } from "../../../infra/bitcoin/ecc.ts";
import { NETWORKS } from "../../../infra/bitcoin/networks.ts";
import { parseCandy } from "../../../infra/bitcoin/sweep.ts";
import { CommandError, UsageError } from "../../../infra/cli/errors.ts";
import { mintPractice } from "../../../infra/mint/mint.ts";
import { readPublicFile } from "../../../infra/mint/public.ts";
import { encodeSeal, type Seal, SealScheme } from "../../../infra/mint/seal.ts";

const NOW = new Date("2026-11-24T12:00:00.000Z");
const root = mkdtempSync(join(tmpdir(), "pinata-mint-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A reader of its own: the seal's fields by type, in order. */
function fields(seal: Buffer): { type: number; value: Buffer }[] {
  expect(seal.subarray(0, 14).toString()).toBe("pinata seal 1\n");
  const found = [];
  for (let at = 14; at < seal.length; ) {
    const length = seal.readUIntBE(at + 1, 3);
    found.push({ type: seal[at]!, value: seal.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return found;
}

const mint = (dir: string, scheme: "p256" | "ed25519" = "p256") =>
  mintPractice({ dir, network: "regtest", refundHeight: 52_560, now: NOW, scheme });

describe.each(["p256", "ed25519"] as const)("a practice piñata with %s keys", (scheme) => {
  const dir = join(root, scheme);
  const read = (name: string) => readFileSync(join(dir, name), "utf8");
  let seal: { type: number; value: Buffer }[];
  beforeAll(async () => {
    await mint(dir, scheme);
    seal = fields(readFileSync(join(dir, "seal")));
  });

  it("is seven files, the secret ones for their owner alone", () => {
    const modes = Object.fromEntries(readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mode & 0o777]));
    expect(modes).toEqual({
      seal: 0o600,
      "public.json": 0o644,
      "ca.pem": 0o644,
      "player.pem": 0o644,
      "player-chain.pem": 0o644,
      "player.key": 0o600,
      "refund.key": 0o600,
    });
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });
  it("has a seal with the seven fields in order and nothing after", () => {
    expect(seal.map(({ type }) => type)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(seal[0]!.value.toString()).toBe("regtest");
  });
  it("has the trust anchor in the seal that the public files show", () => {
    expect(seal[2]!.value.equals(new X509Certificate(read("ca.pem")).raw)).toBe(true);
    expect(readPublicFile(join(dir, "public.json")).trustAnchor).toBe(read("ca.pem"));
    expect(read("player-chain.pem")).toBe(read("player.pem") + read("ca.pem"));
  });
  it("has a candy whose key belongs to the published address, descriptor and script", () => {
    const candy = parseCandy(seal[1]!.value.toString());
    const facts = readPublicFile(join(dir, "public.json"));
    expect(candy.address).toBe(facts.address);
    expect(candy.publicDescriptor).toBe(facts.descriptor);
    expect(toHex(candy.output.script)).toBe(facts.scriptPubKey);
    expect(toHex(candy.terms.internalKey)).toBe(facts.internalKey);
    expect(candy.terms.refundHeight).toBe(52_560);
    expect(facts.refund).toEqual({ publicKey: toHex(candy.terms.refundKey), height: 52_560 });
    expect(facts.created).toBe("2026-11-24T12:00:00.000Z");
  });
  it("publishes no secret", () => {
    const candy = parseCandy(seal[1]!.value.toString());
    const secrets = [
      toHex(candy.privateKey),
      ECPair.fromPrivateKey(candy.privateKey, { network: NETWORKS.regtest }).toWIF(),
      ...[4, 6].map((field) => seal[field]!.value.subarray(2).toString("hex")),
    ];
    for (const name of ["public.json", "ca.pem", "player.pem", "player-chain.pem"]) {
      for (const secret of secrets) expect(read(name)).not.toContain(secret);
    }
  });
  it("has a refund key that is the published one, with a line that says what it is", () => {
    const [comment, wif] = read("refund.key").split("\n");
    expect(comment).toMatch(/^# The sponsor's refund key .* from block 52560 on\.$/);
    const pair = ECPair.fromWIF(wif!, NETWORKS.regtest);
    expect(toHex(pair.publicKey.subarray(1))).toBe(readPublicFile(join(dir, "public.json")).refund.publicKey);
  });

  const sealed = (field: number) => {
    const chain = seal[field]!.value;
    const length = chain.readUIntBE(0, 3);
    expect(chain.length).toBe(3 + length);
    return { certificate: new X509Certificate(chain.subarray(3)), key: seal[field + 1]!.value };
  };
  it.each([
    ["server", 3],
    ["client", 5],
  ])("seals the %s's key that fits its certificate", (_, field) => {
    const { certificate, key } = sealed(field);
    expect(key.readUInt16BE(0)).toBe(scheme === "p256" ? 0x0403 : 0x0807);
    const jwk = certificate.publicKey.export({ format: "jwk" });
    const secret = new Uint8Array(key.subarray(2));
    expect(secret).toHaveLength(32);
    const x = Buffer.from(jwk.x!, "base64url");
    if (scheme === "ed25519") expect(Buffer.from(ed25519.getPublicKey(secret)).equals(x)).toBe(true);
    else expect(Buffer.from(p256.getPublicKey(secret, true)).subarray(1).equals(x)).toBe(true);
  });
  it("gives the player the key of his certificate", () => {
    const own = createPublicKey(createPrivateKey(read("player.key"))).export({ type: "spki", format: "der" });
    const certified = new X509Certificate(read("player.pem")).publicKey.export({ type: "spki", format: "der" });
    expect(own.equals(certified)).toBe(true);
  });

  const verify = (name: string, purpose: string) => {
    const at = join(dir, `check-${name}.pem`);
    const fields = { server: 3, client: 5 } as Record<string, number>;
    if (fields[name] === undefined) return run(purpose, join(dir, `${name}.pem`));
    writeFileSync(at, sealed(fields[name]).certificate.toString());
    const outcome = run(purpose, at);
    rmSync(at);
    return outcome;
  };
  const run = (purpose: string, file: string) => {
    try {
      const args = ["verify", "-x509_strict", "-CAfile", join(dir, "ca.pem"), "-purpose", purpose, file];
      return execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" }).includes(": OK");
    } catch {
      return false;
    }
  };
  it.each([
    ["player", "sslclient", true],
    ["player", "sslserver", true],
    ["server", "sslserver", true],
    ["server", "sslclient", false],
    ["client", "sslclient", true],
    ["client", "sslserver", false],
  ] as const)("openssl judges the %s's certificate for %s: %s", (name, purpose, good) => {
    expect(verify(name, purpose)).toBe(good);
  });
  it("has certificates of the intended shape", () => {
    const ca = new X509Certificate(read("ca.pem"));
    const player = new X509Certificate(read("player.pem"));
    const { certificate: server } = sealed(3);
    expect(ca.ca).toBe(true);
    expect(player.ca).toBe(false);
    expect(player.subject).toContain("CN=player");
    expect(server.subjectAltName).toBe("DNS:localhost, DNS:pinata");
    const text = execFileSync("openssl", ["x509", "-in", join(dir, "ca.pem"), "-noout", "-text"], { encoding: "utf8" });
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign\n/);
    const leaf = execFileSync("openssl", ["x509", "-in", join(dir, "player.pem"), "-noout", "-text"], {
      encoding: "utf8",
    });
    expect(leaf).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(leaf).toContain("Signature Algorithm: ecdsa-with-SHA256");
    expect(new Date(ca.validFrom).toISOString()).toBe("2026-11-23T12:00:00.000Z");
    for (const one of [ca, player, server]) {
      expect(new Date(one.validTo).toISOString()).toBe("2036-11-24T12:00:00.000Z");
      expect(one.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    }
  });
});

describe("minting twice", () => {
  it("never makes the same secrets", async () => {
    const [a, b] = [join(root, "a"), join(root, "b")];
    await mint(a);
    await mint(b);
    const [first, second] = [a, b].map((dir) => fields(readFileSync(join(dir, "seal"))));
    for (const field of [1, 2, 3, 4, 5, 6]) expect(first![field]!.value.equals(second![field]!.value)).toBe(false);
  });
  it("never overwrites a seal", async () => {
    const dir = join(root, "kept");
    await mint(dir);
    const before = readFileSync(join(dir, "seal"));
    await expect(mint(dir)).rejects.toThrow(UsageError);
    await expect(mint(dir)).rejects.toThrow(`${join(dir, "seal")} exists and is never overwritten`);
    expect(readFileSync(join(dir, "seal")).equals(before)).toBe(true);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });
  it("lets only one of two at the same moment win, whole", async () => {
    const dir = join(root, "race");
    const outcomes = await Promise.allSettled([mint(dir), mint(dir), mint(dir)]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(UsageError);
    expect(parseCandy(fields(readFileSync(join(dir, "seal")))[1]!.value.toString()).address).toBe(
      readPublicFile(join(dir, "public.json")).address,
    );
  });
});

describe("a mistake", () => {
  const good = { dir: join(root, "mistake", "deep"), network: "regtest" as const, refundHeight: 5, now: NOW };
  it.each([
    ["refund height 0", { refundHeight: 0 }, "refund height"],
    ["a negative refund height", { refundHeight: -1 }, "refund height"],
    ["a fraction of a height", { refundHeight: 1.5 }, "refund height"],
    ["a height that would be a time", { refundHeight: 500_000_000 }, "refund height"],
    ["no number", { refundHeight: Number.NaN }, "refund height"],
    ["another network", { network: "mainnet" as "regtest" }, "regtest only"],
    ["another key type", { scheme: "rsa" as "p256" }, "p256 or ed25519"],
    ["an impossible time", { now: new Date(Number.NaN) }, "time"],
    ["a directory without name", { dir: "" }, "directory"],
  ])("%s is one clear line, and nothing is written", async (_, change, message) => {
    const attempt = mintPractice({ ...good, ...change });
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    await expect(attempt).rejects.toThrow(message);
    await attempt.catch((error: Error) => expect(error.message).not.toContain("\n"));
    expect(existsSync(join(root, "mistake"))).toBe(false);
  });
  it("a directory that holds something is left alone", async () => {
    const dir = join(root, "full");
    mkdirSync(dir);
    writeFileSync(join(dir, "notes"), "mine");
    await expect(mint(dir)).rejects.toThrow(`${dir} is not empty`);
    expect(readdirSync(dir)).toEqual(["notes"]);
  });
  it("an empty directory is used", async () => {
    const dir = join(root, "empty");
    mkdirSync(dir, { mode: 0o755 });
    await mint(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });
  it("a file or a link in the way is named", async () => {
    const file = join(root, "file");
    writeFileSync(file, "mine");
    await expect(mint(file)).rejects.toThrow(`${file} is not a directory`);
    const link = join(root, "link");
    symlinkSync(join(root, "nowhere"), link);
    await expect(mint(link)).rejects.toThrow(`${link} is not a directory`);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });
  it("a failure on the way leaves nothing behind, not even the parent", async () => {
    // The name itself fits, the temporary name beside it does not.
    const parent = join(root, "fresh");
    const attempt = mint(join(parent, "n".repeat(250)));
    await expect(attempt).rejects.toBeInstanceOf(CommandError);
    await expect(attempt).rejects.toThrow(/cannot write to .*ENAMETOOLONG/);
    expect(existsSync(parent)).toBe(false);
  });
  it("a parent that is a file leaves nothing behind", async () => {
    const parent = join(root, "not-a-directory");
    writeFileSync(parent, "");
    await expect(mint(join(parent, "new"))).rejects.toBeInstanceOf(CommandError);
    expect(statSync(parent).isFile()).toBe(true);
  });
});

describe("public.json", () => {
  const path = join(root, "public-test.json");
  const facts = () => readPublicFile(join(root, "p256", "public.json"));
  it.each([
    ["no JSON", () => "{", "cannot be read"],
    ["a missing field", () => JSON.stringify({ ...facts(), address: undefined }), "address"],
    ["another version", () => JSON.stringify({ ...facts(), version: 2 }), "version"],
    ["a script that is not taproot", () => JSON.stringify({ ...facts(), scriptPubKey: "0014" }), "scriptPubKey"],
    ["a time that is none", () => JSON.stringify({ ...facts(), created: "yesterday" }), "created"],
  ])("with %s is refused, and the file is named", (_, text, message) => {
    writeFileSync(path, text());
    expect(() => readPublicFile(path)).toThrow(UsageError);
    expect(() => readPublicFile(path)).toThrow(path);
    expect(() => readPublicFile(path)).toThrow(message);
  });
  it("that is not there is named", () => {
    expect(() => readPublicFile(join(root, "absent.json"))).toThrow(/absent\.json cannot be read/);
  });
});

describe("the seal's encoder", () => {
  const identity = { chain: [new Uint8Array([0x30, 0])], scheme: SealScheme.P256, key: new Uint8Array(32).fill(7) };
  const seal: Seal = {
    network: "regtest",
    candy: "sweet\n",
    trustAnchor: new Uint8Array([0x30, 0]),
    server: identity,
    client: { ...identity, scheme: SealScheme.Ed25519 },
  };
  it("writes exactly the documented bytes", () => {
    const key = "07".repeat(32);
    expect(toHex(encodeSeal(seal))).toBe(
      Buffer.from("pinata seal 1\n").toString("hex") +
        `0100000772656774657374020000067377656574 0a03000002300004000005000002300005000022 0403${key}0600000500000230000700002208 07${key}`.replaceAll(
          " ",
          "",
        ),
    );
  });
  it.each<[string, Partial<Seal>]>([
    ["an empty network", { network: "" }],
    ["a long network", { network: "a".repeat(17) }],
    ["an empty candy", { candy: "" }],
    ["a candy that is too long", { candy: "a".repeat(2049) }],
    ["a candy with a tab", { candy: "a\tb" }],
    ["a candy that is not ASCII", { candy: "ñ" }],
    ["an empty trust anchor", { trustAnchor: new Uint8Array(0) }],
    ["a trust anchor that is too long", { trustAnchor: new Uint8Array(4097) }],
    ["an empty chain", { server: { ...identity, chain: [] } }],
    ["a chain of four", { server: { ...identity, chain: Array(4).fill(new Uint8Array(1)) } }],
    ["a chain with an empty certificate", { client: { ...identity, chain: [new Uint8Array(0)] } }],
    ["a chain that is too long", { client: { ...identity, chain: [new Uint8Array(8190)] } }],
    ["a key of 31 bytes", { client: { ...identity, key: new Uint8Array(31) } }],
  ])("refuses %s", (_, change) => {
    expect(() => encodeSeal({ ...seal, ...change })).toThrow(/does not fit a seal/);
  });
});
