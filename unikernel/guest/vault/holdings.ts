/**
 * Holdings: everything that the vault has from its seal, each in a fixed buffer of its own: candy, trust anchor, the
 * two identities. Filled once, after the whole seal was found right, so that a refused seal leaves nothing behind.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { Role } from "../role";
import { MAX_ANCHOR_LENGTH, MAX_CANDY_LENGTH, Seal } from "../seal";
import { SealError } from "../seal-error";
import { Certificate } from "../x509/certificate";
import { Chain, isAuthority } from "../x509/path";
import { verifySignature } from "../x509/signature";
import { belongsTo, Identity, isPrivateKey } from "./identity";

@final
export class Holdings {
  /** Whether a seal was accepted. */
  unsealed: bool = false;
  readonly anchor: Certificate = new Certificate();
  readonly candy: Bytes = Bytes.empty();
  private server: Identity = new Identity();
  private client: Identity = new Identity();
  private candyHome: Bytes = Bytes.alloc(MAX_CANDY_LENGTH);
  private anchorHome: Bytes = Bytes.alloc(MAX_ANCHOR_LENGTH);

  identity(role: Role): Identity {
    return role == Role.Server ? this.server : this.client;
  }

  /**
   * Checks a seal file in full and keeps copies of what it holds. `chain` is used for the check. The network's name is checked
   * and not kept: nothing in the vault depends on it yet.
   */
  unseal(file: Bytes, chain: Chain): SealError {
    if (this.unsealed) return SealError.AlreadyUnsealed;
    const seal = new Seal();
    let error = seal.read(file);
    if (error == SealError.None) error = checkAnchor(this.anchor, seal.anchor);
    if (error == SealError.None)
      error = checkIdentity(Role.Server, seal.serverChain, seal.serverKey, this.anchor, chain);
    if (error == SealError.None)
      error = checkIdentity(Role.Client, seal.clientChain, seal.clientKey, this.anchor, chain);
    if (error != SealError.None) {
      this.anchor.reset();
      return error;
    }

    this.candyHome.put(0, seal.candy);
    this.candy.aim(this.candyHome, 0, seal.candy.length);
    this.anchorHome.put(0, seal.anchor);
    assert(this.anchor.parse(this.anchorHome.slice(0, seal.anchor.length)) == Failure.None);
    this.server.keep(seal.serverChain, seal.serverKey);
    this.client.keep(seal.clientChain, seal.clientKey);
    this.unsealed = true;
    return SealError.None;
  }
}

/** The trust anchor: a CA certificate of the profile that its own key signed, which shows that it is whole. */
function checkAnchor(anchor: Certificate, der: Bytes): SealError {
  if (anchor.parse(der) != Failure.None) return SealError.AnchorInvalid;
  if (!isAuthority(anchor)) return SealError.AnchorNotAuthority;
  const selfSigned =
    anchor.issuer.equals(anchor.subject) &&
    anchor.signedWith == anchor.scheme &&
    verifySignature(anchor.scheme, anchor.publicKey, anchor.signed, anchor.signature);
  return selfSigned ? SealError.None : SealError.AnchorNotSelfSigned;
}

/** Whether a peer would accept this chain in this role at some time, and whether the key is the leaf's. */
function checkIdentity(role: Role, chainBytes: Bytes, keyField: Bytes, anchor: Certificate, chain: Chain): SealError {
  if (chain.read(chainBytes) != Failure.None || chain.length > MAX_OWN_CERTIFICATES) {
    return ofRole(role, SealError.ServerChainInvalid);
  }
  if (!isPrivateKey(keyField)) return ofRole(role, SealError.ServerKeyInvalid);
  if (!belongsTo(keyField, chain.leaf)) return ofRole(role, SealError.ServerKeyMismatch);
  const trusted = chain.checkForm(anchor, role) == Failure.None && chain.verify(anchor) == Failure.None;
  return trusted ? SealError.None : ofRole(role, SealError.ServerChainUntrusted);
}

/** The error of the same name for `role`. */
function ofRole(role: Role, serverError: SealError): SealError {
  return role == Role.Server
    ? serverError
    : <SealError>(serverError + SealError.ClientChainInvalid - SealError.ServerChainInvalid);
}

const MAX_OWN_CERTIFICATES: u32 = 3;
