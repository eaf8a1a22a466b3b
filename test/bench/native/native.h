/* What the natively compiled guest shares in the benchmarks: a checked view of a linear memory, and the end when something cannot be. */
#ifndef PINATA_BENCH_NATIVE_H
#define PINATA_BENCH_NATIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wasm-rt.h"

/** Says what is wrong and ends the process. */
_Noreturn void native_fail(const char *what);

/** `length` bytes of a linear memory from `at`; the process ends when they are not inside. */
static inline uint8_t *window(const wasm_rt_memory_t *memory, uint32_t at, uint32_t length) {
  if (length > memory->size || at > memory->size - length) native_fail("a compartment names bytes outside of its memory");
  return memory->data + at;
}

#endif
