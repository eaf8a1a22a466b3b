/**
 * Server-sent events (WHATWG HTML §9.2): reads a stream of bytes into events, and writes one event as text.
 * The reader holds at most one unfinished event of `MAX_EVENT` characters; a longer one is an error, not memory.
 */
export interface ServerEvent {
  /** The last id seen on the stream, as the specification asks; empty when none was. */
  id: string;
  event: string;
  data: string;
}

const MAX_EVENT = 1 << 20;

/** Yields each complete event; an event without data (a comment, a keep-alive) is not one. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let size = 0;
  let id = "";
  let event = "";
  let data: string[] = [];
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A lone CR at the end may be half of a CRLF: it waits for the next chunk.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { id, event: event || "message", data: data.join("\n") };
        event = "";
        data = [];
        size = 0;
        continue;
      }
      size += line.length;
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
      else if (field === "id" && !value.includes("\0")) id = value;
    }
    if (size + rest.length > MAX_EVENT) throw new Error("an event longer than 1 MiB");
  }
}

/** One event as text. `data` must be one line (JSON is); an id of "" leaves the reader's id as it is. */
export function writeEvent({ id, event, data }: ServerEvent): string {
  return `${id === "" ? "" : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}
