/** Contents of extensions that more than one room writes. */
import { constructed, element, encode, oid, primitive, sequence } from "../../../support/der.ts";

/** GeneralNames of these. */
export const altNames = (...names: Uint8Array[]) => sequence(...names);
const text = (tag: number, value: string) => element(tag, new TextEncoder().encode(value));
export const dns = (name: string) => text(0x82, name);
export const mail = (name: string) => text(0x81, name);
export const uri = (name: string) => text(0x86, name);
export const address = (...bytes: number[]) => element(0x87, Uint8Array.from(bytes));
/** A directoryName of one common name. */
export const directory = (name: string) =>
  element(
    0xa4,
    encode(
      constructed(0x30, constructed(0x31, constructed(0x30, { tag: 6, raw: oid("2.5.4.3") }, primitive(0x0c, name)))),
    ),
  );

export const integer = (...bytes: number[]) => element(0x02, Uint8Array.from(bytes));
export const boolean = (byte: number) => element(0x01, Uint8Array.of(byte));
export const TRUE = boolean(0xff);
export const FALSE = boolean(0);
export const NULL = element(0x05);
export const bits = (...bytes: number[]) => element(0x03, Uint8Array.from(bytes));

/** The object identifiers of extensions. */
export const OID = {
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  altNames: "2.5.29.17",
  issuerAltNames: "2.5.29.18",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  crlPoints: "2.5.29.31",
  policies: "2.5.29.32",
  policyMappings: "2.5.29.33",
  authorityKey: "2.5.29.35",
  policyConstraints: "2.5.29.36",
  purposes: "2.5.29.37",
  inhibitAnyPolicy: "2.5.29.54",
  authorityInfo: "1.3.6.1.5.5.7.1.1",
};
