/** Channels from their settings, with their secrets read. Throws ConfigError. */
import { readSecretFile, readText, signingSecret } from "../secrets.ts";
import type { AlertSettings, ChannelSettings } from "../settings.ts";
import type { Channel } from "./channel.ts";
import { Ntfy } from "./ntfy.ts";
import { Smtp } from "./smtp.ts";
import { Telegram } from "./telegram.ts";
import { Webhook } from "./webhook.ts";

/** RFC 8314 §3.3 and RFC 6409: with TLS from the start, and with STARTTLS; 25 for a relay on this machine. */
const PORTS = { implicit: 465, starttls: 587, none: 25 } as const;

export function makeChannels({ channels }: AlertSettings, now: () => number): Channel[] {
  return Object.entries(channels).map(([name, settings]) => makeChannel(name, settings, now));
}

function makeChannel(name: string, settings: ChannelSettings, now: () => number): Channel {
  const key = `alerts.channels.${name}`;
  switch (settings.type) {
    case "webhook":
      return new Webhook(name, { url: settings.url, secret: signingSecret(key, settings), now });
    case "ntfy":
      return new Ntfy(name, { url: settings.url, topic: settings.topic, token: tokenOf(key, settings) });
    case "telegram":
      return new Telegram(name, { url: settings.url, chat: settings.chat, token: tokenOf(key, settings)! });
    case "smtp": {
      const { host, from, to, user, password, passwordFile, caFile, tls = "starttls" } = settings;
      const known = password ?? (passwordFile && readSecretFile(`${key}.passwordFile`, passwordFile, 1));
      return new Smtp(name, {
        host,
        port: settings.port ?? PORTS[tls],
        tls,
        from,
        to,
        login: user !== undefined && known !== undefined ? { user, password: known } : undefined,
        ca: caFile === undefined ? undefined : readText(`${key}.caFile`, caFile),
      });
    }
  }
}

function tokenOf(
  key: string,
  settings: { token?: string | undefined; tokenFile?: string | undefined },
): string | undefined {
  const { token, tokenFile } = settings;
  return token ?? (tokenFile === undefined ? undefined : readSecretFile(`${key}.tokenFile`, tokenFile, 1));
}
