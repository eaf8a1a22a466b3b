/*
 * Fuzz target: what a door hands to the vault about its peer: a certificate chain, a signature, a scheme. Built over the vault of the image,
 * with coverage; the seal, the time and the hash are fixed.
 *
 * Input: a byte of FLAGS, u16 scheme, a chunk (u16 length, bytes) that is the signature, then a chunk for each certificate, leaf first.
 *
 * Beyond not trapping: a ticket comes with acceptance and only then, the subject is printable, and refused peers get no candy.
 */
#include "vault.h"

enum {
  FLAG_SERVER = 1,  /* the peer is a server; otherwise a client */
  FLAG_SHA384 = 2,  /* the hash has 48 bytes; otherwise 32 */
  FLAG_EARLY = 4,   /* long before the certificates */
  FLAG_LATE = 8,    /* long after them */
  FLAG_RAW = 16,    /* the first chunk is the whole chain, lengths and all */
};
enum { ROLE_SERVER = 0, ROLE_CLIENT = 1, MAX_SUBJECT = 128, DOOR_NUMBER = 7 };

#define EARLY 946684800u
#define LATE 4102444800u

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  vault_open();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t given[65536 * 2];
  Input input = {data, size};
  const uint32_t flags = take(&input, 1);
  const uint32_t scheme = take(&input, 2);
  const Chunk signature = take_chunk(&input);
  uint32_t chain = 0;
  while (input.left > 0) {
    const Chunk certificate = take_chunk(&input);
    if (certificate.length + 3 > sizeof given / 2 - chain) break;
    if (!(flags & FLAG_RAW)) {
      given[chain] = 0;
      put16(given + chain + 1, (uint32_t)certificate.length);
      chain += 3;
    }
    memcpy(given + chain, certificate.at, certificate.length);
    chain += (uint32_t)certificate.length;
    if (flags & FLAG_RAW) break;
  }
  const uint32_t hash = flags & FLAG_SHA384 ? 48 : 32;
  memcpy(given + chain, signature.at, signature.length);
  memset(given + chain + signature.length, 0xa5, hash);

  vault_reset();
  uint32_t all = chain + (uint32_t)signature.length + hash;
  if (all > Z_keeperZ_inboxSize(&keeper)) all = Z_keeperZ_inboxSize(&keeper);
  memcpy(vault_inbox(all), given, all);
  const uint64_t now = flags & FLAG_EARLY ? EARLY : flags & FLAG_LATE ? LATE : FUZZ_NOW;
  const uint32_t failure = Z_keeperZ_authenticate(&keeper, DOOR_NUMBER, flags & FLAG_SERVER ? ROLE_SERVER : ROLE_CLIENT, now,
                                                  scheme, chain, (uint32_t)signature.length, hash);

  uint8_t ticket[TICKET_LENGTH];
  static const uint8_t none[TICKET_LENGTH];
  const uint8_t *out = vault_outbox(TICKET_LENGTH + 2 + MAX_SUBJECT);
  memcpy(ticket, out, TICKET_LENGTH);
  expect((memcmp(ticket, none, TICKET_LENGTH) != 0) == (failure == 0), "a ticket without acceptance, or none with it");
  const uint32_t subject = u16_at(out + TICKET_LENGTH);
  expect(failure < 256 && subject <= MAX_SUBJECT, "a failure or a subject that cannot be");
  for (uint32_t i = 0; i < subject; i++) {
    const uint8_t letter = out[TICKET_LENGTH + 2 + i];
    expect(letter >= 0x20 && letter < 0x7f, "a subject that is not printable");
  }
  memcpy(vault_inbox(TICKET_LENGTH), ticket, TICKET_LENGTH);
  expect((Z_keeperZ_candy(&keeper, DOOR_NUMBER) > 0) == (failure == 0), "candy without acceptance, or none with it");
  memcpy(vault_inbox(TICKET_LENGTH), ticket, TICKET_LENGTH);
  expect(Z_keeperZ_candy(&keeper, DOOR_NUMBER) == 0, "candy twice for one ticket");
  return 0;
}
