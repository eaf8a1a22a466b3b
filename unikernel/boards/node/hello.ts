/**
 * Decodes what a door says of a ClientHello (TraceCode.Hello; the encoding is defined in unikernel/guest/tls/fingerprint.ts): u8 count ‖ u16…
 * suites, u8 count ‖ u16… groups, u8 length ‖ server name, u8 length ‖ fingerprint, 32 bytes of token. Throws a CompartmentFault when it is
 * anything else.
 */
import type { TraceEvent } from "../../trace.ts";
import { CompartmentFault } from "./memory.ts";

type Hello = Omit<Extract<TraceEvent, { event: "hello" }>, "event" | "v" | "time" | "boot" | "conn">;

export function decodeHello(bytes: Uint8Array): Hello {
  let at = 0;
  const u8 = () => {
    const value = bytes[at++];
    if (value === undefined) throw new CompartmentFault("a hello summary that ends early");
    return value;
  };
  const list = () => Array.from({ length: u8() }, () => (u8() << 8) | u8());
  const text = () => Array.from({ length: u8() }, () => String.fromCharCode(u8())).join("");
  const suites = list();
  const groups = list();
  const serverName = text();
  const fingerprint = text();
  const token = Array.from({ length: TOKEN_LENGTH }, () => u8().toString(16).padStart(2, "0")).join("");
  if (at !== bytes.length) throw new CompartmentFault("a hello summary with bytes after its end");
  return { fingerprint, suites, groups, ...(serverName === "" ? {} : { serverName }), token };
}

const TOKEN_LENGTH = 32;
