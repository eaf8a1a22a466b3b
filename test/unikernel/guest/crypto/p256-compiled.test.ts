/** guest/crypto/p256*: what the compiler made of the functions that secrets pass through. Names as in the optimised harness. */
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../../infra/image/compile-guest.ts";

describe("compiled code", () => {
  it("has no branch, choice or division where secrets pass, but its loops of fixed length", async () => {
    const functions = await compiledFunctions();
    const decisions = (name: string) => {
      const body = functions.get(name);
      if (body === undefined) throw new Error(`${name} is not among the compiled functions`);
      return body.match(/^\s*(if|select|br_if|br_table|i(32|64)\.(div|rem)_[su])\b/gm)?.length ?? 0;
    };
    const straight = [
      "p256-product/fieldMul p256-product/fieldMulSub p256-product/fieldSquare p256-product/fieldSquareSub",
      "p256-field/fieldThreeHalves p256-field/fieldInvert p256-point/pointDouble p256-point/pointAdd",
      "p256-point/addWithPowers p256-point/pointAddAffine p256-point/finishSum p256-point/pointAffineX",
      "p256-scalar/montgomery p256-scalar/scalarMul p256-scalar/scalarMakeOdd p256-inverse/updateExact",
      "p256-inverse/updateModular p256-limbs/Limbs#isBelow p256-limbs/Limbs#addMasked p256-limbs/Limbs#reduceOnce",
      "p256-limbs/Limbs#negateMasked p256-limbs/Limbs#fromWords",
    ].flatMap((line) => line.split(" "));
    for (const name of straight) expect(decisions(name), name).toBe(0);
    expect(decisions("p256-inverse/inverse")).toBe(2); // rounds, and steps of a round
    // The loop over the table, and the language's own checks of a public index.
    expect(functions.get("p256-multiply/select")?.match(/^\s*loop\b/gm)).toHaveLength(1);
    expect(decisions("p256-multiply/select")).toBe(3);
    // A positive control: a function that does decide.
    expect(decisions("p256-multiply-public/nonAdjacent")).toBeGreaterThan(5);
  });

  /** The text of each function of guest/crypto in the optimised harness, by file and name. */
  async function compiledFunctions(): Promise<Map<string, string>> {
    const asc = (await import("assemblyscript/asc")).default;
    let text = "";
    const { error } = await asc.main(
      [
        "test/unikernel/guest/harness/p256.ts",
        ...["--baseDir", ROOT, "--lib", "unikernel/guest/prim", "--noUnsafe", "--runtime", "stub", "--use", "abort="],
        ...["-O3", "--converge", "--debug", "--outFile", "p256.wasm", "--textFile", "p256.wat"],
      ],
      {
        writeFile: (name, contents) => {
          if (name === "p256.wat") text = contents.toString();
        },
      },
    );
    if (error) throw error;
    const functions = new Map<string, string>();
    for (const body of text.split(/^ (?=\(func )/m).slice(1)) {
      const name = /^\(func \$unikernel\/guest\/crypto\/(\S+)/.exec(body)?.[1];
      if (name !== undefined) functions.set(name, body);
    }
    return functions;
  }
});
