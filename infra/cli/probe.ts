/**
 * `pinata probe`: what an attacker first sees of the server door. Every finding comes from a connection made now with an
 * independent TLS implementation (Node's, which is OpenSSL): what is agreed, what is refused and with which alert.
 */
import { connect as connectTcp } from "node:net";
import { type ConnectionOptions, connect as connectTls, createSecureContext, type PeerCertificate } from "node:tls";
import { CommandError } from "./errors.ts";
import { readRunning, stateDir } from "./start/state-dir.ts";

interface ProbeOptions {
  dir: string;
  port?: number;
  json?: boolean;
}

interface Finding {
  what: string;
  /** What was agreed, or how it was refused. */
  answer: string;
  agreed: boolean;
}

interface Findings {
  host: string;
  port: number;
  certificate: { subject: string; issuer: string; validFrom: string; validTo: string; sha256: string } | null;
  findings: Finding[];
}

const SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const GROUPS = ["X25519MLKEM768", "X25519", "P-256", "P-384"];
const PATIENCE_MILLIS = 5_000;
const SILENCE = `no answer in ${PATIENCE_MILLIS / 1000} s`;
const MOST_PLAIN = 64 * 1024;

export async function probe(host: string | undefined, options: ProbeOptions): Promise<void> {
  const local = host === undefined ? readRunning(stateDir(options.dir)) : undefined;
  if (host === undefined && local === undefined) {
    throw new CommandError(`no piñata runs in ${options.dir}: start one (pinata start), or name a host`);
  }
  const result = await look(host ?? local!.host, options.port ?? local?.doors.server ?? 10000);
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : report(result));
}

/**
 * Connects about ten times, one after the other, each for five seconds at most; a server that says nothing the first time is
 * not asked again. Throws a CommandError when nothing listens there.
 */
export async function look(host: string, port: number): Promise<Findings> {
  await requireListener(host, port);
  const first = await shake(host, port, {});
  const findings: Finding[] = [{ what: "TLS 1.3, no certificate", ...first }];
  if (first.answer !== SILENCE) findings.push(...(await lookFurther(host, port)));
  return {
    host,
    port,
    certificate: first.certificate ?? null,
    findings: findings.map(({ what, answer, agreed }) => ({ what, answer, agreed })),
  };
}

async function lookFurther(host: string, port: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const suite of SUITES) findings.push({ what: suite, ...(await shake(host, port, { ciphers: suite })) });
  for (const group of GROUPS) {
    const answer = knows(group)
      ? await shake(host, port, { ecdhCurve: group })
      : { answer: `not asked: OpenSSL ${process.versions.openssl} here does not know it`, agreed: false };
    findings.push({ what: `group ${group}`, ...answer });
  }
  findings.push({ what: "TLS 1.2", ...(await shake(host, port, { maxVersion: "TLSv1.2", minVersion: "TLSv1.2" })) });
  findings.push({ what: "plain HTTP", ...(await plain(host, port)) });
  return findings;
}

/** Whether the TLS implementation that this Node has can ask for a group (X25519MLKEM768: OpenSSL 3.5 and newer). */
function knows(group: string): boolean {
  try {
    createSecureContext({ ecdhCurve: group });
    return true;
  } catch {
    return false;
  }
}

interface Answer {
  answer: string;
  agreed: boolean;
  certificate?: Findings["certificate"];
}

/** One handshake without a client certificate: the server's part is complete before it can refuse ours. */
function shake(host: string, port: number, options: ConnectionOptions): Promise<Answer> {
  return new Promise((resolve) => {
    let agreed: string | undefined;
    let certificate: Findings["certificate"] = null;
    const socket = connectTls({
      host,
      port,
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
      servername: "",
      ...options,
    });
    const settle = (end: string) => {
      clearTimeout(timer);
      socket.destroy();
      if (agreed === undefined) resolve({ answer: end, agreed: false });
      else resolve({ answer: `${agreed}; then ${end}`, agreed: true, certificate });
    };
    const timer = setTimeout(() => settle(SILENCE), PATIENCE_MILLIS);
    socket.once("secureConnect", () => {
      // Our close_notify: a server that wants no certificate closes too, instead of waiting for what we have to say.
      socket.end();
      const key = socket.getEphemeralKeyInfo() as { name?: string; type?: string };
      agreed = `${socket.getCipher().standardName}, ${key.name ?? key.type ?? "?"}`;
      certificate = describe(socket.getPeerCertificate());
    });
    socket.on("data", () => {});
    socket.once("error", (error: NodeJS.ErrnoException) => settle(alertName(error)));
    socket.once("close", () => settle("closed"));
  });
}

function plain(host: string, port: number): Promise<Answer> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const socket = connectTcp({ host, port }, () => socket.end("GET / HTTP/1.0\r\n\r\n"));
    const settle = (silence: string) => {
      clearTimeout(timer);
      socket.destroy();
      const alert = bytes[0] === 21 && bytes.length === 7 ? `alert ${bytes[6]}` : undefined;
      resolve({
        answer: bytes.length === 0 ? silence : (alert ?? `${bytes.length} bytes`),
        agreed: false,
      });
    };
    const closed = () => settle("closed without a byte");
    const timer = setTimeout(() => settle(SILENCE), PATIENCE_MILLIS);
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length > MOST_PLAIN) closed();
    });
    socket.once("error", closed);
    socket.once("close", closed);
  });
}

function describe(peer: PeerCertificate): Findings["certificate"] {
  if (!peer?.subject) return null;
  return {
    subject: nameText(peer.subject),
    issuer: nameText(peer.issuer),
    validFrom: peer.valid_from,
    validTo: peer.valid_to,
    sha256: peer.fingerprint256,
  };
}

function nameText(name: object): string {
  return Object.entries(name)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** OpenSSL's error in the field's words: "alert certificate_required". */
function alertName(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  const alert = /ALERT_(.+)$/.exec(code)?.[1];
  return alert === undefined ? code || error.message : `alert ${alert.toLowerCase()}`;
}

function requireListener(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, timeout: PATIENCE_MILLIS });
    const refuse = (why: string) => {
      socket.destroy();
      reject(new CommandError(`cannot connect to ${host}:${port}: ${why}`));
    };
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => refuse("no answer"));
    socket.once("error", (error: NodeJS.ErrnoException) => refuse(error.code ?? error.message));
  });
}

function report({ host, port, certificate, findings }: Findings): string {
  const lines = findings.map(({ what, answer, agreed }) => `${agreed ? "✓" : "✗"} ${what.padEnd(30)} ${answer}`);
  const shown = certificate
    ? `certificate   ${certificate.subject}\nissued by     ${certificate.issuer}\nvalid         ${certificate.validFrom} – ${certificate.validTo}\nSHA-256       ${certificate.sha256}\n`
    : "no certificate was shown\n";
  return `${host}:${port}\n\n${lines.join("\n")}\n\n${shown}`;
}
