/*
 * The guest's primitives as the image has them (wasm2c, gcc, the image's flags), called in a Linux process: `primitives OPERATION MILLIS
 * INPUT` puts the hex INPUT into the harness's buffer, calls the operation for that long and prints the nanoseconds of one call and the first 96
 * bytes of the harness's output, in hex, so that the caller can check that it was the right operation.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "aeads.h"
#include "curve25519.h"
#include "hashes.h"
#include "native.h"
#include "p256.h"

enum { BATCH = 16, SHOWN = 96, RECORD = 16384 };

static Z_curve25519_instance_t curve25519;
static Z_p256_instance_t p256;
static Z_aeads_instance_t aeads;
static Z_hashes_instance_t hashes;

static void x25519_shared(void) { if (!Z_curve25519Z_shared(&curve25519, 32, 32, 32)) native_fail("X25519 refuses"); }
static void x25519_base(void) { Z_curve25519Z_base(&curve25519, 32, 32); }
static void ed25519_sign(void) { Z_curve25519Z_sign(&curve25519, 32, 32, 32, 64); }
static void ed25519_verify(void) { if (!Z_curve25519Z_verify(&curve25519, 32, 64, 32)) native_fail("Ed25519 refuses"); }
static void p256_shared(void) { if (!Z_p256Z_sharedSecret(&p256, 65, 32)) native_fail("ECDH refuses"); }
static void p256_sign(void) { Z_p256Z_sign(&p256, 32, 0, 64); }
static void p256_verify(void) { if (!Z_p256Z_verify(&p256, 32, 64, 65)) native_fail("ECDSA refuses"); }
static void sha256(void) { Z_hashesZ_oneShot(&hashes, 256, RECORD, 32); }
static void sha384(void) { Z_hashesZ_oneShot(&hashes, 384, RECORD, 48); }
static void chacha20(void) { Z_aeadsZ_seal(&aeads, 0, 12, 5, RECORD, 16); }
static void aes128(void) { Z_aeadsZ_seal(&aeads, 1, 12, 5, RECORD, 16); }
static void aes256(void) { Z_aeadsZ_seal(&aeads, 2, 12, 5, RECORD, 16); }

static const struct {
  const char *name, *module;
  void (*run)(void);
} operations[] = {
    {"x25519-shared", "curve25519", x25519_shared}, {"x25519-base", "curve25519", x25519_base},
    {"ed25519-sign", "curve25519", ed25519_sign},   {"ed25519-verify", "curve25519", ed25519_verify},
    {"p256-shared", "p256", p256_shared},           {"p256-sign", "p256", p256_sign},
    {"p256-verify", "p256", p256_verify},           {"sha256", "hashes", sha256},
    {"sha384", "hashes", sha384},                   {"chacha20-poly1305", "aeads", chacha20},
    {"aes-128-gcm", "aeads", aes128},               {"aes-256-gcm", "aeads", aes256},
};

static uint64_t nanos(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** The harness's memory and buffers. */
static wasm_rt_memory_t *buffers(const char *module, uint32_t *input, uint32_t *output) {
  if (strcmp(module, "curve25519") == 0) {
    *input = Z_curve25519Z_input(&curve25519), *output = Z_curve25519Z_output(&curve25519);
    return Z_curve25519Z_memory(&curve25519);
  }
  if (strcmp(module, "p256") == 0) {
    *input = Z_p256Z_input(&p256), *output = Z_p256Z_output(&p256);
    return Z_p256Z_memory(&p256);
  }
  if (strcmp(module, "aeads") == 0) {
    *input = Z_aeadsZ_input(&aeads), *output = Z_aeadsZ_output(&aeads);
    return Z_aeadsZ_memory(&aeads);
  }
  *input = Z_hashesZ_input(&hashes), *output = Z_hashesZ_output(&hashes);
  return Z_hashesZ_memory(&hashes);
}

static void start(void) {
  Z_curve25519_init_module();
  Z_p256_init_module();
  Z_aeads_init_module();
  Z_hashes_init_module();
  Z_curve25519_instantiate(&curve25519);
  Z_p256_instantiate(&p256);
  Z_aeads_instantiate(&aeads);
  Z_hashes_instantiate(&hashes);
}

int main(int argc, char **argv) {
  if (argc != 4) native_fail("usage: primitives OPERATION MILLIS INPUT");
  start();
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (strcmp(operations[i].name, argv[1]) != 0) continue;
    uint32_t input, output, length = (uint32_t)strlen(argv[3]) / 2;
    const wasm_rt_memory_t *memory = buffers(operations[i].module, &input, &output);
    uint8_t *to = window(memory, input, length);
    for (uint32_t at = 0; at < length; at++) sscanf(argv[3] + 2 * (size_t)at, "%2hhx", &to[at]);
    uint64_t calls = 0, begun = nanos(), most = (uint64_t)atoi(argv[2]) * 1000000u, spent;
    do {
      for (int batch = 0; batch < BATCH; batch++) operations[i].run();
      calls += BATCH;
      spent = nanos() - begun;
    } while (spent < most);
    printf("%.1f ", (double)spent / (double)calls);
    const uint8_t *shown = window(memory, output, SHOWN);
    for (int at = 0; at < SHOWN; at++) printf("%02x", shown[at]);
    printf("\n");
    return 0;
  }
  native_fail("no such operation");
}
