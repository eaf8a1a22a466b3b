/*
 * net.c: the board's side of net, and the main loop: frames in, time, events, frames out, idle. All of the loop runs in net's
 * guard (a door's and the vault's are inside it), so that a trap of net leads back here, whatever called it: every door is
 * dropped and net starts from its pristine image with fresh random bytes.
 */
#include "board.h"

#include "net.h"

enum { SEED_LENGTH = 16 + 32, MAC_LENGTH = 6, RECORD_LENGTH = 12, TOO_LONG = 8 };
enum { NONE, OPENED, REFUSED, READABLE, PEER_CLOSED, ENDED };

static Z_net_instance_t net;
static bool up;
static const char *settings;

static uint8_t *inbox(uint32_t length) {
  if (length > Z_netZ_inboxSize(&net)) trap();
  return view(Z_netZ_memory(&net), Z_netZ_inbox(&net), length);
}

static struct bytes outbox(uint32_t length) {
  if (length > Z_netZ_outboxSize(&net)) trap();
  return (struct bytes){view(Z_netZ_memory(&net), Z_netZ_outbox(&net), length), length};
}

/* In net's guard. */
static void start(void) {
  window_open(WINDOW_NET, NET_PAGES);
  memset(&net, 0, sizeof net);
  Z_net_instantiate(&net);
  uint32_t length = SEED_LENGTH + MAC_LENGTH + strlen(settings);
  if (length > Z_netZ_inboxSize(&net)) fatal_number("the command line is refused: ", TOO_LONG);
  uint8_t *in = inbox(length);
  entropy_fill(in, SEED_LENGTH);
  memcpy(in + SEED_LENGTH, nic_mac, MAC_LENGTH);
  memcpy(in + SEED_LENGTH + MAC_LENGTH, settings, strlen(settings));
  uint32_t error = Z_netZ_boot(&net, length, steady_millis());
  if (error) fatal_number("the command line is refused: ", error);
  up = true;
}

void net_init(const char *command_line) {
  settings = command_line;
  Z_net_init_module();
  struct guard guard;
  if (guard_set(&guard)) fatal("net does not start");
  start();
  guard_drop(&guard);
}

static void hear_events(void) {
  uint32_t kind;
  while ((kind = Z_netZ_next(&net, steady_millis())) != NONE) {
    uint8_t record[RECORD_LENGTH];
    memcpy(record, outbox(RECORD_LENGTH).at, RECORD_LENGTH);
    uint32_t slot = record[1], reason = record[3];
    struct peer peer = {record[2], (uint32_t)record[4] << 24 | record[5] << 16 | record[6] << 8 | record[7], record[8] << 8 | record[9]};
    if (slot >= DOORS || peer.door > 2) trap();
    if (kind == OPENED) door_opened(slot, peer);
    else if (kind == REFUSED) door_refused(reason, peer);
    else if (kind == READABLE) door_readable(slot);
    else if (kind == PEER_CLOSED) door_peer_closed(slot);
    else if (kind == ENDED) door_ended(slot, reason == 2);
    else trap();
  }
  doors_resume();
}

static void send_frames(void) {
  uint8_t *room;
  uint32_t length;
  while ((room = nic_room()) && (length = Z_netZ_transmit(&net, steady_millis()))) {
    if (length > FRAME_MOST) trap();
    memcpy(room, outbox(length).at, length);
    nic_send(length);
  }
  nic_flush();
}

/* As many as the card had room for: whoever sends without end must not keep the clock from net. */
static void receive_frames(void) {
  uint8_t *to = inbox(FRAME_MOST); /* if this traps, no frame has been taken out of the ring yet */
  const uint8_t *frame;
  uint32_t length;
  for (unsigned i = 0; i < QUEUE_LENGTH && (frame = nic_receive(&length)); i++) {
    memcpy(to, frame, length);
    nic_release();
    Z_netZ_frame(&net, length, steady_millis());
    hear_events();
    send_frames();
  }
}

void net_run(void) {
  for (;;) {
    struct guard guard;
    if (guard_set(&guard) == 0) {
      if (!up) start();
      for (;;) {
        nic_acknowledge();
        receive_frames();
        uint64_t deadline = Z_netZ_deadline(&net), now = steady_millis();
        if (deadline && deadline <= now) {
          Z_netZ_tick(&net, now);
          hear_events();
          deadline = Z_netZ_deadline(&net);
        }
        send_frames();
        /* At least a millisecond, so that a deadline in the past cannot keep the processor busy. */
        if (!nic_pending()) idle(deadline && deadline <= now ? now + 1 : deadline);
      }
    }
    up = false;
    trace_trap(last_connection(), "net");
    doors_drop();
  }
}

struct bytes net_read(uint32_t slot, uint32_t most) {
  uint32_t length = Z_netZ_read(&net, slot, most);
  if (length > most) trap();
  return outbox(length);
}

uint32_t net_room(uint32_t slot) {
  uint32_t room = Z_netZ_room(&net, slot), most = Z_netZ_inboxSize(&net);
  return room < most ? room : most;
}

void net_write(uint32_t slot, struct bytes bytes) {
  memcpy(inbox(bytes.length), bytes.at, bytes.length);
  Z_netZ_write(&net, slot, bytes.length);
}

void net_finish(uint32_t slot) { Z_netZ_finish(&net, slot); }

void net_drop(uint32_t slot) { Z_netZ_drop(&net, slot); }

void net_authenticated(uint32_t slot) { Z_netZ_authenticated(&net, slot, steady_millis()); }

uint32_t net_port(uint32_t door) { return Z_netZ_port(&net, door); }
