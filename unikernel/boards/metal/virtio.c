/*
 * virtio.c: virtio 1.0 devices behind registers in memory (virtio-mmio version 2; QEMU: -global virtio-mmio.force-legacy=false), split
 * queues. The monitor names the devices on the command line, as for Linux: virtio_mmio.device=SIZE@ADDRESS:PIN.
 * A device writes used rings only; index, id and length found there are checked, and a device that is wrong ends the machine.
 */
#include "board.h"

enum { MAGIC = 0x000, VERSION = 0x004, KIND = 0x008, FEATURES = 0x010, FEATURES_PART = 0x014, WANTED = 0x020, WANTED_PART = 0x024 };
enum { QUEUE = 0x030, QUEUE_MOST = 0x034, QUEUE_SIZE = 0x038, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050 };
enum { INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064, STATUS = 0x070, DESCRIPTORS = 0x080, DRIVER_RING = 0x090, DEVICE_RING = 0x0a0 };
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum { DEVICE_WRITES = 2, NO_INTERRUPT = 1 };
#define MOST_DEVICES 8

static struct device devices[MOST_DEVICES];
static unsigned device_count;

/* A number, decimal or 0x…; moves `*text` behind it. */
static uint64_t parse_number(const char **text) {
  uint64_t base = 10, number = 0;
  if ((*text)[0] == '0' && (*text)[1] == 'x') base = 16, *text += 2;
  for (;; ++*text) {
    uint8_t c = **text, digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 255;
    if (digit >= base) return number;
    number = number * base + digit;
  }
}

void devices_read(const char *command_line) {
  static const char word[] = "virtio_mmio.device=";
  for (const char *at = command_line; (at = find_word(at, word)) && device_count < MOST_DEVICES;) {
    parse_number(&at);
    while (*at == 'K' || *at == '@') at++;
    uint64_t base = parse_number(&at);
    if (*at++ != ':') fatal("a virtio_mmio.device= word is malformed");
    uint32_t pin = parse_number(&at);
    /* Registers lie where no memory is: between the 3 and 4 GiB marks, where nothing else is mapped but the interrupt controllers. */
    if (base < 3ul << 30 || base >= IOAPIC || base % 512) fatal("a virtio_mmio.device= address is out of range");
    devices[device_count++] = (struct device){base, pin};
  }
}

void devices_map(void (*map)(uint64_t physical)) { for (unsigned i = 0; i < device_count; i++) map(devices[i].base); }

struct device device_find(uint32_t kind) {
  for (unsigned i = 0; i < device_count; i++) {
    uint64_t base = devices[i].base;
    if (read32(base + MAGIC) != 0x74726976 || read32(base + KIND) != kind) continue;
    if (read32(base + VERSION) != 2) fatal("a virtio device is of the legacy kind (-global virtio-mmio.force-legacy=false)");
    return devices[i];
  }
  return (struct device){0};
}

static uint32_t has(uint64_t base, uint32_t part) { return write32(base + FEATURES_PART, part), read32(base + FEATURES); }

static void want(uint64_t base, uint32_t part, uint32_t features) { write32(base + WANTED_PART, part), write32(base + WANTED, features); }

void device_begin(struct device device, uint32_t features) {
  uint64_t base = device.base;
  write32(base + STATUS, 0), write32(base + STATUS, ACKNOWLEDGE | DRIVER);
  if (!(has(base, 1) & 1)) fatal("a virtio device is not of version 1");
  if ((has(base, 0) & features) != features) fatal("a virtio device lacks what is needed");
  want(base, 0, features), want(base, 1, 1);
  write32(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
  if (!(read32(base + STATUS) & FEATURES_OK)) fatal("a virtio device refuses its features");
}

void device_ready(struct device device) { write32(device.base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK); }

void device_reset(struct device device) { write32(device.base + STATUS, 0); }

void device_acknowledge(struct device device) {
  uint32_t status = read32(device.base + INTERRUPT_STATUS);
  if (!status) return;
  write32(device.base + INTERRUPT_ACK, status);
  if (read32(device.base + STATUS) & NEEDS_RESET) fatal("a virtio device has failed");
}

static void set_address(uint64_t base, uint32_t offset, const volatile void *at) {
  uint64_t physical = dma_physical((const void *)at);
  write32(base + offset, physical);
  write32(base + offset + 4, physical >> 32);
}

/* The ring page: descriptors at 0, what we offer at 1024, what the device has used at 2048. */
void queue_init(struct queue *queue, struct device device, uint32_t index, unsigned page) {
  uint8_t *ring = dma_page(page);
  memset(ring, 0, PAGE);
  *queue = (struct queue){.base = device.base, .index = index};
  queue->descriptors = (void *)ring;
  queue->offered = (void *)(ring + 1024);
  queue->used = (void *)(ring + 2048);
  write32(device.base + QUEUE, index);
  if (read32(device.base + QUEUE_MOST) < QUEUE_LENGTH) fatal("a virtio queue is too short");
  write32(device.base + QUEUE_SIZE, QUEUE_LENGTH);
  set_address(device.base, DESCRIPTORS, queue->descriptors);
  set_address(device.base, DRIVER_RING, queue->offered);
  set_address(device.base, DEVICE_RING, queue->used);
  write32(device.base + QUEUE_READY, 1);
}

void queue_offer(struct queue *queue, uint16_t id, const void *buffer, uint32_t length, bool device_writes) {
  queue->descriptors[id].address = dma_physical(buffer);
  queue->descriptors[id].length = length;
  queue->descriptors[id].flags = device_writes ? DEVICE_WRITES : 0;
  queue->lengths[id] = length;
  queue->lent |= 1u << id;
  queue->offered->ring[queue->offered->index % QUEUE_LENGTH] = id;
  __asm__ volatile("" ::: "memory"); /* x86 keeps stores in order; so must the compiler */
  queue->offered->index++;
}

void queue_notify(struct queue *queue) {
  __asm__ volatile("mfence" ::: "memory");
  write32(queue->base + QUEUE_NOTIFY, queue->index);
}

void queue_wake(struct queue *queue, bool wake) {
  queue->offered->flags = wake ? 0 : NO_INTERRUPT;
  __asm__ volatile("mfence" ::: "memory");
}

bool queue_pending(const struct queue *queue) { return queue->used->index != queue->seen; }

uint16_t queue_take(struct queue *queue, uint32_t *length) {
  uint16_t ready = queue->used->index - queue->seen;
  __asm__ volatile("" ::: "memory");
  uint32_t id = queue->used->ring[queue->seen % QUEUE_LENGTH].id;
  *length = queue->used->ring[queue->seen % QUEUE_LENGTH].length;
  if (ready > QUEUE_LENGTH || id >= QUEUE_LENGTH || !(queue->lent >> id & 1)) fatal("a virtio device returns what it was not lent");
  if (*length > queue->lengths[id]) fatal("a virtio device wrote more than there was room for");
  queue->lent &= ~(1u << id);
  queue->seen++;
  return id;
}
