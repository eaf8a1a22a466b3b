/*
 * entropy.c: randomness for the compartments' generators. The processor (RDSEED, else RDRAND) and the entropy device are mixed into one
 * key; whichever of them is good is enough, and without both the machine does not boot. Output is ChaCha20 (RFC 8439 §2.3) with
 * fast key erasure: each use first replaces the key, so that what was given out cannot be found again.
 */
#include "board.h"

enum { KEY_LENGTH = 32, SEED_LENGTH = 64, CPU_TRIES = 64 };
#define DEVICE_PATIENCE 2000000000ul /* cycles */

static uint32_t key[8];

static uint32_t rotate(uint32_t value, unsigned by) { return value << by | value >> (32 - by); }

static void quarter(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d) {
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

/* What ChaCha20 starts from; never copied, because what is left on the stack would be a key that was erased. */
static uint32_t start_word(unsigned i) {
  static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  return i < 4 ? constants[i] : i < 12 ? key[i - 4] : 0;
}

/* 64 bytes for the key: its next value and 32 bytes to give out. */
static void chacha(uint32_t out[16]) {
  for (unsigned i = 0; i < 16; i++) out[i] = start_word(i);
  for (unsigned round = 0; round < 10; round++) {
    for (unsigned i = 0; i < 4; i++) quarter(out, i, 4 + i, 8 + i, 12 + i);
    for (unsigned i = 0; i < 4; i++) quarter(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
  }
  for (unsigned i = 0; i < 16; i++) out[i] += start_word(i);
}

static void next_block(uint32_t out[16]) {
  chacha(out);
  memcpy(key, out, KEY_LENGTH);
  memset(out, 0, KEY_LENGTH);
}

/* Mixes bytes in, 32 at a time; each time the key goes through ChaCha20, so that no input can take back another. */
static void absorb(const uint8_t *bytes, uint32_t length) {
  uint32_t block[16];
  for (uint32_t i = 0; i < length; i++) {
    ((uint8_t *)key)[i % KEY_LENGTH] ^= bytes[i];
    if (i % KEY_LENGTH == KEY_LENGTH - 1) next_block(block);
  }
}

static bool cpu_word(uint64_t *word, bool seed) {
  for (unsigned tries = 0; tries < CPU_TRIES; tries++) {
    uint8_t good;
    if (seed) __asm__ volatile("rdseed %0; setc %1" : "=r"(*word), "=qm"(good)::"cc");
    else __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(good)::"cc");
    if (good) return true;
    __asm__ volatile("pause");
  }
  return false;
}

/* Whether the processor gave `SEED_LENGTH` bytes. */
static bool absorb_cpu(void) {
  uint64_t words[SEED_LENGTH / 8];
  for (unsigned i = 0; i < SEED_LENGTH / 8; i++) {
    bool given = (cpu_has_rdseed() && cpu_word(&words[i], true)) || (cpu_has_rdrand() && cpu_word(&words[i], false));
    if (!given) return false;
  }
  absorb((const uint8_t *)words, sizeof words);
  memset(words, 0, sizeof words);
  return true;
}

/* The same of the device, which is asked this once and then left alone. */
static bool absorb_device(void) {
  struct device device = device_find(4);
  if (!device.base) return false;
  struct queue queue;
  uint8_t *buffer = dma_page(DMA_ENTROPY);
  device_begin(device, 0);
  queue_init(&queue, device, 0, DMA_ENTROPY_RING);
  device_ready(device);
  uint32_t got = 0, length;
  for (uint64_t start = cycles(); got < SEED_LENGTH;) {
    queue_offer(&queue, 0, buffer + got, SEED_LENGTH - got, true);
    queue_notify(&queue);
    do {
      if (cycles() - start > DEVICE_PATIENCE) fatal("the entropy device does not answer");
    } while (!queue_pending(&queue));
    queue_take(&queue, &length);
    got += length;
  }
  device_reset(device);
  absorb(buffer, SEED_LENGTH);
  memset(buffer, 0, SEED_LENGTH);
  return true;
}

void entropy_init(void) {
  bool cpu = absorb_cpu(), device = absorb_device();
  if (!cpu && !device) fatal("there is no source of randomness (a processor with RDRAND, or -device virtio-rng-device)");
}

void entropy_fill(uint8_t *out, uint32_t length) {
  uint32_t block[16];
  absorb_cpu();
  for (uint32_t at = 0; at < length; at += KEY_LENGTH) {
    next_block(block);
    memcpy(out + at, &block[8], length - at < KEY_LENGTH ? length - at : KEY_LENGTH);
  }
  memset(block, 0, sizeof block);
  __asm__ volatile("" ::: "memory");
}
