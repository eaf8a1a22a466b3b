/* devices.c: a card and a source of randomness that are broken or hostile, and what the board makes of them. */
#include "hosted.h"

enum { HEADER = 12, ROOM = 2048, DEVICE_WRITES = 2, NO_INTERRUPT = 1, NEEDS_RESET = 64, RECEIVE = 0, TRANSMIT = 1 };

static struct ring_view *card(unsigned ring) { return &sims[CARD].rings[ring]; }

/* Ends the program as the board ended, with its words. */
static int report(enum outcome outcome) {
  printf("%s\n", outcome == FATAL ? said : outcome == TRAPPED ? "trap" : "returned");
  return outcome;
}

static void put_frame(uint32_t id, uint32_t length, uint8_t fill) {
  volatile uint8_t *buffer = (volatile uint8_t *)card(RECEIVE)->descriptors[id].address;
  for (uint32_t i = 0; i < length && i < ROOM; i++) buffer[i] = fill;
}

/* --- one thing wrong ---------------------------------------------------------------------------------------------- */

static int receive_all(void) {
  static const uint8_t *frame;
  static uint32_t length, frames;
  enum outcome outcome = CAUGHT(while ((frame = nic_receive(&length))) {
    for (uint32_t i = 0; i < length; i++) CHECK(frame[i] == 7);
    CHECK(length <= FRAME_MOST);
    nic_release();
    frames++;
  });
  if (outcome == RETURNED) printf("%u frames, ", frames);
  return report(outcome);
}

static int card_scenario(const char *name, uint32_t number) {
  static bool is_start;
  is_start = true;
  if (!strcmp(name, "magic")) sims[CARD].magic = number;
  else if (!strcmp(name, "version")) sims[CARD].version = number;
  else if (!strcmp(name, "kind")) sims[CARD].kind = number;
  else if (!strcmp(name, "features-low")) sims[CARD].has[0] = number;
  else if (!strcmp(name, "features-high")) sims[CARD].has[1] = number;
  else if (!strcmp(name, "refuses")) sims[CARD].refuses = true;
  else if (!strcmp(name, "queue-most")) sims[CARD].queue_most = number;
  else is_start = false;
  enum outcome outcome = CAUGHT(nic_init());
  if (is_start || outcome != RETURNED) return report(outcome);
  CHECK(sims[CARD].wanted[0] == 1 << 5 && sims[CARD].wanted[1] == 1);
  CHECK(card(RECEIVE)->offered->index == QUEUE_LENGTH);

  struct ring_view *receive = card(RECEIVE);
  for (uint32_t id = 0; id < QUEUE_LENGTH; id++) put_frame(id, ROOM, 7);
  uint32_t length;
  if (!strcmp(name, "id")) give_back(receive, number, 60);
  else if (!strcmp(name, "length")) give_back(receive, 3, number);
  else if (!strcmp(name, "all")) for (uint32_t id = 0; id < QUEUE_LENGTH; id++) give_back(receive, QUEUE_LENGTH - 1 - id, number);
  else if (!strcmp(name, "jump")) receive->used->index += number;
  else if (!strcmp(name, "twice")) give_back(receive, 5, 60), give_back(receive, 5, 60);
  else if (!strcmp(name, "held")) {
    give_back(receive, 5, 60);
    if (CAUGHT(CHECK(nic_receive(&length))) != RETURNED) return 1;
    give_back(receive, 5, 60); /* the board has not given it back */
  } else if (!strcmp(name, "back")) {
    give_back(receive, 5, 60);
    if (CAUGHT(CHECK(nic_receive(&length)); nic_release()) != RETURNED) return 1;
    receive->used->index--;
  } else if (!strcmp(name, "status")) {
    sims[CARD].status |= NEEDS_RESET, sims[CARD].interrupt = number;
    return report(CAUGHT(nic_acknowledge()));
  } else if (!strcmp(name, "transmit-unlent")) {
    give_back(card(TRANSMIT), number, 0);
    return report(CAUGHT(nic_room()));
  } else if (!strcmp(name, "transmit-full")) {
    for (unsigned i = 0; i < QUEUE_LENGTH; i++) {
      uint8_t *room = nic_room();
      CHECK(room && !((uint64_t)room % ROOM - HEADER));
      nic_send(FRAME_MOST);
    }
    nic_flush();
    CHECK(nic_room() == NULL && card(TRANSMIT)->offered->flags == 0);
    give_back(card(TRANSMIT), number, 0);
    enum outcome full = CAUGHT(CHECK(nic_room()));
    if (full == RETURNED) CHECK(card(TRANSMIT)->offered->flags == NO_INTERRUPT);
    return report(full);
  } else {
    return 2;
  }
  return receive_all();
}

/* --- anything wrong ------------------------------------------------------------------------------------------------- */

struct expected { uint32_t length; uint8_t fill; };

/* What a device does that keeps to the rules most of the time; the board must lose nothing then, and never leave its memory. */
static int random_device(uint64_t state, unsigned steps) {
  static unsigned step, received, sent, fatals, survived, outstanding, count;
  static struct expected expected[QUEUE_LENGTH];
  static bool restart;
  static uint32_t action, amount, length;
  static const uint8_t *frame;
  static uint8_t *room;
  for (restart = true; step < steps; step++) {
    if (restart) {
      sims_reset();
      CHECK(CAUGHT(nic_init()) == RETURNED);
      outstanding = count = 0;
      restart = false;
    }
    struct ring_view *receive = card(RECEIVE), *transmit = card(TRANSMIT);
    action = random_number(&state) % 100, amount = 1 + random_number(&state) % 8;
    if (action < 35) {
      for (; amount && receive->seen != receive->offered->index; amount--) {
        uint32_t id = receive->offered->ring[receive->seen++ % QUEUE_LENGTH];
        CHECK(id < QUEUE_LENGTH && receive->descriptors[id].flags == DEVICE_WRITES && receive->descriptors[id].length == ROOM);
        struct expected frame = {HEADER + random_number(&state) % (ROOM - HEADER + 1), random_number(&state)};
        put_frame(id, frame.length, frame.fill);
        give_back(receive, id, frame.length);
        if (frame.length <= HEADER + FRAME_MOST) CHECK(count < QUEUE_LENGTH), expected[count++] = frame;
        else if (receive->used->index % 3 == 0) sims[CARD].interrupt |= 1;
      }
    } else if (action < 60) {
      CHECK(CAUGHT(while (amount-- && (frame = nic_receive(&length))) {
        CHECK(count > 0 && length == expected[0].length - HEADER);
        for (uint32_t i = 0; i < length; i++) CHECK(frame[i] == expected[0].fill);
        memmove(&expected[0], &expected[1], --count * sizeof expected[0]);
        nic_release();
        received++;
      } if (!frame) CHECK(count == 0); nic_flush()) == RETURNED);
    } else if (action < 75) {
      CHECK(CAUGHT(for (; amount && (room = nic_room()); amount--) {
        CHECK(outstanding < QUEUE_LENGTH);
        length = random_number(&state) % (FRAME_MOST + 1);
        memset(room, (int)length, length);
        nic_send(length);
        outstanding++, sent++;
      } if (amount) CHECK(outstanding == QUEUE_LENGTH); nic_flush()) == RETURNED);
    } else if (action < 95) {
      for (; amount && transmit->seen != transmit->offered->index; amount--, outstanding--) {
        uint32_t id = transmit->offered->ring[transmit->seen++ % QUEUE_LENGTH];
        CHECK(id < QUEUE_LENGTH && transmit->descriptors[id].flags == 0);
        const uint8_t *frame = (const uint8_t *)transmit->descriptors[id].address;
        length = transmit->descriptors[id].length;
        CHECK(length >= HEADER && length <= HEADER + FRAME_MOST);
        for (uint32_t i = 0; i < HEADER; i++) CHECK(frame[i] == 0);
        for (uint32_t i = HEADER; i < length; i++) CHECK(frame[i] == (uint8_t)(length - HEADER));
        give_back(transmit, id, 0);
      }
    } else if (action < 99) {
      CHECK(CAUGHT(nic_acknowledge()) == RETURNED && sims[CARD].interrupt == 0);
    } else {
      /* Anything at all in the used rings. */
      struct ring_view *ring = random_number(&state) % 2 ? receive : transmit;
      uint8_t *bytes = (uint8_t *)ring->used;
      for (unsigned i = 0; i < sizeof *ring->used; i++) if (random_number(&state) % 4 == 0) bytes[i] = random_number(&state);
      uint16_t ready = 1 + random_number(&state) % 40;
      if (random_number(&state) % 2) ring->used->index = ring->seen + ready;
      if (random_number(&state) % 2) for (unsigned i = 0; i < QUEUE_LENGTH; i++) ring->used->ring[i].id %= 34, ring->used->ring[i].length %= 2200;
      enum outcome outcome = CAUGHT(for (unsigned i = 0; i < 100; i++) {
        if ((frame = nic_receive(&length))) {
          uint64_t at = (uint64_t)frame - (uint64_t)dma_page(DMA_RECEIVE);
          CHECK(length <= FRAME_MOST && at < QUEUE_LENGTH * PAGE && at % ROOM == HEADER);
          volatile uint8_t sum = 0;
          for (uint32_t j = 0; j < length; j++) sum += frame[j];
          nic_release();
        }
        if ((room = nic_room())) memset(room, 1, FRAME_MOST), nic_send(FRAME_MOST);
        nic_flush();
      });
      CHECK(outcome != TRAPPED);
      outcome == FATAL ? fatals++ : survived++;
      restart = true;
    }
  }
  printf("%u received, %u sent, %u fatal, %u survived\n", received, sent, fatals, survived);
  return 0;
}

/* --- randomness ------------------------------------------------------------------------------------------------------- */

static uint32_t chunk, seeded;

/* Gives `chunk` bytes at a time of the bytes 1, 2, 3…; 0xffffffff: is silent; more than was asked for: claims to have written that. */
static void roll(struct sim *sim) {
  struct ring_view *ring = &sim->rings[0];
  uint32_t id = ring->offered->ring[ring->seen++ % QUEUE_LENGTH], asked = ring->descriptors[id].length;
  if (chunk == UINT32_MAX) return;
  uint8_t *buffer = (uint8_t *)ring->descriptors[id].address;
  uint32_t given = chunk < asked || chunk > 64 ? chunk : asked;
  for (uint32_t i = 0; i < given && i < asked; i++) buffer[i] = ++seeded;
  give_back(ring, id, given);
}

/* Says the key before and after each of three uses, and what was given out. */
static int entropy(uint32_t bytes_at_once, uint32_t first) {
  chunk = bytes_at_once, seeded = first;
  on_notify = roll;
  clock_step = 1000000;
  enum outcome outcome = CAUGHT(entropy_init());
  if (outcome != RETURNED) return report(outcome);
  CHECK(sims[DICE].status == 0);
  for (unsigned i = 0; i < PAGE; i++) CHECK(dma_page(DMA_ENTROPY)[i] == 0);
  for (unsigned use = 0; use < 3; use++) {
    uint8_t out[70] = {0};
    for (unsigned i = 0; i < 32; i++) printf("%02x", ((const uint8_t *)entropy_key())[i]);
    entropy_fill(out, 69);
    CHECK(out[69] == 0);
    printf(" ");
    for (unsigned i = 0; i < 69; i++) printf("%02x", out[i]);
    printf("\n");
  }
  return 0;
}

int devices_command(int count, char **words) {
  uint64_t number = count > 3 ? strtoul(words[3], NULL, 0) : 0;
  const char *command = words[1];
  if (strcmp(command, "card") && strcmp(command, "random") && strcmp(command, "entropy")) return -1;
  map_dma();
  sims_reset();
  devices_read("virtio_mmio.device=512@0xfeb00000:5 virtio_mmio.device=512@0xfeb00200:6");
  if (!strcmp(command, "card")) return card_scenario(words[2], number);
  if (!strcmp(command, "random")) return random_device(strtoul(words[2], NULL, 0), number);
  if (!strcmp(words[2], "none")) sims[DICE].kind = 0;
  return entropy(strtoul(words[2], NULL, 0), number);
}
