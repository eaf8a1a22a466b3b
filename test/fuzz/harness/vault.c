/* The vault of the harnesses: see vault.h. */
#include "vault.h"

#include <stdlib.h>

#include "practice-seal.h"

Z_keeper_instance_t keeper;
static Z_keeper_instance_t kept;
static uint8_t *kept_memory;
static bool touched;

void vault_open(void) {
  Z_keeper_init_module();
  Z_keeper_instantiate(&keeper);
  memset(vault_inbox(64), 0x5a, 64);
  Z_keeperZ_seed(&keeper, 64);
  memcpy(vault_inbox(sizeof practice_seal), practice_seal, sizeof practice_seal);
  expect(Z_keeperZ_unseal(&keeper, sizeof practice_seal) == 0, "the vault refuses the practice seal");
  vault_keep();
}

void vault_keep(void) {
  const wasm_rt_memory_t *memory = Z_keeperZ_memory(&keeper);
  if (kept_memory == NULL) kept_memory = malloc(memory->size);
  expect(kept_memory != NULL, "the harness has no memory");
  kept = keeper;
  memcpy(kept_memory, memory->data, memory->size);
  touched = false;
}

void vault_reset(void) {
  if (!touched) return;
  keeper = kept;
  memcpy(Z_keeperZ_memory(&keeper)->data, kept_memory, Z_keeperZ_memory(&keeper)->size);
  touched = false;
}

uint8_t *vault_inbox(uint32_t length) {
  touched = true;
  expect(length <= Z_keeperZ_inboxSize(&keeper), "more than the vault's inbox holds");
  return window(Z_keeperZ_memory(&keeper), Z_keeperZ_inbox(&keeper), length);
}

const uint8_t *vault_outbox(uint32_t length) {
  touched = true;
  expect(length <= Z_keeperZ_outboxSize(&keeper), "the vault says more than its outbox holds");
  return window(Z_keeperZ_memory(&keeper), Z_keeperZ_outbox(&keeper), length);
}
