/** The serial line: what is a trace event, what is for humans, and what neither a flood nor an endless line can do. */
import { describe, expect, it } from "vitest";
import { LONGEST_LINE, Serial } from "../../../infra/machine/serial.ts";
import type { TraceEvent } from "../../../unikernel/trace.ts";

const stopped = { v: 1, time: 7, boot: "0123456789abcdef", event: "stopped", reason: "over" };
const LINE = `${JSON.stringify(stopped)}\n`;

function listen() {
  let now = 1_000_000;
  const events: TraceEvent[] = [];
  const said: string[] = [];
  const serial = new Serial({ trace: (event) => events.push(event), said: (line) => said.push(line) }, () => now);
  return {
    events,
    said,
    serial,
    push: (text: string) => serial.push(Buffer.from(text, "latin1")),
    wait: (millis: number) => {
      now += millis;
    },
  };
}

describe("a trace line", () => {
  it("is an event, wherever the stream is cut", () => {
    const text = LINE + LINE;
    for (let cut = 0; cut <= text.length; cut++) {
      const { events, said, push } = listen();
      push(text.slice(0, cut));
      push(text.slice(cut));
      expect(events).toEqual([stopped, stopped]);
      expect(said).toEqual([]);
    }
  });

  it("may come byte by byte, and end with CR LF", () => {
    const { events, push } = listen();
    for (const letter of LINE.replace("\n", "\r\n")) push(letter);
    expect(events).toEqual([stopped]);
  });

  it.each([
    ["of another version", { ...stopped, v: 2 }],
    ["of no known event", { ...stopped, event: "party" }],
    ["without a boot", { ...stopped, boot: undefined }],
    ["with a boot that is none", { ...stopped, boot: "0123456789ABCDEF" }],
    ["with a time before 1970", { ...stopped, time: -1 }],
    ["that is a list", [stopped]],
  ])("%s is none: it goes to the log", (_, value) => {
    const { events, said, push } = listen();
    push(`${JSON.stringify(value)}\n`);
    expect(events).toEqual([]);
    expect(said).toEqual([JSON.stringify(value)]);
  });

  it("loses what the schema does not know", () => {
    const { events, push } = listen();
    push(`${JSON.stringify({ ...stopped, key: "secret" })}\n`);
    expect(events).toEqual([stopped]);
  });

  it("half said at the end goes to the log", () => {
    const { events, said, push, serial } = listen();
    push(LINE.slice(0, 20));
    serial.end();
    expect(events).toEqual([]);
    expect(said).toEqual([LINE.slice(0, 20)]);
    serial.end();
    expect(said).toHaveLength(1);
  });
});

describe("any other line", () => {
  it("is said in printable ASCII; empty ones are not", () => {
    const { said, push } = listen();
    push("# hello\n\n \r\n\x1b[2J\x00\xff tab\tend\n");
    expect(said).toEqual(["# hello", "?[2J?? tab?end"]);
  });

  it(`of ${LONGEST_LINE} bytes is whole, a longer one is left out and the next is read again`, () => {
    const { events, said, push } = listen();
    push(`${"x".repeat(LONGEST_LINE)}\n`);
    push(`${"y".repeat(LONGEST_LINE + 1)}\n`);
    push("z".repeat(LONGEST_LINE));
    push("z");
    push(`${LINE.trim()}\n`);
    push(LINE);
    const leftOut = `(a line of more than ${LONGEST_LINE} bytes is left out)`;
    expect(said).toEqual(["x".repeat(LONGEST_LINE), leftOut, leftOut]);
    expect(events).toEqual([stopped]);
  });

  it("never ends: 64 MiB of it leave one line behind", () => {
    const { said, serial } = listen();
    const chunk = Buffer.alloc(65_536, "{");
    for (let i = 0; i < 1024; i++) serial.push(chunk);
    serial.end();
    expect(said).toEqual([`(a line of more than ${LONGEST_LINE} bytes is left out)`]);
  });

  it("in a flood is thinned out, and the loss is counted; trace lines come through", () => {
    const { said, events, push, wait } = listen();
    for (let i = 0; i < 10_000; i++) push(`noise ${i}\n`);
    expect(said).toHaveLength(200);
    push(LINE);
    expect(events).toEqual([stopped]);
    wait(1_000);
    for (let i = 0; i < 100; i++) push(`more ${i}\n`);
    expect(said.slice(200)).toEqual(["(9800 lines are left out)", "more 0", "more 1", "more 2", "more 3", "more 4"]);
  });

  it("counts what is left out at the end, and a clock that goes back gives nothing", () => {
    const { said, push, wait, serial } = listen();
    for (let i = 0; i < 200; i++) push("noise\n");
    wait(-60_000);
    push("late\n");
    expect(said).toHaveLength(200);
    serial.end();
    expect(said.at(-1)).toBe("(1 lines are left out)");
  });
});
