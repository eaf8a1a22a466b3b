/** Annotations through the API: what is taken, what is refused and how, and that nothing is written twice or half. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { annotation, annotationList, apiError, status } from "../../../monitor/schema.ts";
import { AdminRig, answer, type Call, NOBODY } from "./support.ts";

let rig: AdminRig;
beforeEach(async () => {
  rig = await AdminRig.start();
});
afterEach(() => rig.end());

describe("annotations", () => {
  test("are written, dated, about an alert or none, and published without the alert's words", async () => {
    const alert = rig.alerts.pager.alerts[0]!;
    const text = "It was us:\nthe funding of the first night. <b>é 💥</b>";
    const first = await answer(await rig.annotate({ text: `  ${text}\n`, alert: alert.id }), annotation, 201);
    expect(first).toEqual({
      number: expect.any(Number),
      at: rig.alerts.clock.now(),
      text,
      about: { alert: alert.id, kind: "funding-confirmed", at: alert.at },
    });
    await rig.alerts.clock.advance(5);
    const second = await answer(await rig.annotate({ text: "Second" }), annotation, 201);
    expect(second).toEqual({ number: first.number + 1, at: rig.alerts.clock.now(), text: "Second", about: null });
    const published = await rig.call("/v1/annotations", { token: null });
    const body = await published.clone().text();
    expect((await answer(published, annotationList)).annotations).toEqual([second, first]);
    for (const word of [alert.subject, "somewhere", alert.coin!.outpoint]) expect(body).not.toContain(word);
    expect(await rig.get("/v1/status", status)).toMatchObject({ annotations: second.number });
  });

  test("are told to those who follow at once, by the status", async () => {
    expect(Object.hasOwn(await rig.get("/v1/status", status), "annotations")).toBe(false);
    rig.hub.touch();
    const told: unknown[] = [];
    rig.hub.subscribe(({ event, data }) => told.push(event === "status" && JSON.parse(data).annotations));
    const { number } = await answer(await rig.annotate({ text: "news" }), annotation, 201);
    expect(told).toEqual([number]);
    await answer(await rig.annotate({ text: "news" }), annotation, 200);
    rig.hub.touch();
    expect(told).toEqual([number]);
  });

  test("are kept over a restart, and the same text again within a minute is the same annotation then too", async () => {
    const { id } = rig.alerts.pager.alerts[0]!;
    const first = await answer(await rig.annotate({ text: "once", alert: id }), annotation, 201);
    await rig.restart();
    expect(await answer(await rig.annotate({ text: "once", alert: id }), annotation, 200)).toEqual(first);
    expect(await rig.texts()).toEqual(["once"]);
    expect(await rig.get("/v1/status", status)).toMatchObject({ annotations: first.number });
  });

  test("a call that is repeated writes once, within a minute and while it is the newest", async () => {
    const { id } = rig.alerts.pager.alerts[0]!;
    const at = (text: string, alert?: string) => rig.annotate({ text, ...(alert ? { alert } : {}) });
    const codes: number[] = [];
    const say = async (response: Promise<Response>) => codes.push((await response).status);
    await say(at("a"));
    await rig.alerts.clock.advance(60_000);
    await say(at(" a "));
    await say(at("a", id));
    await say(at("a", id));
    await say(at("b"));
    await say(at("a", id));
    await rig.alerts.clock.advance(60_001);
    await say(at("a", id));
    expect(codes).toEqual([201, 200, 201, 200, 201, 201, 201]);
    expect(await rig.texts()).toEqual(["a", "a", "b", "a", "a"]);
  });

  test("several calls at once: the same text is written once, different ones all, with no number twice", async () => {
    const same = await Promise.all(Array.from({ length: 5 }, () => rig.annotate({ text: "same" })));
    expect(same.map((response) => response.status)).toEqual([201, 200, 200, 200, 200]);
    await Promise.all([1, 2, 3].map((n) => rig.annotate({ text: `${n}` })));
    const { annotations } = await rig.get("/v1/annotations", annotationList);
    expect(annotations.map(({ text }) => text)).toEqual(["3", "2", "1", "same"]);
    expect(new Set(annotations.map(({ number }) => number)).size).toBe(4);
  });

  test("a text of a thousand characters fits, whatever they are", async () => {
    const text = "\u2028".repeat(1_000);
    const escaped = `{"text":"${"\\u2603".repeat(1_000)}"}`;
    await answer(await rig.annotate({ text: `x${text.slice(2)}x` }), annotation, 201);
    const response = await rig.call("/v1/annotations", {
      method: "POST",
      body: escaped,
      headers: { "content-type": "Application/JSON; charset=utf-8" },
    });
    expect((await answer(response, annotation, 201)).text).toBe("☃".repeat(1_000));
  });

  test.each([
    ["no text", {}, /^text: /],
    ["an empty one", { text: "" }, /^text: a text of 1 to 1,000 characters$/],
    ["nothing but space", { text: " \n\t " }, /^text: a text of 1 to 1,000 characters$/],
    ["too long a one", { text: "x".repeat(1_001) }, /^text: a text of 1 to 1,000 characters$/],
    ["a NUL", { text: "a\0b" }, /^text: a text without control characters/],
    ["an escape", { text: "a\u001b[31mb" }, /^text: a text without control characters/],
    ["a carriage return", { text: "a\r\nb" }, /^text: a text without control characters/],
    ["half a character", { text: "a\ud83db" }, /^text: a text without control characters or halves of characters$/],
    ["a number", { text: 7 }, /^text: /],
    ["a list", [{ text: "x" }], /^the request: /],
    ["null", null, /^the request: /],
    ["a misspelt key", { text: "x", alrt: NOBODY }, /^the request: .*alrt/],
    ["an alert that is no id", { text: "x", alert: "latest" }, /^alert: an id of 32 hex digits$/],
  ])("%s is refused in words", async (_what, draft, said) => {
    expect((await answer(await rig.annotate(draft), apiError, 400)).error).toMatch(said);
    expect(await rig.texts()).toEqual([]);
  });

  test("what is no JSON, is not said to be, or is too long is refused in words", async () => {
    const of = (body: Call["body"], type: string | undefined, more: Record<string, string> = {}) =>
      rig.call("/v1/annotations", {
        method: "POST",
        ...(body === undefined ? {} : { body }),
        headers: { ...(type === undefined ? {} : { "content-type": type }), ...more },
      });
    const good = '{"text":"x"}';
    for (const [body, type] of [
      [good, "text/plain"],
      [good, "application/x-www-form-urlencoded"],
      [good, "application/jsonx"],
      [undefined, undefined],
    ]) {
      expect((await answer(await of(body, type), apiError, 415)).error).toContain('not application/json; send {"text"');
    }
    for (const body of ["", "{", '{"text":"x"', "x", undefined]) {
      expect((await answer(await of(body, "application/json"), apiError, 400)).error).toContain(
        "cannot be read as JSON",
      );
    }
    const long = `{"text":"x"${" ".repeat(16 << 10)}}`;
    const said = await answer(
      await of(long, "application/json", { "content-length": `${long.length}` }),
      apiError,
      413,
    );
    expect(said.error).toContain("more than 16384 bytes");
    // Of a stream, whose length is not told, no more is read than fits.
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        read += 4096;
        controller.enqueue(new Uint8Array(4096).fill(32));
      },
    });
    await answer(await of(endless, "application/json"), apiError, 413);
    expect(read).toBeLessThan(64 << 10);
    expect(await rig.texts()).toEqual([]);
  });

  test("an alert that is not known, or not kept any more, is said so, and nothing is written", async () => {
    expect((await answer(await rig.annotate({ text: "x", alert: NOBODY }), apiError, 404)).error).toBe(
      `alert ${NOBODY} is not known here; old ones are not kept`,
    );
    expect(await rig.texts()).toEqual([]);
  });

  test("what cannot be written is not published, and can be tried again", async () => {
    rig.alerts.broken = new Error("disk full at /secret/path");
    const failed = await answer(await rig.annotate({ text: "x" }), apiError, 500);
    expect(failed.error).not.toContain("disk full");
    expect(rig.failures[0]).toContain("disk full");
    expect(await rig.texts()).toEqual([]);
    rig.alerts.broken = undefined;
    await answer(await rig.annotate({ text: "x" }), annotation, 201);
    expect(await rig.texts()).toEqual(["x"]);
  });
});
