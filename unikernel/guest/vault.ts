/**
 * vault: the compartment that holds the long-term keys, the trust anchor and the candy, and never sees the network.
 * Entry file: the only one of this compartment with exports; it imports nothing from the board.
 *
 * The vault's law: `authenticate` accepts only a chain that leads to the one trust anchor now, and a CertificateVerify
 * signature over that transcript in the peer's role; `candy` answers only the ticket of such a success, once, for that
 * door; no other export returns secret bytes; `sign` signs nothing but CertificateVerify contents made here.
 *
 * The board copies arguments to the inbox, calls, and copies results from the outbox. Every call wipes the outbox first and
 * the inbox last, and gives back, zeroed, whatever memory it took: no call leaves anything of itself behind. Lengths
 * and roles come from outside and are checked; a call that cannot be right gets the answer "no", a seed that
 * is too short traps.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Generator } from "./crypto/drbg";
import { Failure } from "./failure";
import { Role } from "./role";
import { SealError } from "./seal-error";
import { Holdings } from "./vault/holdings";
import { MAX_SIGNATURE_LENGTH } from "./vault/identity";
import { certificateVerifyContent, isHashLength } from "./vault/proof";
import { TICKET_LENGTH, Tickets } from "./vault/tickets";
import { describeName, MAX_NAME_TEXT } from "./x509/names";
import { Chain, MAX_CHAIN_LENGTH } from "./x509/path";
import { isScheme, NO_SCHEME, verifySignature } from "./x509/signature";

const INBOX_LENGTH: u32 = 24 * 1024;
const OUTBOX_LENGTH: u32 = 20 * 1024;
const MIN_SEED_LENGTH: u32 = 32;

const INBOX = Bytes.alloc(INBOX_LENGTH);
const OUTBOX = Bytes.alloc(OUTBOX_LENGTH);
const GENERATOR = new Generator();
const HOLDINGS = new Holdings();
const TICKETS = new Tickets();
/** The chain that is being judged. */
const CHAIN = new Chain();
let seeded = false;

/** Where the board puts arguments, and how many bytes fit. */
export function inbox(): usize {
  return INBOX.address;
}
export function inboxSize(): u32 {
  return INBOX_LENGTH;
}

/** Where results are, until the next call. */
export function outbox(): usize {
  return OUTBOX.address;
}
export function outboxSize(): u32 {
  return OUTBOX_LENGTH;
}

/** Inbox: at least 32 random bytes, mixed into the vault's generator. Traps on fewer, or more than fit. */
export function seed(length: u32): void {
  const scope = begin();
  assert(length >= MIN_SEED_LENGTH && length <= INBOX_LENGTH);
  GENERATOR.seed(INBOX.slice(0, length));
  seeded = true;
  end(scope);
}

/** Inbox: a seal file. 0, once, when all of it is right; otherwise a `SealError`, and the vault is as before. */
export function unseal(length: u32): u32 {
  const scope = begin();
  const error = length > INBOX_LENGTH ? SealError.TooLong : HOLDINGS.unseal(INBOX.slice(0, length), CHAIN);
  end(scope);
  return <u32>error;
}

/** SignatureScheme of the piñata's own certificate for `role`; 0 before the seal and for no role. */
export function scheme(role: u32): u32 {
  const scope = begin();
  const own = isRole(role) ? HOLDINGS.identity(<Role>role).scheme : NO_SCHEME;
  end(scope);
  return own;
}

/** Outbox: the piñata's chain for `role` as `u24 length ‖ DER`, leaf first. Returns its length; 0 as for {@link scheme}. */
export function certificates(role: u32): u32 {
  const scope = begin();
  const length = isRole(role) ? answer(HOLDINGS.identity(<Role>role).chain) : 0;
  end(scope);
  return length;
}

/** Outbox: the trust anchor's subject, DER. Returns its length; 0 before the seal. */
export function authority(): u32 {
  const scope = begin();
  const length = answer(HOLDINGS.anchor.subject);
  end(scope);
  return length;
}

/** Inbox: a transcript hash. Outbox: our CertificateVerify signature over it in `role`. Returns its length; 0: refused. */
export function sign(role: u32, hashLength: u32): u32 {
  const scope = begin();
  let length: u32 = 0;
  if (isReady() && isRole(role) && isHashLength(hashLength)) {
    const content = certificateVerifyContent(<Role>role, INBOX.slice(0, hashLength));
    length = HOLDINGS.identity(<Role>role).sign(content, GENERATOR, OUTBOX.slice(0, MAX_SIGNATURE_LENGTH));
  }
  end(scope);
  return length;
}

/**
 * Judges a peer. Inbox: chain (`u24 length ‖ DER`, leaf first) ‖ CertificateVerify signature ‖ transcript hash; `now` in
 * seconds since 1970. Returns a `Failure`, 0 accepted. Outbox: ticket (16 bytes, zero unless accepted) ‖ u16 length ‖
 * the leaf's subject in printable ASCII, as far as the leaf could be read. An earlier ticket of `door` dies.
 */
export function authenticate(
  door: u32,
  peerRole: u32,
  now: u64,
  scheme: u32,
  chainLength: u32,
  signatureLength: u32,
  hashLength: u32,
): u32 {
  const scope = begin();
  TICKETS.forget(door);
  const failure = judge(peerRole, now, scheme, chainLength, signatureLength, hashLength);
  if (failure == Failure.None) {
    const ticket = TICKETS.issue(door);
    GENERATOR.fill(ticket);
    OUTBOX.put(0, ticket);
  }
  end(scope);
  return <u32>failure;
}

/** Inbox: a ticket. Outbox: the candy, when it is the live ticket of `door`. Returns its length; 0: refused. The ticket dies. */
export function candy(door: u32): u32 {
  const scope = begin();
  const length = TICKETS.redeem(door, INBOX.slice(0, TICKET_LENGTH)) ? answer(HOLDINGS.candy) : 0;
  end(scope);
  return length;
}

/** The connection of `door` has ended: its ticket dies. */
export function forget(door: u32): void {
  const scope = begin();
  TICKETS.forget(door);
  end(scope);
}

/** `authenticate` without the ticket. What costs a signature verification comes after everything that does not. */
function judge(peerRole: u32, now: u64, scheme: u32, chainLength: u32, signatureLength: u32, hashLength: u32): Failure {
  if (!isReady()) return Failure.VaultUnavailable;
  if (!isRole(peerRole) || !isHashLength(hashLength)) return Failure.Internal;
  if (chainLength > MAX_CHAIN_LENGTH) return Failure.CertificatePathTooLong;
  if (signatureLength > INBOX_LENGTH - chainLength - hashLength) return Failure.Internal;
  const role = <Role>peerRole;
  const signature = INBOX.slice(chainLength, signatureLength);
  const hash = INBOX.slice(chainLength + signatureLength, hashLength);

  const unread = CHAIN.read(INBOX.slice(0, chainLength));
  describeLeaf();
  if (unread != Failure.None) return unread;
  const refused = CHAIN.check(HOLDINGS.anchor, role, now);
  if (refused != Failure.None) return refused;
  if (!isScheme(scheme)) return Failure.CertificateVerifySchemeWrong;
  if (scheme != CHAIN.leaf.scheme) return Failure.CertificateVerifySchemeWrong;

  const forged = CHAIN.verify(HOLDINGS.anchor);
  if (forged != Failure.None) return forged;
  const content = certificateVerifyContent(role, hash);
  const proven = verifySignature(scheme, CHAIN.leaf.publicKey, content, signature);
  return proven ? Failure.None : Failure.CertificateVerifyWrong;
}

/** Puts the leaf's subject behind the place of the ticket, as text with its length. */
function describeLeaf(): void {
  const subject = CHAIN.leaf.subject;
  if (subject.length == 0) return;
  OUTBOX.putU16be(TICKET_LENGTH, describeName(subject, OUTBOX.slice(TICKET_LENGTH + 2, MAX_NAME_TEXT)));
}

/** Copies `result` to the outbox. */
function answer(result: Bytes): u32 {
  OUTBOX.put(0, result);
  return result.length;
}

function isReady(): bool {
  return seeded && HOLDINGS.unsealed;
}

function isRole(role: u32): bool {
  return role == <u32>Role.Server || role == <u32>Role.Client;
}

function begin(): usize {
  OUTBOX.wipe();
  return mark();
}

function end(scope: usize): void {
  INBOX.wipe();
  release(scope);
}
