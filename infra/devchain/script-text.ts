/** Scripts for people: the assembly text and type names that Esplora (rust-bitcoin) and Bitcoin Core write, each in its own dialect. */
import { toHex } from "../bitcoin/bytes.ts";
import { opcodes } from "../bitcoin/ecc.ts";
import { addressOfScript } from "../bitcoin/networks.ts";

const NAMES = new Map(
  Object.entries(opcodes)
    .filter(([name]) => !/^OP_(TRUE|FALSE|NOP[23]|PUBKEY.*|INVALIDOPCODE)$/.test(name))
    .map(([name, code]) => [code, name]),
);
const ESPLORA_NAMES: Readonly<Record<number, string>> = { 177: "OP_CLTV", 178: "OP_CSV" };

/** As Esplora writes it: "OP_PUSHNUM_1 OP_PUSHBYTES_32 79be…". */
export function esploraAsm(script: Uint8Array): string {
  return pieces(script)
    .map(({ opcode, data }) => {
      if (opcode > 0 && opcode <= 0x4b) return `OP_PUSHBYTES_${opcode} ${data}`;
      if (opcode >= 0x4c && opcode <= 0x4e) return `OP_PUSHDATA${1 << (opcode - 0x4c)} ${data}`;
      if (opcode >= 0x51 && opcode <= 0x60) return `OP_PUSHNUM_${opcode - 0x50}`;
      if (opcode === 0x4f) return "OP_PUSHNUM_NEG1";
      return ESPLORA_NAMES[opcode] ?? nameOf(opcode);
    })
    .join(" ");
}

/** As Bitcoin Core writes it: "1 79be…"; pushes of up to four bytes are shown as numbers. */
export function coreAsm(script: Uint8Array): string {
  return pieces(script)
    .map(({ opcode, data }) => {
      if (opcode === 0) return "0";
      if (opcode <= 0x4e) return data.length <= 8 ? String(smallNumber(Buffer.from(data, "hex"))) : data;
      if (opcode >= 0x51 && opcode <= 0x60) return String(opcode - 0x50);
      return opcode === 0x4f ? "-1" : nameOf(opcode);
    })
    .join(" ");
}

/** The types by both names: Esplora's and Core's. */
export function scriptType(script: Uint8Array): { esplora: string; core: string } {
  if (script.length === 0) return { esplora: "empty", core: "nonstandard" };
  if (script[0] === 0x6a) return { esplora: "op_return", core: "nulldata" };
  const address = addressOfScript(script, "regtest");
  if (script.length === 34 && script[0] === 0x51) return { esplora: "v1_p2tr", core: "witness_v1_taproot" };
  if (script.length === 22 && script[0] === 0) return { esplora: "v0_p2wpkh", core: "witness_v0_keyhash" };
  if (script.length === 34 && script[0] === 0) return { esplora: "v0_p2wsh", core: "witness_v0_scripthash" };
  if (address !== undefined && script.length === 25) return { esplora: "p2pkh", core: "pubkeyhash" };
  if (address !== undefined && script.length === 23) return { esplora: "p2sh", core: "scripthash" };
  if (script[script.length - 1] === 0xac && (script.length === 35 || script.length === 67)) {
    return { esplora: "p2pk", core: "pubkey" };
  }
  return { esplora: "unknown", core: address === undefined ? "nonstandard" : "witness_unknown" };
}

interface Piece {
  opcode: number;
  /** What is pushed, hex. */
  data: string;
}

function pieces(script: Uint8Array): Piece[] {
  const found: Piece[] = [];
  for (let at = 0; at < script.length; ) {
    const opcode = script[at++]!;
    const sizeBytes = opcode === 0x4c ? 1 : opcode === 0x4d ? 2 : opcode === 0x4e ? 4 : 0;
    let length = opcode <= 0x4b ? opcode : 0;
    for (let i = 0; i < sizeBytes; i++) length += (script[at + i] ?? 0) * 2 ** (8 * i);
    at += sizeBytes;
    found.push({ opcode, data: toHex(script.subarray(at, at + length)) });
    at += length;
  }
  return found;
}

function smallNumber(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  const magnitude = bytes.reduce(
    (sum, byte, i) => sum + (i === bytes.length - 1 ? byte & 0x7f : byte) * 2 ** (8 * i),
    0,
  );
  return bytes[bytes.length - 1]! & 0x80 ? -magnitude : magnitude;
}

function nameOf(opcode: number): string {
  return NAMES.get(opcode) ?? (opcode >= 0xbb ? `OP_RETURN_${opcode}` : "OP_UNKNOWN");
}
