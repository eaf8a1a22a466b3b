/**
 * Every fixed size, limit and time of TCP in one place: bytes, milliseconds, entries. What happens when a table is full is said beside
 * its size, and tested. Deviations from RFC 9293 and RFC 6298 are named; all come from a piñata's ten seconds of patience.
 */

/**
 * Connections that have a handle: 64 doors, and two more, so that admission sees who comes above that and can say so. A handshake that
 * would make one more is answered with RST; `connect` says -1.
 */
export const OWNED: i32 = 66;
/** Connections given up by `finish` that are not at their end. For one more the oldest is reset. */
export const ORPHANS: i32 = 64;
export const CONNECTIONS: i32 = OWNED + ORPHANS;
/** Ports that can be listened to. */
export const LISTENERS: i32 = 4;
/** Handshakes of peers that are not complete. When full, SYNs are answered with cookies. */
export const HALF_OPEN: i32 = 128;
/** Connections in TIME-WAIT. For one more the oldest goes. */
export const TIME_WAIT: i32 = 128;
/** Control replies (RST, ACK without a connection, cookies) that wait for the link. One more is dropped: the peer asks again. */
export const REPLIES: i32 = 32;
/** Out-of-order ranges of a connection. What would be a fifth is dropped: the peer retransmits. */
export const RANGES: i32 = 4;

export const RECEIVE_BUFFER: u32 = 8192;
export const SEND_BUFFER: u32 = 4096;
/** What an orphan may be sent before it is reset. */
export const MOST_DISCARDED: u32 = 256 * 1024;

/** Assumed of a peer that does not say (RFC 9293 §3.7.1). */
export const DEFAULT_MSS: u32 = 536;
/** A peer that announces less gets this: segments of a few bytes would make us send mostly headers. Must exceed 40, the longest options. */
export const LEAST_MSS: u32 = 88;
/** RFC 7323 §2.3. */
export const MOST_SCALE: i32 = 14;

/** RFC 6298 §2.1. */
export const FIRST_RTO: u32 = 1_000;
/** Below the 1 s of RFC 6298 §2.4 (SHOULD), above the delayed ACKs of common hosts (40 to 200 ms). */
export const LEAST_RTO: u32 = 300;
export const MOST_RTO: u32 = 60_000;
/** RFC 6298 §5.7: after a lost SYN. */
export const RTO_AFTER_LOST_SYN: u32 = 3_000;
/** No progress for as long, by lost ACKs or a closed window, ends a connection (R2 of RFC 9293 §3.8.3: at least 100 s). */
export const PATIENCE: u64 = 100_000;
/** The same for our SYN; the RFC's three minutes would outlive every door. */
export const DIAL_PATIENCE: u64 = 20_000;
/** An orphan's whole time until our FIN is acknowledged: it has no owner who would end it. */
export const ORPHAN_PATIENCE: u64 = 20_000;
/** From the acknowledgment of our FIN to the peer's FIN. */
export const ORPHAN_LINGER: u64 = 2_000;
/** A SYN-ACK is sent at 0, 1, 3 and 7 s; the entry is gone at 15 s. */
export const SYN_ACK_RETRIES: u32 = 3;
/** RFC 9293 §3.8.6.3 allows 500. */
export const DELAYED_ACK: u64 = 40;
/** The least time between two challenge ACKs of a connection (RFC 5961 §7; counted for each, so that nobody learns of another's). */
export const CHALLENGE_INTERVAL: u64 = 200;
/** RSTs for segments without a connection, each second. */
export const RESETS_PER_SECOND: u32 = 100;
/** Twice an MSL of 30 s. */
export const TIME_WAIT_TIME: u64 = 60_000;
/** A cookie is good for one to two of these. */
export const COOKIE_PERIOD: u64 = 32_000;
/** RFC 7323 §5.5: a timestamp older than 24 days says nothing. */
export const STAMP_LIFE: u64 = 24 * 86_400_000;
