/*
 * Fuzz target: guest/wire and the views under it. The interpreter and its model are the guest's own language
 * (test/unikernel/guest/harness/wire-steps.ts, which also says what an input is); here is what it cannot do itself: to see that a step
 * which lies outside of its view traps.
 */
#include "wire.h"

#include <stdlib.h>

#include "fuzz.h"

/** What `play` answers. */
enum { AGREED, MUST_TRAP };
static const char *const disagreements[] = {
    "a number is not the one in the bytes",
    "a view is not where it was asked for",
    "a reader or a writer is not as far as it should be, or has failed when it should not have",
    "a byte was changed that was not written",
    "what was written does not read back, or reads back from too few or too many bytes",
};

static Z_wire_instance_t wire, fresh;
static uint8_t *fresh_memory;

static void trespass(void) { Z_wireZ_trespass(&wire); }

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  Z_wire_init_module();
  Z_wire_instantiate(&wire);
  fresh = wire;
  const wasm_rt_memory_t *memory = Z_wireZ_memory(&wire);
  fresh_memory = malloc(memory->size);
  expect(fresh_memory != NULL, "the harness has no memory");
  memcpy(fresh_memory, memory->data, memory->size);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wire = fresh;
  const wasm_rt_memory_t *memory = Z_wireZ_memory(&wire);
  memcpy(memory->data, fresh_memory, memory->size);
  if (size > Z_wireZ_inputSize(&wire)) size = Z_wireZ_inputSize(&wire);
  memcpy(window(memory, Z_wireZ_input(&wire), (uint32_t)size), data, size);
  const uint32_t outcome = Z_wireZ_play(&wire, (uint32_t)size);
  if (outcome == MUST_TRAP) {
    expect(traps(trespass), "an access outside of a view does not trap");
  } else if (outcome != AGREED) {
    const uint32_t which = outcome - MUST_TRAP - 1;
    finding(which < sizeof disagreements / sizeof *disagreements ? disagreements[which] : "an outcome that does not exist");
  }
  return 0;
}
