/*
 * Whole handshakes of two doors, server and client, beside one vault, with everything secret marked: both seeds, the vault's seed, its two private keys
 * and the candy. What goes over the wire is public from there on; what goes to the trace, and every number that a compartment answers, must be
 * public by itself. After `wipe` nothing of a door's memory may still be marked.
 *
 * Standard input: a line for each handshake, `NAME SUITE GROUP SPOILT AT NOW SERVERKEY CLIENTKEY CANDY CANDYLENGTH HEX`: the parameters that the server is
 * to choose, the flight of which a bit is flipped on the wire (from 1; 0: none) and in which byte, seconds since 1970, where in the seal (HEX) the
 * keys (32 bytes each) and the candy are. Standard output: a line of JSON for each; it "returned" how many of the doors gave candy.
 */
#include "ct.h"

#include "door.h"

enum { STATUS_OUTPUT = 1, STATUS_CLOSE = 2, STATUS_AUTHENTICATED = 4, TRACE_NEGOTIATED = 5, TRACE_CANDY = 6 };
enum { DOOR_PAGES = 3, KEY = 32, SEED = 32, VAULT_SEED = 64, TICKET = 16, SEAL_MOST = 24576, WIRE_MOST = 12288, ROUNDS_MOST = 32 };

typedef struct {
  Z_door_instance_t instance;
  wasm_rt_memory_t memory;
  uint32_t number, role, status;
  bool candy;
} Door;

static Door doors[2];
static uint64_t now;
static uint32_t suite, group, flights, spoilt, spoilt_at;

wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *door) { return &((Door *)door)->memory; }

static uint8_t *door_at(void *door, uint32_t at, uint32_t length) { return window(&((Door *)door)->memory, at, length); }

/** Whoever reads the trace learns it: nothing may be marked. */
void Z_boardZ_trace(struct Z_board_instance_t *door, u32 code, u32 a, u32 b, u32 at, u32 length) {
  const uint32_t numbers[] = {code, a, b, at, length};
  (void)VALGRIND_CHECK_MEM_IS_DEFINED(numbers, sizeof numbers);
  (void)VALGRIND_CHECK_MEM_IS_DEFINED(door_at(door, at, length), length);
  if (code == TRACE_NEGOTIATED) expect(a == suite && b == group, "the doors have agreed on something else");
  if (code == TRACE_CANDY) ((Door *)door)->candy = true;
}

/* --- the vault, as the board offers it to a door --- */

static uint8_t *vault_inbox(uint32_t length) {
  expect(length <= Z_safeZ_inboxSize(&vault), "more than the vault's inbox holds");
  return vault_at(Z_safeZ_inbox(&vault), length);
}

/** Each compartment counts the depth of its own calls. */
#define IN_VAULT(...)                                 \
  ({                                                  \
    const uint32_t depth = wasm_rt_call_stack_depth;  \
    wasm_rt_call_stack_depth = 0;                     \
    const uint32_t answer = __VA_ARGS__;              \
    wasm_rt_call_stack_depth = depth;                 \
    answer;                                           \
  })

static u32 answer(void *door, u32 length, u32 at, u32 capacity) {
  expect(length <= capacity, "the vault's answer is longer than the door's room");
  memcpy(door_at(door, at, length), vault_at(Z_safeZ_outbox(&vault), length), length);
  return length;
}

u32 Z_vaultZ_scheme(struct Z_vault_instance_t *door, u32 role) {
  (void)door;
  return IN_VAULT(Z_safeZ_scheme(&vault, role));
}

u32 Z_vaultZ_certificates(struct Z_vault_instance_t *door, u32 role, u32 at, u32 capacity) {
  return answer(door, IN_VAULT(Z_safeZ_certificates(&vault, role)), at, capacity);
}

u32 Z_vaultZ_authority(struct Z_vault_instance_t *door, u32 at, u32 capacity) {
  return answer(door, IN_VAULT(Z_safeZ_authority(&vault)), at, capacity);
}

u32 Z_vaultZ_sign(struct Z_vault_instance_t *door, u32 role, u32 hash_at, u32 hash_length, u32 at, u32 capacity) {
  memcpy(vault_inbox(hash_length), door_at(door, hash_at, hash_length), hash_length);
  return answer(door, IN_VAULT(Z_safeZ_sign(&vault, role, hash_length)), at, capacity);
}

u32 Z_vaultZ_authenticate(struct Z_vault_instance_t *door, u32 peer_role, u32 scheme, u32 chain_at, u32 chain_length, u32 signature_at,
                          u32 signature_length, u32 hash_at, u32 hash_length, u32 ticket_at) {
  uint8_t *inbox = vault_inbox(chain_length + signature_length + hash_length);
  memcpy(inbox, door_at(door, chain_at, chain_length), chain_length);
  memcpy(inbox + chain_length, door_at(door, signature_at, signature_length), signature_length);
  memcpy(inbox + chain_length + signature_length, door_at(door, hash_at, hash_length), hash_length);
  const u32 failure = IN_VAULT(Z_safeZ_authenticate(&vault, ((Door *)door)->number, peer_role, now, scheme, chain_length, signature_length,
                                                    hash_length));
  memcpy(door_at(door, ticket_at, TICKET), vault_at(Z_safeZ_outbox(&vault), TICKET), TICKET);
  return failure;
}

u32 Z_vaultZ_candy(struct Z_vault_instance_t *door, u32 ticket_at, u32 at, u32 capacity) {
  memcpy(vault_inbox(TICKET), door_at(door, ticket_at, TICKET), TICKET);
  return answer(door, IN_VAULT(Z_safeZ_candy(&vault, ((Door *)door)->number)), at, capacity);
}

/* --- a handshake --- */

/** Marks each place of the vault's memory where the candy is; how many. */
static uint32_t mark_candy(const uint8_t *candy, uint32_t length) {
  const wasm_rt_memory_t *memory = Z_safeZ_memory(&vault);
  uint32_t found = 0;
  for (uint32_t at = 0; at + length <= memory->size; at++) {
    /* The memory that is marked already is no candy, and must not be compared. */
    if (undefined_bytes(memory->data + at, 1) > 0 || memory->data[at] != candy[0]) continue;
    if (undefined_bytes(memory->data + at, length) > 0 || memcmp(memory->data + at, candy, length) != 0) continue;
    VALGRIND_MAKE_MEM_UNDEFINED(memory->data + at, length);
    found++;
  }
  return found;
}

static uint32_t marked_inbox(uint8_t *inbox, uint8_t value, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) inbox[i] = (uint8_t)(value + i * 7);
  VALGRIND_MAKE_MEM_UNDEFINED(inbox, length);
  return length;
}

static void door_open(Door *door, uint32_t role) {
  memset(&door->instance, 0, sizeof door->instance);
  free(door->memory.data);
  wasm_rt_allocate_memory(&door->memory, DOOR_PAGES, DOOR_PAGES);
  door->number = 7 + role;
  door->role = role;
  door->candy = false;
  Z_door_instantiate(&door->instance, (void *)door, (void *)door, (void *)door);
  if (role == 0) Z_doorZ_ctChoose(&door->instance, suite, group);
  marked_inbox(door_at(door, Z_doorZ_inbox(&door->instance), SEED), (uint8_t)(0x11 + role), SEED);
  door->status = Z_doorZ_start(&door->instance, role);
}

/** What waits in a door's outbox goes to the other; whether there was anything. */
static bool carry(Door *from, Door *to) {
  static uint8_t wire[WIRE_MOST];
  const uint32_t length = Z_doorZ_outboxLength(&from->instance);
  expect(length <= sizeof wire, "more than an outbox holds");
  expect((length > 0) == ((from->status & STATUS_OUTPUT) != 0), "the status and the outbox disagree");
  if (length == 0) return false;
  memcpy(wire, door_at(from, Z_doorZ_outbox(&from->instance), length), length);
  declassify(0, wire, length);
  flights += 1;
  if (flights == spoilt) {
    expect(spoilt_at < length, "a flight is too short to be spoilt there");
    wire[spoilt_at] ^= 1;
  }
  Z_doorZ_outboxTaken(&from->instance);
  from->status &= ~(uint32_t)STATUS_OUTPUT;
  const uint32_t most = Z_doorZ_inboxSize(&to->instance);
  for (uint32_t at = 0; at < length && !(to->status & STATUS_CLOSE); at += most) {
    const uint32_t piece = length - at < most ? length - at : most;
    memcpy(door_at(to, Z_doorZ_inbox(&to->instance), piece), wire + at, piece);
    to->status = Z_doorZ_receive(&to->instance, piece);
  }
  return true;
}

static bool handshake(void) {
  char name[128];
  uint32_t key[2], candy_at, candy_length;
  static uint8_t seal[SEAL_MOST];
  const int words = scanf("%127s %u %u %u %u %lu %u %u %u %u", name, &suite, &group, &spoilt, &spoilt_at, &now, &key[0], &key[1], &candy_at, &candy_length);
  if (words == EOF) return false;
  expect(words == 10, "a handshake that cannot be read");
  const uint32_t size = read_hex(stdin, seal, sizeof seal);
  expect(key[0] + KEY <= size && key[1] + KEY <= size && candy_at + candy_length <= size, "a secret outside of the seal");

  vault_reset();
  declassified_clear();
  flights = 0;
  const unsigned before = VALGRIND_COUNT_ERRORS;
  VALGRIND_PRINTF("=ct= %s\n", name);
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  uint32_t marked = marked_inbox(vault_inbox(VAULT_SEED), 0x77, VAULT_SEED);
  Z_safeZ_seed(&vault, VAULT_SEED);
  uint8_t *inbox = vault_inbox(size);
  memcpy(inbox, seal, size);
  for (unsigned i = 0; i < 2; i++) VALGRIND_MAKE_MEM_UNDEFINED(inbox + key[i], KEY);
  marked += 2 * KEY;
  expect(Z_safeZ_unseal(&vault, size) == 0, "the vault refuses the seal");
  CALLGRIND_TOGGLE_COLLECT;
  marked += mark_candy(seal + candy_at, candy_length) * candy_length + 2 * SEED;
  CALLGRIND_TOGGLE_COLLECT;

  for (uint32_t role = 0; role < 2; role++) door_open(&doors[role], role);
  for (unsigned round = 0; carry(&doors[1], &doors[0]) | carry(&doors[0], &doors[1]); round++)
    expect(round < ROUNDS_MOST, "the doors talk without end");
  uint32_t left = 0, opened = 0;
  for (unsigned i = 0; i < 2; i++) {
    expect((doors[i].status & STATUS_CLOSE) != 0, "a door stays open");
    expect(!doors[i].candy || (doors[i].status & STATUS_AUTHENTICATED), "candy for a peer that is not authenticated");
    opened += doors[i].candy;
    Z_doorZ_wipe(&doors[i].instance);
  }
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(name);
  VALGRIND_PRINTF("=ct= -\n");
  const unsigned errors = VALGRIND_COUNT_ERRORS - before;
  for (unsigned i = 0; i < 2; i++) left += undefined_bytes(doors[i].memory.data, doors[i].memory.size);
  printf("{\"name\":\"%s\",\"errors\":%u,\"secret\":%u,\"undefined\":%u,\"returned\":%u,\"declassified\":", name, errors, marked, left, opened);
  declassified_print();
  printf(",\"output\":\"\"}\n");
  return true;
}

int handshake_main(void) {
  expect(RUNNING_ON_VALGRIND, "to be run under valgrind");
  Z_door_init_module();
  while (handshake()) continue;
  return 0;
}
