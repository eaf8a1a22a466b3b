/*
 * Runs functions of the harness with their secrets marked, for memcheck; under callgrind, the same calls are counted. Standard input: a line
 * for each case, `NAME FUNCTION P Q OUTPUT SECRETS (START LENGTH)… HEX`; standard output: a line of JSON for each.
 * Between two cases the vault is put back to how it was, so that no mark of one is seen in another.
 */
#include "ct.h"

enum { INPUT_MOST = 8192, SECRETS_MOST = 8 };

static bool run_case(void) {
  char name[128], function_name[64];
  uint32_t p, q, output, secrets, start[SECRETS_MOST], length[SECRETS_MOST];
  static uint8_t input[INPUT_MOST];
  const int words = scanf("%127s %63s %u %u %u %u", name, function_name, &p, &q, &output, &secrets);
  if (words == EOF) return false;
  expect(words == 6 && secrets <= SECRETS_MOST, "a case that cannot be read");
  for (uint32_t i = 0; i < secrets; i++) expect(scanf("%u %u", &start[i], &length[i]) == 2, "a secret's place is missing");
  const uint32_t size = read_hex(stdin, input, sizeof input);
  const Function call = function_of(function_name);

  vault_reset();
  Z_safeZ_ctParameters(&vault, p, q);
  uint8_t *in = vault_at(Z_safeZ_ctInput(&vault), size);
  uint8_t *out = vault_at(Z_safeZ_ctOutput(&vault), output);
  memcpy(in, input, size);
  uint32_t marked = 0;
  for (uint32_t i = 0; i < secrets; i++) {
    expect(length[i] <= size && start[i] <= size - length[i], "a secret outside of the input");
    VALGRIND_MAKE_MEM_UNDEFINED(in + start[i], length[i]);
    marked += length[i];
  }
  declassified_clear();
  const unsigned before = VALGRIND_COUNT_ERRORS;
  VALGRIND_PRINTF("=ct= %s\n", name);
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  uint32_t returned = call(&vault);
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(name);
  VALGRIND_PRINTF("=ct= -\n");
  const unsigned errors = VALGRIND_COUNT_ERRORS - before;
  const uint32_t unknown = undefined_bytes(out, output);
  VALGRIND_MAKE_MEM_DEFINED(&returned, sizeof returned);
  VALGRIND_MAKE_MEM_DEFINED(out, output);
  printf("{\"name\":\"%s\",\"errors\":%u,\"secret\":%u,\"undefined\":%u,\"returned\":%u,\"declassified\":", name, errors, marked, unknown,
         returned);
  declassified_print();
  printf(",\"output\":\"");
  for (uint32_t i = 0; i < output; i++) printf("%02x", out[i]);
  printf("\"}\n");
  return true;
}

int cases_main(void) {
  expect(RUNNING_ON_VALGRIND, "to be run under valgrind");
  while (run_case()) continue;
  return 0;
}
