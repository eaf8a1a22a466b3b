/*
 * The little that wasm2c's output asks of its surroundings, as the metal board has it, and the guest's way to declassify: a test build says
 * memory.grow(site), memory.grow(address), memory.grow(length). A trap of the guest is an undefined instruction and ends the program.
 */
#include "ct.h"

#include <signal.h>
#include <unistd.h>

#include "functions.h"

#define PAGE 65536u
#define MOST_SITES 64

uint32_t wasm_rt_call_stack_depth;
Z_safe_instance_t vault;
static Z_safe_instance_t fresh;
static uint8_t *fresh_memory;
static uint64_t declassified[MOST_SITES];

_Noreturn void broken(const char *what) {
  fprintf(stderr, "ct: %s\n", what);
  exit(3);
}

static void on_trap(int number) {
  (void)number;
  static const char says[] = "ct: the guest trapped\n";
  if (write(2, says, sizeof says - 1) < 0) _exit(5);
  _exit(4);
}

uint32_t undefined_bytes(const void *at, uint32_t length) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < length; i++) {
    uint8_t bits = 0;
    if (VALGRIND_GET_VBITS((const uint8_t *)at + i, &bits, 1) == 1) count += bits != 0;
  }
  return count;
}

void declassify(uint32_t site, void *at, uint32_t length) {
  expect(site < MOST_SITES, "a site that does not exist");
  if (RUNNING_ON_VALGRIND) declassified[site] += undefined_bytes(at, length);
  VALGRIND_MAKE_MEM_DEFINED(at, length);
}

void declassified_clear(void) { memset(declassified, 0, sizeof declassified); }

void declassified_print(void) {
  const char *comma = "";
  printf("{");
  for (unsigned i = 0; i < MOST_SITES; i++) {
    if (declassified[i] == 0) continue;
    printf("%s\"%u\":%lu", comma, i, declassified[i]);
    comma = ",";
  }
  printf("}");
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t most) {
  uint8_t *data = calloc(pages, PAGE);
  expect(data != NULL, "no memory");
  *memory = (wasm_rt_memory_t){data, pages, most, pages * PAGE};
}

/** No module grows: these are the three words of a declassification. */
uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t word) {
  static uint32_t words[3], count;
  words[count++] = word;
  if (count == 3) {
    count = 0;
    declassify(words[0], window(memory, words[1], words[2]), words[2]);
  }
  return UINT32_MAX;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { free(memory->data); }

uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) { return (void)parameters, (void)results, 0; }

void vault_open(void) {
  Z_safe_init_module();
  Z_safe_instantiate(&vault);
  const wasm_rt_memory_t *memory = Z_safeZ_memory(&vault);
  fresh = vault;
  fresh_memory = malloc(memory->size);
  expect(fresh_memory != NULL, "no memory");
  memcpy(fresh_memory, memory->data, memory->size);
}

void vault_reset(void) {
  vault = fresh;
  memcpy(Z_safeZ_memory(&vault)->data, fresh_memory, Z_safeZ_memory(&vault)->size);
}

Function function_of(const char *name) {
  static const struct {
    const char *name;
    Function call;
  } all[] = {FUNCTIONS};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].name, name) == 0) return all[i].call;
  broken("a function that the harness does not have");
}

static uint32_t nibble(int c) {
  if (c >= '0' && c <= '9') return (uint32_t)(c - '0');
  if (c >= 'a' && c <= 'f') return (uint32_t)(c - 'a' + 10);
  broken("no hexadecimal");
}

uint32_t read_hex(FILE *in, uint8_t *out, uint32_t capacity) {
  uint32_t length = 0;
  for (int c = getc(in); c != '\n'; c = getc(in)) {
    if (c == ' ') continue;
    if (c == EOF) broken("the scenario is cut off");
    expect(length < capacity, "more bytes than there is room for");
    out[length++] = (uint8_t)(nibble(c) << 4 | nibble(getc(in)));
  }
  return length;
}

int main(int count, char **words) {
  signal(SIGILL, on_trap);
  setvbuf(stdout, NULL, _IOLBF, 0);
  expect(count >= 2, "cases, handshakes or time");
  vault_open();
  if (strcmp(words[1], "cases") == 0) return cases_main();
  if (strcmp(words[1], "handshakes") == 0) return handshake_main();
  if (strcmp(words[1], "time") == 0) return timing_main(count - 2, words + 2);
  broken("cases, handshakes or time");
}
