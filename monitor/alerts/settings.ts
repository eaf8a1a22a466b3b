/**
 * The `alerts` section of the configuration file: channels by name, the heartbeat, and how patient the monitor is before it
 * calls something wrong. Each secret stands in the file or, better, in a file of its own (the key that ends in `File`).
 */
import { z } from "zod";

const LEAST_SECRET = 16;
const path = z.string().min(1);
const secret = z.string().min(LEAST_SECRET, `a secret of at least ${LEAST_SECRET} characters`);
const seconds = (least: number, most: number) => z.number().min(least).max(most);
const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), "an http or https URL");
/** Alerts and their secrets cross a network only under TLS. */
const safeUrl = httpUrl.refine(
  (text) => !URL.canParse(text) || new URL(text).protocol === "https:" || isLoopback(new URL(text).hostname),
  "an https URL (plain http only to this machine itself)",
);
const mailbox = z
  .string()
  .regex(/^([^<>\r\n]*<)?[^\s<>@]+@[^\s<>@]+>?$/, "an address, name@example.org or Name <name@example.org>");

const webhook = z
  .object({ type: z.literal("webhook"), url: safeUrl, secret: secret.optional(), secretFile: path.optional() })
  .strict()
  .refine((value) => (value.secret === undefined) !== (value.secretFile === undefined), {
    path: ["secretFile"],
    message: "either secretFile or secret, to sign with",
  });

const smtp = z
  .object({
    type: z.literal("smtp"),
    host: z.string().min(1),
    port: z.number().int().min(1).max(65_535).optional(),
    /** By default "starttls"; "none" only to this machine itself. */
    tls: z.enum(["starttls", "implicit", "none"]).optional(),
    from: mailbox,
    /** One person; several get a channel each, so that each is served for certain. */
    to: z.string().regex(/^[^\s<>@,]+@[^\s<>@,]+$/, "one address, name@example.org"),
    user: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    passwordFile: path.optional(),
    /** PEM file with the authority that signed the server's certificate. */
    caFile: path.optional(),
  })
  .strict()
  .refine((value) => value.tls !== "none" || isLoopback(value.host), {
    path: ["tls"],
    message: 'mail leaves this machine under TLS only: "starttls" or "implicit"',
  })
  .refine(
    (value) => value.user === undefined || (value.password === undefined) !== (value.passwordFile === undefined),
    {
      path: ["passwordFile"],
      message: "either passwordFile or password for user",
    },
  )
  .refine((value) => value.user !== undefined || (value.password ?? value.passwordFile) === undefined, {
    path: ["user"],
    message: "a user to the password",
  });

const ntfy = z
  .object({
    type: z.literal("ntfy"),
    url: safeUrl.default("https://ntfy.sh"),
    topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, "a topic: letters, digits, - and _"),
    token: z.string().min(1).optional(),
    tokenFile: path.optional(),
  })
  .strict()
  .refine((value) => value.token === undefined || value.tokenFile === undefined, {
    path: ["tokenFile"],
    message: "either tokenFile or token",
  });

const telegram = z
  .object({
    type: z.literal("telegram"),
    url: safeUrl.default("https://api.telegram.org"),
    chat: z.string().regex(/^(-?\d{1,20}|@\w{1,64})$/, "a chat's number, or @channel"),
    token: z.string().min(1).optional(),
    tokenFile: path.optional(),
  })
  .strict()
  .refine((value) => (value.token === undefined) !== (value.tokenFile === undefined), {
    path: ["tokenFile"],
    message: "either tokenFile or token of the bot",
  });

const channel = z.discriminatedUnion("type", [webhook, smtp, ntfy, telegram]);
export type ChannelSettings = z.infer<typeof channel>;

const heartbeat = z
  .object({
    url: safeUrl,
    secret: secret.optional(),
    secretFile: path.optional(),
    seconds: seconds(0.05, 86_400).default(60),
  })
  .strict()
  .refine((value) => (value.secret === undefined) !== (value.secretFile === undefined), {
    path: ["secretFile"],
    message: "either secretFile or secret, to sign with",
  });

export const alertSettings = z
  .object({
    channels: z
      .record(z.string().regex(/^[a-z0-9][-a-z0-9]{0,31}$/, "a name of small letters, digits and -"), channel)
      .default({}),
    heartbeat: heartbeat.optional(),
    /** Between reminders of what nobody has acknowledged. */
    remindSeconds: seconds(1, 604_800).default(900),
    /** Of sources that tell different things. */
    disagreeSeconds: seconds(0.05, 86_400).default(120),
    /** Of a store that cannot be written and holds nothing back. */
    storeSeconds: seconds(0, 3600).default(10),
    /** File with the token of admin calls (acknowledging). Without it there are none. */
    adminTokenFile: path.optional(),
  })
  .strict()
  .refine(
    // Maintainers see what began without being told of it. A heartbeat says that somebody would be told.
    ({ channels, adminTokenFile, heartbeat }) =>
      Object.keys(channels).length > 0 || (adminTokenFile !== undefined && heartbeat === undefined),
    { path: ["channels"], message: "at least one channel (without a heartbeat, an adminTokenFile is enough)" },
  );
export type AlertSettings = z.infer<typeof alertSettings>;

/** Keys whose values are not repeated in an error. */
export const SECRET_KEYS: readonly string[] = ["secret", "password", "token"];
export { LEAST_SECRET };

/** This machine itself, by name or address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
