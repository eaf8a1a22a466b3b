/* hostile-net.c: the board's net.c with a net that answers anything: what it says is checked, and its traps cost the card nothing. */
#include "hosted.h"
#define net_init board_net_init
#define net_run board_net_run
#define net_port board_net_port
NORETURN void board_net_run(void);
void board_net_init(const char *command_line);
uint32_t board_net_port(uint32_t door);
#include "net.c"

static uint8_t linear[WASM_PAGE];
static wasm_rt_memory_t linear_memory = {linear, 1, 1, WASM_PAGE};
static uint32_t frames, events, inbox_size, inbox_at, outbox_size, outbox_at, transmits, next_kind, said_length;

void Z_net_init_module(void) {}
void Z_net_instantiate(Z_net_instance_t *n) { (void)n; }
wasm_rt_memory_t *Z_netZ_memory(Z_net_instance_t *n) { return (void)n, &linear_memory; }
uint32_t Z_netZ_inbox(Z_net_instance_t *n) { return (void)n, inbox_at; }
uint32_t Z_netZ_inboxSize(Z_net_instance_t *n) { return (void)n, inbox_size; }
uint32_t Z_netZ_outbox(Z_net_instance_t *n) { return (void)n, outbox_at; }
uint32_t Z_netZ_outboxSize(Z_net_instance_t *n) { return (void)n, outbox_size; }
uint32_t Z_netZ_boot(Z_net_instance_t *n, uint32_t length, uint64_t now) { return (void)n, (void)length, (void)now, 0; }
uint32_t Z_netZ_next(Z_net_instance_t *n, uint64_t now) { return (void)n, (void)now, events ? events--, next_kind : 0; }
uint32_t Z_netZ_transmit(Z_net_instance_t *n, uint64_t now) { return (void)n, (void)now, transmits ? transmits--, said_length : 0; }
uint32_t Z_netZ_read(Z_net_instance_t *n, uint32_t slot, uint32_t most) { return (void)n, (void)slot, (void)most, said_length; }
void Z_netZ_frame(Z_net_instance_t *n, uint32_t length, uint64_t now) { (void)n, (void)length, (void)now, frames++; }
void Z_netZ_tick(Z_net_instance_t *n, uint64_t now) { (void)n, (void)now; }
void Z_netZ_authenticated(Z_net_instance_t *n, uint32_t slot, uint64_t now) { (void)n, (void)slot, (void)now; }
uint64_t Z_netZ_deadline(Z_net_instance_t *n) { return (void)n, 0; }
uint32_t Z_netZ_room(Z_net_instance_t *n, uint32_t slot) { return (void)n, (void)slot, UINT32_MAX; }
uint32_t Z_netZ_port(Z_net_instance_t *n, uint32_t door) { return (void)n, door; }
void Z_netZ_write(Z_net_instance_t *n, uint32_t slot, uint32_t length) { (void)n, (void)slot, (void)length; }
void Z_netZ_finish(Z_net_instance_t *n, uint32_t slot) { (void)n, (void)slot; }
void Z_netZ_drop(Z_net_instance_t *n, uint32_t slot) { (void)n, (void)slot; }

/* What net says of slots gets as far as here only when it can be. */
static uint32_t told;
static void tell(uint32_t slot) { CHECK(slot < DOORS), told++; }
void door_opened(uint32_t slot, struct peer peer) { CHECK(peer.door <= 2), tell(slot); }
void door_readable(uint32_t slot) { tell(slot); }
void door_peer_closed(uint32_t slot) { tell(slot); }
void door_ended(uint32_t slot, bool timeout) { (void)timeout, tell(slot); }
void door_refused(uint32_t reason, struct peer peer) { (void)reason, CHECK(peer.door <= 2), told++; }
void doors_resume(void) {}
void doors_drop(void) {}
uint32_t last_connection(void) { return 1; }
void guard_enter(struct guard *guard) { (void)guard; }
void guard_drop(struct guard *guard) { (void)guard; }
int guard_save(struct guard *guard) { return (void)guard, 0; }

static void restore(void) { inbox_size = 2048, inbox_at = 0, outbox_size = 8192, outbox_at = 4096, events = transmits = 0, next_kind = 3, said_length = 60; }

/* The device delivers a frame if it was lent a place for one. */
static bool deliver(void) {
  struct ring_view *ring = &sims[CARD].rings[0];
  if (ring->seen == ring->offered->index) return false;
  give_back(ring, ring->offered->ring[ring->seen++ % QUEUE_LENGTH], 72);
  return true;
}

int net_command(int count, char **words) {
  if (strcmp(words[1], "net") || count > 2) return -1;
  map_dma();
  sims_reset();
  devices_read("virtio_mmio.device=512@0xfeb00000:5");
  CHECK(CAUGHT(nic_init()) == RETURNED);
  static const struct { uint32_t *what, value; bool is_event; } wrong[] = {
    {&inbox_size, 0, false}, {&inbox_size, FRAME_MOST - 1, false}, {&inbox_at, WASM_PAGE - FRAME_MOST + 1, false},
    {&inbox_at, UINT32_MAX, false}, {&outbox_size, 11, true}, {&outbox_at, WASM_PAGE - 11, true}, {&outbox_at, UINT32_MAX, true},
    {&next_kind, 6, true}, {&next_kind, UINT32_MAX, true}, {&said_length, FRAME_MOST + 1, false}, {&said_length, UINT32_MAX, false},
    {&outbox_at, WASM_PAGE - 59, false},
  };
  static unsigned round, i, byte;
  for (round = 0; round < 10; round++) {
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      restore();
      *wrong[i].what = wrong[i].value, events = wrong[i].is_event, transmits = !wrong[i].is_event;
      CHECK(deliver());
      CHECK(CAUGHT(receive_frames()) == TRAPPED);
    }
    for (byte = 0; byte < 256; byte++) {
      restore();
      memset(linear + outbox_at, byte, RECORD_LENGTH);
      events = 1, told = 0;
      CHECK(deliver());
      enum outcome outcome = CAUGHT(receive_frames());
      CHECK(outcome == (byte <= 2 ? RETURNED : TRAPPED) && told == (byte <= 2));
    }
    restore(), said_length = 8193;
    CHECK(CAUGHT(net_read(1, 8192)) == TRAPPED && CAUGHT(net_read(1, UINT32_MAX)) == TRAPPED);
    CHECK(net_room(1) == 2048 && CAUGHT(net_write(1, (struct bytes){linear, 2049})) == TRAPPED);
  }
  restore(), frames = 0;
  for (i = 0; i < QUEUE_LENGTH; i++) deliver(); /* all places are still there */
  CHECK(CAUGHT(receive_frames(); receive_frames()) == RETURNED);
  printf("%u frames\n", frames);
  return 0;
}
