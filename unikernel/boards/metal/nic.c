/*
 * nic.c: the network card (virtio-net, virtio 1.0 §5.1): plain Ethernet frames, no offloads. Two frames share a page of the devices'
 * memory; no compartment sees it, frames are copied.
 */
#include "board.h"

enum { RECEIVE = 0, TRANSMIT = 1, FEATURE_MAC = 1 << 5, CONFIG = 0x100, HEADER = 12, ROOM = 2048 };

uint8_t nic_mac[6];

static struct device nic;
static struct queue receive, transmit;
static uint16_t current, current_transmit;
static bool lent_again, sent;

static uint8_t *buffer(unsigned first_page, uint16_t id) { return dma_page(first_page + id / 2) + id % 2 * ROOM; }

static void lend(uint16_t id) { queue_offer(&receive, id, buffer(DMA_RECEIVE, id), ROOM, true); }

void nic_init(void) {
  nic = device_find(1);
  if (!nic.base) fatal("there is no network card (-device virtio-net-device)");
  device_begin(nic, FEATURE_MAC);
  for (unsigned i = 0; i < 6; i++) nic_mac[i] = read8(nic.base + CONFIG + i);
  queue_init(&receive, nic, RECEIVE, DMA_RECEIVE_RING);
  queue_init(&transmit, nic, TRANSMIT, DMA_TRANSMIT_RING);
  queue_wake(&transmit, false);
  device_ready(nic);
  wake_on_pin(nic.pin);
  for (uint16_t id = 0; id < QUEUE_LENGTH; id++) lend(id);
  queue_notify(&receive);
}

/* Before anything else after a wake-up: what the device does from here on makes another interrupt. */
void nic_acknowledge(void) { device_acknowledge(nic); }

bool nic_pending(void) { return queue_pending(&receive); }

const uint8_t *nic_receive(uint32_t *length) {
  while (queue_pending(&receive)) {
    current = queue_take(&receive, length);
    if (*length < HEADER) fatal("the network card delivered less than a header");
    *length -= HEADER;
    if (*length <= FRAME_MOST) return buffer(DMA_RECEIVE, current) + HEADER;
    nic_release(); /* longer than a frame of this network can be */
  }
  return NULL;
}

void nic_release(void) { lend(current), lent_again = true; }

uint8_t *nic_room(void) {
  uint32_t length;
  while (queue_pending(&transmit)) queue_take(&transmit, &length);
  if (transmit.lent == UINT32_MAX) {
    /* Only now is it of interest when the device has taken a frame; it may have done so before it was asked to say so. */
    queue_wake(&transmit, true);
    if (!queue_pending(&transmit)) return NULL;
    queue_take(&transmit, &length);
  }
  queue_wake(&transmit, false);
  current_transmit = __builtin_ctz(~transmit.lent);
  return buffer(DMA_TRANSMIT, current_transmit) + HEADER;
}

void nic_send(uint32_t length) {
  uint8_t *frame = buffer(DMA_TRANSMIT, current_transmit);
  memset(frame, 0, HEADER);
  queue_offer(&transmit, current_transmit, frame, HEADER + length, false);
  sent = true;
}

void nic_flush(void) {
  if (sent) queue_notify(&transmit);
  if (lent_again) queue_notify(&receive);
  sent = lent_again = false;
}
