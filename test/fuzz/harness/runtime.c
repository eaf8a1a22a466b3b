/*
 * The little that wasm2c's output asks of its surroundings, as the metal board has it: memories, function types, and a trap, which here is a
 * finding: the guest must not trap on anything that a peer sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define PAGE_LENGTH 65536u
#define MAX_TYPES 256
#define MAX_VALUES 64

uint32_t wasm_rt_call_stack_depth;

_Noreturn void finding(const char *what) {
  fprintf(stderr, "finding: %s\n", what);
  abort();
}

/** Where a trap goes that the harness has asked for. */
static jmp_buf *expected;

void wasm_rt_trap(wasm_rt_trap_t code) {
  if (expected != NULL) longjmp(*expected, 1);
  static const char *const names[] = {
      [WASM_RT_TRAP_OOB] = "out of bounds",
      [WASM_RT_TRAP_INT_OVERFLOW] = "integer overflow",
      [WASM_RT_TRAP_DIV_BY_ZERO] = "division by zero",
      [WASM_RT_TRAP_UNREACHABLE] = "unreachable",
      [WASM_RT_TRAP_CALL_INDIRECT] = "call_indirect",
      [WASM_RT_TRAP_EXHAUSTION] = "call stack exhausted",
  };
  const bool known = code < sizeof names / sizeof *names && names[code] != NULL;
  fprintf(stderr, "trap: %s\n", known ? names[code] : "of another kind");
  finding("the guest trapped");
}

bool traps(void (*step)(void)) {
  jmp_buf here;
  const uint32_t depth = wasm_rt_call_stack_depth;
  expected = &here;
  const bool trapped = setjmp(here) != 0;
  if (!trapped) step();
  expected = NULL;
  wasm_rt_call_stack_depth = depth;
  return trapped;
}

void wasm_rt_init(void) {}
bool wasm_rt_is_initialized(void) { return true; }

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t max_pages) {
  memory->data = calloc(pages, PAGE_LENGTH);
  expect(memory->data != NULL, "the harness has no memory");
  memory->size = pages * PAGE_LENGTH;
  memory->pages = pages;
  memory->max_pages = max_pages;
}

/** No module may grow: initial and maximum size are the same. */
uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t delta) {
  return delta == 0 ? memory->pages : UINT32_MAX;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { free(memory->data); }

/** Numbers each signature once, so that call_indirect compares numbers. */
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) {
  static struct {
    uint32_t params, results, values[MAX_VALUES];
  } types[MAX_TYPES];
  static uint32_t count;
  uint32_t values[MAX_VALUES] = {0};
  expect(params + results <= MAX_VALUES && count < MAX_TYPES, "the harness's table of types is too small");
  va_list list;
  va_start(list, results);
  for (uint32_t i = 0; i < params + results; i++) values[i] = (uint32_t)va_arg(list, int);
  va_end(list);
  for (uint32_t i = 0; i < count; i++) {
    const bool same = types[i].params == params && types[i].results == results;
    if (same && memcmp(types[i].values, values, sizeof values) == 0) return i + 1;
  }
  types[count].params = params;
  types[count].results = results;
  memcpy(types[count].values, values, sizeof values);
  return ++count;
}

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements, uint32_t max_elements) {
  table->data = calloc(elements == 0 ? 1 : elements, sizeof *table->data);
  expect(table->data != NULL, "the harness has no memory");
  table->size = elements;
  table->max_size = max_elements;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { free(table->data); }
