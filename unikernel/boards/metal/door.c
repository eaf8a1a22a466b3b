/*
 * door.c: connections. Each has a door of its own, a fresh instance in the window of its slot; bytes go from net to the door and back. The
 * board copies between a door and the vault and adds the door's number and the time. What the door said last is sent before the
 * connection ends; after a trap nothing of the door is called or sent again. A door that is over leaves only zeros.
 */
#include "board.h"

#include "door.h"

enum { SEED_LENGTH = 32, STATUS_OUTPUT = 1, STATUS_CLOSE = 2, STATUS_AUTHENTICATED = 4 };
enum { DOOR_SERVER = 0, ROLE_SERVER = 0, ROLE_CLIENT = 1 };
enum step { START, RECEIVE, CLOSED, TAKEN };
enum ending { FINISH, DROP, GONE };

struct connection {
  Z_door_instance_t instance;
  wasm_rt_memory_t memory;
  bool open, closing, peer_closed, authenticated;
  uint32_t slot, conn, role, inbox_size;
  const char *by;
  /* What waits in the outbox, and how much of it net has. */
  struct bytes output;
  uint32_t sent;
  uint64_t started, bytes_in, bytes_out, cycles;
};

static struct connection connections[DOORS];
static uint32_t counted;

uint32_t last_connection(void) { return counted ? counted : 1; }

static void end(struct connection *c, const char *by, enum ending ending) {
  vault_forget(c->slot);
  if (ending == FINISH) net_finish(c->slot);
  if (ending == DROP) net_drop(c->slot);
  struct closed closed = {by, c->bytes_in, c->bytes_out, steady_millis() - c->started, cycles_to_micros(c->cycles)};
  trace_closed(c->conn, closed);
  window_wipe(c->slot, DOOR_PAGES);
  memset(c, 0, sizeof *c);
}

/* The door's turn. False: it trapped, and the connection is over. */
static bool step(struct connection *c, enum step step, struct bytes input) {
  uint64_t begun = cycles();
  struct guard guard;
  if (guard_set(&guard)) {
    c->cycles += cycles() - begun;
    trace_trap(c->conn, "door");
    end(c, "trap", DROP);
    return false;
  }
  uint32_t status = 0;
  Z_door_instance_t *door = &c->instance;
  if (step == START) {
    window_open(c->slot, DOOR_PAGES);
    c->memory = (wasm_rt_memory_t){(uint8_t *)WINDOW(c->slot), DOOR_PAGES, DOOR_PAGES, DOOR_PAGES * WASM_PAGE};
    Z_door_instantiate(door, (void *)c, (void *)c, (void *)c);
    entropy_fill(view(&c->memory, Z_doorZ_inbox(door), SEED_LENGTH), SEED_LENGTH);
    c->inbox_size = Z_doorZ_inboxSize(door);
    status = Z_doorZ_start(door, c->role);
  } else if (step == RECEIVE) {
    memcpy(view(&c->memory, Z_doorZ_inbox(door), input.length), input.at, input.length);
    status = Z_doorZ_receive(door, input.length);
  } else if (step == CLOSED) {
    status = Z_doorZ_peerClosed(door);
  } else {
    Z_doorZ_outboxTaken(door);
  }
  if (status & STATUS_OUTPUT) {
    uint32_t length = Z_doorZ_outboxLength(door);
    c->output = (struct bytes){view(&c->memory, Z_doorZ_outbox(door), length), length};
    c->sent = 0;
  }
  guard_drop(&guard);
  c->cycles += cycles() - begun;
  if (status & STATUS_CLOSE) c->closing = true;
  if ((status & STATUS_AUTHENTICATED) && !c->authenticated) {
    c->authenticated = true;
    net_authenticated(c->slot);
  }
  return true;
}

/* Gives net what waits. False: some still does, or the connection is over. */
static bool flush(struct connection *c) {
  while (c->sent < c->output.length) {
    uint32_t rest = c->output.length - c->sent, room = net_room(c->slot);
    if (room == 0) return false;
    uint32_t length = rest < room ? rest : room;
    net_write(c->slot, (struct bytes){c->output.at + c->sent, length});
    c->sent += length;
    c->bytes_out += length;
  }
  if (c->output.length == 0) return true;
  c->output = (struct bytes){0};
  return step(c, TAKEN, (struct bytes){0});
}

/* Moves bytes until nothing is left to move. A door gets no input while its output waits. */
static void pump(struct connection *c) {
  while (flush(c)) {
    if (c->closing) {
      end(c, c->by, FINISH);
      return;
    }
    struct bytes input = net_read(c->slot, c->inbox_size);
    if (input.length > 0) {
      c->bytes_in += input.length;
      if (!step(c, RECEIVE, input)) return;
    } else if (c->peer_closed) {
      c->by = "peer";
      if (!step(c, CLOSED, input)) return;
      c->closing = true;
    } else {
      return;
    }
  }
}

void door_opened(uint32_t slot, struct peer peer) {
  struct connection *c = &connections[slot];
  if (c->open) trap();
  uint32_t role = peer.door == DOOR_SERVER ? ROLE_SERVER : ROLE_CLIENT;
  *c = (struct connection){.open = true, .slot = slot, .conn = ++counted, .role = role, .by = "pinata", .started = steady_millis()};
  trace_accepted(c->conn, peer);
  if (step(c, START, (struct bytes){0})) pump(c);
}

void door_refused(uint32_t reason, struct peer peer) { trace_refused(++counted, peer, reason); }

void door_readable(uint32_t slot) { if (connections[slot].open) pump(&connections[slot]); }

void door_peer_closed(uint32_t slot) {
  if (!connections[slot].open) return;
  connections[slot].peer_closed = true;
  pump(&connections[slot]);
}

void door_ended(uint32_t slot, bool timeout) {
  if (connections[slot].open) end(&connections[slot], timeout ? "timeout" : "peer", GONE);
}

void doors_resume(void) {
  for (uint32_t slot = 0; slot < DOORS; slot++) {
    if (connections[slot].open && connections[slot].output.length > 0) pump(&connections[slot]);
  }
}

void doors_drop(void) {
  for (uint32_t slot = 0; slot < DOORS; slot++) {
    if (connections[slot].open) end(&connections[slot], "trap", GONE);
  }
}

/* --- what a door imports ---------------------------------------------------------------------------------------------- */

wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *env) { return &((struct connection *)env)->memory; }

static struct bytes read(struct connection *c, uint32_t at, uint32_t length) {
  return (struct bytes){view(&c->memory, at, length), length};
}

static uint32_t write(struct connection *c, struct bytes bytes, uint32_t at, uint32_t capacity) {
  if (bytes.length > capacity) trap();
  memcpy(view(&c->memory, at, bytes.length), bytes.at, bytes.length);
  return bytes.length;
}

void Z_boardZ_trace(struct Z_board_instance_t *board, uint32_t code, uint32_t a, uint32_t b, uint32_t at, uint32_t length) {
  struct connection *c = (void *)board;
  trace_door(c->conn, code, a, b, read(c, at, length));
}

uint32_t Z_vaultZ_scheme(struct Z_vault_instance_t *vault, uint32_t role) { return (void)vault, vault_scheme(role); }

uint32_t Z_vaultZ_certificates(struct Z_vault_instance_t *vault, uint32_t role, uint32_t at, uint32_t capacity) {
  return write((void *)vault, vault_certificates(role), at, capacity);
}

uint32_t Z_vaultZ_authority(struct Z_vault_instance_t *vault, uint32_t at, uint32_t capacity) {
  return write((void *)vault, vault_authority(), at, capacity);
}

uint32_t Z_vaultZ_sign(struct Z_vault_instance_t *vault, uint32_t role, uint32_t hash_at, uint32_t hash_length, uint32_t at,
                       uint32_t capacity) {
  struct connection *c = (void *)vault;
  return write(c, vault_sign(role, read(c, hash_at, hash_length)), at, capacity);
}

uint32_t Z_vaultZ_authenticate(struct Z_vault_instance_t *vault, uint32_t peer_role, uint32_t scheme, uint32_t chain_at,
                               uint32_t chain_length, uint32_t signature_at, uint32_t signature_length, uint32_t hash_at,
                               uint32_t hash_length, uint32_t ticket_at) {
  struct connection *c = (void *)vault;
  struct bytes chain = read(c, chain_at, chain_length), signature = read(c, signature_at, signature_length);
  struct judgement judgement = vault_authenticate(c->slot, peer_role, scheme, chain, signature, read(c, hash_at, hash_length));
  if (!judgement.ticket) return judgement.failure;
  trace_certificate(c->conn, judgement.subject, judgement.failure);
  write(c, (struct bytes){judgement.ticket, TICKET_LENGTH}, ticket_at, TICKET_LENGTH);
  return judgement.failure;
}

uint32_t Z_vaultZ_candy(struct Z_vault_instance_t *vault, uint32_t ticket_at, uint32_t at, uint32_t capacity) {
  struct connection *c = (void *)vault;
  struct bytes candy = vault_candy(c->slot, read(c, ticket_at, TICKET_LENGTH));
  uint32_t length = write(c, candy, at, capacity);
  vault_wipe_answer();
  return length;
}
