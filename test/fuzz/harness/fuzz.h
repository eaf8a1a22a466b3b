/*
 * What the fuzz harnesses share: the reader of an input, and how a finding ends the run. A finding is a trap of the guest, an answer that
 * the contract of its exports forbids, or an address outside its memory; each aborts, and libFuzzer keeps the input.
 */
#ifndef PINATA_FUZZ_H
#define PINATA_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wasm-rt.h"

/** Says what is wrong and aborts. */
_Noreturn void finding(const char *what);

/** Whether the guest traps in `step`, which is no finding then; its instance is not to be used again. */
bool traps(void (*step)(void));

/** A finding unless `holds`. */
static inline void expect(bool holds, const char *what) {
  if (!holds) finding(what);
}

/** `length` bytes of a linear memory from `at`; a finding when they are not inside. */
static inline uint8_t *window(const wasm_rt_memory_t *memory, uint32_t at, uint32_t length) {
  expect(length <= memory->size && at <= memory->size - length, "a compartment names bytes outside of its memory");
  return memory->data + at;
}

/** What is left of an input; past its end everything reads as zero or empty. */
typedef struct {
  const uint8_t *at;
  size_t left;
} Input;

typedef struct {
  const uint8_t *at;
  size_t length;
} Chunk;

static inline uint32_t take(Input *input, unsigned width) {
  uint32_t value = 0;
  for (; width > 0; width--) {
    value <<= 8;
    if (input->left == 0) continue;
    value |= *input->at++;
    input->left--;
  }
  return value;
}

/** The next chunk: u16 length, bytes; what is not there is cut off. */
static inline Chunk take_chunk(Input *input) {
  size_t length = take(input, 2);
  if (length > input->left) length = input->left;
  const Chunk chunk = {input->at, length};
  input->at += length;
  input->left -= length;
  return chunk;
}

static inline uint32_t u16_at(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t u32_at(const uint8_t *at) { return u16_at(at) << 16 | u16_at(at + 2); }
static inline void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}
static inline void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

#endif
