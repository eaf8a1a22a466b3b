/** The server door against Chromium (BoringSSL), which offers X25519MLKEM768 unasked: the only independent peer here that knows it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { State } from "../../unikernel/guest/trace.ts";
import type { TraceEvent } from "../../unikernel/trace.ts";
import { hasBrowser, launchBrowser } from "../support/browser.ts";
import { type Practice, startPractice } from "../support/practice.ts";

const HYBRID = 0x11ec;

describe.runIf(hasBrowser())("chromium", () => {
  let piñata: Practice;
  beforeAll(async () => {
    piñata = await startPractice();
  });
  afterAll(() => piñata?.stop());

  it("agrees on X25519MLKEM768 in one round trip, and is refused for want of a certificate under keys that both sides have", async () => {
    const browser = await launchBrowser();
    let refused: string;
    try {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      refused = await page.goto(`https://localhost:${piñata.board.ports.server}/`).then(
        () => "a page",
        (error: Error) => error.message,
      );
    } finally {
      await browser.close();
    }
    // Which of them it says depends on whether we have hung up by the time it has looked for a certificate.
    expect(refused).toMatch(
      /ERR_(BAD_SSL_CLIENT_AUTH_CERT|SSL_CLIENT_AUTH_CERT_NEEDED|SOCKET_NOT_CONNECTED|CONNECTION_CLOSED|CONNECTION_RESET)/,
    );

    const hello = await piñata.until((event) => event.event === "hello");
    const of = (event: TraceEvent) => "conn" in event && "conn" in hello && event.conn === hello.conn;
    // Its Certificate, or its alert, came under the handshake key: Chromium's key schedule is ours.
    await piñata.until((event) => of(event) && event.event === "state" && event.state === State.KeyExchange);
    const story = piñata.trace.filter(of);
    expect(hello).toMatchObject({ groups: expect.arrayContaining([HYBRID]) });
    expect(story.filter(({ event }) => event === "hello").length).toBe(1);
    expect(story).toContainEqual(expect.objectContaining({ event: "negotiated", group: HYBRID }));
    expect(story.some(({ event }) => event === "opened")).toBe(false);
  });
});
