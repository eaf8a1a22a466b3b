/*
 * The native board of the benchmark: the door and the vault of the image, turned into C by wasm2c and compiled by gcc as the image's are, in
 * a Linux process with sockets under them: one thread, epoll, a door for each connection that is wiped at its end. It serves door 10000's part
 * only. Prints its port on a line; ends with its standard input.
 *
 * Usage: server SEAL-FILE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "door.h"
#include "keeper.h"
#include "native.h"

enum { STATUS_OUTPUT = 1, STATUS_CLOSE = 2 };
enum { DOORS = 64, SEED_LENGTH = 32, TICKET_LENGTH = 16, VAULT_SEED_LENGTH = 64, ROLE_SERVER = 0, LISTENER = DOORS, INPUT = DOORS + 1 };

typedef struct {
  Z_door_instance_t instance;
  wasm_rt_memory_t memory;
  int socket;
  uint32_t number;
} Connection;

static Connection connections[DOORS];
static Z_keeper_instance_t keeper;

static void check(bool holds, const char *what) {
  if (holds) return;
  perror(what);
  exit(1);
}

/* --- the vault --- */

static uint8_t *vault_inbox(uint32_t length) { return window(Z_keeperZ_memory(&keeper), Z_keeperZ_inbox(&keeper), length); }
static uint8_t *vault_outbox(uint32_t length) { return window(Z_keeperZ_memory(&keeper), Z_keeperZ_outbox(&keeper), length); }

static void vault_open(const char *seal) {
  Z_keeper_init_module();
  Z_keeper_instantiate(&keeper);
  check(getrandom(vault_inbox(VAULT_SEED_LENGTH), VAULT_SEED_LENGTH, 0) == VAULT_SEED_LENGTH, "no randomness");
  Z_keeperZ_seed(&keeper, VAULT_SEED_LENGTH);
  FILE *file = fopen(seal, "rb");
  check(file != NULL, seal);
  uint32_t most = Z_keeperZ_inboxSize(&keeper);
  size_t length = fread(vault_inbox(most), 1, most, file);
  fclose(file);
  uint32_t refused = Z_keeperZ_unseal(&keeper, (uint32_t)length);
  if (refused == 0) return;
  fprintf(stderr, "the seal is refused: %u\n", refused);
  exit(1);
}

/* --- what a door imports --- */

wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *door) { return &((Connection *)door)->memory; }

void Z_boardZ_trace(struct Z_board_instance_t *door, u32 code, u32 a, u32 b, u32 at, u32 length) {
  (void)code, (void)a, (void)b;
  window(&((Connection *)door)->memory, at, length);
}

/** Copies an answer of the vault to the door; its length. */
static u32 answer(struct Z_vault_instance_t *door, u32 length, u32 at, u32 capacity) {
  if (length > capacity) native_fail("the vault's answer is longer than the door's room");
  memcpy(window(&((Connection *)door)->memory, at, length), vault_outbox(length), length);
  return length;
}

u32 Z_vaultZ_scheme(struct Z_vault_instance_t *door, u32 role) { return (void)door, Z_keeperZ_scheme(&keeper, role); }

u32 Z_vaultZ_certificates(struct Z_vault_instance_t *door, u32 role, u32 at, u32 capacity) {
  return answer(door, Z_keeperZ_certificates(&keeper, role), at, capacity);
}

u32 Z_vaultZ_authority(struct Z_vault_instance_t *door, u32 at, u32 capacity) {
  return answer(door, Z_keeperZ_authority(&keeper), at, capacity);
}

u32 Z_vaultZ_sign(struct Z_vault_instance_t *door, u32 role, u32 hash_at, u32 hash_length, u32 at, u32 capacity) {
  memcpy(vault_inbox(hash_length), window(&((Connection *)door)->memory, hash_at, hash_length), hash_length);
  return answer(door, Z_keeperZ_sign(&keeper, role, hash_length), at, capacity);
}

u32 Z_vaultZ_authenticate(struct Z_vault_instance_t *door, u32 peer_role, u32 scheme, u32 chain_at, u32 chain_length,
                          u32 signature_at, u32 signature_length, u32 hash_at, u32 hash_length, u32 ticket_at) {
  const Connection *connection = (Connection *)door;
  const wasm_rt_memory_t *memory = &connection->memory;
  const uint8_t *chain = window(memory, chain_at, chain_length), *signature = window(memory, signature_at, signature_length);
  const uint8_t *hash = window(memory, hash_at, hash_length);
  uint8_t *inbox = vault_inbox(chain_length + signature_length + hash_length);
  memcpy(inbox, chain, chain_length);
  memcpy(inbox + chain_length, signature, signature_length);
  memcpy(inbox + chain_length + signature_length, hash, hash_length);
  u32 failure = Z_keeperZ_authenticate(&keeper, connection->number, peer_role, (u64)time(NULL), scheme, chain_length,
                                       signature_length, hash_length);
  memcpy(window(memory, ticket_at, TICKET_LENGTH), vault_outbox(TICKET_LENGTH), TICKET_LENGTH);
  return failure;
}

u32 Z_vaultZ_candy(struct Z_vault_instance_t *door, u32 ticket_at, u32 at, u32 capacity) {
  const Connection *connection = (Connection *)door;
  memcpy(vault_inbox(TICKET_LENGTH), window(&connection->memory, ticket_at, TICKET_LENGTH), TICKET_LENGTH);
  return answer(door, Z_keeperZ_candy(&keeper, connection->number), at, capacity);
}

/* --- connections --- */

static void end(Connection *connection) {
  Z_keeperZ_forget(&keeper, connection->number);
  close(connection->socket);
  memset(connection->memory.data, 0, connection->memory.size);
  connection->socket = -1;
}

/** Sends what waits; a visitor's socket takes a whole flight. */
static void settle(Connection *connection, uint32_t status) {
  Z_door_instance_t *door = &connection->instance;
  if (status & STATUS_OUTPUT) {
    uint32_t length = Z_doorZ_outboxLength(door);
    ssize_t sent = send(connection->socket, window(&connection->memory, Z_doorZ_outbox(door), length), length, MSG_NOSIGNAL);
    if (sent != (ssize_t)length) status |= STATUS_CLOSE;
    Z_doorZ_outboxTaken(door);
  }
  if (status & STATUS_CLOSE) end(connection);
}

static void accept_one(int listener, int epoll) {
  int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (socket < 0) return;
  uint32_t number = 0;
  while (number < DOORS && connections[number].socket >= 0) number++;
  if (number == DOORS) {
    close(socket);
    return;
  }
  Connection *connection = &connections[number];
  connection->socket = socket;
  Z_door_instance_t *door = &connection->instance;
  Z_door_instantiate(door, (void *)connection, (void *)connection, (void *)connection);
  check(getrandom(window(&connection->memory, Z_doorZ_inbox(door), SEED_LENGTH), SEED_LENGTH, 0) == SEED_LENGTH, "no randomness");
  struct epoll_event event = {EPOLLIN, {.u32 = number}};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0, "epoll");
  settle(connection, Z_doorZ_start(door, ROLE_SERVER));
}

static void readable(Connection *connection) {
  Z_door_instance_t *door = &connection->instance;
  uint32_t most = Z_doorZ_inboxSize(door);
  ssize_t length = recv(connection->socket, window(&connection->memory, Z_doorZ_inbox(door), most), most, 0);
  if (length < 0 && errno == EAGAIN) return;
  settle(connection, length > 0 ? Z_doorZ_receive(door, (uint32_t)length) : Z_doorZ_peerClosed(door));
}

int main(int argc, char **argv) {
  if (argc != 2) native_fail("usage: server SEAL-FILE");
  vault_open(argv[1]);
  Z_door_init_module();
  for (uint32_t i = 0; i < DOORS; i++) {
    connections[i].socket = -1;
    connections[i].number = i;
    wasm_rt_allocate_memory(&connections[i].memory, DOOR_PAGES, DOOR_PAGES);
  }
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  check(listener >= 0 && epoll >= 0 && bind(listener, (void *)&address, size) == 0 && listen(listener, 128) == 0, "listen");
  check(getsockname(listener, (void *)&address, &size) == 0, "getsockname");
  struct epoll_event event = {EPOLLIN, {.u32 = LISTENER}};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0, "epoll");
  event.data.u32 = INPUT;
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0, "epoll");
  printf("%u\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event events[DOORS];
    int ready = epoll_wait(epoll, events, DOORS, -1);
    for (int i = 0; i < ready; i++) {
      uint32_t number = events[i].data.u32;
      if (number == INPUT) return 0;
      if (number == LISTENER)
        accept_one(listener, epoll);
      else if (connections[number].socket >= 0)
        readable(&connections[number]);
    }
  }
}
