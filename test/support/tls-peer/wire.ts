/**
 * The wire format of TLS 1.3 for the tests' own peer: writers that make any message, well formed or not, and a cursor.
 * Independent of the guest: nothing here is shared with the code under test.
 */
export const TYPE = { ccs: 20, alert: 21, handshake: 22, data: 23 } as const;

export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  certificateVerify: 15,
  finished: 20,
  keyUpdate: 24,
  messageHash: 254,
} as const;

export const EXTENSION = {
  serverName: 0,
  statusRequest: 5,
  supportedGroups: 10,
  signatureAlgorithms: 13,
  alpn: 16,
  padding: 21,
  recordSizeLimit: 28,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  cookie: 44,
  pskModes: 45,
  authorities: 47,
  oidFilters: 48,
  keyShare: 51,
} as const;

export const GROUP = { p256: 23, x25519: 29, p521: 25, hybrid: 0x11ec } as const;
/** Bytes of the parts of X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem §4.1). */
export const ML_KEM = { key: 1184, ciphertext: 1088 } as const;
export const SCHEME = { ecdsa: 0x0403, p384: 0x0503, ed25519: 0x0807, rsaPss: 0x0804 } as const;

export const ALERT = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateExpired: 45,
  illegalParameter: 47,
  unknownCa: 48,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  userCanceled: 90,
  missingExtension: 109,
  unsupportedExtension: 110,
  certificateRequired: 116,
} as const;

/** SHA-256 of "HelloRetryRequest". */
export const RETRY_RANDOM = Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex");

/** Reserved values (RFC 8701 §2). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

export type Extensions = [type: number, data: Uint8Array][];

export function uint(width: number, value: number): Buffer {
  const out = Buffer.alloc(width);
  out.writeUIntBE(value, 0, width);
  return out;
}

export function u16s(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => uint(2, value)));
}

/** The numbers of a list of u16. */
export function numbers(list: Uint8Array): number[] {
  return Array.from({ length: list.length / 2 }, (_, i) => Buffer.from(list).readUInt16BE(2 * i));
}

/** A vector: its length in `width` bytes, then its parts. */
export function vector(width: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([uint(width, content.length), content]);
}

export function extensionBlock(extensions: Extensions): Buffer {
  return vector(2, ...extensions.map(([type, data]) => Buffer.concat([uint(2, type), vector(2, data)])));
}

export function handshake(type: number, ...body: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([type]), vector(3, ...body)]);
}

export function record(type: number, content: Uint8Array, version = 0x0303): Buffer {
  return Buffer.concat([Buffer.from([type]), uint(2, version), vector(2, content)]);
}

export function alert(description: number, level = 2): Buffer {
  return Buffer.from([level, description]);
}

/** Reads from the front; throws when there is too little. */
export class Cursor {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Error(`the door's message ends ${length - this.left} bytes early`);
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at));
  }

  uint(width: number): number {
    return this.take(width).readUIntBE(0, width);
  }

  vector(width: number): Buffer {
    return this.take(this.uint(width));
  }

  extensions(): Map<number, Buffer> {
    const block = new Cursor(this.vector(2));
    const out = new Map<number, Buffer>();
    while (block.left > 0) out.set(block.uint(2), block.vector(2));
    return out;
  }
}
