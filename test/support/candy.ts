/** What a winner must find in the bytes that a door sends: a taproot descriptor with a private key, the refund leaf, a checksum. */
export const CANDY = /tr\([5KLc9][1-9A-HJ-NP-Za-km-z]{50,51},and_v\(v:pk\([0-9a-f]{64}\),after\(1000\)\)\)#[a-z0-9]{8}/;
