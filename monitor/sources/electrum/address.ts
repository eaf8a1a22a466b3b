/**
 * Where an Electrum server is: `tcp://host:port` or `tls://host:port`, the latter with the SHA-256 fingerprint of its
 * certificate where it signs that itself: `tls://host:port#sha256:…` (64 hex digits; colons between them are allowed).
 */

export interface ElectrumAddress {
  transport: "tcp" | "tls";
  /** A name or an IP address, IPv6 without brackets. */
  host: string;
  port: number;
  /** SHA-256 of the certificate's DER, 64 lower-case hex digits; absent: the system's roots decide. */
  pin?: string;
}

/** undefined when the text is not such an address. */
export function readElectrumAddress(text: string): ElectrumAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const transport = url.protocol.slice(0, -1);
  if (transport !== "tcp" && transport !== "tls") return undefined;
  if (url.username || url.password || url.search || (url.pathname !== "" && url.pathname !== "/")) return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port);
  if (host === "" || port === 0) return undefined;
  if (url.hash === "") return { transport, host, port };
  const pin = /^#sha256:([0-9a-fA-F:]+)$/.exec(url.hash)?.[1]?.replaceAll(":", "").toLowerCase();
  if (transport !== "tls" || pin?.length !== 64) return undefined;
  return { transport, host, port, pin };
}

/** "host:port". */
export function showHost({ host, port }: ElectrumAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
