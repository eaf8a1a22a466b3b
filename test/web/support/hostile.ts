/** What a stranger may send as a name: markup, quotes, controls, marks that turn text around, halves of characters. */
export const HOSTILE = `</title><script>alert(1)</script>"'&amp; \u0000\u001b[31m \u202Eevil\u2066 \u200B \uD800 ]]> \uFFFF`;

/** None of it may be left as it was; lines may end. */
export const UNSEEN = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cs}\uFFFE\uFFFF]/u;
