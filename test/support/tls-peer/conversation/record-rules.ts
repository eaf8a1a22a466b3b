/**
 * The record layer's rules for a receiver (RFC 8446 §5), for the model: which alerts answer a header or an opened record that must not be.
 */
import { ALERT, TYPE } from "../wire.ts";

const MAX_CONTENT = 2 ** 14;
const MAX_PROTECTED = MAX_CONTENT + 256;
const TAG = 16;
/** The profile's own limit: docs/refusals.md. */
export const MAX_MESSAGE = 16384;

export interface ReadState {
  /** The peer's records are protected from here on. */
  hasKeys: boolean;
  /** One of them has been opened. */
  opened: boolean;
  /** Early data is passed over until the second ClientHello. */
  skipsProtected: boolean;
}

/** The alerts for a header; undefined: it may be. legacy_record_version "MUST be ignored for all purposes" (§5.1). */
export function judgeHeader(type: number, length: number, state: ReadState): readonly number[] | undefined {
  switch (type) {
    case TYPE.ccs:
      return length === 1 ? undefined : [ALERT.unexpectedMessage];
    case TYPE.data:
      if (!state.hasKeys && !state.skipsProtected) return [ALERT.unexpectedMessage];
      if (length > MAX_PROTECTED) return [ALERT.recordOverflow];
      return length < TAG ? [ALERT.badRecordMac] : undefined;
    case TYPE.handshake:
    case TYPE.alert:
      // A peer that could not follow ServerHello has no keys to say so with: its alert may come in the clear until it has shown that it has.
      if (state.hasKeys && (type === TYPE.handshake || state.opened)) return [ALERT.unexpectedMessage];
      if (length > MAX_CONTENT) return [ALERT.recordOverflow];
      return length === 0 ? [ALERT.unexpectedMessage] : undefined;
  }
  return [ALERT.unexpectedMessage];
}

/** The alerts for an opened record; `length` is that of TLSInnerPlaintext. Application data is for after the peer's Finished. */
export function judgeInner(
  length: number,
  inner: { type: number; content: Buffer },
  { complete }: { complete: boolean },
): readonly number[] | undefined {
  if (length > MAX_CONTENT + 1) return [ALERT.recordOverflow];
  if (complete && inner.type === TYPE.data) return undefined;
  const isEmpty = inner.content.length === 0;
  const isKnown = inner.type === TYPE.handshake || inner.type === TYPE.alert;
  return isKnown && !isEmpty ? undefined : [ALERT.unexpectedMessage];
}
