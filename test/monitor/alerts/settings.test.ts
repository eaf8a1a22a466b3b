/** The `alerts` section: what is taken, and that each mistake is one line that names its key and holds no secret. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeChannels } from "../../../monitor/alerts/channels/make.ts";
import { readAdminToken, signingSecret } from "../../../monitor/alerts/secrets.ts";
import { alertSettings, isLoopback } from "../../../monitor/alerts/settings.ts";
import { checkConfig } from "../../../monitor/config.ts";
import { temporaryFolder } from "../support/rig.ts";
import { SECRET } from "./support.ts";

const hook = { type: "webhook", url: "https://example.org/hook", secret: SECRET };
const mail = { type: "smtp", host: "mail.example.org", from: "a@example.org", to: "b@example.org" };
const phone = { type: "ntfy", topic: "pinata" };
const bot = { type: "telegram", chat: "-100123", token: "123:abc" };

function mistake(alerts: unknown): string {
  try {
    checkConfig({ public: "p", store: "s", sources: ["esplora:https://example.org"], alerts });
  } catch (error) {
    return (error as Error).message;
  }
  return "no mistake";
}

describe("taken", () => {
  test("each kind of channel with the least that it needs, and the defaults", () => {
    const settings = alertSettings.parse({ channels: { hook, mail, phone, bot } });
    expect(settings).toMatchObject({ remindSeconds: 900, disagreeSeconds: 120, storeSeconds: 10 });
    expect(settings.channels.phone).toMatchObject({ url: "https://ntfy.sh" });
    expect(settings.channels.bot).toMatchObject({ url: "https://api.telegram.org" });
    expect(makeChannels(settings, Date.now).map(({ name }) => name)).toEqual(["hook", "mail", "phone", "bot"]);
  });

  test("none at all: a monitor without alerts", () => {
    expect(mistake(undefined)).toBe("no mistake");
  });

  test("an admin token alone: nobody is told, maintainers see what began", () => {
    expect(mistake({ adminTokenFile: "/run/admin-token" })).toBe("no mistake");
  });

  test("plain http and mail without TLS to this machine itself", () => {
    const here = { hook: { ...hook, url: "http://127.0.0.1:9/x" }, mail: { ...mail, host: "localhost", tls: "none" } };
    expect(mistake({ channels: here })).toBe("no mistake");
  });
});

describe("a mistake names its key, what was expected and what was found", () => {
  const channel = (settings: unknown) => ({ channels: { a: settings } });
  test.each([
    [{ channels: {} }, /^alerts\.channels: at least one channel .*; found \{\}$/],
    [{}, /^alerts\.channels: at least one channel .*; found nothing$/],
    [
      { adminTokenFile: "f", heartbeat: { url: "https://deadman.example", secret: "0123456789abcdef" } },
      /^alerts\.channels: at least one channel .*; found nothing$/,
    ],
    [{ channels: { "Not Good": hook } }, /^alerts\.channels\.Not Good: /],
    [channel({ type: "pigeon" }), /^alerts\.channels\.a\.type: .*; found "pigeon"$/],
    [channel({ ...hook, url: "http://example.org/" }), /^alerts\.channels\.a\.url: an https URL .*; found "http:/],
    [channel({ ...hook, url: "x" }), /^alerts\.channels\.a\.url: an http or https URL; found "x"$/],
    [
      channel({ ...hook, secret: "too short" }),
      /^alerts\.channels\.a\.secret: a secret of at least 16 characters; found "\(not shown\)"$/,
    ],
    [
      channel({ ...hook, secret: undefined }),
      /^alerts\.channels\.a\.secretFile: either secretFile or secret.*; found nothing$/,
    ],
    [channel({ ...hook, secretFile: "f" }), /^alerts\.channels\.a\.secretFile: either secretFile or secret/],
    [channel({ ...hook, colour: 1 }), /^alerts\.channels\.a\.colour: /],
    [channel({ ...mail, to: "a@b.c, d@e.f" }), /^alerts\.channels\.a\.to: one address/],
    [channel({ ...mail, from: "nobody" }), /^alerts\.channels\.a\.from: an address/],
    [
      channel({ ...mail, tls: "none" }),
      /^alerts\.channels\.a\.tls: mail leaves this machine under TLS only.*; found "none"$/,
    ],
    [channel({ ...mail, user: "u" }), /^alerts\.channels\.a\.passwordFile: either passwordFile or password/],
    [
      channel({ ...mail, password: "hidden-one" }),
      /^alerts\.channels\.a\.user: a user to the password; found nothing$/,
    ],
    [channel({ ...mail, port: 70_000 }), /^alerts\.channels\.a\.port: .*65535.*; found 70000$/],
    [channel({ ...phone, topic: "a/b" }), /^alerts\.channels\.a\.topic: a topic.*; found "a\/b"$/],
    [channel({ ...bot, chat: "me" }), /^alerts\.channels\.a\.chat: a chat's number/],
    [channel({ ...bot, tokenFile: "f" }), /^alerts\.channels\.a\.tokenFile: either/],
    [{ ...channel(hook), heartbeat: { url: "https://example.org" } }, /^alerts\.heartbeat\.secretFile: either/],
    [{ ...channel(hook), remindSeconds: 0 }, /^alerts\.remindSeconds: .*; found 0$/],
    [{ ...channel(hook), remind: 0 }, /^alerts\.remind: /],
  ])("%j", (alerts, text) => {
    const message = mistake(alerts);
    expect(message).toMatch(text);
    expect(message).not.toMatch(/\n|too short|hidden-one|a secret to sign|123:abc/);
  });
});

describe("secrets in files", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;
  beforeEach(() => {
    folder = temporaryFolder();
    file = join(folder.path, "secret");
  });
  afterEach(() => folder.remove());
  const admin = () => readAdminToken(alertSettings.parse({ channels: { hook }, adminTokenFile: file }));

  test("are read without the line break at their end", () => {
    writeFileSync(file, `${SECRET}\n`);
    expect(signingSecret("alerts.heartbeat", { secretFile: file })).toBe(SECRET);
    writeFileSync(file, "0123456789abcdef\r\n");
    expect(admin()).toBe("0123456789abcdef");
    expect(readAdminToken(undefined)).toBeUndefined();
  });

  test("a file that is not there, too short, of several lines or with spaces is named with its key", () => {
    expect(admin).toThrow(`alerts.adminTokenFile: ${file} cannot be read: ENOENT`);
    writeFileSync(file, "short\n");
    expect(admin).toThrow(`alerts.adminTokenFile: ${file} should hold one line of at least 16 characters`);
    writeFileSync(file, "0123456789abcdef\n0123456789abcdef\n");
    expect(admin).toThrow("should hold one line");
    writeFileSync(file, "0123456789 abcdef\n");
    expect(admin).toThrow("should hold no spaces");
  });
});

test("this machine itself", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]) expect(isLoopback(host)).toBe(true);
  for (const host of ["127.0.0.1.example.org", "localhost.example.org", "10.0.0.1", "127.example.org", ""]) {
    expect(isLoopback(host)).toBe(false);
  }
});
