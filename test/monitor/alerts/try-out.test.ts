/** `pinata alert test` as a command: what each channel did, reasons, exit codes, and that it needs no running monitor. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../support/run.ts";
import { PUBLIC } from "../support/bounty.ts";
import { temporaryFolder } from "../support/rig.ts";
import { isSigned, Receiver } from "./receiver.ts";
import { SmtpSink } from "./smtp-sink.ts";
import { SECRET } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("../../../bin/pinata.mjs", import.meta.url));
let folder: ReturnType<typeof temporaryFolder>;
let receiver: Receiver;
let sink: SmtpSink;
let config: string;
beforeEach(async () => {
  folder = temporaryFolder();
  receiver = await new Receiver().start();
  sink = await new SmtpSink().start();
  config = join(folder.path, "monitor.json");
  writeFileSync(join(folder.path, "public.json"), JSON.stringify(PUBLIC));
});
afterEach(async () => {
  await Promise.all([receiver.stop(), sink.stop()]);
  folder.remove();
});

function write(more: Record<string, unknown>): void {
  const place = { public: join(folder.path, "public.json"), store: join(folder.path, "store.sqlite") };
  writeFileSync(config, JSON.stringify({ ...place, sources: ["esplora:http://127.0.0.1:1"], ...more }));
}

const pinata = (...args: string[]) => run(process.execPath, [PROGRAM, "alert", "test", ...args], { input: "" });

function channels(): Record<string, unknown> {
  return {
    pager: { type: "webhook", url: receiver.url, secret: SECRET },
    mail: { type: "smtp", host: "127.0.0.1", port: sink.port, tls: "none", from: "a@example.org", to: "b@example.org" },
  };
}

test("all channels take it: said with the time, exit 0, and it is the real thing", async () => {
  write({ alerts: { channels: channels() } });
  const { code, stdout, stderr } = await pinata("--config", config);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^pager {2}taken in \d+ ms\nmail {3}taken in \d+ ms\n$/);
  expect(receiver.alerts).toMatchObject([{ kind: "test", phase: "raised", severity: "info", address: PUBLIC.address }]);
  expect(isSigned(receiver.received[0]!, SECRET, Date.now())).toBe(true);
  expect(sink.mails).toMatchObject([{ from: "a@example.org", to: "b@example.org" }]);
  expect(sink.mails[0]!.data).toContain(receiver.alerts[0]!.id);
});

test("one does not: its reason, the other's success, exit 1; as JSON too", async () => {
  receiver.behaviour = (response) => {
    response.writeHead(403).end("not for you");
    return true;
  };
  write({ alerts: { channels: channels() } });
  const { code, stdout } = await pinata("--config", config);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^pager {2}FAILED: it answered HTTP 403: not for you\nmail {3}taken in \d+ ms\n$/);
  const json = await pinata("--json", "--config", config);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { channel: "pager", problem: "answered HTTP 403: not for you" },
    { channel: "mail", problem: null },
  ]);
  expect(receiver.received.length).toBe(2);
});

test("a mistake in the configuration, or none of alerts, is one line and exit 2; nothing is sent", async () => {
  write({});
  expect(await pinata("--config", config)).toEqual({
    code: 2,
    stdout: "",
    stderr: 'pinata: alerts: there are none; add an "alerts" section to the file of --config\n',
  });
  const nobody = await pinata("--config", config, "--admin-token-file", join(folder.path, "none"));
  expect(nobody.code).toBe(2);
  expect(nobody.stderr).toBe("pinata: alerts.channels: there are none, so there is nobody to tell\n");
  write({
    alerts: { channels: { pager: { type: "webhook", url: receiver.url, secretFile: join(folder.path, "none") } } },
  });
  const missing = await pinata("--config", config);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toMatch(/^pinata: alerts\.channels\.pager\.secretFile: .* cannot be read: ENOENT[^\n]*\n$/);
  const unknown = await pinata("--config", config, "--what");
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("--what");
  expect(receiver.received).toEqual([]);
});
