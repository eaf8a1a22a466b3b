/**
 * Makes the certificates of the corpus: @peculiar/x509 writes a plain one of our profile, an edit changes its DER in one place, and it is
 * signed again. Keys come from seeds and signatures are deterministic (RFC 6979, RFC 8032), so that the corpus is the same every time.
 */
import { createHash, webcrypto } from "node:crypto";
import type { Extension } from "@peculiar/x509";
import {
  basicConstraints,
  type Issued,
  issue,
  type KeyKind,
  type Keys,
  KeyUsageFlags,
  keysOf,
  keyUsage,
  type Parts,
  type Purpose,
  purposes,
  rawExtension,
  signAgain,
} from "../../support/certificates.ts";
import {
  concat,
  constructed,
  decode,
  element,
  encode,
  type Node,
  oid,
  primitive,
  sequence,
} from "../../support/der.ts";
import type { Presented } from "./presented.ts";

/** How a certificate differs from the plain one of its sort. `null` leaves an extension out. */
export interface Plan {
  subject?: string;
  /** The issuer's name to write, where it is not the issuer's subject. */
  issuerName?: string;
  issuer?: Issued | "itself";
  kind?: KeyKind;
  keys?: Keys;
  serialNumber?: string;
  notBefore?: Date;
  notAfter?: Date;
  /** Path length of an authority's plain basicConstraints. */
  pathLength?: number;
  /** Purpose of a leaf's plain extKeyUsage. */
  purpose?: Purpose | Purpose[];
  constraints?: Extension | null;
  usage?: Extension | null;
  purposes?: Extension | null;
  subjectKey?: Extension | null;
  authorityKey?: Extension | null;
  more?: Extension[];
  /** Changes the certificate before it is signed. */
  edit?: (parts: Parts) => void;
  /** Signs in the issuer's place. */
  signer?: Keys;
  sign?: (message: Uint8Array, keys: Keys) => Uint8Array;
  /** Changes the certificate after it was signed. */
  after?: (outer: Node[]) => void;
}

/** The children of tbsCertificate. */
export const FIELD = { version: 0, serial: 1, algorithm: 2, issuer: 3, validity: 4, subject: 5, key: 6, extensions: 7 };

export class World {
  private constructor(
    readonly root: Issued,
    readonly middle: Issued,
    readonly low: Issued,
  ) {}

  /** A root, an authority below it, and one below that. */
  static async make(): Promise<World> {
    const root = await makeAuthority({ issuer: "itself", subject: "CN=Root,O=Example" });
    const middle = await makeAuthority({ issuer: root, subject: "CN=Middle,O=Example" });
    return new World(root, middle, await makeAuthority({ issuer: middle, subject: "CN=Low,O=Example" }));
  }

  /** A leaf, for a client below the root unless the plan says otherwise. */
  leaf(plan: Plan = {}): Promise<Issued> {
    const purpose = [plan.purpose ?? "client"].flat();
    return make({
      issuer: this.root,
      subject: "CN=Peer,O=Example",
      usage: keyUsage(KeyUsageFlags.digitalSignature),
      purposes: purposes(...purpose),
      ...plan,
    });
  }

  /** An authority, below the root unless the plan says otherwise. */
  authority(plan: Plan = {}): Promise<Issued> {
    return makeAuthority({ issuer: this.root, ...plan });
  }

  /** These certificates in this order, for the root. */
  present(...chain: (Issued | Uint8Array)[]): Presented {
    return this.presentTo(this.root, ...chain);
  }

  presentTo(anchor: Issued, ...chain: (Issued | Uint8Array)[]): Presented {
    const [peer] = chain;
    const ders = chain.map((item) => (item instanceof Uint8Array ? item : item.der));
    return { anchor, chain: ders, ...(peer === undefined || peer instanceof Uint8Array ? {} : { peer }) };
  }

  /** One leaf below the root. */
  async one(plan: Plan = {}): Promise<Presented> {
    return this.present(await this.leaf(plan));
  }

  /** A leaf below an authority below the root. */
  async below(authority: Plan = {}, leaf: Plan = {}): Promise<Presented> {
    const middle = await this.authority(authority);
    return this.present(await this.leaf({ issuer: middle, ...leaf }), middle);
  }

  /** A leaf below another trust anchor. */
  async anchored(anchor: Plan, leaf: Plan = {}): Promise<Presented> {
    const other = await this.authority({ issuer: "itself", subject: "CN=Anchor,O=Example", ...anchor });
    return this.presentTo(other, await this.leaf({ issuer: other, ...leaf }));
  }
}

/** The keys that always belong to this name. */
export async function keysFor(kind: KeyKind, name: string): Promise<Keys> {
  const id = `${kind} ${name}`;
  const known = KEYS.get(id);
  if (known) return known;
  // 256 bits are below the order of P-384, and (but for one in 2^32, which the import would refuse) below that of P-256.
  const seed = createHash("sha256").update(`the certificate corpus, ${id}`).digest();
  const keys = await keysOf(kind, kind === "p384" ? concat(new Uint8Array(16), seed) : seed);
  KEYS.set(id, keys);
  return keys;
}

/** An extension of any content, critical. */
export function criticalExtension(oid: string, ...value: Uint8Array[]): Extension {
  return rawExtension(oid, true, concat(...value));
}

/** An extension of any content, not critical. */
export function plainExtension(oid: string, ...value: Uint8Array[]): Extension {
  return rawExtension(oid, false, concat(...value));
}

/** Puts a node in another's place, for an edit. */
export function put(siblings: Node[], at: number, node: Node): void {
  siblings[at] = node;
}

/** The list of extensions as nodes, for an edit. */
export function extensionList({ tbs }: Parts): Node[] {
  return tbs[FIELD.extensions]!.children![0]!.children!;
}

/** The children of its tbsCertificate; see {@link FIELD}. */
export function fieldsOf({ der }: Issued): Node[] {
  return decode(der).children![0]!.children!;
}

/** RFC 7093 §2, method 1: the first 160 bits of the SHA-256 of the public key. */
export async function keyIdentifier({ pair }: Keys): Promise<Uint8Array> {
  const raw = new Uint8Array(await webcrypto.subtle.exportKey("raw", pair.publicKey));
  return createHash("sha256").update(raw).digest().subarray(0, 20);
}

function makeAuthority(plan: Plan): Promise<Issued> {
  return make({
    subject: "CN=Authority,O=Example",
    constraints: basicConstraints(true, plan.pathLength),
    usage: keyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign),
    ...plan,
  });
}

async function make(plan: Plan): Promise<Issued> {
  const subject = plan.subject ?? "CN=Nobody";
  const keys = plan.keys ?? (await keysFor(plan.kind ?? "p256", subject));
  const issuer = plan.issuer === "itself" || plan.issuer === undefined ? undefined : plan.issuer;
  const signer = plan.signer ?? issuer?.keys ?? keys;
  const slots = {
    constraints: null,
    usage: null,
    purposes: null,
    subjectKey: plainExtension("2.5.29.14", element(0x04, await keyIdentifier(keys))),
    authorityKey: plainExtension("2.5.29.35", sequence(element(0x80, await keyIdentifier(issuer?.keys ?? keys)))),
    ...plan,
  };
  const { constraints, usage, purposes: list, subjectKey, authorityKey, more = [] } = slots;
  const extensions = [constraints, usage, list, subjectKey, authorityKey, ...more].filter((item) => item !== null);
  const { serialNumber, notBefore, notAfter, issuerName } = plan;
  const options = { serialNumber, notBefore, notAfter, issuerName };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const issued = await issue({ ...given, subject, keys, extensions: [], ...issuerOf(issuer, signer) });

  const certificate = decode(issued.der);
  const outer = certificate.children!;
  // Put in by hand: @peculiar/x509 reads what it writes, and would not write what it cannot read.
  outer[0]!.children![FIELD.extensions] = constructed(0xa3, constructed(0x30, ...extensions.map(extensionNode)));
  plan.edit?.({ outer, tbs: outer[0]!.children! });
  const signature = (plan.sign ?? ((message) => signAgain(signer, message)))(encode(outer[0]!), signer);
  outer[2] = { tag: 0x03, content: concat(Uint8Array.of(0), signature) };
  plan.after?.(outer);
  return { ...issued, der: encode(certificate) };
}

/** The options of `issue`: whoever signs, the name is the issuer's. */
function issuerOf(issuer: Issued | undefined, signer: Keys): { issuer?: Issued } {
  return issuer === undefined ? {} : { issuer: { ...issuer, keys: signer } };
}

function extensionNode({ type, critical, value }: Extension): Node {
  const criticality = critical ? [primitive(0x01, [0xff])] : [];
  return constructed(0x30, { tag: 0x06, raw: oid(type) }, ...criticality, primitive(0x04, new Uint8Array(value)));
}

const KEYS = new Map<string, Keys>();
