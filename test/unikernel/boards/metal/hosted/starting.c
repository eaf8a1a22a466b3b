/* starting.c: start infos that a monitor could pass: command lines, modules, memory maps; and the page tables that come of them. */
#include "hosted.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAGIC = 0x336ec578, WRITABLE = 2, MAPS = 24 };
#define NO_EXECUTE (1ul << 63)
#define ADDRESS 0x000ffffffffff000ul
#define ARENA 0x10000000ul
#define ARENA_LENGTH (48ul << 20)

extern uint8_t image_start[], image_end[];
struct start_info {
  uint32_t magic, version, flags, modules;
  uint64_t module_list, command_line, rsdp, memory_map;
  uint32_t memory_entries, reserved;
};
struct module { uint64_t address, size, command_line, reserved; };
struct memory_entry { uint64_t address, size; uint32_t kind, reserved; };
void boot(const struct start_info *info);

static struct memory_entry entries[MAPS];
static struct module modules[2];
static struct start_info info;
static uint8_t seal[SEAL_MOST + 1];
static uint8_t seen[ARENA_LENGTH / PAGE];

/* A frame of the arena that was usable as a whole, outside of seal and image, and was not handed out before. */
static void check_frame(uint64_t frame) {
  CHECK(frame % PAGE == 0 && (frame + PAGE <= (uint64_t)image_start || frame >= (uint64_t)image_end));
  CHECK(frame >= ARENA && frame < ARENA + ARENA_LENGTH);
  CHECK(!seen[(frame - ARENA) / PAGE]++);
  CHECK(frame + PAGE <= modules[0].address || frame >= modules[0].address + modules[0].size);
  bool usable = false;
  for (uint32_t i = 0; i < info.memory_entries; i++) {
    uint64_t from = entries[i].address, to = from + entries[i].size;
    usable |= entries[i].kind == 1 && from <= frame && frame + PAGE <= to;
  }
  CHECK(usable);
}

static unsigned pages;

static void walk(uint64_t table, unsigned level, uint64_t virtual, uint64_t rights) {
  check_frame(table);
  for (uint64_t i = 0; i < 512; i++) {
    uint64_t entry = ((uint64_t *)table)[i], here = (rights & entry & WRITABLE) | ((rights | entry) & NO_EXECUTE);
    uint64_t at = virtual | i << (3 + 9 * level);
    if (!(entry & 1) || (level == 4 && i == 510)) continue;
    if (level > 1) {
      walk(entry & ADDRESS, level - 1, at, here);
      continue;
    }
    pages++;
    CHECK(!(here & WRITABLE) || (here & NO_EXECUTE));
    if (at >= WINDOWS) check_frame(entry & ADDRESS);
    else CHECK((entry & ADDRESS) == at);
    if (at < SEAL_COPY || at >= SEAL_COPY + SEAL_MOST) continue;
    CHECK(!(here & WRITABLE));
    uint64_t rest = modules[0].size - (at - SEAL_COPY);
    CHECK(!memcmp((void *)(entry & ADDRESS), seal + (at - SEAL_COPY), rest < PAGE ? rest : PAGE));
  }
}

/* Where the machine would go on: the tables are there. */
void leap(uint64_t tables, uint64_t stack, void (*go)(void));
void leap(uint64_t tables, uint64_t stack, void (*go)(void)) {
  CHECK(stack == STACK_TOP && go);
  walk(tables, 4, 0, WRITABLE);
  for (uint64_t i = 0; i < modules[0].size; i++) CHECK(((uint8_t *)modules[0].address)[i] == 0);
  CHECK(pages > (NET_PAGES + VAULT_PAGES + DOORS * DOOR_PAGES) * 16);
  printf("leap\n");
  fflush(stdout);
  _exit(0);
}

static void put_seal(uint64_t at, uint64_t size) {
  for (uint64_t i = 0; i < sizeof seal; i++) seal[i] = i % 251 + 1;
  modules[0] = (struct module){.address = at, .size = size};
  modules[1] = modules[0];
  if (size <= sizeof seal && at >= ARENA && at < ARENA + ARENA_LENGTH) memcpy((void *)at, seal, size);
}

/* Some usable memory, some not; apart, overlapping, unsorted, unaligned, tiny, beyond all. The kind of each number is the map's number's. */
static void random_maps(uint64_t *state) {
  info.memory_entries = 1 + random_number(state) % MAPS;
  for (uint32_t i = 0; i < info.memory_entries; i++) {
    uint64_t from = ARENA + random_number(state) % ARENA_LENGTH, size = random_number(state) % (ARENA + ARENA_LENGTH - from);
    uint32_t kind = random_number(state) % 8;
    if (kind == 0) from &= ~(PAGE - 1), size &= ~(PAGE - 1);
    if (kind == 1) size %= 3 * PAGE;
    if (kind == 2) from = (uint64_t)image_start + random_number(state) % PAGE, size = (uint64_t)image_end - from;
    if (kind == 3) from = UINT64_MAX - random_number(state) % 0x10000, size = random_number(state) % 0x20000;
    if (kind == 4) from = (1ul << 30) + random_number(state) % PAGE, size = random_number(state);
    if (kind == 5) from = ARENA, size = ARENA_LENGTH;
    entries[i] = (struct memory_entry){.address = from, .size = size, .kind = random_number(state) % 6 ? 1 : 2};
  }
  uint64_t size = 1 + random_number(state) % SEAL_MOST;
  put_seal(ARENA + random_number(state) % (ARENA_LENGTH - size), size);
}

static int random_boots(uint64_t state, unsigned count) {
  unsigned booted = 0, short_of_memory = 0;
  for (unsigned i = 0; i < count; i++) {
    random_maps(&state);
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      freopen("/dev/null", "w", stdout);
      enum outcome outcome = CAUGHT(boot(&info));
      CHECK(outcome == FATAL && !strncmp(said, "there is not enough memory", 26));
      _exit(FATAL);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FATAL);
    WEXITSTATUS(status) == 0 ? booted++ : short_of_memory++;
  }
  printf("%u booted, %u had too little memory\n", booted, short_of_memory);
  return 0;
}

/* boot LINE-LENGTH MODULES SEAL-SIZE SEAL-AT MAGIC VERSION [ADDRESS SIZE KIND]… */
int memory_command(int count, char **words) {
  bool random = !strcmp(words[1], "boots");
  if (!random && strcmp(words[1], "boot")) return -1;
  map_window(ARENA, ARENA_LENGTH);
  static char line[4096];
  info = (struct start_info){.magic = MAGIC, .version = 1, .modules = 1};
  info.module_list = (uint64_t)modules, info.command_line = (uint64_t)line, info.memory_map = (uint64_t)entries;
  if (random) return random_boots(strtoul(words[2], NULL, 0), strtoul(words[3], NULL, 0));
  uint64_t numbers[64] = {0};
  for (int i = 2; i < count && i < 64; i++) numbers[i - 2] = strtoul(words[i], NULL, 0);
  memset(line, 'x', numbers[0]);
  info.modules = numbers[1], info.magic = numbers[4], info.version = numbers[5];
  put_seal(numbers[3], numbers[2]);
  for (const uint64_t *n = numbers + 6; n[1]; n += 3) {
    entries[info.memory_entries++] = (struct memory_entry){.address = n[0], .size = n[1], .kind = n[2]};
  }
  enum outcome outcome = CAUGHT(boot(&info));
  printf("%s\n", said);
  return outcome;
}
