/*
 * Fuzz target: a door against a peer. Built four times: DOOR_ROLE 0 (server) and 1 (client), each with DOOR_PLAIN 0 (the door of the image)
 * and 1 (a door whose records are not encrypted: test/fuzz/targets.ts), which lets an input past the key exchange.
 *
 * Input: a byte of FLAGS, then chunks (u16 length, bytes), each delivered through inbox and `receive`; then `peerClosed`. In a framed input
 * a chunk is one record: its type, then its content. Type + 0x80 stands for a protected record of that inner type.
 *
 * Beyond not trapping, a door keeps its contract: status and outbox agree, the outbox holds whole records, nothing is said after the close,
 * and it reaches candy only when the vault has accepted the peer.
 */
#include "door.h"

#include <stdlib.h>

#include "fuzz.h"
#include "prefix.h"
#include "vault.h"

enum {
  FLAG_FRAMED = 1,      /* chunks are records */
  FLAG_LENGTHS = 2,     /* framed: the length of a handshake message is put right */
  FLAG_ACCEPTED = 4,    /* the vault accepts every peer and has candy for every ticket */
  FLAG_SILENT = 8,      /* the vault answers nothing */
  FLAG_BEGUN = 16,      /* plain: the practice hello has been exchanged already */
  FLAG_SMALL = 32,      /* pieces of 7 bytes */
  FLAG_UNFINISHED = 64, /* without `peerClosed` */
};
enum { STATUS_OUTPUT = 1, STATUS_CLOSE = 2, STATUS_AUTHENTICATED = 4 };
enum { HANDSHAKE = 22, APPLICATION_DATA = 23, TAG_LENGTH = 16 };

#define DOOR_PAGES 3
#define DOOR_NUMBER 7
#define MAX_OUTBOX 12288u
#define MAX_RECORD (5 + 65536 + 17)

/** A door at some point of its life. */
typedef struct {
  Z_door_instance_t instance;
  uint8_t *memory;
  uint32_t status;
} Snapshot;

static Z_door_instance_t door;
static wasm_rt_memory_t memory;
static Snapshot fresh, begun;
static uint32_t status;
static uint32_t flags;
/** The vault has accepted the peer of this run. */
static bool accepted;

/* --- what a door imports --- */

wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *unused) {
  (void)unused;
  return &memory;
}

void Z_boardZ_trace(struct Z_board_instance_t *unused, u32 code, u32 a, u32 b, u32 at, u32 length) {
  (void)unused, (void)a, (void)b;
  window(&memory, at, length);
  expect(code >= 1 && code <= TRACE_LAST, "a trace code that does not exist");
  if (code == TRACE_CANDY) expect(accepted, "candy for a peer that the vault has not accepted");
}

/** Copies an answer of the vault to the door; its length. */
static u32 answer(u32 length, u32 at, u32 capacity) {
  expect(length <= capacity, "the vault's answer is longer than the door's room");
  memcpy(window(&memory, at, length), vault_outbox(length), length);
  return length;
}

u32 Z_vaultZ_scheme(struct Z_vault_instance_t *unused, u32 role) {
  (void)unused;
  return flags & FLAG_SILENT ? 0 : Z_keeperZ_scheme(&keeper, role);
}

u32 Z_vaultZ_certificates(struct Z_vault_instance_t *unused, u32 role, u32 at, u32 capacity) {
  (void)unused;
  return flags & FLAG_SILENT ? 0 : answer(Z_keeperZ_certificates(&keeper, role), at, capacity);
}

u32 Z_vaultZ_authority(struct Z_vault_instance_t *unused, u32 at, u32 capacity) {
  (void)unused;
  return flags & FLAG_SILENT ? 0 : answer(Z_keeperZ_authority(&keeper), at, capacity);
}

u32 Z_vaultZ_sign(struct Z_vault_instance_t *unused, u32 role, u32 hash_at, u32 hash_length, u32 at, u32 capacity) {
  (void)unused;
  const uint8_t *hash = window(&memory, hash_at, hash_length);
  if (flags & FLAG_SILENT) return 0;
  memcpy(vault_inbox(hash_length), hash, hash_length);
  return answer(Z_keeperZ_sign(&keeper, role, hash_length), at, capacity);
}

u32 Z_vaultZ_authenticate(struct Z_vault_instance_t *unused, u32 peer_role, u32 scheme, u32 chain_at, u32 chain_length,
                          u32 signature_at, u32 signature_length, u32 hash_at, u32 hash_length, u32 ticket_at) {
  (void)unused;
  const uint8_t *chain = window(&memory, chain_at, chain_length);
  const uint8_t *signature = window(&memory, signature_at, signature_length);
  const uint8_t *hash = window(&memory, hash_at, hash_length);
  uint8_t *ticket = window(&memory, ticket_at, TICKET_LENGTH);
  if (flags & FLAG_SILENT) return FAILURE_VAULT_UNAVAILABLE;
  uint8_t *inbox = vault_inbox(chain_length + signature_length + hash_length);
  memcpy(inbox, chain, chain_length);
  memcpy(inbox + chain_length, signature, signature_length);
  memcpy(inbox + chain_length + signature_length, hash, hash_length);
  u32 failure = Z_keeperZ_authenticate(&keeper, DOOR_NUMBER, peer_role, FUZZ_NOW, scheme, chain_length,
                                       signature_length, hash_length);
  memcpy(ticket, vault_outbox(TICKET_LENGTH), TICKET_LENGTH);
  if (flags & FLAG_ACCEPTED) failure = 0;
  if (failure == 0) accepted = true;
  return failure;
}

u32 Z_vaultZ_candy(struct Z_vault_instance_t *unused, u32 ticket_at, u32 at, u32 capacity) {
  (void)unused;
  expect(accepted, "a door asks for candy before the vault has accepted its peer");
  const uint8_t *ticket = window(&memory, ticket_at, TICKET_LENGTH);
  if (flags & FLAG_SILENT) return 0;
  if (flags & FLAG_ACCEPTED) {
    memset(window(&memory, at, capacity), 'c', capacity);
    return capacity;
  }
  memcpy(vault_inbox(TICKET_LENGTH), ticket, TICKET_LENGTH);
  return answer(Z_keeperZ_candy(&keeper, DOOR_NUMBER), at, capacity);
}

/* --- a run --- */

static void keep(Snapshot *snapshot) {
  snapshot->instance = door;
  snapshot->status = status;
  snapshot->memory = malloc(memory.size);
  expect(snapshot->memory != NULL, "the harness has no memory");
  memcpy(snapshot->memory, memory.data, memory.size);
}

static void restore(const Snapshot *snapshot) {
  door = snapshot->instance;
  status = snapshot->status;
  memcpy(memory.data, snapshot->memory, memory.size);
}

/** Takes the outbox and holds the door to its contract. */
static void settle(uint32_t now) {
  const uint32_t length = Z_doorZ_outboxLength(&door);
  expect((now & ~7u) == 0 && length <= MAX_OUTBOX, "a status or an outbox that cannot be");
  expect((length > 0) == ((now & STATUS_OUTPUT) != 0), "the status and the outbox disagree");
  expect((now & STATUS_AUTHENTICATED) >= (status & STATUS_AUTHENTICATED), "a peer is no longer authenticated");
  expect(!(now & STATUS_AUTHENTICATED) || accepted, "authenticated without the vault");
  const uint8_t *out = window(&memory, Z_doorZ_outbox(&door), length);
  for (uint32_t at = 0; at < length;) {
    expect(length - at > 5 && out[at] >= 20 && out[at] <= 23 && out[at + 1] == 3, "the outbox holds no record");
    const uint32_t body = u16_at(out + at + 3);
    expect(body > 0 && body <= length - at - 5, "a record in the outbox is cut off");
    at += 5 + body;
  }
  Z_doorZ_outboxTaken(&door);
  status = now;
}

static void deliver(const uint8_t *bytes, size_t length) {
  const size_t most = flags & FLAG_SMALL ? 7 : Z_doorZ_inboxSize(&door);
  for (size_t at = 0; at < length && !(status & STATUS_CLOSE); at += most) {
    const uint32_t piece = (uint32_t)(length - at < most ? length - at : most);
    memcpy(window(&memory, Z_doorZ_inbox(&door), piece), bytes + at, piece);
    settle(Z_doorZ_receive(&door, piece));
  }
}

/** Delivers a chunk of a framed input as the record that it stands for. */
static void deliver_record(Chunk chunk) {
  static uint8_t record[MAX_RECORD];
  if (chunk.length == 0) return;
  const uint8_t type = chunk.at[0] & 0x7f;
  const bool is_protected = (chunk.at[0] & 0x80) != 0;
  uint32_t length = (uint32_t)chunk.length - 1;
  uint8_t *content = record + 5;
  memcpy(content, chunk.at + 1, length);
  if ((flags & FLAG_LENGTHS) && type == HANDSHAKE && length >= 4) {
    content[1] = 0;
    put16(content + 2, length - 4);
  }
  if (is_protected) {
    content[length] = type;
    memset(content + length + 1, 0, TAG_LENGTH);
    length += 1 + TAG_LENGTH;
  }
  record[0] = is_protected ? APPLICATION_DATA : type;
  put16(record + 1, 0x0303);
  put16(record + 3, length);
  deliver(record, 5 + (length & 0xffff));
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  vault_open();
  wasm_rt_allocate_memory(&memory, DOOR_PAGES, DOOR_PAGES);
  Z_door_init_module();
  Z_door_instantiate(&door, NULL, NULL, NULL);
  memset(window(&memory, Z_doorZ_inbox(&door), 32), 0xd0 + DOOR_ROLE, 32);
  settle(Z_doorZ_start(&door, DOOR_ROLE));
  keep(&fresh);
  deliver(practice_prefix, sizeof practice_prefix);
  expect(!(status & STATUS_CLOSE), "the practice hello is refused: make the seeds anew (npx tsx test/fuzz/seeds.ts)");
  keep(&begun);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input input = {data, size};
  flags = take(&input, 1);
  accepted = false;
  vault_reset();
  restore(DOOR_PLAIN && (flags & FLAG_BEGUN) ? &begun : &fresh);
  while (input.left > 0 && !(status & STATUS_CLOSE)) {
    const Chunk chunk = take_chunk(&input);
    if (flags & FLAG_FRAMED) {
      deliver_record(chunk);
    } else {
      deliver(chunk.at, chunk.length);
    }
  }
  if (!(status & STATUS_CLOSE) && !(flags & FLAG_UNFINISHED)) {
    settle(Z_doorZ_peerClosed(&door));
    expect((status & STATUS_CLOSE) != 0, "a door stays open after its peer has closed");
  }
  return 0;
}
