/*
 * A real vault (build/guest/vault.wasm) with a fixed seed and the practice seal, as a compartment beside the target. Everything about it is
 * the same in every run: `vault_reset` puts it back as it was when it had just been unsealed.
 */
#ifndef PINATA_FUZZ_VAULT_H
#define PINATA_FUZZ_VAULT_H

#include "fuzz.h"
#include "keeper.h"

/** Seconds since 1970 that every run has: the practice certificates are valid then. */
#define FUZZ_NOW 1780315200u
#define TICKET_LENGTH 16u

extern Z_keeper_instance_t keeper;

/** Instantiates, seeds and unseals; once. */
void vault_open(void);
/** Keeps the vault as it is now as the state that {@link vault_reset} goes back to. */
void vault_keep(void);
void vault_reset(void);
/** The inbox with `length` bytes of room; the outbox with `length` bytes in it. */
uint8_t *vault_inbox(uint32_t length);
const uint8_t *vault_outbox(uint32_t length);

#endif
