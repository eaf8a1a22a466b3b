/**
 * A strict reader of XML 1.0 for tests: no entity but the predefined ones and character references, no character that XML does
 * not have, every attribute quoted and once, every element closed. Throws with the place of what is wrong.
 */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

export function readXml(document: string): Element {
  const illegal = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.exec(document);
  if (illegal) throw new SyntaxError(`a character that XML does not have at ${illegal.index}`);
  let rest = document.replace(/^<\?xml version="1\.0" encoding="utf-8"\?>\n/, "");
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  while (rest !== "") {
    const inner = open.at(-1)!;
    const token = TOKEN.exec(rest);
    if (token === null) throw new SyntaxError(`not well-formed at: ${rest.slice(0, 60)}`);
    rest = rest.slice(token[0].length);
    const { text, end, start, attributes = "", empty } = token.groups!;
    if (text !== undefined) inner.text += unescaped(text);
    else if (end !== undefined) {
      if (open.length < 2 || inner.name !== end) throw new SyntaxError(`</${end}> closes <${inner.name}>`);
      open.pop();
    } else {
      const element: Element = { name: start!, attributes: {}, children: [], text: "" };
      for (const [, name, value] of attributes.matchAll(/\s+([\w:-]+)="([^"]*)"/g)) {
        if (name! in element.attributes) throw new SyntaxError(`${name} twice in <${start}>`);
        element.attributes[name!] = unescaped(value!);
      }
      inner.children.push(element);
      if (empty === "") open.push(element);
    }
  }
  if (open.length > 1) throw new SyntaxError(`<${open.at(-1)!.name}> is not closed`);
  if (root.children.length !== 1 || root.text.trim() !== "") throw new SyntaxError("not one root element");
  return root.children[0]!;
}

/** The elements of a name right below. */
export function all(element: Element, name: string): Element[] {
  return element.children.filter((child) => child.name === name);
}

const TOKEN =
  /^(?:(?<text>[^<]+)|<\/(?<end>[\w:-]+)\s*>|<(?<start>[\w:-]+)(?<attributes>(?:\s+[\w:-]+="[^"<]*")*)\s*(?<empty>\/?)>)/;

function unescaped(text: string): string {
  if (/&(?!(?:lt|gt|amp|quot|apos|#\d+|#x[\da-f]+);)/i.test(text)) throw new SyntaxError(`a bare & in: ${text}`);
  const named: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replace(/&(\w+|#\d+|#x[\da-f]+);/gi, (_, name: string) => {
    if (!name.startsWith("#")) return named[name]!;
    return String.fromCodePoint(/^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
}
