/* The little that wasm2c's output asks of its surroundings, as the metal board has it (boards/metal/compartment.c). A trap is an undefined instruction and ends the process. */
#include <stdio.h>
#include <stdlib.h>

#include "native.h"

enum { PAGE_LENGTH = 65536 };

uint32_t wasm_rt_call_stack_depth;

_Noreturn void native_fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

void wasm_rt_init(void) {}
bool wasm_rt_is_initialized(void) { return true; }
void wasm_rt_free_memory(wasm_rt_memory_t *memory) { free(memory->data); }

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t max_pages) {
  *memory = (wasm_rt_memory_t){calloc(pages, PAGE_LENGTH), pages, max_pages, pages * PAGE_LENGTH};
  if (memory->data == NULL) native_fail("no memory");
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages) { return pages == 0 ? memory->pages : UINT32_MAX; }

/* The image has no indirect calls (boards/metal/compartment.c): nothing compares these. */
uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) { return (void)parameters, (void)results, 0; }
