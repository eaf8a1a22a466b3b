/*
 * Measures how long a function of the harness takes for two classes of inputs, in processor cycles, natively. Class 0 is one input, again and again;
 * class 1 is another, in which places are filled with random bytes, or one random bit is flipped, anew for each sample. The class of each sample is
 * drawn; inputs are made a batch at a time, before any of the batch is measured.
 *
 * Standard input: `FUNCTION P Q SAMPLES SEED RANDOM (START LENGTH)… FLIPPED (START LENGTH)…`, then the two inputs in hexadecimal, a line each.
 * Standard output: for each sample two 32-bit words, class and cycles.
 */
#include "ct.h"

#include <x86intrin.h>

enum { INPUT_MOST = 8192, PLACES_MOST = 4, BATCH = 128, WARMING = 64 };

typedef struct {
  uint32_t count, start[PLACES_MOST], length[PLACES_MOST];
} Places;

static uint64_t state;

/* splitmix64: which class comes, and what the random bytes are, must not follow the machine's own rhythms; no more is asked of it. */
static uint64_t random_word(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void read_places(Places *places, uint32_t size) {
  expect(scanf("%u", &places->count) == 1 && places->count <= PLACES_MOST, "places that cannot be read");
  for (uint32_t i = 0; i < places->count; i++) {
    expect(scanf("%u %u", &places->start[i], &places->length[i]) == 2 && places->length[i] > 0, "a place that cannot be read");
    expect(places->length[i] <= size && places->start[i] <= size - places->length[i], "a place outside of the input");
  }
}

static void vary(uint8_t *input, const Places *filled, const Places *flipped) {
  for (uint32_t i = 0; i < filled->count; i++)
    for (uint32_t at = 0; at < filled->length[i]; at++) input[filled->start[i] + at] = (uint8_t)random_word();
  for (uint32_t i = 0; i < flipped->count; i++) {
    const uint32_t bit = (uint32_t)(random_word() % (8ull * flipped->length[i]));
    input[flipped->start[i] + bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}

/** Cycles of one call. Nothing before it is still under way when it begins, nothing of it when it has ended. */
static uint32_t measure(Function call) {
  unsigned processor;
  _mm_lfence();
  const uint64_t begin = __rdtsc();
  _mm_lfence();
  call(&vault);
  const uint64_t end = __rdtscp(&processor);
  _mm_lfence();
  return end - begin > UINT32_MAX ? UINT32_MAX : (uint32_t)(end - begin);
}

int timing_main(int count, char **words) {
  (void)words;
  expect(count == 0, "no arguments are known");
  char name[64];
  uint32_t p, q, samples;
  static uint8_t inputs[2][INPUT_MOST], batch[BATCH][INPUT_MOST];
  static uint32_t classes[BATCH], results[BATCH][2];
  Places filled, flipped;
  expect(scanf("%63s %u %u %u %lu", name, &p, &q, &samples, &state) == 5, "a measurement that cannot be read");
  read_places(&filled, INPUT_MOST);
  read_places(&flipped, INPUT_MOST);
  expect(getchar() == '\n', "a measurement that cannot be read");
  const uint32_t size = read_hex(stdin, inputs[0], INPUT_MOST);
  expect(read_hex(stdin, inputs[1], INPUT_MOST) == size, "two inputs of the same length");
  const Function call = function_of(name);
  Z_safeZ_ctParameters(&vault, p, q);
  uint8_t *in = vault_at(Z_safeZ_ctInput(&vault), size);
  for (unsigned i = 0; i < WARMING; i++) {
    memcpy(in, inputs[i % 2], size);
    measure(call);
  }
  for (uint32_t done = 0; done < samples; done += BATCH) {
    for (unsigned i = 0; i < BATCH; i++) {
      classes[i] = random_word() & 1;
      memcpy(batch[i], inputs[classes[i]], size);
      if (classes[i] == 1) vary(batch[i], &filled, &flipped);
    }
    for (unsigned i = 0; i < BATCH; i++) {
      memcpy(in, batch[i], size);
      results[i][0] = classes[i];
      results[i][1] = measure(call);
    }
    expect(fwrite(results, sizeof results, 1, stdout) == 1, "the results cannot be written");
  }
  return 0;
}
