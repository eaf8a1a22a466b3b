/**
 * Texts that strangers chose (names, subjects, reasons), made safe to show anywhere: what cannot be seen or turns the text
 * around it (controls, bidi marks, zero-width and lone surrogates) is spelled out as its code point, and long ones are cut.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]/gu;

/** @param limit characters kept. */
export function plain(text: string, limit = 300): string {
  const shown = text.replace(UNSEEN, (unseen) => `<U+${hex(unseen)}>`);
  const characters = [...shown];
  return characters.length > limit ? `${characters.slice(0, limit - 1).join("")}…` : shown;
}

/** As text of XML or HTML, in an element or a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
