/* parts.c: the board's small parts, fed through standard input, a line a case: words, dates, printing, traces; and its part of libc. */
#include "hosted.h"

static size_t from_hex(const char *hex, uint8_t *out) {
  size_t length = 0;
  for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2) out[length++] = byte;
  return length;
}

/* BINARY SECOND MINUTE HOUR DAY MONTH YEAR, as the clock has them: seconds since 1970. */
static void one_date(const char *line) {
  unsigned r[7];
  CHECK(sscanf(line, "%u %u %u %u %u %u %u", &r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6]) == 7);
  cmos_registers[0] = r[1], cmos_registers[2] = r[2], cmos_registers[4] = r[3], cmos_registers[7] = r[4];
  cmos_registers[8] = r[5], cmos_registers[9] = r[6], cmos_registers[10] = 0x26, cmos_registers[11] = r[0] ? 6 : 2;
  uint64_t date = 0;
  if (CAUGHT(date = time_date()) == RETURNED) printf("%lu\n", date);
  else printf("%s\n", said);
}

/* The processor is taken away for so long at each access of a timer in turn: the worst that is measured then, in parts of a thousand. */
static int measure(uint64_t stall_micros) {
  clock_step = 50;
  stall_cycles = stall_micros * CLOCK_MHZ;
  one_date("1 0 0 0 1 1 26");
  uint64_t least = UINT64_MAX, most = 0, lapic_least = UINT64_MAX, lapic_most = 0, last = 0;
  /* Until the measurement is over before it comes to the stall. */
  for (stall_at = 1; stall_at == 1 || last >= stall_at - 1; stall_at++) {
    timer_accesses = 0;
    time_start();
    clock_cycles += 3000 * CLOCK_MHZ;
    time_init();
    last = timer_accesses;
    uint64_t second = cycles_to_micros(CLOCK_MHZ * 1000000ul), lapic = time_lapic_per_milli();
    least = second < least ? second : least, most = second > most ? second : most;
    lapic_least = lapic < lapic_least ? lapic : lapic_least, lapic_most = lapic > lapic_most ? lapic : lapic_most;
  }
  printf("%lu %lu %lu %lu\n", least / 1000, most / 1000, lapic_least * 1000 / LAPIC_KHZ, lapic_most * 1000 / LAPIC_KHZ);
  return 0;
}

/* CODE A B HEX: a door's trace call. Whatever it does, nothing of it may be left for the next line. */
static void one_trace(const char *line) {
  uint32_t code, a, b;
  int at = 0;
  CHECK(sscanf(line, "%u %u %u %n", &code, &a, &b, &at) == 3);
  uint8_t *bytes = malloc(strlen(line) / 2 + 1);
  size_t length = from_hex(line + at, bytes);
  uint8_t *exact = malloc(length); /* so that a byte too far is seen */
  memcpy(exact, bytes, length);
  if (CAUGHT(trace_door(7, code, a, b, (struct bytes){exact, length})) != RETURNED) printf("trap\n");
  print("."), print_line_end();
  free(bytes), free(exact);
}

/* WORD|COMMAND LINE */
static void one_find(char *line) {
  char *bar = strchr(line, '|');
  *bar = 0;
  const char *found = find_word(bar + 1, line);
  printf("%s\n", found ? found : "-");
}

static void one_print(const char *line) {
  uint8_t bytes[8192];
  print_escaped(bytes, from_hex(line, bytes)), print_line_end();
}

static int libc(void) {
  uint64_t state = 88172645463325252ul;
  static uint8_t a[600], b[600];
  for (unsigned i = 0; i < 20000; i++) {
    for (unsigned j = 0; j < 8; j++) a[random_number(&state) % 600] = b[0] ^ random_number(&state);
    memcpy(b, a, 600);
    uint32_t from = random_number(&state) % 300, to = random_number(&state) % 300, length = random_number(&state) % 301;
    memmove(a + to, a + from, length), CHECK(board_memmove(b + to, b + from, length) == b + to);
    CHECK(!memcmp(a, b, 600));
    memset(a + to, i, length), board_memset(b + to, i, length);
    CHECK(!memcmp(a, b, 600));
    if (from + length > to && to + length > from) continue;
    memcpy(a + to, a + from, length), board_memcpy(b + to, b + from, length);
    CHECK(!memcmp(a, b, 600));
  }
  uint8_t data[WASM_PAGE];
  wasm_rt_memory_t memory = {data, 1, 1, WASM_PAGE};
  static const struct { uint32_t at, length; bool fits; } views[] = {
    {0, 0, true}, {0, 65536, true}, {65536, 0, true}, {65535, 1, true}, {65537, 0, false}, {65536, 1, false}, {0, 65537, false},
    {1, 65536, false}, {UINT32_MAX, 1, false}, {UINT32_MAX, 0, false}, {1, UINT32_MAX, false}, {UINT32_MAX, UINT32_MAX, false},
    {2, 0xfffffffe, false}, {0x80000000, 0x80000000, false},
  };
  for (unsigned i = 0; i < sizeof views / sizeof *views; i++) {
    uint8_t *at = NULL;
    enum outcome outcome = CAUGHT(at = view(&memory, views[i].at, views[i].length));
    CHECK(outcome == (views[i].fits ? RETURNED : TRAPPED) && (outcome == TRAPPED || at == data + views[i].at));
  }
  printf("same\n");
  return 0;
}

static void map_one(uint64_t physical) { printf("%lx\n", physical); }

int parts_command(int count, char **words) {
  const char *command = words[1];
  static char line[20000];
  if (!strcmp(command, "libc")) return libc();
  if (!strcmp(command, "measure")) return measure(strtoul(words[2], NULL, 0));
  if (!strcmp(command, "devices")) {
    devices_read(words[2]);
    devices_map(map_one);
    return 0;
  }
  if (!strcmp(command, "sizes")) {
    printf("{\"most\":%lu,\"line\":4095}\n", SEAL_MOST);
    return 0;
  }
  if (!strcmp(command, "serial")) {
    /* The other end takes so many bytes, then nothing, then all again. */
    clock_step = 100000000;
    serial_takes = strtoul(words[2], NULL, 0);
    for (unsigned i = 0; i < 3; i++) print("# lost or not "), print_number(i), print_line_end();
    uint64_t waited = clock_cycles;
    for (unsigned i = 0; i < 100; i++) print("# never seen"), print_line_end();
    CHECK(clock_cycles - waited <= 100 * 200 * clock_step); /* no line waits again */
    serial_takes = UINT64_MAX;
    for (unsigned i = 3; i < 5; i++) print("# back "), print_number(i), print_line_end();
    return 0;
  }
  void (*one)(char *) = NULL;
  if (!strcmp(command, "date")) one = (void (*)(char *))one_date;
  if (!strcmp(command, "trace")) one = (void (*)(char *))one_trace;
  if (!strcmp(command, "find")) one = one_find;
  if (!strcmp(command, "print")) one = (void (*)(char *))one_print;
  if (!one || count > 3) return -1;
  if (count == 3) trace_init(words[2]);
  while (fgets(line, sizeof line, stdin)) line[strcspn(line, "\n")] = 0, one(line);
  return 0;
}
