/** Who runs a source, as far as its address tells: the host; on this machine each port is somebody else. */

/** A name or an address, IPv6 with or without brackets. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** `shown`: "host:port". */
export function operatorAt(host: string, shown: string): string {
  return isLoopback(host) ? shown : host;
}
