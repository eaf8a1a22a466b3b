/*
 * ct.h: what the native programs of test/ct share: the runtime that wasm2c's output asks for, one vault and its memory, and the marks
 * that valgrind understands. A secret's bytes are "undefined" for memcheck; what a jump or an address is made of must be defined.
 */
#ifndef PINATA_CT_H
#define PINATA_CT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>
#include <valgrind/memcheck.h>

#include "vault.h"

/** Ends the program: something about the harness itself is wrong. */
_Noreturn void broken(const char *what);
static inline void expect(bool holds, const char *what) {
  if (!holds) broken(what);
}

/** `length` bytes of a linear memory from `at`. */
static inline uint8_t *window(const wasm_rt_memory_t *memory, uint32_t at, uint32_t length) {
  expect(length <= memory->size && at <= memory->size - length, "a compartment names bytes outside of its memory");
  return memory->data + at;
}

/** Bytes of which at least one bit is undefined. */
uint32_t undefined_bytes(const void *at, uint32_t length);
/** Makes bytes public; counts those that were not, under the site's number (test/ct/patches.ts). */
void declassify(uint32_t site, void *at, uint32_t length);
/** Declassified bytes by site since the last `declassified_clear`, as a JSON object. */
void declassified_print(void);
void declassified_clear(void);

/** The line FUNCTION … in hexadecimal; ends with the line. */
uint32_t read_hex(FILE *in, uint8_t *out, uint32_t capacity);

/** How deep the running compartment's calls are. */
extern uint32_t wasm_rt_call_stack_depth;

/** The vault's test build, as it is when it has just been instantiated. */
extern Z_safe_instance_t vault;
void vault_open(void);
void vault_reset(void);
static inline uint8_t *vault_at(uint32_t at, uint32_t length) { return window(Z_safeZ_memory(&vault), at, length); }

/** A function of the harness module, by name. */
typedef uint32_t (*Function)(Z_safe_instance_t *);
Function function_of(const char *name);

int cases_main(void);
int handshake_main(void);
int timing_main(int count, char **words);
#endif
