/** Whatever is changed in a certificate, it is refused, and the line says why. */
import { Transaction } from "bitcoinjs-lib";
import { describe, expect, test } from "vitest";
import { type Certificate, certificate } from "../../../monitor/certificate/certificate.ts";
import { checkCertificate } from "../../../monitor/certificate/check.ts";
import { checkHeaderRun } from "../../../monitor/certificate/header-run.ts";
import { makeCertificate } from "../../../monitor/certificate/make.ts";
import { fromHex, ProofError, sha256d, showHash, toHex } from "../../../monitor/proofs/bytes.ts";
import { NETWORKS } from "../../../monitor/proofs/header.ts";
import { BOUNTY, breach, key, outpointOf, parsed } from "../support/bounty.ts";
import { CONFIRMED, coin, made, other, partsOf } from "./fixture.ts";

const valid = made(CONFIRMED);

type Change = (value: Certificate) => void;
const flip = (hex: string, at: number) => {
  const bytes = fromHex(hex);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return toHex(bytes);
};
/** The spend with a change, under the txid that it then has. */
const respend = (value: Certificate, change: (transaction: Transaction) => void) => {
  const transaction = Transaction.fromHex(value.spend.transaction);
  change(transaction);
  value.spend.transaction = transaction.toHex();
  value.spend.txid = transaction.getId();
};

describe("a certificate that was changed is refused, and says why", () => {
  const changes: [string, Change, string][] = [
    [
      "the kind",
      (value) => {
        value.kind = "refund";
      },
      "whose coins say otherwise",
    ],
    [
      "the coin's kind",
      (value) => {
        value.coins[0]!.kind = "refund";
      },
      "spent as breach",
    ],
    [
      "the network, of another address form",
      (value) => {
        value.network = "main";
      },
      "facts do not fit",
    ],
    [
      "the address",
      (value) => {
        value.pinata.address = flipText(value.pinata.address);
      },
      "facts do not fit",
    ],
    [
      "the script",
      (value) => {
        value.pinata.scriptPubKey = flip(value.pinata.scriptPubKey, 9);
      },
      "facts do not fit",
    ],
    [
      "the internal key",
      (value) => {
        value.pinata.internalKey = toHex(key("x").point);
      },
      "facts do not fit",
    ],
    [
      "the refund key",
      (value) => {
        value.pinata.refund.publicKey = toHex(BOUNTY.point);
      },
      "facts do not fit",
    ],
    ["the refund height", (value) => void value.pinata.refund.height++, "facts do not fit"],
    ["the amount", (value) => void value.coins[0]!.value++, "which is one of 2000000"],
    [
      "the outpoint's txid",
      (value) => {
        value.coins[0]!.outpoint = `${"ab".repeat(32)}:0`;
      },
      "asked for transaction",
    ],
    [
      "the outpoint's output",
      (value) => {
        value.coins[0]!.outpoint = `${coin.getId()}:1`;
      },
      "does not have",
    ],
    [
      "a byte of the funding",
      (value) => {
        value.coins[0]!.transaction = flip(value.coins[0]!.transaction, -1);
      },
      "asked for",
    ],
    ["the coin twice", (value) => void value.coins.push(value.coins[0]!), "twice"],
    [
      "the txid",
      (value) => {
        value.spend.txid = "cd".repeat(32);
      },
      "asked for transaction",
    ],
    [
      "a byte of the signature",
      (value) =>
        respend(value, (tx) => {
          tx.ins[0]!.witness[0]![5]! ^= 1;
        }),
      "not valid",
    ],
    [
      "where the coins go",
      (value) =>
        respend(value, (tx) => {
          tx.outs[0]!.value -= 1n;
        }),
      "not valid",
    ],
    [
      "the hash type",
      (value) => respend(value, (tx) => tx.setWitness(0, [Buffer.concat([tx.ins[0]!.witness[0]!, Buffer.from([1])])])),
      "not valid",
    ],
    [
      "a hash type that is none",
      (value) => respend(value, (tx) => tx.setWitness(0, [Buffer.concat([tx.ins[0]!.witness[0]!, Buffer.from([0])])])),
      "hash type 0",
    ],
    ["another previous output's amount", (value) => void value.spend.prevouts[0]!.value++, "not valid"],
    [
      "another previous output's script",
      (value) => {
        value.spend.prevouts[0]!.script = "51";
      },
      "not valid",
    ],
    ["a previous output too few", (value) => void value.spend.prevouts.pop(), "commit to"],
    ["a previous output too many", (value) => void value.spend.prevouts.push(value.spend.prevouts[0]!), "commit to"],
    [
      "the coin's own as claimed",
      (value) => value.spend.prevouts.unshift({ outpoint: value.coins[0]!.outpoint, value: 1, script: "51" }),
      "commit to",
    ],
    [
      "a sibling in the merkle branch",
      (value) => {
        value.spend.block!.merkle.siblings[0] = "ee".repeat(32);
      },
      "merkle",
    ],
    [
      "the place in the block",
      (value) => {
        value.spend.block!.merkle.position = 1;
      },
      "merkle",
    ],
    [
      "a place outside of the block",
      (value) => {
        value.spend.block!.merkle.position = 9;
      },
      "merkle",
    ],
    [
      "the funding's merkle branch",
      (value) => {
        value.coins[0]!.block!.merkle.position ^= 1;
      },
      "merkle",
    ],
    [
      "the coinbase",
      (value) => {
        value.spend.block!.coinbase!.transaction = value.spend.transaction;
      },
      "coinbase",
    ],
    ["the coinbase's branch", (value) => void value.spend.block!.coinbase!.siblings.pop(), "merkle"],
    ["the block's height", (value) => void value.spend.block!.height++, "where the headers have"],
    [
      "a height outside of the headers",
      (value) => {
        value.spend.block!.height = 900;
      },
      "is not",
    ],
    ["the funding's height", (value) => void value.coins[0]!.block!.height--, "where the headers have"],
    [
      "the block's header",
      (value) => {
        value.spend.block!.header = value.headers!.raw[3]!;
      },
      "where the headers have",
    ],
    [
      "a header's time",
      (value) => {
        value.headers!.raw[8] = flip(value.headers!.raw[8]!, 68);
      },
      "header",
    ],
    ["a header out of order", (value) => void value.headers!.raw.splice(4, 1), "does not continue"],
    [
      "the headers' height",
      (value) => {
        value.headers!.height = 1;
      },
      "where the headers have",
    ],
    ["another genesis block", (value) => void value.headers!.raw.shift(), "genesis"],
    [
      "no headers",
      (value) => {
        value.headers = null;
      },
      "without headers",
    ],
    [
      "headers without a block",
      (value) => {
        value.spend.block = null;
      },
      "headers without one",
    ],
  ];
  test.each(changes)("%s", (_name, change, reason) => {
    const value = structuredClone(valid);
    change(value);
    expect(certificate.safeParse(value).success, "it fits the schema").toBe(true);
    expect(() => checkCertificate(value)).toThrow(ProofError);
    expect(() => checkCertificate(value)).toThrow(reason);
  });

  test("a header without proof of work", () => {
    const value = structuredClone(valid);
    const top = value.headers!.raw.length - 1;
    const bytes = fromHex(value.headers!.raw[top]!);
    do bytes[76]!++;
    while (BigInt(`0x${showHash(sha256d(bytes))}`) >> 255n === 0n);
    value.headers!.raw[top] = toHex(bytes);
    expect(() => checkCertificate(value)).toThrow("without proof of work");
  });

  test("headers cheaper than mainnet's have been since the checkpoint", () => {
    const { main } = NETWORKS;
    const { checkpoint } = main;
    const easy = toHex(main.genesisHeader);
    expect(() => checkHeaderRun(checkpoint!.height + 1, [easy], main)).toThrow("far easier to make");
    expect(checkHeaderRun(0, [easy], main).anchor).toMatchObject({ height: 0 });
    expect(checkHeaderRun(checkpoint!.height, [checkpoint!.header], main).anchor?.name).toContain(
      "the checkpoint of main",
    );
  });

  test("a breach with another txid in the block: the signature holds, the block does not", () => {
    const replaced = breach({ from: [{ transaction: coin }, { transaction: other }], fee: 2000n });
    expect(() => makeCertificate({ ...CONFIRMED, spend: parsed(replaced) })).toThrow("merkle");
  });

  test("no field can be added or left out, at any depth", () => {
    const visit = (at: unknown, path: (string | number)[]): void => {
      if (Array.isArray(at) && at.length > 0) visit(at[0], [...path, 0]);
      if (typeof at !== "object" || at === null || Array.isArray(at)) return;
      for (const field of [...Object.keys(at), null]) {
        const value = structuredClone(valid) as unknown;
        const there = path.reduce((inner, step) => (inner as Record<PropertyKey, unknown>)[step], value) as Record<
          string,
          unknown
        >;
        if (field === null) there.extra = 1;
        else delete there[field];
        expect(certificate.safeParse(value).success, [...path, field ?? "extra"].join(".")).toBe(false);
      }
      for (const [field, inner] of Object.entries(at)) visit(inner, [...path, field]);
    };
    visit(valid, []);
  });
});

test("every byte of a certificate counts", () => {
  const whole = makeCertificate({
    ...partsOf(breach({ from: [{ transaction: coin }] })),
    coins: [{ outpoint: outpointOf(coin), funding: parsed(coin) }],
  });
  for (let at = 0; at < whole.length; at += 5) {
    const changed = `${whole.slice(0, at)}${whole[at] === "1" ? "2" : "1"}${whole.slice(at + 1)}`;
    expect(() => checkCertificate(certificate.parse(JSON.parse(changed))), changed.slice(at - 20, at + 20)).toThrow();
  }
});

function flipText(address: string): string {
  return address.slice(0, -1) + (address.endsWith("q") ? "p" : "q");
}
