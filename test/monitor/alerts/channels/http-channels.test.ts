/** Webhook, ntfy and Telegram over real HTTP: what is sent, and each way in which it is not taken. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ChannelError, clip } from "../../../../monitor/alerts/channels/channel.ts";
import { Ntfy } from "../../../../monitor/alerts/channels/ntfy.ts";
import { Telegram } from "../../../../monitor/alerts/channels/telegram.ts";
import { Webhook } from "../../../../monitor/alerts/channels/webhook.ts";
import { alertBody } from "../../../../monitor/alerts/kinds.ts";
import { serverCertificate } from "../certificate.ts";
import { isSigned, Receiver } from "../receiver.ts";
import { SECRET, testMessage } from "../support.ts";

const NOW = 1_750_000_000_000;
const never = new AbortController().signal;
let receiver: Receiver;
beforeEach(async () => {
  receiver = await new Receiver().start();
});
afterEach(() => receiver.stop());

const webhook = (url = `${receiver.url}/hook`) => new Webhook("hook", { url, secret: SECRET, now: () => NOW });

async function failure(sending: Promise<void>): Promise<ChannelError> {
  const error = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ChannelError);
  return error as ChannelError;
}

describe("webhook", () => {
  test("sends the alert's bytes, its id and a signature over both timestamp and body", async () => {
    const message = testMessage();
    await webhook().send(message, never);
    const [request] = receiver.received;
    expect(request).toMatchObject({ path: "/hook", body: message.json });
    expect(alertBody.parse(JSON.parse(request!.body))).toEqual(message.body);
    expect(request!.headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": message.body.id,
      "pinata-timestamp": "1750000000",
    });
    expect(isSigned(request!, SECRET, NOW)).toBe(true);
    expect(isSigned(request!, "another secret, as long", NOW)).toBe(false);
    expect(isSigned({ ...request!, body: `${request!.body} ` }, SECRET, NOW)).toBe(false);
    const later = { ...request!, headers: { ...request!.headers, "pinata-timestamp": "1750000001" } };
    expect(isSigned(later, SECRET, NOW)).toBe(false);
    expect(isSigned(request!, SECRET, NOW + 600_000)).toBe(false);
  });

  test.each([200, 201, 202, 204])("HTTP %i is taken", async (status) => {
    receiver.behaviour = (response) => {
      response.writeHead(status).end();
      return true;
    };
    await webhook().send(testMessage(), never);
    expect(receiver.received.length).toBe(1);
  });

  test.each([
    [500, {}, "answered HTTP 500: broken, sorry", undefined, "channel"],
    [503, { "retry-after": "7" }, "answered HTTP 503: broken, sorry", 7000, "channel"],
    [429, { "retry-after": "120" }, "answered HTTP 429: broken, sorry", 120_000, "channel"],
    [429, { "retry-after": "999999" }, "answered HTTP 429: broken, sorry", 600_000, "channel"],
    [401, {}, "answered HTTP 401: broken, sorry", undefined, "channel"],
    [404, {}, "answered HTTP 404: broken, sorry", undefined, "channel"],
    [400, {}, "answered HTTP 400: broken, sorry", undefined, "message"],
    [422, {}, "answered HTTP 422: broken, sorry", undefined, "message"],
  ])("HTTP %i %j is not taken", async (status, headers, text, retryAfter, about) => {
    receiver.behaviour = (response) => {
      response.writeHead(status, headers).end("broken,\n  sorry");
      return true;
    };
    expect(await failure(webhook().send(testMessage(), never))).toMatchObject({ message: text, retryAfter, about });
  });

  test("a redirect is not followed: the alert goes nowhere else", async () => {
    const other = await new Receiver().start();
    receiver.behaviour = (response) => {
      response.writeHead(307, { location: other.url }).end();
      return true;
    };
    const { message } = await failure(webhook().send(testMessage(), never));
    expect(message).toContain("redirect (HTTP 307), which is not followed");
    expect(other.received).toEqual([]);
    await other.stop();
  });

  test("nobody listens; the connection is reset; the answer breaks off; there is none in time", async () => {
    const gone = await new Receiver().start();
    const { url } = gone;
    await gone.stop();
    expect((await failure(webhook(url).send(testMessage(), never))).message).toBe("refuses connections");
    receiver.behaviour = (response) => {
      response.socket?.resetAndDestroy();
      return true;
    };
    expect((await failure(webhook().send(testMessage(), never))).message).toBe(
      "closed the connection without an answer",
    );
    receiver.behaviour = (response) => {
      response.writeHead(200, { "content-length": "100" }).write("half", () => response.socket?.destroy());
      return true;
    };
    expect((await failure(webhook().send(testMessage(), never))).message).toBe(
      "closed the connection without an answer",
    );
    receiver.behaviour = () => true;
    const stop = new AbortController();
    const sending = failure(webhook().send(testMessage(), stop.signal));
    await expect.poll(() => receiver.received.length).toBe(4 - 1);
    stop.abort();
    expect((await sending).message).toBe("did not answer in time");
  });

  test("a certificate that nobody known has signed gets nothing", async () => {
    const tls = await new Receiver(await serverCertificate()).start();
    const { message } = await failure(webhook(tls.url).send(testMessage(), never));
    expect(message).toBe("shows a certificate that is signed by nobody known");
    expect(tls.received).toEqual([]);
    await tls.stop();
  });

  test("an endless answer is read no further than needed, and a secret in it is not repeated", async () => {
    receiver.behaviour = (response, { headers }) => {
      response.writeHead(500);
      response.write(`got ${SECRET} and ${headers["pinata-timestamp"]} `);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
      };
      response.on("drain", more);
      more();
      return true;
    };
    const { message } = await failure(webhook().send(testMessage(), never));
    expect(message).toMatch(/^answered HTTP 500: got … and 1750000000 x+$/);
    expect(message.length).toBeLessThan(200);
  });
});

describe("ntfy", () => {
  const ntfy = (token?: string) => new Ntfy("phone", { url: receiver.url, topic: "pinata", token });

  test("publishes as JSON, urgent when it is, with the id by which a repetition is one", async () => {
    const message = testMessage({ kind: "breach", subject: "BREACH" });
    await ntfy("tk_secret").send(message, never);
    const [request] = receiver.received;
    expect(request!.headers.authorization).toBe("Bearer tk_secret");
    expect(JSON.parse(request!.body)).toEqual({
      topic: "pinata",
      title: "[Piñata] BREACH",
      message: message.body.text,
      priority: 5,
      tags: ["rotating_light"],
      sequence_id: message.body.id,
    });
    await ntfy().send(testMessage(), never);
    expect(receiver.received[1]!.headers.authorization).toBeUndefined();
    expect(JSON.parse(receiver.received[1]!.body)).toMatchObject({ priority: 3 });
  });

  test("a long text is cut at a character, below the length that would make it an attachment", async () => {
    await ntfy().send(testMessage({ facts: ["ñ".repeat(5000)] }), never);
    const { message } = JSON.parse(receiver.received[0]!.body) as { message: string };
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4096);
    expect(message.endsWith("ñ…")).toBe(true);
  });

  test("a refusal is said without the token", async () => {
    receiver.behaviour = (response) => {
      response.writeHead(403).end("tk_secret may not publish");
      return true;
    };
    expect((await failure(ntfy("tk_secret").send(testMessage(), never))).message).toBe(
      "answered HTTP 403: … may not publish",
    );
  });
});

describe("Telegram", () => {
  const TOKEN = "123456:SECRET-TOKEN";
  const telegram = () => new Telegram("bot", { url: `${receiver.url}/`, chat: "-100123", token: TOKEN });
  const answer = (status: number, body: unknown) => {
    receiver.behaviour = (response) => {
      response.writeHead(status).end(JSON.stringify(body));
      return true;
    };
  };

  test("sends plain text to the chat", async () => {
    answer(200, { ok: true, result: {} });
    const message = testMessage();
    await telegram().send(message, never);
    const [request] = receiver.received;
    expect(request!.path).toBe(`/bot${TOKEN}/sendMessage`);
    expect(JSON.parse(request!.body)).toEqual({
      chat_id: "-100123",
      text: `${message.body.subject}\n\n${message.body.text}`,
      link_preview_options: { is_disabled: true },
    });
  });

  test("a long text is cut to what it takes, and no character is torn", async () => {
    answer(200, { ok: true, result: {} });
    await telegram().send(testMessage({ facts: ["🪅".repeat(3000)] }), never);
    const { text } = JSON.parse(receiver.received[0]!.body) as { text: string };
    expect(text.length).toBeLessThanOrEqual(4096);
    // A lone half of a surrogate pair would not come back the same.
    expect(Buffer.from(text).toString()).toBe(text);
  });

  test("how long to wait is taken from the body", async () => {
    answer(429, { ok: false, error_code: 429, description: "x".repeat(500), parameters: { retry_after: 33 } });
    expect(await failure(telegram().send(testMessage(), never))).toMatchObject({ retryAfter: 33_000 });
  });

  test.each([
    [401, { ok: false, description: `no bot ${TOKEN}` }, /^answered HTTP 401: .*no bot …/],
    [400, { ok: false, description: "chat not found" }, /chat not found/],
    [200, { ok: false }, /did not answer as Telegram does/],
    [200, "<html>", /did not answer as Telegram does/],
  ])("HTTP %i %j is not taken, it is about the channel, and the token is not said", async (status, body, text) => {
    answer(status, body);
    const { message, about } = await failure(telegram().send(testMessage(), never));
    expect(message).toMatch(text);
    expect(message).not.toContain("SECRET-TOKEN");
    expect(about).toBe("channel");
  });
});

test("cutting: whole when it fits, else at a character's border with a mark", () => {
  expect(clip("ñandú", 7)).toBe("ñandú");
  expect(clip("ñandú", 6)).toBe("ña…");
  expect(clip("🪅🪅", 7)).toBe("🪅…");
  expect(clip("🪅🪅", 6)).toBe("…");
});
