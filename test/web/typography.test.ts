/** Texts are set as their readers are used to: French spaces and guillemets, German quotation marks, apostrophes everywhere. */
import { describe, expect, it } from "vitest";
import { de } from "../../web/catalogue/de.ts";
import { fr } from "../../web/catalogue/fr.ts";
import { reasonsDe } from "../../web/catalogue/reasons-de.ts";
import { reasonsFr } from "../../web/catalogue/reasons-fr.ts";
import { texts } from "./support/texts.ts";

const NARROW = "\u202f";

/** `path: text` of all that match. */
function having(catalogues: object[], mistake: RegExp): string[] {
  return catalogues
    .flatMap((catalogue) => [...texts(catalogue)])
    .filter(([, text]) => mistake.test(text))
    .map(([path, text]) => `${path}: ${text}`);
}

/** French marks with another space, or none, where the narrow one that does not break belongs (a `:` may belong to a name). */
const FRENCH_SPACES = /[^\S\u202f][:;!?»]|[^\s:;!?»…][;!?»]|«(?!\u202f)/;

describe("French", () => {
  it(`has a narrow space that does not break (U+202F) before ; : ! ? » and after «`, () => {
    expect(having([fr, reasonsFr], FRENCH_SPACES)).toEqual([]);
    expect(having([fr, reasonsFr], /\u202f[:;!?»]/).length).toBeGreaterThan(40);
  });

  it("would not pass with a plain space, a wide one, or none", () => {
    for (const text of ["ici : là", "ici\u00a0; là", "ici! ", "« ici\u202f»", "«\u202fici»"])
      expect(text).toMatch(FRENCH_SPACES);
    for (const text of [
      `ici${NARROW}: là${NARROW}!`,
      `«${NARROW}ici${NARROW}»`,
      "Protocol: Hello",
      `quoi${NARROW}?!`,
    ]) {
      expect(text).not.toMatch(FRENCH_SPACES);
    }
  });

  it("has guillemets, apostrophes and digits in groups as French does", () => {
    expect(having([fr, reasonsFr], /["„“”]|\p{L}'\p{L}|\d[ ,]\d{3}(?!\d)/u)).toEqual([]);
  });
});

describe("German", () => {
  it("has „these“ quotation marks, in pairs, and its own apostrophes and digits in groups", () => {
    expect(having([de, reasonsDe], /["«»”]|\p{L}'\p{L}|\d[ ,]\d{3}(?!\d)/u)).toEqual([]);
    const open = /„[^“]*$|„[^“]*„|^[^„]*“/;
    expect(having([de, reasonsDe], open)).toEqual([]);
    expect("ein „Wort und ein“ Ende “").not.toMatch(/„[^“]*$/);
    expect("ein „Wort").toMatch(open);
  });
});
