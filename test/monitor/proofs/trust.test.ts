/** Which claim needs how many sources: each row of the table, just enough and one too few. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Claim, lastBelieved, type Testimony, TRUST, weigh } from "../../../monitor/proofs/trust.ts";

const NOW = 1_800_000_000_000;
const FRESH = 30_000;

function says(operator: string, { own = false, age = 0, source = operator } = {}): Testimony {
  return { source, operator, own, at: NOW - age };
}

const believed = (claim: Claim, ...said: Testimony[]) => weigh(claim, said, NOW, FRESH).believed;

describe("a spend whose signature verifies", () => {
  test("one source is enough, whoever and whenever", () => {
    expect(believed("spent", says("a", { age: 10 * FRESH }))).toBe(true);
    expect(believed("spent")).toBe(false);
  });
});

describe("a confirmation", () => {
  test("takes two operators, our own node being one of them", () => {
    expect(believed("confirmed", says("a"))).toBe(false);
    expect(believed("confirmed", says("us", { own: true }))).toBe(false);
    expect(believed("confirmed", says("a"), says("b"))).toBe(true);
    expect(believed("confirmed", says("us", { own: true }), says("b", { age: 10 * FRESH }))).toBe(true);
  });

  test("two sources of one operator are one voice", () => {
    const two = [says("a", { source: "one" }), says("a", { source: "two" })];
    expect(weigh("confirmed", two, NOW, FRESH)).toEqual({
      believed: false,
      operators: ["a"],
      reason: '"confirmed" is said by 1 of 2 independent operators',
    });
  });
});

describe("silence", () => {
  test("our own node is enough while it is fresh", () => {
    expect(believed("unspent", says("us", { own: true, age: FRESH }))).toBe(true);
    expect(believed("unspent", says("us", { own: true, age: FRESH + 1 }))).toBe(false);
  });

  test("others must be two, both fresh", () => {
    expect(believed("unspent", says("a"))).toBe(false);
    expect(believed("unspent", says("a"), says("b", { age: FRESH }))).toBe(true);
    expect(believed("unspent", says("a"), says("b", { age: FRESH + 1 }))).toBe(false);
    expect(believed("unspent", says("a"), says("a", { source: "mirror" }))).toBe(false);
  });

  test("a time to come is not fresh: the clock jumped", () => {
    expect(believed("unspent", says("us", { own: true, age: -1 }))).toBe(false);
  });

  test("what is missing is said", () => {
    expect(weigh("unspent", [says("a")], NOW, FRESH).reason).toBe(
      '"unspent" is said by 1 of 2 independent operators within 30 s',
    );
    expect(weigh("unspent", [says("us", { own: true })], NOW, FRESH).reason).toBe(
      '"unspent" is said by our own node within 30 s',
    );
  });
});

describe("the tip", () => {
  test("one fresh source shows it: work decides, not votes", () => {
    expect(believed("tip", says("a"))).toBe(true);
    expect(believed("tip", says("a", { age: FRESH + 1 }))).toBe(false);
  });
});

describe("where only one operator can be asked", () => {
  test("that one must do", () => {
    expect(weigh("unspent", [says("a")], NOW, FRESH, 1).believed).toBe(true);
    expect(weigh("unspent", [says("a", { age: FRESH + 1 })], NOW, FRESH, 1).believed).toBe(false);
    expect(weigh("unspent", [], NOW, FRESH, 0).believed).toBe(false);
    expect(weigh("confirmed", [says("a")], NOW, FRESH, 2).believed).toBe(false);
  });
});

describe("the time at which a claim was believed last", () => {
  test("is that of the second of two operators", () => {
    expect(lastBelieved("unspent", [says("a"), says("b", { age: 700 })], 3)).toBe(NOW - 700);
    expect(lastBelieved("unspent", [says("a"), says("a", { source: "mirror", age: 5 })], 3)).toBeUndefined();
  });

  test("is our own node's where that is later", () => {
    const said = [says("a"), says("b", { age: 700 }), says("us", { own: true, age: 100 })];
    expect(lastBelieved("unspent", said, 3)).toBe(NOW - 100);
    expect(lastBelieved("confirmed", [says("us", { own: true })], 3)).toBeUndefined();
  });

  test("is never without a voice", () => {
    expect(lastBelieved("unspent", [], 1)).toBeUndefined();
  });
});

test("property: more voices never make a claim less believed, and nobody's word is never enough", () => {
  const voice = fc.record({
    source: fc.string(),
    operator: fc.constantFrom("a", "b", "c"),
    own: fc.boolean(),
    at: fc.integer({ min: NOW - 2 * FRESH, max: NOW + 10 }),
  });
  const claim = fc.constantFrom(...(Object.keys(TRUST) as Claim[]));
  fc.assert(
    fc.property(claim, fc.array(voice, { maxLength: 6 }), voice, (what, said, one) => {
      if (weigh(what, said, NOW, FRESH).believed) expect(weigh(what, [...said, one], NOW, FRESH).believed).toBe(true);
      expect(weigh(what, [], NOW, FRESH).believed).toBe(false);
    }),
  );
});
