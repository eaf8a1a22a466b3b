/**
 * Output descriptors (BIP-380, BIP-386) of the one form a piñata has: `tr(KEY,and_v(v:pk(REFUND),after(HEIGHT)))`, and
 * their checksum. The public form has the internal key as 64 hex digits, the private form the key in WIF.
 */

const INPUT = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
const OUTPUT = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn] as const;

/** The eight characters that follow `#`; undefined when `body` has a character that descriptors may not have. */
export function descriptorChecksum(body: string): string | undefined {
  let state = 1n;
  let group = 0;
  let grouped = 0;
  for (const character of body) {
    const position = INPUT.indexOf(character);
    if (position < 0) return undefined;
    state = step(state, position & 31);
    group = group * 3 + (position >> 5);
    if (++grouped === 3) {
      state = step(state, group);
      group = 0;
      grouped = 0;
    }
  }
  if (grouped > 0) state = step(state, group);
  for (let i = 0; i < 8; i++) state = step(state, 0);
  state ^= 1n;
  return Array.from({ length: 8 }, (_, i) => OUTPUT[Number((state >> BigInt(5 * (7 - i))) & 31n)]).join("");
}

function step(state: bigint, symbol: number): bigint {
  const top = state >> 35n;
  let next = ((state & 0x7ffffffffn) << 5n) ^ BigInt(symbol);
  GENERATOR.forEach((generator, bit) => {
    if ((top >> BigInt(bit)) & 1n) next ^= generator;
  });
  return next;
}

/** `body` with its checksum. */
export function withChecksum(body: string): string {
  const checksum = descriptorChecksum(body);
  if (checksum === undefined) throw new RangeError("a descriptor with a character outside BIP-380's set");
  return `${body}#${checksum}`;
}

/** The descriptor without its checksum; undefined when the checksum is missing or wrong. */
export function checkedBody(descriptor: string): string | undefined {
  const match = /^([^#]*)#([^#]{8})$/.exec(descriptor);
  return match && descriptorChecksum(match[1]!) === match[2] ? match[1]! : undefined;
}

export interface PinataDescriptor {
  /** WIF (private form) or 64 hex digits (public form). */
  key: string;
  /** The refund key, x-only, 64 hex digits. */
  refundKey: string;
  refundHeight: number;
}

/** With checksum. */
export function formatDescriptor({ key, refundKey, refundHeight }: PinataDescriptor): string {
  return withChecksum(`tr(${key},and_v(v:pk(${refundKey}),after(${refundHeight})))`);
}

/** undefined unless the text is such a descriptor with the right checksum. */
export function parseDescriptor(descriptor: string): PinataDescriptor | undefined {
  const body = checkedBody(descriptor);
  const form = /^tr\(([0-9A-Za-z]{1,64}),and_v\(v:pk\(([0-9a-f]{64})\),after\(([1-9][0-9]{0,8})\)\)\)$/;
  const match = body === undefined ? null : form.exec(body);
  if (!match) return undefined;
  const refundHeight = Number(match[3]);
  if (refundHeight > MAX_LOCK_HEIGHT) return undefined;
  return { key: match[1]!, refundKey: match[2]!, refundHeight };
}

/** From 500,000,000 on, a lock time is a time and not a height. */
export const MAX_LOCK_HEIGHT = 499_999_999;
