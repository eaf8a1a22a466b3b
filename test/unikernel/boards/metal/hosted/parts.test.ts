/** The board's small parts on the host, under sanitizers: dates, lines on the serial port, a door's trace, and its few functions of libc. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseTraceLine } from "../../../../../unikernel/trace.ts";
import { compileHosted, HAS_HOST_TOOLS, type Hosted } from "./hosted.ts";

describe.skipIf(!HAS_HOST_TOOLS)("the board's parts, on the host", () => {
  let hosted: Hosted;
  beforeAll(() => {
    hosted = compileHosted();
  }, 60_000);
  afterAll(() => hosted?.remove());

  describe("dates", () => {
    const line = (date: Date, binary: boolean) => {
      const [s, m, h] = [date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours()];
      const fields = [s, m, h, date.getUTCDate(), date.getUTCMonth() + 1, date.getUTCFullYear() - 2000];
      const coded = fields.map((n) => (binary ? n : Math.floor(n / 10) * 16 + (n % 10)));
      return `${binary ? 1 : 0} ${coded.join(" ")}`;
    };

    it.each([false, true])("are JavaScript's on every day from 2000 to 2099 (binary: %s)", (binary) => {
      const days = Array.from(
        { length: 36_525 },
        (_, day) => new Date(Date.UTC(2000, 0, 1 + day, day % 24, day % 60, (day * 7) % 60)),
      );
      expect(days.at(-1)!.getUTCFullYear()).toBe(2099);
      expect(days.at(-1)!.getUTCDate()).toBe(31);
      expect(
        hosted.lines(
          ["date"],
          days.map((date) => line(date, binary)),
        ),
      ).toEqual(days.map((date) => String(date.getTime() / 1000)));
    });

    it("that cannot be end the machine", () => {
      const wrong = [
        "60 0 0 1 1 0",
        "0 60 0 1 1 0",
        "0 0 24 1 1 0",
        "0 0 0 0 1 0",
        "0 0 0 32 1 0",
        "0 0 0 1 0 0",
        "0 0 0 1 13 0",
        "255 255 255 255 255 255",
      ];
      const said = hosted.lines(
        ["date"],
        wrong.map((fields) => `1 ${fields}`),
      );
      expect(said).toEqual(wrong.map(() => "the clock does not run (microvm: rtc=on)"));
    });
  });

  it.each([0, 20, 100, 1_000, 9_000, 20_000, 50_000, 70_000])(
    "measures its counters right though the processor is taken away for %i µs, whenever that is",
    (micros) => {
      const parts = hosted.run(["measure", micros]).out.split("\n").at(-1)!.split(" ").map(Number);
      for (const part of parts) expect(Math.abs(part - 1000)).toBeLessThanOrEqual(5);
    },
  );

  describe("lines", () => {
    const hex = (text: string) => Buffer.from(text, "latin1").toString("hex");

    it("escape what JSON needs and replace what is not printable ASCII", () => {
      const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
      const [said] = hosted.lines(["print"], [hex(bytes)]);
      expect(JSON.parse(`"${said}"`)).toBe(bytes.replace(/[^ -~]/g, "?"));
    });

    it("of 4,095 characters are whole, longer ones are cut and still end", () => {
      const said = hosted.lines(
        ["print"],
        [4095, 4096, 8000].map((length) => hex("a".repeat(length))).concat(hex("next")),
      );
      expect(said.map((line) => line.length)).toEqual([4095, 4095, 4095, 4]);
    });

    it("a cut escape at the end of a line is only in a line that is cut", () => {
      const [said, next] = hosted.lines(["print"], [hex('"'.repeat(3000)), hex("next")]);
      expect(said).toHaveLength(4095);
      expect(next).toBe("next");
    });

    it.each([0, 16, 17, 40, 100, 400])(
      "are lost, not waited for, when the other end takes %i bytes and then nothing for a while",
      (takes) => {
        const said = hosted.run(["serial", takes]).out.split("\n");
        expect(said.slice(-2)).toEqual(["# back 3", "# back 4"]);
        for (const line of said.slice(0, -2))
          expect(
            ["# lost or not 0", "# lost or not 1", "# lost or not 2", "# never seen"].some((whole) =>
              whole.startsWith(line),
            ),
          ).toBe(true);
      },
    );
  });

  describe("a door's trace", () => {
    const trace = (calls: string[]) =>
      hosted
        .run(["trace", "image=x"], `${calls.join("\n")}\n`)
        .out.split(/^\.$/m)
        .map((said) => said.trim());
    const TOKEN = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 8 + (i & 7)));
    const hello = (suites: number[], groups: number[], name: string, fingerprint: string) =>
      Buffer.concat([
        ...[suites, groups]
          .flatMap((list) => [[list.length], ...list.map((n) => [n >> 8, n & 255])])
          .map((bytes) => Buffer.from(bytes)),
        ...[name, fingerprint].flatMap((text) => [Buffer.from([text.length]), Buffer.from(text, "latin1")]),
        TOKEN,
      ]);

    it("of a hello is what it held, quotes and all", () => {
      const name = `a"b\\c\u0000\u00ff`;
      const [said] = trace([`1 0 0 ${hello([0x1301, 0xfafa], [29], name, "t13d").toString("hex")}`]);
      expect(parseTraceLine(said!)).toMatchObject({
        event: "hello",
        conn: 7,
        suites: [0x1301, 0xfafa],
        groups: [29],
        serverName: 'a"b\\c??',
        fingerprint: "t13d",
        token: TOKEN.toString("hex"),
      });
    });

    it("of the longest hello fits its line", () => {
      const list = Array.from({ length: 64 }, (_, i) => 65535 - i);
      const [said] = trace([`1 0 0 ${hello(list, list, '"'.repeat(255), "\\".repeat(64)).toString("hex")}`]);
      expect(parseTraceLine(said!)).toMatchObject({ suites: list, groups: list, serverName: '"'.repeat(255) });
    });

    it("of a hello that is cut anywhere, or has a byte more, is a trap before anything is said", () => {
      const whole = hello([0x1301, 0x1302], [29, 23, 4588], "piñata", "t13d0203");
      const cut = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
      const said = trace(
        [...cut, Buffer.concat([whole, Buffer.of(0)])].map((bytes) => `1 0 0 ${bytes.toString("hex")}`),
      );
      expect(said.slice(0, -1)).toEqual(Array.from({ length: whole.length + 1 }, () => "trap"));
    });

    it.each([
      ["65 suites", hello(Array(65).fill(1), [], "", "")],
      ["65 groups", hello([], Array(65).fill(1), "", "")],
      ["a fingerprint of 65", hello([], [], "", "x".repeat(65))],
      ["255 suites that are not there", Buffer.of(255)],
    ])("of a hello with %s is a trap", (_, bytes) => {
      expect(trace([`1 0 0 ${bytes.toString("hex")}`])[0]).toBe("trap");
    });

    it("of anything else is a line that the monitor reads, or nothing", () => {
      const numbers = [0, 1, 8, 9, 114, 121, 122, 255, 256, 65535, 65536, 4294967295];
      const calls = numbers
        .flatMap((code) => numbers.flatMap((a) => numbers.map((b) => [code, a, b] as const)))
        .filter(([code]) => code !== 1);
      const codes = [2, 3, 4, 5, 6, 7].flatMap((code) =>
        numbers.flatMap((a) => numbers.map((b) => [code, a, b] as const)),
      );
      for (const said of trace([...calls, ...codes].map((call) => call.join(" ").concat(" ")))) {
        if (said !== "") expect(parseTraceLine(said)).toBeDefined();
      }
      expect(trace(["2 9 0 ", "7 0 0 ", "0 0 0 ", "3 300 122 "])[3]).toContain('"alert":44,"failure":114');
    });
  });

  it("its memcpy, memmove and memset are libc's, and a view is inside its memory or a trap", () => {
    expect(hosted.run(["libc"]).out).toBe("same");
  });
});
