/*
 * compartment.c: what generated C needs (wasm-rt.h) and how the board looks into a linear memory. Bounds checks are in the generated
 * code and end in an undefined instruction (build-metal.ts), which cpu.c turns into the compartment's trap; the windows come on top.
 */
#include "board.h"

static enum window window_next;
static uint32_t pages_next;

void window_wipe(enum window window, uint32_t pages) {
  memset((void *)WINDOW(window), 0, pages * WASM_PAGE);
  __asm__ volatile("" ::: "memory");
}

void window_open(enum window window, uint32_t pages) {
  window_next = window;
  pages_next = pages;
  window_wipe(window, pages);
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t most) {
  if (pages != pages_next || most != pages_next) fatal("a compartment asks for a memory of another size");
  *memory = (wasm_rt_memory_t){(uint8_t *)WINDOW(window_next), pages, most, pages * (uint32_t)WASM_PAGE};
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages) { return pages == 0 ? memory->pages : UINT32_MAX; }

/* Only indirect calls compare function types, and those need tables, which this board does not have: it would not link. */
uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) { return (void)parameters, (void)results, 0; }

uint8_t *view(const wasm_rt_memory_t *memory, uint32_t at, uint32_t length) {
  if (length > memory->size || at > memory->size - length) trap();
  return memory->data + at;
}

/* The little of libc that gcc itself and the board call. The processor's string instructions do well enough. */
void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  void *result = to;
  size_t words = length / 8, rest = length % 8;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest)::"memory");
  return result;
}

void *memset(void *to, int value, size_t length) {
  void *result = to;
  size_t words = length / 8, rest = length % 8;
  uint64_t pattern = (uint8_t)value * 0x0101010101010101ul;
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
  return result;
}

void *memmove(void *to, const void *from, size_t length) {
  if ((uintptr_t)to - (uintptr_t)from >= length) return memcpy(to, from, length);
  uint8_t *last_to = (uint8_t *)to + length - 1;
  const uint8_t *last_from = (const uint8_t *)from + length - 1;
  __asm__ volatile("std; rep movsb; cld" : "+D"(last_to), "+S"(last_from), "+c"(length)::"memory");
  return to;
}

size_t strlen(const char *text) {
  const char *end = text;
  while (*end) end++;
  return end - text;
}
