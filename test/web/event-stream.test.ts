import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEvents, type ServerEvent, writeEvent } from "../../web/event-stream.ts";

async function read(...chunks: (string | Uint8Array)[]): Promise<ServerEvent[]> {
  async function* body() {
    for (const chunk of chunks) yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
  }
  const events: ServerEvent[] = [];
  for await (const event of readEvents(body())) events.push(event);
  return events;
}

describe("the reader of server-sent events", () => {
  it("reads id, event and data, and keeps the id", async () => {
    expect(await read("id: 7\nevent: status\ndata: {}\n\ndata: two\n\n")).toEqual([
      { id: "7", event: "status", data: "{}" },
      { id: "7", event: "message", data: "two" },
    ]);
  });

  it("joins lines of data, and takes CR, LF and CRLF as line ends", async () => {
    expect(await read("data: a\r\ndata:b\r\rdata\n\n")).toEqual([
      { id: "", event: "message", data: "a\nb" },
      { id: "", event: "message", data: "" },
    ]);
  });

  it("passes over comments, unknown fields, events without data, and an unfinished last event", async () => {
    expect(await read(": hello\n\nevent: status\n\nwhat: ever\n\ndata: cut off")).toEqual([]);
  });

  it("ignores an id that holds NUL", async () => {
    expect((await read("id: a\0b\ndata: x\n\n"))[0]!.id).toBe("");
  });

  it("reads back what the writer wrote, however the bytes are cut", async () => {
    const word = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
    const event = fc.record({ id: word, event: word, data: fc.jsonValue().map((value) => JSON.stringify(value)) });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 4 }), fc.integer({ min: 1, max: 7 }), async (events, size) => {
        const bytes = new TextEncoder().encode(events.map(writeEvent).join(""));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.slice(i * size, (i + 1) * size),
        );
        expect(await read(...chunks)).toEqual(events);
      }),
    );
  });

  it("refuses an event without end, in one line or in many", async () => {
    const big = "x".repeat(600_000);
    await expect(read(`data: ${big}`, big)).rejects.toThrow("longer than 1 MiB");
    await expect(read(`data: ${big}\n`, `data: ${big}\n`)).rejects.toThrow("longer than 1 MiB");
  });
});
