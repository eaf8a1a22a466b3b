/*
 * vault.c: the board's side of the vault (docs/design.md, "The compartments' interface"). One instance for the boot. When it traps the
 * call has failed, its window is zeroed and a new one is unsealed from the same seal; should that fail too, no call
 * is answered until one succeeds. Arguments that do not fit its inbox are the fault of the door that sent them: that one traps.
 */
#include "board.h"

#include "vault.h" /* as module "safe": a door imports the names of a module "vault" */

enum { SEED_LENGTH = 64, VAULT_UNAVAILABLE = 113, SUBJECT_MOST = 128 };

static Z_safe_instance_t vault;
static bool alive;
static uint32_t refused;
static struct bytes answer;

/* Inside the vault's guard: the place for arguments, traps when they do not fit. */
static uint8_t *inbox(uint32_t length) {
  if (length > Z_safeZ_inboxSize(&vault)) trap();
  return view(Z_safeZ_memory(&vault), Z_safeZ_inbox(&vault), length);
}

static void answer_with(uint32_t length) {
  if (length > Z_safeZ_outboxSize(&vault)) trap();
  answer = (struct bytes){view(Z_safeZ_memory(&vault), Z_safeZ_outbox(&vault), length), length};
}

static void start(void) {
  struct guard guard;
  alive = false;
  refused = 0;
  if (guard_set(&guard)) return;
  window_open(WINDOW_VAULT, VAULT_PAGES);
  memset(&vault, 0, sizeof vault);
  Z_safe_instantiate(&vault);
  entropy_fill(inbox(SEED_LENGTH), SEED_LENGTH);
  Z_safeZ_seed(&vault, SEED_LENGTH);
  memcpy(inbox(seal_length), (const void *)SEAL_COPY, seal_length);
  refused = Z_safeZ_unseal(&vault, seal_length);
  alive = refused == 0;
  guard_drop(&guard);
}

/* The statements in the vault's guard; a trap restarts it and leaves the answer empty. */
#define IN_VAULT(...)                                           \
  do {                                                          \
    answer = (struct bytes){0};                                 \
    if (!alive) start();                                        \
    struct guard guard;                                         \
    if (!alive) break;                                          \
    if (guard_set(&guard) == 0) {                               \
      __VA_ARGS__;                                              \
      guard_drop(&guard);                                       \
    } else {                                                    \
      answer = (struct bytes){0};                               \
      start();                                                  \
      trace_trap(last_connection(), "vault");                   \
    }                                                           \
  } while (0)

void vault_init(void) {
  Z_safe_init_module();
  start();
  if (refused) fatal_number("the seal is refused: ", refused);
  if (!alive) fatal("the vault does not start");
}

static void check_fits(uint64_t length) { if (length > SEAL_MOST) trap(); }

uint32_t vault_scheme(uint32_t role) {
  static uint32_t scheme;
  scheme = 0;
  IN_VAULT(scheme = Z_safeZ_scheme(&vault, role));
  return scheme;
}

struct bytes vault_certificates(uint32_t role) {
  IN_VAULT(answer_with(Z_safeZ_certificates(&vault, role)));
  return answer;
}

struct bytes vault_authority(void) {
  IN_VAULT(answer_with(Z_safeZ_authority(&vault)));
  return answer;
}

struct bytes vault_sign(uint32_t role, struct bytes hash) {
  check_fits(hash.length);
  IN_VAULT(memcpy(inbox(hash.length), hash.at, hash.length); answer_with(Z_safeZ_sign(&vault, role, hash.length)));
  return answer;
}

struct judgement vault_authenticate(uint32_t door, uint32_t peer_role, uint32_t scheme, struct bytes chain, struct bytes signature,
                                    struct bytes hash) {
  static struct judgement judgement;
  uint64_t length = (uint64_t)chain.length + signature.length + hash.length;
  check_fits(length);
  judgement = (struct judgement){.failure = VAULT_UNAVAILABLE};
  IN_VAULT({
    uint8_t *in = inbox(length);
    memcpy(in, chain.at, chain.length);
    memcpy(in + chain.length, signature.at, signature.length);
    memcpy(in + chain.length + signature.length, hash.at, hash.length);
    uint32_t failure = Z_safeZ_authenticate(&vault, door, peer_role, wall_millis() / 1000, scheme, chain.length,
                                             signature.length, hash.length);
    answer_with(TICKET_LENGTH + 2);
    uint32_t subject = answer.at[TICKET_LENGTH] << 8 | answer.at[TICKET_LENGTH + 1];
    if (subject > SUBJECT_MOST) trap();
    answer_with(TICKET_LENGTH + 2 + subject);
    judgement = (struct judgement){failure, answer.at, {answer.at + TICKET_LENGTH + 2, subject}};
  });
  return judgement;
}

struct bytes vault_candy(uint32_t door, struct bytes ticket) {
  IN_VAULT(memcpy(inbox(ticket.length), ticket.at, ticket.length); answer_with(Z_safeZ_candy(&vault, door)));
  return answer;
}

void vault_wipe_answer(void) { memset((void *)answer.at, 0, answer.length); }

void vault_forget(uint32_t door) { IN_VAULT(Z_safeZ_forget(&vault, door)); }
